"""What an answer says of how the cache handled its request: `Cache-Status` (RFC 9211)."""

from __future__ import annotations

from math import floor
from typing import Final

from gateway.caching.kept import Kept

NAME: Final = b"Cache-Status"
"""The field; caches on the way add to its list, the one that is nearest to the client last."""


def hit(kept: Kept, now: float, detail: bytes = b"") -> bytes:
    """Return what is said of an answer that is given as it was kept; `ttl` is negative for one that is stale."""
    text = b"gateway; hit; ttl=%d" % floor(kept.fresh - now)
    return text + b'; detail="%b"' % detail if detail else text


def forwarded(why: bytes, status: int | None = None, stored: bool = False, collapsed: bool = False) -> bytes:
    """Return what is said of an answer that a backend was asked for.

    Args:
        why: `bypass`, `uri-miss`, `vary-miss`, `miss`, `request`, `stale`.
        status: Of the backend, where the client gets another one.
        stored: It is kept.
        collapsed: Another request for the same had asked already.
    """
    text = b"gateway; fwd=" + why
    if status is not None:
        text += b"; fwd-status=%d" % status
    if stored:
        text += b"; stored"
    return text + b"; collapsed" if collapsed else text
