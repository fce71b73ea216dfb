"""Exchanges in flight of all workers together: a row of counters for each limit, one counter for each worker.

A worker writes its own counter only, so a place is given back without a lock, and the parent sets that of a worker
which is gone to 0 (`clear`). The lock is held while a place is taken: the row is summed, and one more is counted if
there is room.

# Note [Who waits looks again]
A place that another worker gives back cannot be handed to who waits here. So a worker in which somebody waits asks for
a place every `AGAIN` seconds, and after each of its own exchanges; among workers there is no order of who comes first.

Tests: `tests/processes/test_share.py::test_in_flight_holds_for_all_workers_together`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Final, TypeVar

from twisted.internet.task import LoopingCall

from gateway.processes.memory import PLACES, SharedMemory
from gateway.resilience.admission import Bulkhead, Entry, Priority, Ticket, Verdict

MOST_WORKERS: Final = 128
"""Workers at once, those included that drain after an upgrade or a reload."""
ROWS: Final = 1 << 16
"""Limits that may have been there since the parent began."""
AGAIN: Final = 0.01

DIGEST: Final = 16
SIZE: Final = DIGEST + 4 * MOST_WORKERS

W = TypeVar("W")

_COUNTER = struct.Struct("<I")
_ROW = struct.Struct(f"<{MOST_WORKERS}I")


class NoRow(Exception):
    """There are more limits than rows."""


class Row:
    """The counters of one limit.

    Args:
        memory: Where.
        at: Where the row is.
        worker: Which counter is this process's.

    Attributes:
        mine: How many are in flight in this process.
    """

    __slots__ = ("_at", "_counters", "_memory", "_mine_at", "mine")

    def __init__(self, memory: SharedMemory, at: int, worker: int) -> None:
        self._memory = memory
        self._at = at
        self._counters = at + DIGEST
        self._mine_at = self._counters + 4 * worker
        self.mine: int = _COUNTER.unpack_from(memory.octets, self._mine_at)[0]

    @property
    def all(self) -> int:
        """How many are in flight in all workers."""
        return sum(_ROW.unpack_from(self._memory.octets, self._counters))

    def take(self, limit: int) -> bool:
        """Take a place if fewer than `limit` are taken."""
        memory = self._memory
        memory.lock(self._at)
        try:
            if sum(_ROW.unpack_from(memory.octets, self._counters)) >= limit:
                return False
            self.mine += 1
            _COUNTER.pack_into(memory.octets, self._mine_at, self.mine)
        finally:
            memory.unlock(self._at)
        return True

    def leave(self) -> None:
        """Give a place back."""
        self.mine -= 1
        _COUNTER.pack_into(self._memory.octets, self._mine_at, self.mine)


class Places:
    """All rows.

    Args:
        memory: Where.
        worker: Which counters are this process's.
    """

    def __init__(self, memory: SharedMemory, worker: int) -> None:
        self._memory = memory
        self._worker = worker
        self._rows: dict[str, Row] = {}

    def row(self, name: str) -> Row:
        """Return the row of a limit, the same one for the same name.

        Raises:
            NoRow: There is none left.
        """
        if name not in self._rows:
            self._rows[name] = Row(self._memory, self._find(name), self._worker)
        return self._rows[name]

    def _find(self, name: str) -> int:
        octets = self._memory.octets
        digest = blake2b(name.encode(), digest_size=DIGEST).digest()
        first = int.from_bytes(digest[:4], "little") % ROWS
        # Rows are found from here on, and never given back.
        with self._memory.locked(PLACES):
            for number in range(ROWS):
                at = PLACES + (first + number) % ROWS * SIZE
                there = octets[at : at + DIGEST]
                if there == digest:
                    return at
                if there == bytes(DIGEST):
                    octets[at : at + DIGEST] = digest
                    return at
        raise NoRow(f"{ROWS} limits of exchanges in flight were there since the start: there is no room for more")


def clear(memory: SharedMemory, worker: int) -> None:
    """Forget what a worker had in flight; it must be gone."""
    nothing = bytes(DIGEST)
    for at in range(PLACES, PLACES + ROWS * SIZE, SIZE):
        if memory.octets[at : at + DIGEST] != nothing:
            _COUNTER.pack_into(memory.octets, at + DIGEST + 4 * worker, 0)


class SharedBulkhead(Bulkhead[W]):
    """A bulkhead whose places are those of all workers; the queue is this worker's own.

    Args:
        limit: Most in flight, at least 1.
        max_queue: Most that wait here.
        row: Counts the places.
        waits: Called when somebody begins to wait: Note [Who waits looks again].
    """

    __slots__ = ("_row", "_waits")

    def __init__(self, limit: int, max_queue: int, row: Row, waits: Callable[[SharedBulkhead[Any]], None]) -> None:
        super().__init__(limit, max_queue)
        self._row = row
        self._waits = waits

    @property
    def taken(self) -> int:
        """How many are in flight in all workers."""
        return self._row.all

    def enter(self, waiter: W, priority: Priority = Priority.NORMAL) -> Entry[W]:
        """Ask to be let in; nobody overtakes those who wait here."""
        if not self.waiting and self._row.take(self.limit):
            self.in_flight += 1
            return self._admitted
        entry = self._queue(waiter, priority)
        if entry.verdict is Verdict.QUEUED:
            self._waits(self)
        return entry

    def leave(self) -> Ticket[W] | None:
        """One in flight is done; return who takes its place, admitted already."""
        self._row.leave()
        return super().leave()

    def _free(self) -> bool:
        return self._row.take(self.limit)


class LooksAgain:
    """Has bulkheads look again for a place while somebody waits before them: Note [Who waits looks again].

    Args:
        clock: For the timer.
    """

    def __init__(self, clock: Any) -> None:
        self._waiting: dict[SharedBulkhead[Any], Callable[[], object]] = {}
        self._looks: dict[SharedBulkhead[Any], Callable[[], object]] = {}
        self._timer = LoopingCall(self._look)
        self._timer.clock = clock

    def by(self, bulkhead: SharedBulkhead[Any], look: Callable[[], object]) -> None:
        """Have `look` called for a bulkhead: lets in whoever there is a place for."""
        self._looks[bulkhead] = look

    def waits(self, bulkhead: SharedBulkhead[Any]) -> None:
        """Somebody begins to wait before a bulkhead."""
        self._waiting[bulkhead] = self._looks[bulkhead]
        if not self._timer.running:
            self._timer.start(AGAIN, now=False)

    def _look(self) -> None:
        for bulkhead, look in list(self._waiting.items()):
            look()
            if not bulkhead.waiting:
                del self._waiting[bulkhead]
        if not self._waiting:
            self._timer.stop()
