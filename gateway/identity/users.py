"""Users and the hashes of their passwords: a file as htpasswd makes it, read and asked.

Layer 2. Read by `gateway.composition.builders.basic`, asked by `gateway.middleware.basic`. A line is `NAME:HASH`, or
`NAME:HASH:COMMENT` as nginx takes it; lines that begin with `#`, and blank ones, count for nothing. Only hashes that
were made slow on purpose are taken (D-189).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from hashlib import sha256
from typing import NamedTuple

from gateway.config.secret_hashes import HashUnreadable, check_readable, cost_of
from gateway.identity.decoys import Decoys

LONGEST_NAME = 255
"""Most octets of a name, as htpasswd has it."""

MAKE = "`gateway hash-secret --user NAME` makes one"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_FAST = (
    (re.compile(r"\$(?:apr1|1)\$"), "MD5, which is guessed at by the billion a second"),
    (re.compile(r"\{S?SHA(?:256|512)?\}", re.IGNORECASE), "SHA, which is guessed at by the billion a second"),
    (re.compile(r"\$[56]\$"), "SHA-crypt, which the gateway does not take"),
    (re.compile(r"\$(?:y|gy)\$"), "yescrypt, which the gateway does not take"),
    (re.compile(r"\{(?:PLAIN|CLEARTEXT)\}", re.IGNORECASE), "a password as it is"),
    (re.compile(r"\{[A-Za-z0-9-]+\}"), "a scheme which the gateway does not take"),
)
_CRYPT = re.compile(r"[./0-9A-Za-z]{13}")


class Misread(NamedTuple):
    """What is wrong with a file of users; the words show no hash.

    Attributes:
        line: Counted from 1, like `column`.
        expected: Words that end the sentence "expected …".
        found: Words that end the sentence "found …".
    """

    line: int
    column: int
    expected: str
    found: str


class UsersUnreadable(ValueError):
    """A file of users cannot be used.

    Attributes:
        misread: Everything that is wrong with it.
    """

    def __init__(self, misread: Iterable[Misread]) -> None:
        self.misread = tuple(misread)
        super().__init__(f"{len(self.misread)} mistakes")


def credential_id(name: str) -> str:
    """Return what a user's name and password are called, by which they can be revoked and their tunnels closed."""
    return f"basic:{name}"


class Users:
    """Hashes of passwords, by name.

    Args:
        hashes: By name.

    Attributes:
        decoy: Returns the hash to compare with for a name that nobody has.
        find: Returns the hash of a user, None for a name that nobody has.
    """

    def __init__(self, hashes: dict[str, str]) -> None:
        self._hashes = hashes
        self.find = hashes.get
        self.decoy = Decoys(hashes.values()).of

    @cached_property
    def costs(self) -> dict[str, int]:
        """How many hashes there are of each cost."""
        found: dict[str, int] = {}
        for encoded in self._hashes.values():
            cost = cost_of(encoded)
            found[cost] = found.get(cost, 0) + 1
        return found

    @cached_property
    def credentials(self) -> dict[str, bytes]:
        """A digest of each user's hash, by the id of the credential: it is another where the password was changed."""
        return {credential_id(name): sha256(encoded.encode()).digest() for name, encoded in self._hashes.items()}

    def __len__(self) -> int:
        return len(self._hashes)


def read_users(content: bytes) -> Users:
    """Read a file of users.

    Raises:
        UsersUnreadable: A line of it cannot be used, or there is none.
    """
    hashes: dict[str, str] = {}
    first: dict[str, int] = {}
    wrong: list[Misread] = []
    for number, octets in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            line = octets.decode()
        except UnicodeDecodeError as error:
            wrong.append(Misread(number, error.start + 1, "text in UTF-8", "octets that are none"))
            continue
        line = line.rstrip()
        indent = len(line) - len(line.lstrip())
        line = line[indent:]
        if not line or line.startswith("#"):
            continue
        name, colon, rest = line.partition(":")
        found = _misread(name, colon, rest) or (_twice(name, first) if name in first else None)
        if found is not None:
            column, expected, words = found
            wrong.append(Misread(number, indent + column, expected, words))
            continue
        first[name] = number
        hashes[name] = _hash(rest)
    if not wrong and not hashes:
        wrong.append(Misread(1, 1, f"at least one user, `NAME:HASH` ({MAKE})", "none"))
    if wrong:
        raise UsersUnreadable(wrong)
    return Users(hashes)


def _hash(rest: str) -> str:
    """Return the hash at the beginning of what follows a name; nginx takes a comment after it."""
    return rest.partition(":")[0] if rest.startswith("$") else rest


def _misread(name: str, colon: str, rest: str) -> tuple[int, str, str] | None:
    """Return column, wanted and found where a line cannot be used."""
    if not colon:
        return 1, f"`NAME:HASH` ({MAKE})", "a line without a colon"
    if not name or len(name.encode()) > LONGEST_NAME or _CONTROL.search(name):
        return 1, f"a name of 1 to {LONGEST_NAME} octets without control characters", "another"
    encoded = _hash(rest)
    column = len(name) + 2
    if _CONTROL.search(rest):
        return column, "a hash without control characters", "one with"
    fast = next((words for pattern, words in _FAST if pattern.match(encoded)), None)
    if fast is None and not encoded.startswith(("$", "scrypt:")):
        fast = "DES crypt or a password as it is" if _CRYPT.fullmatch(encoded) else "a password as it is, or no hash"
    wanted = f"a hash of bcrypt, Argon2 or scrypt ({MAKE}, and so does `htpasswd -B`)"
    if fast is not None:
        return column, wanted, fast
    try:
        check_readable(encoded)
    except HashUnreadable as error:
        return column, wanted, f"one that cannot be used: {error}"
    return None


def _twice(name: str, first: dict[str, int]) -> tuple[int, str, str]:
    return 1, "each user once", f'"{name}", which stands on line {first[name]} already'
