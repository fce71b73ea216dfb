"""What a request asks of a cache (RFC 9111 section 5.2.1)."""

from __future__ import annotations

from typing import Final

from gateway.caching.kept import Kept
from gateway.headers import Headers
from gateway.http.caching import directives, seconds


class Wishes:
    """What the directives of a request say.

    Attributes:
        validated: Nothing may be given that was not validated (`no-cache`).
        stored: Whether the answer may be kept (not `no-store`).
        only_if_cached: Nobody is to be asked.
        max_age: Seconds that an answer may be old; None for any.
        min_fresh: Seconds for which it has to be fresh yet.
    """

    __slots__ = ("max_age", "min_fresh", "only_if_cached", "stored", "validated")

    def __init__(self) -> None:
        self.validated = False
        self.stored = True
        self.only_if_cached = False
        self.max_age: float | None = None
        self.min_fresh = 0.0

    def fresh(self, kept: Kept, now: float) -> bool:
        """Whether an answer may be given as it is."""
        if self.validated or now + self.min_fresh >= kept.fresh:
            return False
        return self.max_age is None or now - kept.born <= self.max_age

    @property
    def demanding(self) -> bool:
        """Whether the client asks for more than an answer that is fresh, so that a stale one is no answer to it."""
        return self.validated or self.max_age is not None or self.min_fresh > 0


NO_WISHES: Final = Wishes()


def wishes(headers: Headers) -> Wishes:
    """Return what a request asks; `max-stale` allows nothing that the route does not allow."""
    index = headers.index
    if b"cache-control" not in index:
        if b"pragma" not in index:
            return NO_WISHES
        made = Wishes()
        made.validated = b"no-cache" in (headers.joined(b"pragma") or b"").lower()
        return made
    said = directives(headers)
    made = Wishes()
    made.validated = b"no-cache" in said
    made.stored = b"no-store" not in said
    made.only_if_cached = b"only-if-cached" in said
    if b"max-age" in said:
        made.max_age = seconds(said[b"max-age"]) or 0.0
    made.min_fresh = seconds(said.get(b"min-fresh")) or 0.0
    return made
