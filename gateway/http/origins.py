"""A set of origins, as browsers write them: scheme, host and port (RFC 6454).

Tests: `tests/http/test_origins.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable


class Origins:
    """Origins that a configuration lists.

    Args:
        listed: Each in lower case and without the port that its scheme has by itself; `https://*.example.com` for all
            subdomains at any depth, and not for `example.com`.
    """

    __slots__ = ("_listed", "_suffixes")

    def __init__(self, listed: Iterable[str] = ()) -> None:
        every = [origin.encode() for origin in listed]
        self._listed = frozenset(origin for origin in every if b"*" not in origin)
        # `https://*.example.com:8443`: what stands before and after the star.
        parts = [origin.partition(b"*") for origin in every if b"*" in origin]
        self._suffixes = tuple((before, after) for before, _, after in parts)

    def __contains__(self, origin: bytes) -> bool:
        if origin in self._listed:
            return True
        return any(
            origin.startswith(before) and origin.endswith(after) and _is_subdomain(origin[len(before) : -len(after)])
            for before, after in self._suffixes
        )


def _is_subdomain(name: bytes) -> bool:
    return re.fullmatch(rb"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*", name) is not None
