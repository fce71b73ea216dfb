"""What an answer says of the cache (RFC 9211)."""

from __future__ import annotations

from gateway.caching.kept import Kept
from gateway.caching.status import forwarded, hit
from gateway.headers import HeaderBlock, Headers

KEPT = Kept(200, HeaderBlock(Headers()), b"", 100, 160, 160, 160, 160)


def test_hits() -> None:
    """The time that is left, below 0 for what is stale; and why that was given."""
    assert hit(KEPT, 100.5) == b"gateway; hit; ttl=59"
    assert hit(KEPT, 170, b"breaker.open") == b'gateway; hit; ttl=-10; detail="breaker.open"'


def test_what_was_forwarded() -> None:
    """Why, and what became of it."""
    assert forwarded(b"uri-miss") == b"gateway; fwd=uri-miss"
    assert forwarded(b"stale", 304) == b"gateway; fwd=stale; fwd-status=304"
    assert forwarded(b"uri-miss", stored=True, collapsed=True) == b"gateway; fwd=uri-miss; stored; collapsed"
