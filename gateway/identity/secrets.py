"""Secrets that are kept as hashes made slow on purpose: Argon2 and scrypt.

Layer 2. Comparing one takes a tenth of a second of a processor and its memory
on top: `gateway.authorities.secret_checker` does it in threads of its own, and
remembers what was right for a while (`VerifiedSecrets`).

Three ways of writing a hash are read: Argon2's own (`$argon2id$v=19$m=…,t=…,p=…$SALT$HASH`), that of passlib
(`$scrypt$ln=…,r=…,p=…$SALT$HASH`) and that of Werkzeug (`scrypt:N:r:p$SALT$HEX`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections import OrderedDict

import argon2
from argon2.exceptions import Argon2Error, InvalidHashError, VerifyMismatchError

MOST_MEMORY = 1 << 30
"""Octets that one comparison may take: a hash that asks for more is refused with the configuration."""
LONGEST = 1024
"""Octets of a secret; longer ones are not looked at."""

OF_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$bm9ib2R5J3Mgc2VjcmV0Lg$BvYxi+WiPZTv1BWuqviudyh43uYJfbPKKSJ0FJWUxXw"
"""Made from random octets that were thrown away: what is compared with where there is no client at all."""

_WERKZEUG = re.compile(r"scrypt:([0-9]{1,8}):([0-9]{1,3}):([0-9]{1,3})\$([^$]{8,64})\$([0-9a-fA-F]{32,128})")
_PASSLIB = re.compile(r"\$scrypt\$ln=([0-9]{1,2}),r=([0-9]{1,3}),p=([0-9]{1,3})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)")
_ARGON2 = argon2.PasswordHasher()
"""With the parameters of RFC 9106 for little memory: 64 MiB, three passes, four lanes."""


class HashUnreadable(ValueError):
    """A hash is written in no way that is known, or asks for more than it may; the words do not show it."""


def hash_secret(secret: str, salt: bytes) -> str:
    """Return what stands for a secret in a configuration.

    Args:
        secret: As its owner shows it.
        salt: 16 random octets.
    """
    return _ARGON2.hash(secret, salt=salt)


def check_readable(encoded: str) -> None:
    """Look whether secrets can be compared with a hash.

    Raises:
        HashUnreadable: They cannot.
    """
    if encoded.startswith("$argon2"):
        try:
            parameters = argon2.extract_parameters(encoded)
            # A comparison with nothing would tell, but takes its time; the form of the rest is cheap to see.
            *_, salt, digest = encoded.split("$")
            if len(_unpadded(salt)) < 8 or len(_unpadded(digest)) < 16:
                raise HashUnreadable("its salt or its digest is too short")
        except (InvalidHashError, binascii.Error):
            raise HashUnreadable("it is no hash of Argon2") from None
        if parameters.memory_cost * 1024 > MOST_MEMORY:
            raise HashUnreadable("it asks for more than 1 GiB of memory")
        return
    _scrypt(encoded)


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
    cost, blocks, lanes, salt, digest = _scrypt(encoded)
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


def _scrypt(encoded: str) -> tuple[int, int, int, bytes, bytes]:
    """Return N, r, p, salt and digest."""
    found = _WERKZEUG.fullmatch(encoded) or _PASSLIB.fullmatch(encoded)
    if found is None:
        raise HashUnreadable("it begins with neither `$argon2`, `$scrypt$` nor `scrypt:`, or is cut short")
    try:
        if found.re is _WERKZEUG:
            cost, salt, digest = int(found[1]), found[4].encode(), bytes.fromhex(found[5])
        else:
            cost, salt, digest = 1 << int(found[1]), _unpadded(found[4]), _unpadded(found[5])
    except ValueError:
        raise HashUnreadable("its digest cannot be read") from None
    blocks, lanes = int(found[2]), int(found[3])
    if cost < 2 or cost & (cost - 1) or not blocks or not lanes or len(digest) < 16:
        raise HashUnreadable("its parameters are none of scrypt")
    if 128 * cost * blocks * lanes > MOST_MEMORY:
        raise HashUnreadable("it asks for more than 1 GiB of memory")
    return cost, blocks, lanes, salt, digest


def _unpadded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
