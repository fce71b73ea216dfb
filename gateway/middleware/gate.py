"""`Gate`: lets exchanges through a bulkhead, and holds those that wait before it.

A gate stands before the gateway, a route or an upstream. The steps of
`gateway.middleware.admission` let exchanges in and out.
`gateway.resilience.admission` decides who gets a place; here are the Deferreds,
the clock and the counts.
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
"""Why an exchange is refused (a label): the queue is full, one of a higher priority took its place there, or no place
came free in time."""

LONGEST_RETRY = 60.0
"""Most seconds that `Retry-After` says: beyond that it would be a guess."""

RECENT = 0.1
"""Weight of the last exchange in the moving average of how long places are held."""


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

    Whoever calls `enter` calls `leave` when the exchange is over, whatever became of it.

    Args:
        scope: `gateway`, `route` or `upstream`: a label, as the name is.
        name: Name of the route or upstream; empty for the gateway.
        limit: Most in flight.
        max_queue: Most that wait.
        timeout: Most seconds that one waits.
        deadlines: Watches the waits.
        now: Monotonic seconds.
        queued: Counts those that wait, by scope and name.
        refused: Counts those that are turned away, by scope, name and cause.
        bulkhead: Made of the limit, the queue and what lets in who waits; by default one of this process alone.

    Attributes:
        holder: The adaptive limit that decides on `limit`; None where the configuration alone does.
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
        bulkhead: Callable[[int, int, Callable[[], object]], Bulkhead[Exchange]] | None = None,
    ) -> None:
        self.scope = scope
        self.name = name
        self.holder: object = None
        if bulkhead is None:
            self._bulkhead = Bulkhead[Exchange](limit, max_queue)
        else:
            self._bulkhead = bulkhead(limit, max_queue, lambda: self.resize(self.limit))
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
        """How many are in flight."""
        return self._bulkhead.in_flight

    @property
    def taken(self) -> int:
        """How many are in flight, in other workers too."""
        return self._bulkhead.taken

    @property
    def waiting(self) -> int:
        """How many wait."""
        return self._bulkhead.waiting

    def enter(self, exchange: Exchange, priority: Priority = Priority.NORMAL) -> Deferred[None] | None:
        """Let an exchange in.

        Args:
            exchange: Enters once; it must not be inside or waiting.
            priority: Decides whose turn it is among those that wait.

        Returns:
            None where the exchange has its place; else a Deferred that fires when it has, and fails with
            `TooManyInFlight` when it gets none. Cancel it to give up.

        Raises:
            TooManyInFlight: There is no place, and no room in the queue.
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
        """Whether an exchange has a place here."""
        return exchange in self._inside

    def leave(self, exchange: Exchange) -> None:
        """Give back the place of an exchange, and let the next one in; does nothing where it has none."""
        entered = self._inside.pop(exchange, None)
        if entered is None:
            return
        held = self._now() - entered
        self._held = self._held + (held - self._held) * RECENT if self._held else held
        ticket = self._bulkhead.leave()
        if ticket is not None:
            self._admit(ticket)

    def resize(self, limit: int) -> None:
        """Set another limit: a higher one lets waiting exchanges in at once, a lower one is reached as others leave."""
        for ticket in self._bulkhead.resize(limit):
            self._admit(ticket)

    def configure(self, limit: int, max_queue: int, timeout: float) -> None:
        """Set everything as a configuration says; exchanges that wait already keep their old timeout."""
        self.holder = None
        self._timeout = timeout
        self._bulkhead.max_queue = max_queue
        self.resize(limit)

    def retry_after(self) -> float:
        """Estimate the seconds until a new exchange gets a place, from how long places were held of late (D-46)."""
        bulkhead = self._bulkhead
        return min(LONGEST_RETRY, (bulkhead.waiting + 1) * self._held / bulkhead.limit)

    def _refusal(self, cause: str) -> TooManyInFlight:
        self._refused(self.scope, self.name, cause)
        return TooManyInFlight(self.retry_after())

    def _admit(self, ticket: Ticket[Exchange]) -> None:
        # The exchange has the place before its Deferred fires: if its client goes by then, `leave` gives it back.
        self._inside[ticket.waiter] = self._now()
        self._settle(ticket, None)

    def _out_of_time(self, wait: Wait) -> None:
        self._bulkhead.withdraw(wait.ticket)
        self._settle(wait.ticket, self._refusal(TIMEOUT))

    def _withdraw(self, ticket: Ticket[Exchange]) -> None:
        if self._bulkhead.withdraw(ticket):  # else the exchange has just been let in: `leave` is called for it
            self._forget(ticket)

    def _forget(self, ticket: Ticket[Exchange]) -> Deferred[None]:
        wait = self._waits.pop(ticket)
        self._deadlines.forget(wait)
        return wait.place

    def _settle(self, ticket: Ticket[Exchange], error: TooManyInFlight | None) -> None:
        self._settling.append((self._forget(ticket), error))
        if self._busy:
            return
        # Firing a Deferred may settle another ticket: an exchange that gets a place may fail at once (no backend is
        # healthy) and leave, or its client's next pipelined request may displace one that waits. These are settled by
        # the loop of the outermost call (D-43): settled by calls within calls, a long queue would overflow the stack.
        self._busy = True
        try:
            while self._settling:
                place, error = self._settling.popleft()
                if place.called:
                    continue  # cancelled meanwhile
                if error is None:
                    place.callback(None)
                else:
                    place.errback(error)
        finally:
            self._busy = False
