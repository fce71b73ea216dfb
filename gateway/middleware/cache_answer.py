"""Answers made of what was kept: whole, a part, the head alone, or that the client has it already.

# Note [The same hit again]
Of an answer that is given more than once within a second, the fields with its age and the time left are kept too, as a
block: its lines are written once (`gateway.http1.response_head`), and nothing is copied before a step adds a field. The
first hit of a second makes no block: of an answer that is asked for once a second, that would cost more than it saves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.body import HIGH_WATER, Body
from gateway.caching.kept import Kept
from gateway.caching.ranges import UNSATISFIABLE, part_of
from gateway.caching.status import NAME, hit
from gateway.caching.validation import client_has, fields_of_304
from gateway.headers import HeaderBlock, Headers
from gateway.message import KeptAnswer, Request, Response

_LOWER: Final = NAME.lower()
_AGE: Final = b"age"
_OF_CONTENT: Final = (b"content-digest", b"content-md5")
"""Fields that are true of the whole content alone; `Repr-Digest` and `Digest` are those of the whole in a part, too."""

Lend = Callable[[bytes, int, int], Body]
"""Returns a body that has the octets of a content from one on and up to another."""


def answer_hit(kept: Kept, now: float, says: bool) -> Response:
    """Return the whole of an answer that is fresh, as `answer` does for a request that asks for nothing else.

    See Note [The same hit again].

    Args:
        kept: What was kept.
        now: Unix seconds.
        says: Whether it has `Cache-Status`.
    """
    age, left = int(now - kept.born), int(kept.fresh - now)
    shown_as = kept.shown_as
    if age != shown_as[0] or left != shown_as[1]:
        kept.shown_as, kept.shown = (age, left), None
        headers = _with(kept, now, hit(kept, now) if says else b"")
    else:
        shown = kept.shown
        if shown is None:
            shown = kept.shown = HeaderBlock(_with(kept, now, hit(kept, now) if says else b""))
        headers = Headers.over(shown)
    return Response(kept.status, headers, kept.body)


def _with(kept: Kept, now: float, says: bytes) -> Headers:
    headers = Headers.over(kept.block)
    age = int(now - kept.born)
    headers.add(b"Age", b"%d" % age if age > 0 else b"0")
    if says:
        headers.add(NAME, says)
    return headers


def answer(kept: Kept, request: Request, now: float, says: bytes, lend: Lend, error: bool = False) -> Response:
    """Return the answer to a request.

    Args:
        kept: What was kept.
        request: GET or HEAD.
        now: Unix seconds.
        says: The `Cache-Status`; empty for none.
        lend: Makes the body of one that is longer than what a client may hold.
        error: It is given in place of an error.
    """
    headers = _with(kept, now, says)
    kind = KeptAnswer if error else Response
    body = kept.body
    index = request.headers.index
    if (b"if-none-match" in index or b"if-modified-since" in index) and client_has(request.headers, kept):
        return kind(304, less(headers))
    if request.method == b"HEAD":
        return kind(kept.status, headers, None, len(body))
    if b"range" in index:
        part = part_of(request.headers, kept)
        if part == UNSATISFIABLE:
            return kind(416, Headers([(b"Content-Range", b"bytes */%d" % len(body)), *said(headers)]), b"")
        if part is not None:
            first, end = part
            for name in _OF_CONTENT:
                headers.remove(name)
            headers.set(b"Content-Range", b"bytes %d-%d/%d" % (first, end - 1, len(body)))
            if end - first > HIGH_WATER:
                return kind(206, headers, lend(body, first, end), end - first)
            return kind(206, headers, body[first:end])
    if len(body) > HIGH_WATER:
        return kind(kept.status, headers, lend(body, 0, len(body)), len(body))
    return kind(kept.status, headers, body)


def less(headers: Headers) -> Headers:
    """Return the fields of a 304 in an answer's place, with what the cache says of it."""
    fields = fields_of_304(headers)
    for name, value in said(headers):
        fields.add(name, value)
    return fields


def said(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Return the fields that tell of the cache."""
    return [(name, value) for lower, name, value in headers.fields if lower in (_AGE, _LOWER)]
