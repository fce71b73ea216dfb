"""Refresh tokens: what they stand for, and the store that is this process's memory.

Layer 2. A token is random, kept by its hash and good for one use: who uses it
gets another with the next access token (RFC 6749 section 6, rotated as RFC 9700
section 4.14 has it).
"""

from __future__ import annotations

import base64
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable
from typing import NamedTuple, Protocol

MOST = 100_000
"""Most grants kept in memory; past it the oldest ends early."""


class Grant(NamedTuple):
    """What a refresh token stands for.

    Attributes:
        client: Whose it is.
        scopes: The most that its access tokens may have.
        expires: Unix seconds.
    """

    client: str
    scopes: tuple[str, ...]
    expires: float


class GrantStore(Protocol):
    """Where grants are kept, by the digest of their token."""

    def keep(self, digest: str, grant: Grant) -> Awaitable[None] | None:
        """Keep a grant until it ends."""

    def take(self, digest: str) -> Awaitable[Grant | None] | Grant | None:
        """Return a grant and forget it, in one step: of two who ask at once, one gets it."""


class MemoryGrants:
    """Grants that end with the process.

    Args:
        most: How many.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._grants: OrderedDict[str, Grant] = OrderedDict()

    def keep(self, digest: str, grant: Grant) -> None:
        """Keep a grant."""
        self._grants[digest] = grant
        if len(self._grants) > self._most:
            self._grants.popitem(last=False)

    def take(self, digest: str) -> Grant | None:
        """Return a grant and forget it."""
        return self._grants.pop(digest, None)


def make_token(octets: bytes) -> str:
    """Return the token for 32 random octets."""
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def digest_of(token: str) -> str:
    """Return what a token is kept by: as random as the token is, so one plain hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
