"""API keys: what is known of one, how it is looked for, and how one is made.

Layer 2. A key is looked for by its digest, never by itself: whoever reads a
store, or measures how long a look-up takes, learns nothing that helps to make
a key with a digest that is there. Keys are random (256 bits), so a fast hash is
enough; with a pepper a stolen store is of no use for guessing weak ones either.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from math import inf
from typing import Protocol

from gateway.errors import CredentialInvalid
from gateway.principal import Principal

LONGEST = 512
"""Octets of a key that is looked for; a longer one is none."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}")
_NOBODY = sha256(b"").digest()


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """One key, without the key.

    Attributes:
        id: What logs, limits and revocations call it.
        digest: What it is looked for by.
        user: Who it stands for.
        roles: Roles it has.
        scopes: Scopes it has.
        expires: Unix seconds; infinite where it does not end.
        revoked: It is not good any more.
    """

    id: str
    digest: bytes
    user: str
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    expires: float = inf
    revoked: bool = False


class KeyStore(Protocol):
    """Where keys are kept: memory, Redis or SQL; one contract suite holds for all."""

    def find(self, digest: bytes) -> KeyRecord | Awaitable[KeyRecord | None] | None:
        """Return the key of a digest, also one that is revoked or has ended; None for none.

        Raises:
            AuthUnavailable: The store does not answer.
        """


class ManagedKeyStore(KeyStore, Protocol):
    """A store whose keys come and go while gateways run."""

    async def create(self, record: KeyRecord) -> bool:
        """Add a key; False where there is one of its id."""

    async def revoke(self, key_id: str) -> bool:
        """Make a key invalid; False where there is none of this id."""

    async def list(self) -> list[KeyRecord]:
        """Return all keys, by id."""


def digester(pepper: bytes) -> Callable[[bytes], bytes]:
    """Make the function from a key to what it is looked for by.

    Args:
        pepper: A secret that is not in the store; empty for none.
    """
    if not pepper:
        return lambda key: sha256(key).digest()
    return lambda key: hmac.digest(pepper, key, "sha256")


def new_key(key_id: str, random_bytes: Callable[[int], bytes]) -> str:
    """Make a key, `gw_ID_SECRET`: the id for people and for scanners that look for lost keys, 256 random bits for us.

    Raises:
        ValueError: The id is not one of letters, digits, `.` and `-`.
    """
    if _ID.fullmatch(key_id) is None:
        raise ValueError(f"expected an id of up to 64 letters, digits, dots and hyphens, found {key_id!r}")
    secret = urlsafe_b64encode(random_bytes(32)).rstrip(b"=").decode()
    return f"gw_{key_id}_{secret}"


def judge(record: KeyRecord | None, digest: bytes, now: float) -> Principal:
    """Say whom a key stands for.

    Args:
        record: What the store has found.
        digest: What it was asked for.
        now: Unix seconds.

    Raises:
        CredentialInvalid: Nobody, or not any more; the cause is for the log only.
    """
    # A store may find without looking at every octet (an index, another collation): what counts is this. The same is
    # done for no key at all, so that both take as long.
    same = hmac.compare_digest(digest, _NOBODY if record is None else record.digest)
    if record is None or not same:
        raise CredentialInvalid("unknown key")
    if record.revoked:
        raise CredentialInvalid(f"key {record.id} is revoked")
    if record.expires <= now:
        raise CredentialInvalid(f"key {record.id} has expired")
    return Principal(
        record.user or record.id,
        record.roles,
        record.scopes,
        method="api_key",
        key_id=record.id,
        expires=record.expires,
    )
