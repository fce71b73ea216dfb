"""Refresh tokens: their families, and the store that keeps these in memory.

Layer 2. A refresh token is good for one use: with the next access token its client gets another (RFC 6749 section 6).
The tokens that follow one another are a family, whose name stands in each of them (`FAMILY.RANDOM`, D-102). A store
keeps one entry for a family, with the hash of its current token. When another token of the family is shown, two parties
have its tokens, so the family ends (RFC 9700 section 4.14.2): a thief and the client cannot both go on, whoever of them
was first.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Awaitable
from typing import NamedTuple, Protocol

MOST = 100_000
"""Most families that are kept in memory; one more ends the oldest early."""

FAMILY_OCTETS = 16
SECRET_OCTETS = 32


class Grant(NamedTuple):
    """What the refresh tokens of a family stand for.

    Attributes:
        client: Id of the client that they were given to.
        scopes: All scopes that its access tokens may have.
    """

    client: str
    scopes: tuple[str, ...]


class Shown(NamedTuple):
    """A refresh token, as a store looks it up.

    Attributes:
        family: Names its family in the store.
        digest: Hash of the token; the token is random, so a fast hash is enough.
    """

    family: str
    digest: str


class Turned(NamedTuple):
    """The result of showing a refresh token.

    Attributes:
        grant: The grant of its family.
        good: Whether it was the family's current token; where it was not, the family has ended.
    """

    grant: Grant
    good: bool


class GrantStore(Protocol):
    """Where families are kept. Each call is atomic: no other one comes between its read and its write."""

    def begin(self, token: Shown, grant: Grant, now: float, expires: float) -> Awaitable[None] | None:
        """Keep a new family until it expires.

        Args:
            token: Its first token.
            grant: Its grant.
            now: Unix seconds.
            expires: Unix seconds.
        """

    def turn(
        self, shown: Shown, following: Shown, now: float, expires: float
    ) -> Awaitable[Turned | None] | Turned | None:
        """Replace the current token of a family, if `shown` is the current one; else end the family.

        Args:
            shown: The token that a client shows.
            following: The next token of the same family.
            now: Unix seconds.
            expires: Unix seconds when the next token expires.

        Returns:
            None where there is no such family, or it has ended.
        """

    def end(self, family: str) -> Awaitable[None] | None:
        """End a family: none of its tokens is good any more."""


class MemoryGrants:
    """Keeps families in this process's memory; they end with it.

    Args:
        most: Most families.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._families: OrderedDict[str, tuple[Grant, str, float]] = OrderedDict()

    def begin(self, token: Shown, grant: Grant, now: float, expires: float) -> None:
        """Keep a new family."""
        families = self._families
        families[token.family] = (grant, token.digest, expires)
        while len(families) > self._most or next(iter(families.values()))[2] <= now:
            families.popitem(last=False)
            if not families:
                return

    def turn(self, shown: Shown, following: Shown, now: float, expires: float) -> Turned | None:
        """Replace the current token of a family, or end the family."""
        found = self._families.pop(shown.family, None)
        if found is None or found[2] <= now:
            return None
        grant, digest, _ = found
        if not hmac.compare_digest(digest, shown.digest):
            return Turned(grant, good=False)
        self._families[shown.family] = (grant, following.digest, expires)
        return Turned(grant, good=True)

    def end(self, family: str) -> None:
        """End a family."""
        self._families.pop(family, None)


def make_token(octets: bytes) -> str:
    """Write random octets as a token."""
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def make_refresh_token(family: str, octets: bytes) -> str:
    """Return a refresh token.

    Args:
        family: The `family_of` an earlier token, or `make_token` of 16 random octets for a new family.
        octets: 32 random octets.
    """
    return f"{family}.{make_token(octets)}"


def family_of(token: str) -> str:
    """Return the family's name in a refresh token; nothing is verified."""
    return token.partition(".")[0]


def read_token(token: str) -> Shown:
    """Return what a text that may be a refresh token is looked up by; a store's readers cannot make a token of it."""
    return Shown(_digest(family_of(token)), _digest(token))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
