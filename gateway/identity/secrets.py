"""Secrets that are kept as hashes made slow on purpose: Argon2, scrypt and bcrypt.

Layer 2. Comparing one takes a tenth of a second of a processor and its memory
on top: `gateway.authorities.secret_checker` does it in threads of its own, and
remembers what was right for a while (`VerifiedSecrets`). How hashes are written,
and what they may cost, is in `gateway.config.secret_hashes`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict

import argon2
import bcrypt
from argon2.exceptions import Argon2Error, InvalidHashError, VerifyMismatchError

from gateway.config.secret_hashes import HashUnreadable, read_scrypt

LONGEST_BCRYPT = 72
"""Octets of a secret that bcrypt looks at."""
LONGEST = 1024
"""Octets of a secret; longer ones are not looked at."""

OF_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$bm9ib2R5J3Mgc2VjcmV0Lg$BvYxi+WiPZTv1BWuqviudyh43uYJfbPKKSJ0FJWUxXw"
"""Made from random octets that were thrown away: what is compared with where there is no client at all."""

_ARGON2 = argon2.PasswordHasher()
"""With the parameters of RFC 9106 for little memory: 64 MiB, three passes, four lanes."""


def hash_secret(secret: str, salt: bytes) -> str:
    """Return what stands for a secret in a configuration.

    Args:
        secret: As its owner shows it.
        salt: 16 random octets.
    """
    return _ARGON2.hash(secret, salt=salt)


def matches(secret: str, encoded: str) -> bool:
    """Compare a secret with a hash: slow, and meant to be.

    Raises:
        HashUnreadable: It is none; `check_readable` would have said so.
    """
    if len(secret) > LONGEST:
        return False
    if encoded.startswith("$argon2"):
        try:
            return _ARGON2.verify(encoded, secret)
        except VerifyMismatchError:
            return False
        except (Argon2Error, InvalidHashError):
            raise HashUnreadable("it is no hash of Argon2") from None
    if encoded.startswith("$2"):
        octets = secret.encode()
        # Other programs cut a longer secret off, so that whoever knows its first 72 octets may go on as they like.
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
    """Secrets that were right a moment ago, by a keyed hash: nobody can read them out of memory, or look one up.

    Args:
        key: 32 random octets, of this process only.
        ttl: Seconds that a comparison is good for.
        most: How many are kept; past it the oldest is compared again.
    """

    def __init__(self, key: bytes, ttl: float = 60.0, most: int = 1000) -> None:
        self._key = key
        self._ttl = ttl
        self._most = most
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def knows(self, secret: str, encoded: str, now: float) -> bool:
        """Whether the secret was compared with this very hash, and was right."""
        return self._until.get(self._digest(secret, encoded), 0.0) > now

    def add(self, secret: str, encoded: str, now: float) -> None:
        """It was right."""
        self._until[self._digest(secret, encoded)] = now + self._ttl
        if len(self._until) > self._most:
            self._until.popitem(last=False)

    def _digest(self, secret: str, encoded: str) -> bytes:
        # The hash stands for its client: a secret that is changed is another entry, the old one ends by itself.
        digest = hashlib.sha256(encoded.encode()).digest()
        return hmac.digest(self._key, digest + secret.encode("utf-8", "surrogatepass"), "sha256")
