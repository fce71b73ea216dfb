"""Answer with what the configuration says: what stands at the end of the chain of a route with `respond`.

All that can be known is made when the configuration is loaded: the fields, the entity tag and the content, of which no
octet comes from a client.

Tests: `tests/flow/test_fixed_answers.py::test_a_text`.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.body import HIGH_WATER, Body
from gateway.exchange import Exchange
from gateway.headers import HeaderBlock, Headers
from gateway.http.etags import is_among
from gateway.message import Response

_PIECE = HIGH_WATER


class FixedAnswer:
    """Gives every exchange the same answer.

    A 200 has a strong entity tag, so that a client which has the content already gets a 304 (GET and HEAD only: a 304
    answers no other method). Other statuses are about the request and not about the content, and have none.

    Args:
        status: Of the answer.
        fields: Its fields, `Content-Type` among them where there is content.
        content: Its content; None where the status has none.
        etag: Of the content, in quotes; None for no entity tag.
    """

    __slots__ = ("_block", "_content", "_etag", "_length", "_status", "_unchanged")

    def __init__(
        self, status: int, fields: Sequence[tuple[bytes, bytes]], content: bytes | None, etag: bytes | None
    ) -> None:
        tag = [] if etag is None else [(b"ETag", etag)]
        self._status = status
        self._content = content
        self._length = None if content is None else len(content)
        self._etag = etag
        self._block = HeaderBlock(Headers([*fields, *tag]))
        self._unchanged = HeaderBlock(Headers([*filter(_stays, fields), *tag]))

    def answer(self, exchange: Exchange) -> None:
        """Answer an exchange."""
        assert exchange.chain is not None
        exchange.chain.deliver(exchange, self._response(exchange))

    def _response(self, exchange: Exchange) -> Response:
        request = exchange.request
        if self._etag is not None and request.method in (b"GET", b"HEAD"):
            known = request.headers.joined(b"if-none-match")
            if known is not None and is_among(self._etag, known):
                return Response(304, Headers.over(self._unchanged))
        headers, content = Headers.over(self._block), self._content
        if content is None or len(content) <= _PIECE or request.method == b"HEAD":
            return Response(self._status, headers, content)
        return Response(self._status, headers, Pieces(content).body, self._length)


class Pieces:
    """Feeds a body from content that is there, as fast as the client takes it.

    Written at once, each slow client would hold a copy of a file of many megabytes.

    Attributes:
        body: What is fed.
    """

    __slots__ = ("_content", "_feeding", "_next", "_paused", "body")

    def __init__(self, content: bytes) -> None:
        self.body = Body(self, len(content))
        self._content = content
        self._next = 0
        self._paused = False
        self._feeding = False
        self._feed()

    # What reads the body (gateway.body.BodySource).

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        self._paused = False
        self._feed()

    def body_over_limit(self, body: Body) -> None:
        self._next = len(self._content)

    def _feed(self) -> None:
        if self._feeding:
            return  # the sink paused and resumed within one write: the loop that made the write goes on
        self._feeding = True
        content, body = self._content, self.body
        while not self._paused and self._next < len(content):
            start, self._next = self._next, self._next + _PIECE
            body.push(content[start : self._next])
        self._feeding = False
        if self._next >= len(content) and not body.ended:
            body.end()


def _stays(field: tuple[bytes, bytes]) -> bool:
    """Whether a 304 has a field: those that describe the content, which is not sent, it has not (RFC 9110, 15.4.5)."""
    name = field[0].lower()
    return not name.startswith(b"content-") or name == b"content-location"
