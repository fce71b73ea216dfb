"""Memory that all workers of a gateway see, with locks that end with the process that holds them.

The parent makes it and every worker gets its descriptor. What is laid out in it: `gateway.processes.slots` (counts of
rate limits), `gateway.processes.places` (exchanges in flight), `gateway.processes.agreed` (what all have in common).

# Note [Locks of a process]
A lock is one on an octet of the file (POSIX, `fcntl`). The kernel lets go of it when the process ends, however it ends,
so a worker that is killed in the middle blocks nobody. Such a lock is the process's: descriptors that workers have
inherited do not share it, as they would share one of `flock` or of the open file description. It is also lost when the
process closes *any* descriptor of the file: so nothing here is closed while the worker works.

Tests: `tests/system/test_shared_memory.py`.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

SLOTS, BIG_SLOTS, PLACES, AGREED = 0, 64 << 20, 160 << 20, 224 << 20
"""Where what is laid out in it begins. Pages that nobody has written to take no memory."""

SIZE = 225 << 20


def new_memory() -> int:
    """Make an empty one and return its descriptor."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("gateway")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, SIZE)
    return descriptor


class SharedMemory:
    """It, as one process sees it.

    Args:
        descriptor: Its own from here on, and open for as long as the process works: Note [Locks of a process].

    Attributes:
        octets: All of it.
    """

    __slots__ = ("_descriptor", "octets")

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.octets = mmap.mmap(descriptor, SIZE)

    def lock(self, at: int) -> None:
        """Wait until nobody else has the lock on a place, and take it; taken again it is still one lock."""
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX, 1, at)

    def unlock(self, at: int) -> None:
        """Let go of it."""
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, at)

    def close(self) -> None:
        """Let go of all of it."""
        self.octets.close()
        os.close(self._descriptor)

    @contextmanager
    def locked(self, at: int) -> Iterator[None]:
        """Hold the lock on a place; for what is not done for every request."""
        self.lock(at)
        try:
            yield
        finally:
            self.unlock(at)
