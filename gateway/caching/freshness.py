"""Which answers a shared cache keeps, and for how long they are fresh (RFC 9111 sections 3, 4.2 and 5.2.2; RFC 5861).

What is doubtful is not kept: see Note [Stricter than the RFC].

# Note [Stricter than the RFC]
A request that shows who is calling in some other way than by `Authorization` (a principal that the gateway found by a
certificate or a key, a cookie) is held to section 3.5 as well: only an answer that says that it is for all is kept. An
answer with `Set-Cookie` is not, unless `no-cache="set-cookie"` leaves that field out. Statuses that say something of
the form of one request (400, 414, 431, …), and errors of backends, are not: one client could make them for others.
"""

from __future__ import annotations

from email.utils import formatdate
from typing import Final

from gateway.caching.kept import Kept
from gateway.headers import Field, HeaderBlock, Headers
from gateway.http import caching
from gateway.http.caching import LONGEST, Directives, date, directives, field_names, seconds, varies

KEEPABLE: Final = frozenset([200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 410, 451])
"""Statuses of answers that are kept where they say for how long; 206 is a part, 304 is about what is kept already."""

_BY_RULE: Final = frozenset([200, 203, 204, 300, 301, 308, 404, 410])
"""Those of them that are kept for as long as `ttl` says (RFC 9110 section 15.1, without those of no form)."""

_NEVER: Final = frozenset([b"no-store", b"private"])
_FOR_ALL: Final = frozenset([b"public", b"s-maxage", b"must-revalidate"])
_NOT_STALE: Final = frozenset([b"must-revalidate", b"proxy-revalidate"])

# RFC 9111 section 3.1, and what the gateway writes anew or takes out.
_NOT_KEPT: Final = frozenset([b"age", b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-connection"]) | {
    b"proxy-authentication-info",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
    b"content-length",
    b"x-request-id",
    b"set-cookie",
}

VALIDATABLE: Final = 86400.0
"""Seconds for which an answer with a validator is of use after all other uses are over."""

_MOST_TAGS: Final = 1000
_LONGEST_TAG: Final = 1024


class Policy:
    """What a route says about its answers.

    Attributes:
        ttl: Seconds for which an answer that says nothing is fresh; None where it is not kept.
        override: Seconds for which every answer is fresh, whatever it says; None for what it says.
        lent: `stale_while_revalidate`, seconds.
        saved: `stale_if_error`, seconds.
        tags: Lower-case name of the field with tags; empty for none.
    """

    __slots__ = ("lent", "override", "saved", "tags", "ttl")

    def __init__(
        self,
        ttl: float | None = None,
        override: float | None = None,
        lent: float = 0.0,
        saved: float = 0.0,
        tags: bytes = b"surrogate-key",
    ) -> None:
        self.ttl = ttl
        self.override = override
        self.lent = lent
        self.saved = saved
        self.tags = tags


def lifetime(status: int, headers: Headers, said: Directives, policy: Policy, now: float) -> float | None:
    """Return for how many seconds from its making an answer is fresh (section 4.2.1); None where nothing says it.

    Args:
        status: Of the answer.
        headers: Likewise.
        said: Its directives.
        policy: Of the route.
        now: Unix seconds.
    """
    if policy.override is not None:
        return policy.override if status in _BY_RULE else None
    for name in (b"s-maxage", b"max-age"):
        if name in said:
            return seconds(said[name]) or 0.0
    if b"expires" in headers.index:
        # Section 5.3: an invalid date, most often "0", is in the past. Of several, the first that ends counts.
        until = min([date(value) or 0.0 for lower, _, value in headers.fields if lower == b"expires"])
        made = date(headers.index.get(b"date", b""))
        return min(max(0.0, until - (now if made is None else made)), LONGEST)
    return policy.ttl if status in _BY_RULE else None


def age(headers: Headers, asked: float, now: float) -> float:
    """Return how old an answer is as it comes, in seconds (section 4.2.3).

    Args:
        headers: Of the answer.
        asked: Unix seconds when the request was sent.
        now: Unix seconds.
    """
    made = date(headers.index.get(b"date", b""))
    apparent = 0.0 if made is None else max(0.0, now - made)
    return max(apparent, caching.age(headers) + max(0.0, now - asked))


def chosen_by(headers: Headers) -> tuple[bytes, ...] | None:
    """Return the request fields that an answer was chosen by; None where it fits no other request.

    One that has a coding was chosen by what its client accepts, whether it says so or not.
    """
    names = varies(headers)
    if names is None or b"content-encoding" not in headers.index or b"accept-encoding" in names:
        return names
    return tuple(sorted((*names, b"accept-encoding")))


def tags_of(headers: Headers, name: bytes) -> tuple[bytes, ...] | None:
    """Return the tags of an answer, separated by blanks or commas; None where there are more than can be remembered."""
    if not name or name not in headers.index:
        return ()
    tags = dict.fromkeys((headers.joined(name) or b"").replace(b",", b" ").split())
    return tuple(tags) if len(tags) <= _MOST_TAGS and all(len(tag) <= _LONGEST_TAG for tag in tags) else None


def keep(
    status: int, headers: Headers, policy: Policy, identified: bool, asked: float, now: float, stamp: int = 0
) -> Kept | None:
    """Return an answer as it is kept, without its content; None for one that is not.

    Args:
        status: Of the answer to a GET.
        headers: Its end-to-end fields.
        policy: Of the route.
        identified: The request showed who is calling.
        asked: Unix seconds when the request was sent.
        now: Unix seconds.
        stamp: Of the look-up that the answer follows.
    """
    if status not in KEEPABLE:
        return None
    said = directives(headers)
    if said and not _NEVER.isdisjoint(said):
        return None
    if identified and _FOR_ALL.isdisjoint(said):
        return None
    unnamed = said.get(b"no-cache")
    left_out = () if not unnamed else field_names(unnamed)
    index = headers.index
    if b"set-cookie" in index and b"set-cookie" not in left_out:
        return None
    if b"content-range" in index or index.get(b"content-type", b"").lower().startswith(b"text/event-stream"):
        return None
    fresh = lifetime(status, headers, said, policy, now)
    override = policy.override is not None
    validates = b"no-cache" in said and not left_out and not override
    validator = b"etag" in index or b"last-modified" in index
    if fresh is None:
        # RFC 9111 section 3: `no-cache` alone does not make a status keepable that is not so by itself.
        if not (validates and validator and status in _BY_RULE):
            return None
        fresh = 0.0
    born = now - age(headers, asked, now)
    until = born if validates else (now if override else born) + fresh
    lent, saved = (until, until) if validates else _stale(said, policy, until)
    useful = max(until, lent, saved)
    if validator:
        useful = max(useful, now) + VALIDATABLE
    if useful <= now:
        return None
    tags = tags_of(headers, policy.tags)
    if tags is None:
        return None  # a purge by one of them would not find it
    fields = _fields(headers, {*left_out, policy.tags})
    if b"date" not in index:  # RFC 9110 section 6.6.1: who keeps an answer without one adds it
        fields.append((b"date", b"Date", formatdate(now, usegmt=True).encode()))
    block = HeaderBlock(Headers.of(fields))
    return Kept(status, block, b"", born, until, lent, saved, useful, tags, stamp)


def _stale(said: Directives, policy: Policy, until: float) -> tuple[float, float]:
    """Return until when an answer may be given while another is fetched, and in place of an error."""
    if not _NOT_STALE.isdisjoint(said):
        return until, until
    # `s-maxage` alone forbids stale answers (section 5.2.2.10); beside a directive that allows them, that one counts.
    allowed = b"s-maxage" not in said
    lent, saved = seconds(said.get(b"stale-while-revalidate")), seconds(said.get(b"stale-if-error"))
    if lent is None:
        lent = policy.lent if allowed and b"stale-while-revalidate" not in said else 0.0
    if saved is None:
        saved = policy.saved if allowed and b"stale-if-error" not in said else 0.0
    return until + lent, until + saved


def _fields(headers: Headers, left_out: set[bytes]) -> list[Field]:
    return [field for field in headers.fields if field[0] not in _NOT_KEPT and field[0] not in left_out]
