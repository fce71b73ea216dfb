"""What stands in Redis behind the key of a kept answer, and whether it may be believed.

Redis is shared: another version of the gateway, another program or a person may have written what is read there.
Whatever is not exactly what this version writes for this request is nothing, and whatever would not be an answer on the
wire (a line feed in a value, a length that is not that of the content) is nothing either.
"""

from __future__ import annotations

import re
import struct
from hashlib import blake2b
from math import isfinite
from typing import Final, NamedTuple

from gateway.caching.kept import Kept, Values, decode

_ANSWER: Final = b"gwA1"
_NAMES: Final = b"gwV1"
_HEAD: Final = struct.Struct("!4sQQ16s")
"""What it is; the number of the last purge of many; what was known of purges of its URL; what was asked for."""

MOST_NAMES: Final = 2048
"""Octets of the names of fields that the answers behind one key vary on."""

_is_name: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+", re.IGNORECASE).fullmatch
_is_value: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*").fullmatch
_OF_ONE_MESSAGE: Final = frozenset(
    [b"connection", b"keep-alive", b"set-cookie", b"trailer", b"transfer-encoding", b"upgrade"]
)
"""Fields that no kept answer has."""
_MOST_SECONDS: Final = 1e11
"""Of the wall clock: the year 5138."""


class Found(NamedTuple):
    """A kept answer with what it was kept under.

    Attributes:
        kept: The answer.
        number: Of the last purge of many answers before it was asked for.
        token: What was known then of purges of its URL.
    """

    kept: Kept
    number: int
    token: int


def asked(primary: bytes, values: Values) -> bytes:
    """Return what stands for a request: its key and what it has in the fields that answers vary on."""
    hashed = blake2b(primary, digest_size=16)
    for value in values:
        hashed.update(b"\n-" if value is None else b"\n+%d:%b" % (len(value), value))
    return hashed.digest()


def write_answer(kept: Kept, number: int, token: int, request: bytes) -> bytes:
    """Return an answer as it stands in Redis; see `Found` and `asked`."""
    return _HEAD.pack(_ANSWER, number, token, request) + kept.encode()


def write_names(names: tuple[bytes, ...]) -> bytes:
    """Return the names of the fields that the answers behind a key vary on, as they stand in the place of an answer."""
    return _NAMES + b",".join(names)


def read_names(data: bytes) -> tuple[bytes, ...]:
    """Return the names that stand in the place of an answer; empty where something else does."""
    if not data.startswith(_NAMES) or len(data) > MOST_NAMES:
        return ()
    names = tuple(data[len(_NAMES) :].split(b","))
    return names if all(map(_is_name, names)) else ()


def read_answer(data: bytes, request: bytes, stamp: int) -> Found | None:
    """Return the answer to a request; None where anything else stands there.

    Args:
        data: What stands there.
        request: As `asked` has it.
        stamp: For the answer.
    """
    if len(data) < _HEAD.size:
        return None
    mark, number, token, same = _HEAD.unpack_from(data)
    if mark != _ANSWER or same != request:
        return None
    kept = decode(data[_HEAD.size :], stamp)
    return Found(kept, number, token) if kept is not None and _is_answer(kept) else None


def _is_answer(kept: Kept) -> bool:
    times = (kept.born, kept.fresh, kept.lent, kept.saved, kept.until)
    if not 200 <= kept.status <= 599 or not all(isfinite(time) and abs(time) < _MOST_SECONDS for time in times):
        return False
    for lower, name, value in kept.block.fields:
        if _is_name(name) is None or _is_value(value) is None or lower in _OF_ONE_MESSAGE:
            return False
        if lower == b"content-length" and value != b"%d" % len(kept.body):
            return False
    return True
