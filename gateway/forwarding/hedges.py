"""A second attempt beside a slow first one; whoever answers first serves the client.

Used by `gateway.forwarding.forwarder` for routes with a `hedge` block, for
exchanges that may be sent twice and have no content. The retry budget's rules
hold: past its share no second attempt is made.

Tests: `tests/flow/test_hedging.py::test_the_second_answers_for_a_first_that_hangs`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.errors import GatewayError
from gateway.message import Request
from gateway.resilience.budget import RetryBudget
from gateway.resilience.latencies import Latencies
from gateway.resilience.retry import IDEMPOTENT
from gateway.upstream.attempt import Attempt

Launch = Callable[[Attempt], "Attempt | None"]
"""Makes the second attempt, not started; None where there is no other backend for it."""


class Hedges:
    """The hedging of one route.

    Args:
        latencies: How long its answers take, carried across configurations.
        budget: How many of its exchanges may be hedged.
        minimum: Seconds that are waited at least.
        clock: Waits.
        now: Monotonic seconds, as in `Attempt.started`; what `clock` shows is another time.
        count: Counts by what became of it: `won`, `lost`, or `budget` where it was not made.
    """

    __slots__ = ("_clock", "_minimum", "budget", "count", "latencies", "now")

    def __init__(
        self,
        latencies: Latencies,
        budget: RetryBudget,
        minimum: float,
        clock: Any,
        now: Callable[[], float],
        count: Callable[[str], None],
    ) -> None:
        self.latencies = latencies
        self.budget = budget
        self.count = count
        self.now = now
        self._minimum = minimum
        self._clock = clock

    def watch(self, attempt: Attempt, launch: Launch) -> None:
        """An exchange was sent: hedge it if its answer takes longer than usual."""
        exchange = attempt.exchange
        self.budget.deposit(attempt.started)
        usual = self.latencies.value
        if usual is None or exchange.pending is not attempt or not repeatable(exchange.request):
            return
        exchange.pending = Race(self, attempt, launch, self._clock, max(usual, self._minimum))


class Race:
    """The attempts of one exchange that run side by side; what the exchange waits for."""

    def __init__(self, hedges: Hedges, first: Attempt, launch: Launch, clock: Any, delay: float) -> None:
        self._hedges = hedges
        self._first = first
        self._launch = launch
        self._running = [first]
        self._clock = clock
        self._timer = clock.callLater(delay, self._hedge)

    def won(self, attempt: Attempt) -> None:
        """An attempt was answered: the others are cancelled, and the exchange waits for it alone."""
        self._stop_timer()
        exchange = attempt.exchange
        exchange.pending = None if attempt.done else attempt
        exchange.backend = attempt.backend.name
        exchange.upstream_started = attempt.started
        if attempt is not self._first:
            self._hedges.count("won")
        for other in self._running:
            if other is not attempt:
                attempt.upstream_ticket = attempt.upstream_ticket or other.upstream_ticket
                other.upstream_ticket = 0
                if other is not self._first:
                    self._hedges.count("lost")
                other.cancel()
        self._running = []

    def lost(self, attempt: Attempt) -> bool:
        """An attempt failed; returns whether another one still runs."""
        self._running.remove(attempt)
        if attempt is not self._first:
            self._hedges.count("lost")
        if self._running:
            other = self._running[0]
            other.upstream_ticket = other.upstream_ticket or attempt.upstream_ticket
            attempt.upstream_ticket = 0
            attempt.exchange.pending = self
            return True
        self._stop_timer()
        attempt.exchange.pending = None
        return False

    def cancel(self, error: GatewayError | None = None) -> None:
        """The exchange is over for another reason."""
        self._stop_timer()
        for attempt in self._running:
            attempt.cancel(error)

    def _hedge(self) -> None:
        if not self._hedges.budget.withdraw(self._hedges.now()):
            self._hedges.count("budget")
            return
        attempt = self._launch(self._first)
        self._first.exchange.pending = self
        if attempt is not None:
            self._running.append(attempt)
            attempt.start()

    def _stop_timer(self) -> None:
        if self._timer.active():
            self._timer.cancel()


def repeatable(request: Request) -> bool:
    """Whether two backends may get it at once."""
    return request.method in IDEMPOTENT and request.body is None and request.upgrade is None
