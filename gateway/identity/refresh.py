"""Refresh tokens: what they stand for, and the store that is this process's memory.

Layer 2. A token is good for one use: who uses it gets another with the next access token (RFC 6749 section 6). All
tokens that follow from one another are a family. Its name stands in each of them (`FAMILY.RANDOM`), so that a store
keeps one entry for a family, with the hash of the one token that is good now, and knows a token that was used before
from one that never was: by what is not the good one, the family ends (RFC 9700 section 4.14.2). A thief and the client
cannot both go on, whoever of them is first.
"""

from __future__ import annotations

import base64
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable
from typing import NamedTuple, Protocol

MOST = 100_000
"""Most families kept in memory; past it the oldest ends early."""

FAMILY_OCTETS = 16
SECRET_OCTETS = 32


class Grant(NamedTuple):
    """What the refresh tokens of a family stand for.

    Attributes:
        client: Whose they are.
        scopes: The most that its access tokens may have.
    """

    client: str
    scopes: tuple[str, ...]


class Shown(NamedTuple):
    """A refresh token, as it is looked for.

    Attributes:
        family: Names its family in the store.
        digest: What it is compared by: as random as the token is, so one plain hash is enough.
    """

    family: str
    digest: str


class Turned(NamedTuple):
    """What showing a refresh token came to.

    Attributes:
        grant: What its family stands for.
        good: Whether it was the good one; where it was not, the family has ended with that.
    """

    grant: Grant
    good: bool


class GrantStore(Protocol):
    """Where families are kept. Each call is one step: nobody else's comes between its looking and its writing."""

    def begin(self, token: Shown, grant: Grant, now: float, expires: float) -> Awaitable[None] | None:
        """Keep a new family until it ends.

        Args:
            token: Its first.
            grant: What it stands for.
            now: Unix seconds.
            expires: Unix seconds.
        """

    def turn(
        self, shown: Shown, following: Shown, now: float, expires: float
    ) -> Awaitable[Turned | None] | Turned | None:
        """Let another token be the good one of a family, where `shown` is; else end the family.

        Args:
            shown: What a client shows.
            following: What is good from then on, of the same family.
            now: Unix seconds.
            expires: Unix seconds until which that is good.

        Returns:
            None where there is no such family, or no more.
        """

    def end(self, family: str) -> Awaitable[None] | None:
        """End a family: none of its tokens is good any more."""


class MemoryGrants:
    """Families that end with the process.

    Args:
        most: How many.
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
        """Let another token be the good one, or end the family."""
        found = self._families.pop(shown.family, None)
        if found is None or found[2] <= now:
            return None
        grant, digest, _ = found
        if digest != shown.digest:
            return Turned(grant, good=False)
        self._families[shown.family] = (grant, following.digest, expires)
        return Turned(grant, good=True)

    def end(self, family: str) -> None:
        """End a family."""
        self._families.pop(family, None)


def make_token(octets: bytes) -> str:
    """Return random octets as a token is written."""
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def make_refresh_token(family: str, octets: bytes) -> str:
    """Return a refresh token.

    Args:
        family: Of `family_of` another, or `make_token` of 16 random octets for a new one.
        octets: 32 random ones.
    """
    return f"{family}.{make_token(octets)}"


def family_of(token: str) -> str:
    """Return the name of the family that a refresh token says it is of."""
    return token.partition(".")[0]


def read_token(token: str) -> Shown:
    """Return what a refresh token, or what may be one, is looked for by: who reads the store cannot use it."""
    return Shown(_digest(family_of(token)), _digest(token))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
