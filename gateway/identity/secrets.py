"""Secrets that are kept as hashes made slow on purpose: Argon2, scrypt and bcrypt.

Layer 2. A comparison takes a tenth of a second of a processor, and memory:
`gateway.authorities.secret_checker` makes it in threads of its own, and remembers
for a while the secrets that were right (`VerifiedSecrets`).
`gateway.config.secret_hashes` has the formats of hashes, and what they may cost.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from functools import cache
from typing import Any

from gateway.config.secret_hashes import HashUnreadable, read_scrypt

LONGEST_BCRYPT = 72
"""Most octets of a secret that bcrypt takes into account."""
LONGEST = 1024
"""Most octets of a secret; a longer one is refused without a comparison."""

OF_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$bm9ib2R5J3Mgc2VjcmV0Lg$BvYxi+WiPZTv1BWuqviudyh43uYJfbPKKSJ0FJWUxXw"
"""Compared with where no client is configured at all; made from random octets that were thrown away."""


@cache
def _argon2() -> Any:
    """Return the hasher; loaded by the first secret, as bcrypt is: most gateways know none.

    It has the second recommended parameters of RFC 9106: 64 MiB, three passes, four lanes.
    """
    import argon2

    return argon2.PasswordHasher()


def hash_secret(secret: str, salt: bytes) -> str:
    """Return the hash of a secret, as it stands in a configuration.

    Args:
        secret: As its owner shows it.
        salt: 16 random octets.
    """
    encoded: str = _argon2().hash(secret, salt=salt)
    return encoded


def matches(secret: str, encoded: str) -> bool:
    """Compare a secret with a hash: slow, and meant to be.

    Raises:
        HashUnreadable: It is not a hash; the configuration's check refuses such ones.
    """
    if len(secret) > LONGEST:
        return False
    if encoded.startswith("$argon2"):
        from argon2.exceptions import Argon2Error, InvalidHashError, VerifyMismatchError

        try:
            return bool(_argon2().verify(encoded, secret))
        except VerifyMismatchError:
            return False
        except (Argon2Error, InvalidHashError):
            raise HashUnreadable("it is no hash of Argon2") from None
    if encoded.startswith("$2"):
        import bcrypt

        octets = secret.encode()
        # Refuse a longer secret. Programs that cut it off accept any secret with the same first 72 octets.
        if len(octets) > LONGEST_BCRYPT:
            return False
        try:
            return bcrypt.checkpw(octets, encoded.encode())
        except ValueError:
            raise HashUnreadable("it is no hash of bcrypt") from None
    cost, blocks, lanes, salt, digest = read_scrypt(encoded)
    found = hashlib.scrypt(secret.encode(), salt=salt, n=cost, r=blocks, p=lanes, maxmem=2**31 - 1, dklen=len(digest))
    return hmac.compare_digest(found, digest)


class VerifiedSecrets:
    """Secrets that were right a moment ago, kept by a keyed hash: a dump of the memory does not show them.

    Args:
        key: 32 random octets, of this process only.
        ttl: Seconds for which a comparison is good.
        most: Most secrets that are kept; one more displaces the oldest.
    """

    def __init__(self, key: bytes, ttl: float = 60.0, most: int = 1000) -> None:
        self._key = key
        self._ttl = ttl
        self._most = most
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def knows(self, secret: str, encoded: str, now: float) -> bool:
        """Whether the secret was compared with this hash a moment ago, and was right."""
        return self._until.get(self._digest(secret, encoded), 0.0) > now

    def add(self, secret: str, encoded: str, now: float) -> None:
        """Remember a secret that was right."""
        self._until[self._digest(secret, encoded)] = now + self._ttl
        if len(self._until) > self._most:
            self._until.popitem(last=False)

    def _digest(self, secret: str, encoded: str) -> bytes:
        # The hash is part of the key: when a client's secret is changed, what was kept for the old hash is not found.
        digest = hashlib.sha256(encoded.encode()).digest()
        return hmac.digest(self._key, digest + secret.encode("utf-8", "surrogatepass"), "sha256")
