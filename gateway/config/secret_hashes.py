"""Hashes of secrets, made slow on purpose: how they are written, and what comparing with one may cost.

Layer 1: read where the configuration is, so that a hash that cannot be used is told with its place, and by
`gateway.identity.secrets`, which compares.

Five ways of writing a hash are read: Argon2's own (`$argon2id$v=19$m=…,t=…,p=…$SALT$HASH`), that of passlib
(`$scrypt$ln=…,r=…,p=…$SALT$HASH`), that of Werkzeug (`scrypt:N:r:p$SALT$HEX`), that of libcrypt
(`$7$NRRRRRPPPPPSALT$HASH`) and bcrypt's (`$2b$COST$SALTHASH`).

# Note [What a comparison may cost]
A hash says itself how much it costs to compare a secret with it, and a thread cannot be called off. So a hash that asks
for more than a few seconds, or for more than 1 GiB, is refused with the configuration.
"""

from __future__ import annotations

import base64
import binascii
import re

MOST_MEMORY = 1 << 30
"""Octets that one comparison may take: a hash that asks for more is refused with the configuration."""
MOST_PASSES = 4 << 30
"""Octets that Argon2 may write in all its passes, memory times passes: four seconds or so."""
MOST_LANES = 64
"""Of Argon2: each is a thread."""
MOST_BCRYPT = 14
"""Of bcrypt, where each one more doubles the time: a second."""


_WERKZEUG = re.compile(r"scrypt:([0-9]{1,8}):([0-9]{1,3}):([0-9]{1,3})\$([^$]{8,64})\$([0-9a-fA-F]{32,128})")
_PASSLIB = re.compile(r"\$scrypt\$ln=([0-9]{1,2}),r=([0-9]{1,3}),p=([0-9]{1,3})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)")
_LIBCRYPT = re.compile(r"\$7\$([./0-9A-Za-z])([./0-9A-Za-z]{5})([./0-9A-Za-z]{5})([^$]{1,64})\$([./0-9A-Za-z]{43})")
_ARGON2 = re.compile(
    r"\$argon2(?:id|i|d)\$(?:v=(?:16|19)\$)?m=([0-9]{1,10}),t=([0-9]{1,10}),p=([0-9]{1,8})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]*)"
)
_BCRYPT = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]")
"""As `bcrypt` writes it; the two characters that carry spare bits have none set, or nothing would ever match."""


_DIGITS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""Of libcrypt, six bits each, the lowest first."""


class HashUnreadable(ValueError):
    """A hash is written in no way that is known, or asks for more than it may; the words do not show it."""


def check_readable(encoded: str) -> None:
    """Look whether secrets can be compared with a hash.

    Raises:
        HashUnreadable: They cannot.
    """
    if encoded.startswith("$argon2"):
        _check_argon2(encoded)
    elif encoded.startswith("$2"):
        found = _BCRYPT.fullmatch(encoded)
        if found is None:
            raise HashUnreadable("it is no hash of bcrypt")
        if not 4 <= int(found[1]) <= MOST_BCRYPT:
            raise HashUnreadable(f"its cost is {int(found[1])}, where 4 to {MOST_BCRYPT} may be")
    else:
        read_scrypt(encoded)


def _check_argon2(encoded: str) -> None:
    found = _ARGON2.fullmatch(encoded)
    if found is None:
        raise HashUnreadable("it is no hash of Argon2")
    try:
        salt, digest = _unpadded(found[4]), _unpadded(found[5])
    except binascii.Error:
        raise HashUnreadable("it is no hash of Argon2") from None
    if len(salt) < 8 or len(digest) < 16:
        raise HashUnreadable("its salt or its digest is too short")
    memory, passes, lanes = int(found[1]) * 1024, int(found[2]), int(found[3])
    if not passes or not lanes or memory < 8 * 1024 * lanes:  # RFC 9106 section 3.1
        raise HashUnreadable("its parameters are none of Argon2")
    if memory > MOST_MEMORY:
        raise HashUnreadable("it asks for more than 1 GiB of memory")
    if memory * passes > MOST_PASSES or lanes > MOST_LANES:
        raise HashUnreadable("comparing with it takes too long: fewer passes or lanes")


def read_scrypt(encoded: str) -> tuple[int, int, int, bytes, bytes]:
    """Return N, r, p, salt and digest."""
    found = _WERKZEUG.fullmatch(encoded) or _PASSLIB.fullmatch(encoded) or _LIBCRYPT.fullmatch(encoded)
    if found is None:
        raise HashUnreadable(
            "it begins with none of `$argon2`, `$scrypt$`, `scrypt:`, `$7$` and `$2b$`, or is cut short"
        )
    try:
        if found.re is _WERKZEUG:
            cost, salt, digest = int(found[1]), found[4].encode(), bytes.fromhex(found[5])
        elif found.re is _LIBCRYPT:
            cost, salt = 1 << _number(found[1]), found[4].encode()
            digest = (_number(found[5]) & (1 << 256) - 1).to_bytes(32, "little")
        else:
            cost, salt, digest = 1 << int(found[1]), _unpadded(found[4]), _unpadded(found[5])
    except ValueError:
        raise HashUnreadable("its digest cannot be read") from None
    number = _number if found.re is _LIBCRYPT else int
    blocks, lanes = number(found[2]), number(found[3])
    if cost < 2 or cost & (cost - 1) or not blocks or not lanes or len(digest) < 16:
        raise HashUnreadable("its parameters are none of scrypt")
    if 128 * cost * blocks * lanes > MOST_MEMORY:
        raise HashUnreadable("it asks for more than 1 GiB of memory")
    return cost, blocks, lanes, salt, digest


def cost_of(encoded: str) -> str:
    """Say what comparing with a hash costs: the same text for hashes that take the same time.

    Raises:
        HashUnreadable: It is none.
    """
    if encoded.startswith("$argon2"):
        found = _ARGON2.fullmatch(encoded)
        if found is None:
            raise HashUnreadable("it is no hash of Argon2")
        return f"Argon2 m={int(found[1])},t={int(found[2])},p={int(found[3])}"
    if encoded.startswith("$2"):
        return f"bcrypt {int(encoded[4:6])}"
    cost, blocks, lanes, _, _ = read_scrypt(encoded)
    return f"scrypt N={cost},r={blocks},p={lanes}"


def _number(text: str) -> int:
    """Read a number of libcrypt's."""
    return sum(_DIGITS.index(digit) << 6 * place for place, digit in enumerate(text))


def _unpadded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
