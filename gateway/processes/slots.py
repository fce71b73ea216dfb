"""A table of states in shared memory, found by key: what a limit counts, for all workers.

Buckets of eight slots; a key's hash says which bucket. A slot has the hash and a state, whose first number is the
moment when there is nothing to remember any more: until then nobody else gets the slot. In a full bucket the state that
would be forgotten first makes room, as in `gateway.limiting.store` the one that was asked for longest ago.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Final

from gateway.http.remembered import remembered
from gateway.processes.memory import SharedMemory

DIGEST: Final = 16
WAYS: Final = 8
REMEMBERED: Final = 65_536
"""Keys whose place a worker remembers, rather than hash them again."""
LONGEST: Final = 256
"""Octets of the longest key whose place is remembered."""
PARTS: Final = 66
"""Most parts of a sliding window that have requests: see `gateway.limiting.sliding_window`."""

_END = struct.Struct("<d")
_WINDOW = struct.Struct("<dI")
_PART = struct.Struct("<QI")
_PARTS = [struct.Struct("<dI" + "QI" * parts) for parts in range(PARTS + 1)]


class Slots:
    """States by key. Whoever reads or writes one holds the lock on the place of its bucket.

    Args:
        memory: Where.
        begins: Of the table, in it.
        buckets: How many; a power of two.
        size: Octets of a state.
        read: Returns the state at a place.
        write: Puts it there.
    """

    def __init__(
        self,
        memory: SharedMemory,
        begins: int,
        buckets: int,
        size: int,
        read: Callable[[Any, int], Any],
        write: Callable[[Any, int, Any], None],
    ) -> None:
        self._octets = memory.octets
        self._size = DIGEST + size
        self._read = read
        self._write = write

        def place(key: bytes) -> tuple[bytes, int]:
            digest = blake2b(key, digest_size=DIGEST).digest()
            return digest, begins + (int.from_bytes(digest[:4], "little") % buckets) * self._size * WAYS

        self.place: Callable[[bytes], tuple[bytes, int]] = remembered(place, most=REMEMBERED, longest=LONGEST)
        """Returns the hash of a key, and where its bucket is."""

    def state(self, digest: bytes, bucket: int) -> Any:
        """Return what is remembered of a key, None for nothing."""
        return self.read(self.find(digest, bucket))

    def keep(self, digest: bytes, bucket: int, state: Any, now: float) -> None:
        """Remember a state; None for nothing."""
        at = self.find(digest, bucket)
        if state is not None:
            self.put(at, digest, bucket, state, now)
        elif at >= 0:
            _END.pack_into(self._octets, at + DIGEST, 0.0)

    def read(self, at: int) -> Any:
        """Return the state in a slot that was found; None where none was."""
        return None if at < 0 else self._read(self._octets, at + DIGEST)

    def put(self, at: int, digest: bytes, bucket: int, state: Any, now: float) -> None:
        """Remember a state in the slot that was found, with the lock held since then; in a free one where none was."""
        if at < 0:
            at = self._room(bucket, now)
            # The end first: a worker that is killed between the two leaves a free slot.
            _END.pack_into(self._octets, at + DIGEST, 0.0)
            self._octets[at : at + DIGEST] = digest
        self._write(self._octets, at + DIGEST, state)

    def find(self, digest: bytes, bucket: int) -> int:
        """Return the place of a key's slot, -1 where nothing is remembered of it."""
        size = self._size
        at = self._octets.find(digest, bucket, bucket + size * WAYS)
        # Octets of two neighbours look like a hash once in 2 ** 128.
        return at if at >= 0 and not (at - bucket) % size and _END.unpack_from(self._octets, at + DIGEST)[0] else -1

    def _room(self, bucket: int, now: float) -> int:
        soonest, found = 0.0, -1
        for at in range(bucket, bucket + self._size * WAYS, self._size):
            (end,) = _END.unpack_from(self._octets, at + DIGEST)
            if end <= now:
                return at
            if found < 0 or end < soonest:
                soonest, found = end, at
        return found


def read_end(octets: Any, at: int) -> float | None:
    """Read the state of a token bucket."""
    end: float = _END.unpack_from(octets, at)[0]
    return end or None


def write_end(octets: Any, at: int, state: float) -> None:
    """Write it."""
    _END.pack_into(octets, at, state)


def read_window(octets: Any, at: int) -> list[Any] | None:
    """Read the state of a sliding window. The sum is made anew: a worker may have been killed while it wrote."""
    _, parts = _WINDOW.unpack_from(octets, at)
    if not 0 < parts <= PARTS:
        return None
    read = _PARTS[parts].unpack_from(octets, at)
    return [read[0], sum(read[3::2]), *read[2:]]


def write_window(octets: Any, at: int, state: list[Any]) -> None:
    """Write it."""
    parts = (len(state) - 2) // 2
    _PARTS[parts].pack_into(octets, at, state[0], parts, *state[2:])


END_SIZE: Final = _END.size
WINDOW_SIZE: Final = _PARTS[PARTS].size
