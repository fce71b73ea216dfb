"""Octets that all workers have in common, made by the first that asks: a signing key that stands in no file.

In shared memory, one after the other: the length of the name, that of the octets, the name, the octets; a name of no
length is the end. Few and small, and never removed.

Tests: `tests/processes/test_share.py::test_the_contract_is_kept`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from gateway.processes.memory import AGREED, SIZE, SharedMemory

_HEAD: Final = struct.Struct("<HH")


class NoRoom(Exception):
    """What all workers have in common has no room left."""


def agreed(memory: SharedMemory, name: str, make: Callable[[], bytes]) -> bytes:
    """Return the octets of a name.

    Args:
        memory: Where.
        name: What they are for.
        make: Makes them, where no worker has asked before; all who ask wait for it.

    Raises:
        NoRoom: They find no place.
    """
    octets, wanted, at = memory.octets, name.encode(), AGREED
    with memory.locked(AGREED):
        while True:
            named, length = _HEAD.unpack_from(octets, at)
            if not named:
                break
            begins = at + _HEAD.size
            if octets[begins : begins + named] == wanted:
                return octets[begins + named : begins + named + length]
            at = begins + named + length
        made = make()
        begins = at + _HEAD.size
        if begins + len(wanted) + len(made) + _HEAD.size > SIZE:
            raise NoRoom(f"there is no room for {name}")
        octets[begins : begins + len(wanted) + len(made)] = wanted + made
        # Last: a worker that is killed before this has left nothing.
        _HEAD.pack_into(octets, at, len(wanted), len(made))
        return made
