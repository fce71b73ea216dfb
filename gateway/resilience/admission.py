"""How many exchanges may be in flight, who waits for a place, and who comes next.

Layer 2: keeps the books only. A bulkhead stands before the gateway, a route or
an upstream; whoever asks it holds the exchange that waits, and its timeout.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum, IntEnum
from typing import Generic, NamedTuple, TypeVar

W = TypeVar("W")


class Priority(IntEnum):
    """Which exchange gets a free place first (a route's `priority`); the gateway's own health paths need no place."""

    LOW = 0
    NORMAL = 1
    HIGH = 2


class Verdict(Enum):
    """What becomes of an exchange that wants in."""

    ADMITTED = "admitted"
    QUEUED = "queued"
    REFUSED = "refused"


class Ticket(Generic[W]):
    """A place in the queue.

    Attributes:
        waiter: Who waits.
        priority: With which priority.
    """

    __slots__ = ("priority", "waiter")

    def __init__(self, waiter: W, priority: Priority) -> None:
        self.waiter = waiter
        self.priority = priority


class Entry(NamedTuple, Generic[W]):
    """The answer to who wants in.

    Attributes:
        verdict: What becomes of it.
        ticket: Its place, if it is queued.
        displaced: Who loses its place in the queue to this exchange; the caller refuses it now.
    """

    verdict: Verdict
    ticket: Ticket[W] | None = None
    displaced: Ticket[W] | None = None


class Bulkhead(Generic[W]):
    """A limit on exchanges in flight, and a bounded queue before it.

    The queue is by priority, then first come, first served. When it is full, the last to come of the lowest priority
    makes room for one of a higher: otherwise a flood of what matters least would shut out what matters most.

    Everyone admitted leaves once; everyone queued is admitted by the `leave` or `resize` of another, or displaced, or
    withdraws.

    Args:
        limit: Most in flight, at least 1.
        max_queue: Most that wait; 0: nobody does.

    Attributes:
        in_flight: How many are.
        waiting: How many wait.
    """

    __slots__ = ("_admitted", "_queues", "_refused", "in_flight", "limit", "max_queue", "waiting")

    def __init__(self, limit: int, max_queue: int = 0) -> None:
        if limit < 1:
            raise ValueError(f"expected a limit of at least 1, found {limit}")
        self.limit = limit
        self.max_queue = max_queue
        self.in_flight = 0
        self.waiting = 0
        # Ordered dictionaries, since tickets are also withdrawn from the middle: in a deque that costs its length.
        self._queues: tuple[OrderedDict[Ticket[W], None], ...] = tuple(OrderedDict() for _ in Priority)
        self._admitted: Entry[W] = Entry(Verdict.ADMITTED)
        self._refused: Entry[W] = Entry(Verdict.REFUSED)

    @property
    def taken(self) -> int:
        """How many places are taken: those in flight, where no other process has some."""
        return self.in_flight

    def enter(self, waiter: W, priority: Priority = Priority.NORMAL) -> Entry[W]:
        """Ask to be let in.

        Args:
            waiter: Who asks; comes back with the ticket.
            priority: Its priority.
        """
        # The queue is empty whenever there is room (`leave` and `resize` see to that): nobody is overtaken here.
        if self.in_flight < self.limit:
            self.in_flight += 1
            return self._admitted
        return self._queue(waiter, priority)

    def leave(self) -> Ticket[W] | None:
        """One in flight is done; return who takes its place, admitted already."""
        self.in_flight -= 1
        return self._next()

    def withdraw(self, ticket: Ticket[W]) -> bool:
        """Give up waiting; False where the ticket does not wait any more."""
        queue = self._queues[ticket.priority]
        if ticket not in queue:
            return False
        del queue[ticket]
        self.waiting -= 1
        return True

    def resize(self, limit: int) -> list[Ticket[W]]:
        """Set another limit and return those whom it admits; a lower one is reached as others leave."""
        self.limit = max(1, limit)
        admitted = []
        while (ticket := self._next()) is not None:
            admitted.append(ticket)
        return admitted

    def _queue(self, waiter: W, priority: Priority) -> Entry[W]:
        displaced = None
        if self.waiting >= self.max_queue:
            displaced = self._last_below(priority)
            if displaced is None:
                return self._refused
            self.withdraw(displaced)
        ticket = Ticket(waiter, priority)
        self._queues[priority][ticket] = None
        self.waiting += 1
        return Entry(Verdict.QUEUED, ticket, displaced)

    def _free(self) -> bool:
        """Whether the next may come in."""
        return self.in_flight < self.limit

    def _next(self) -> Ticket[W] | None:
        if not self.waiting or not self._free():
            return None
        queue = next(queue for queue in reversed(self._queues) if queue)
        ticket, _ = queue.popitem(last=False)
        self.waiting -= 1
        self.in_flight += 1
        return ticket

    def _last_below(self, priority: Priority) -> Ticket[W] | None:
        for queue in self._queues[:priority]:
            if queue:
                return next(reversed(queue))
        return None
