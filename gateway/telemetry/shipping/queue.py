"""What waits to be sent, bounded by the memory that it takes.

The batch that is under way is still in here, at the front, and counts: until its receiver has it, it takes memory.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Final

OVERHEAD: Final = 64
"""Octets that an item takes beside its own: the object, and its place in here."""


class Queue:
    """Items in the order in which they came.

    Args:
        limit: Octets, all items and their `OVERHEAD` together.
        oldest: Whether an item that finds no room takes that of the oldest, and is not itself dropped (C-27).

    Attributes:
        octets: What the items take.
        under_way: How many at the front are the batch that is being sent: these are never dropped for others.
    """

    __slots__ = ("_items", "_limit", "_oldest", "octets", "under_way")

    def __init__(self, limit: int, oldest: bool = False) -> None:
        self._items: deque[bytes] = deque()
        self._limit = limit
        self._oldest = oldest
        self.octets = 0
        self.under_way = 0

    def __len__(self) -> int:
        return len(self._items)

    @property
    def waiting(self) -> int:
        """How many items are not under way."""
        return len(self._items) - self.under_way

    def put(self, item: bytes) -> int:
        """Queue an item; returns how many were dropped for it or, where it found no room itself, instead of it."""
        size = len(item) + OVERHEAD
        if self.octets + size <= self._limit:
            self._items.append(item)
            self.octets += size
            return 0
        if not self._oldest or size > self._limit:
            return 1
        return self._make_room(item, size)

    def _make_room(self, item: bytes, size: int) -> int:
        held = sum(len(one) + OVERHEAD for one in islice(self._items, self.under_way))
        if held + size > self._limit:
            return 1
        dropped = 0
        while self.octets + size > self._limit:
            oldest = self._items[self.under_way]
            del self._items[self.under_way]
            self.octets -= len(oldest) + OVERHEAD
            dropped += 1
        self._items.append(item)
        self.octets += size
        return dropped

    def batch(self, most: int, octets: int) -> list[bytes]:
        """Return the next items to send, one at least; from now on they are under way.

        Args:
            most: How many at most.
            octets: How long all together at most, if there are several.
        """
        taken: list[bytes] = []
        length = 0
        for item in islice(self._items, most):
            length += len(item)
            if taken and length > octets:
                break
            taken.append(item)
        self.under_way = len(taken)
        return taken

    def done(self) -> None:
        """The batch under way is delivered, or given up."""
        for _ in range(self.under_way):
            self.octets -= len(self._items.popleft()) + OVERHEAD
        self.under_way = 0

    def keep(self, again: list[bytes]) -> None:
        """Of the batch under way only these are still to be sent, and they stay under way."""
        self.done()
        for item in reversed(again):
            self._items.appendleft(item)
            self.octets += len(item) + OVERHEAD
        self.under_way = len(again)

    def front(self) -> list[bytes]:
        """Return the batch that is under way."""
        return list(islice(self._items, self.under_way))

    def clear(self) -> int:
        """Drop everything; returns how many items there were."""
        count = len(self._items)
        self._items.clear()
        self.octets = self.under_way = 0
        return count
