"""API keys: their records, how they are looked up, and how they are made.

Layer 2. A key is looked up by its digest (D-49): whoever reads a store, or measures
how long a look-up takes, learns digests, and cannot make a key from one. Keys are
random (256 bits), so a fast hash is enough; with a pepper a stolen store does
not help to guess weak keys (made elsewhere) either.
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
"""Most octets of a key; a longer one is refused without a look-up."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}")
_NOBODY = sha256(b"").digest()


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """One key, without the key.

    Attributes:
        id: Names the key in logs, limits and revocations.
        digest: What it is looked up by.
        user: The user that it stands for; empty for the id.
        roles: The caller's roles.
        scopes: The caller's scopes.
        expires: Unix seconds; infinite where the key does not expire.
        revoked: Whether it was revoked.
    """

    id: str
    digest: bytes
    user: str
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    expires: float = inf
    revoked: bool = False


class KeyStore(Protocol):
    """Where keys are kept: memory, Redis or SQL. One contract suite runs on all of them."""

    def find(self, digest: bytes) -> KeyRecord | Awaitable[KeyRecord | None] | None:
        """Return the key of a digest, also one that is revoked or has expired; None where there is none.

        Raises:
            AuthUnavailable: The store does not answer.
        """


class ManagedKeyStore(KeyStore, Protocol):
    """A store whose keys are created and revoked while gateways run."""

    async def create(self, record: KeyRecord) -> bool:
        """Add a key; return False where there is one with its id already."""

    async def revoke(self, key_id: str) -> bool:
        """Make a key invalid; return False where there is none with this id."""

    async def list(self) -> list[KeyRecord]:
        """Return all keys, by id."""


def digester(pepper: bytes) -> Callable[[bytes], bytes]:
    """Make the function from a key to its digest.

    Args:
        pepper: A secret that is not in the store; empty for none.
    """
    if not pepper:
        return lambda key: sha256(key).digest()
    return lambda key: hmac.digest(pepper, key, "sha256")


def new_key(key_id: str, random_bytes: Callable[[int], bytes]) -> str:
    """Make a key, `gw_ID_SECRET`: `gw_` and the id tell people and secret scanners what it is, 256 random bits follow.

    Raises:
        ValueError: The id is not one of letters, digits, `.` and `-`.
    """
    if _ID.fullmatch(key_id) is None:
        raise ValueError(f"expected an id of up to 64 letters, digits, dots and hyphens, found {key_id!r}")
    secret = urlsafe_b64encode(random_bytes(32)).rstrip(b"=").decode()
    return f"gw_{key_id}_{secret}"


def judge(record: KeyRecord | None, digest: bytes, now: float) -> Principal:
    """Return the principal that a key stands for.

    Args:
        record: What the store has found.
        digest: The digest of the key that was shown.
        now: Unix seconds.

    Raises:
        CredentialInvalid: The key is unknown, revoked or expired; the text is for the log only.
    """
    # Compared here once more: a store may ignore case or a part of a digest (a collation, an index). Where there is no
    # record the same comparison is made, so that both take as long.
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
