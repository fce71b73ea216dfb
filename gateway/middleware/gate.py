"""`Gate`: lets exchanges through a bulkhead, and holds those that wait before it.

One stands before the gateway, a route or an upstream. The steps of
`gateway.middleware.admission` let exchanges in and out. Who gets a place is
decided in `gateway.resilience.admission`; here are the Deferreds, the clock
and the counts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred

from gateway.errors import TooManyInFlight
from gateway.exchange import Exchange
from gateway.resilience.admission import Bulkhead, Priority, Ticket, Verdict

FULL, DISPLACED, TIMEOUT = "full", "displaced", "timeout"
"""Why an exchange is refused (a label): no room, room made for one of a higher priority, no place in time."""

LONGEST_RETRY = 60.0
"""Most seconds that `Retry-After` says: beyond that it would be a guess."""

RECENT = 0.1
"""Share of the last exchange in the average of how long they hold their places."""


class Deadlines(Protocol):
    """Watches waits (`gateway.transport.deadlines.Deadlines`)."""

    def watch(self, timed: Wait, /) -> None: ...

    def forget(self, timed: Wait, /) -> None: ...


class Count(Protocol):
    """Counts by labels (`gateway.telemetry.series.Counts.add`)."""

    def __call__(self, *labels: str) -> None: ...


class Wait:
    """One exchange that waits (`gateway.transport.deadlines.Timed`)."""

    __slots__ = ("_give_up", "deadline", "place", "ticket")

    def __init__(
        self, ticket: Ticket[Exchange], deadline: float, place: Deferred[None], give_up: Callable[[Wait], None]
    ) -> None:
        self.ticket = ticket
        self.deadline = deadline
        self.place = place
        self._give_up = give_up

    def on_deadline(self, now: float) -> None:
        """No place came free in time."""
        self._give_up(self)


class Gate:
    """A bulkhead before which exchanges wait.

    Everyone it lets in leaves once: who calls `enter` calls `leave` when the exchange is over, whatever became of it.

    Args:
        scope: `gateway`, `route` or `upstream`: a label, as the name is.
        name: Of the route or upstream; empty for the gateway.
        limit: Most in flight.
        max_queue: Most that wait.
        timeout: Seconds that they may.
        deadlines: Watches them.
        now: Monotonic seconds.
        queued: Counts those that wait, by scope and name.
        refused: Counts those that are turned away, by scope, name and cause.

    Attributes:
        holder: Who else decides on the limit, None where the configuration does alone.
    """

    def __init__(
        self,
        scope: str,
        name: str,
        *,
        limit: int,
        max_queue: int,
        timeout: float,
        deadlines: Deadlines,
        now: Callable[[], float],
        queued: Count,
        refused: Count,
    ) -> None:
        self.scope = scope
        self.name = name
        self.holder: object = None
        self._bulkhead = Bulkhead[Exchange](limit, max_queue)
        self._timeout = timeout
        self._deadlines = deadlines
        self._now = now
        self._queued = queued
        self._refused = refused
        self._inside: dict[Exchange, float] = {}
        self._waits: dict[Ticket[Exchange], Wait] = {}
        self._held = 0.0
        self._settling: deque[tuple[Deferred[None], TooManyInFlight | None]] = deque()
        self._busy = False

    @property
    def limit(self) -> int:
        """Most in flight."""
        return self._bulkhead.limit

    @property
    def in_flight(self) -> int:
        """How many are."""
        return self._bulkhead.in_flight

    @property
    def waiting(self) -> int:
        """How many wait."""
        return self._bulkhead.waiting

    def enter(self, exchange: Exchange, priority: Priority = Priority.NORMAL) -> Deferred[None] | None:
        """Let an exchange in.

        Args:
            exchange: It comes once.
            priority: Whose turn it is, where it must wait.

        Returns:
            None where it has its place; else what fires when it has, fails when it gets none, and is cancelled to
            give up.

        Raises:
            TooManyInFlight: No place, and no room to wait.
        """
        verdict, ticket, displaced = self._bulkhead.enter(exchange, priority)
        if verdict is Verdict.ADMITTED:
            self._inside[exchange] = self._now()
            return None
        if ticket is None:
            raise self._refusal(FULL)
        self._queued(self.scope, self.name)
        place: Deferred[None] = Deferred(lambda _: self._withdraw(ticket))
        wait = self._waits[ticket] = Wait(ticket, self._now() + self._timeout, place, self._out_of_time)
        self._deadlines.watch(wait)
        if displaced is not None:
            self._settle(displaced, self._refusal(DISPLACED))
        return place

    def holds(self, exchange: Exchange) -> bool:
        """Whether an exchange has its place."""
        return exchange in self._inside

    def leave(self, exchange: Exchange) -> None:
        """An exchange is over; nothing to do where it was not let in."""
        entered = self._inside.pop(exchange, None)
        if entered is None:
            return
        held = self._now() - entered
        self._held = self._held + (held - self._held) * RECENT if self._held else held
        ticket = self._bulkhead.leave()
        if ticket is not None:
            self._admit(ticket)

    def resize(self, limit: int) -> None:
        """Set another limit: those it has room for are let in, a lower one is reached as others leave."""
        for ticket in self._bulkhead.resize(limit):
            self._admit(ticket)

    def configure(self, limit: int, max_queue: int, timeout: float) -> None:
        """Set everything as a configuration says; who waits already goes on waiting as it began."""
        self.holder = None
        self._timeout = timeout
        self._bulkhead.max_queue = max_queue
        self.resize(limit)

    def retry_after(self) -> float:
        """Seconds in which a newcomer would come to its turn, going by how long places were held of late."""
        bulkhead = self._bulkhead
        return min(LONGEST_RETRY, (bulkhead.waiting + 1) * self._held / bulkhead.limit)

    def _refusal(self, cause: str) -> TooManyInFlight:
        self._refused(self.scope, self.name, cause)
        return TooManyInFlight(self.retry_after())

    def _admit(self, ticket: Ticket[Exchange]) -> None:
        # From here on it has the place, so that it gives it back even if its client goes before it is told.
        self._inside[ticket.waiter] = self._now()
        self._settle(ticket, None)

    def _out_of_time(self, wait: Wait) -> None:
        self._bulkhead.withdraw(wait.ticket)
        self._settle(wait.ticket, self._refusal(TIMEOUT))

    def _withdraw(self, ticket: Ticket[Exchange]) -> None:
        if self._bulkhead.withdraw(ticket):  # else it has just been let in, and leaves like others
            self._forget(ticket)

    def _forget(self, ticket: Ticket[Exchange]) -> Deferred[None]:
        wait = self._waits.pop(ticket)
        self._deadlines.forget(wait)
        return wait.place

    def _settle(self, ticket: Ticket[Exchange], error: TooManyInFlight | None) -> None:
        self._settling.append((self._forget(ticket), error))
        if self._busy:
            return
        # Whoever gets a place may be over at once (no backend is healthy) and hand it on, or let a pipelined request
        # come that displaces another: a call within a call for each would end where the stack does.
        self._busy = True
        try:
            while self._settling:
                place, error = self._settling.popleft()
                if place.called:
                    continue  # given up meanwhile
                if error is None:
                    place.callback(None)
                else:
                    place.errback(error)
        finally:
            self._busy = False
