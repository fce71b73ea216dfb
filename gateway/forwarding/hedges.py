"""A second attempt beside a slow first one: the client gets the answer that comes first.

Used by `gateway.forwarding.forwarder` on routes with a `hedge` block, for
exchanges that may be sent twice and have no content. A budget as that of
retries bounds the share of exchanges that get a second attempt (D-40).

# Note [A race]
A `Race` is in one of four states. *Waiting*: the first attempt runs, and so
does the timer. *Racing*: the timer has fired, the budget had room and another
backend was free, so two attempts run. *Alone*: one attempt runs and no timer,
since no second was made or one of the two failed; the race waits on for the
other. *Over*: an attempt was answered (`won`), the last one failed (`lost`
returns False), or the exchange ended (`cancel`). In the first three the race
is what the exchange waits for (`Exchange.pending`).

Tests: `tests/flow/test_hedging.py::test_the_second_answers_for_a_first_that_hangs`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.errors import GatewayError
from gateway.forwarding.attempt import Attempt
from gateway.message import Request
from gateway.resilience.budget import RetryBudget
from gateway.resilience.latencies import Latencies
from gateway.resilience.retry import IDEMPOTENT

Launch = Callable[[Attempt], "Attempt | None"]
"""Makes the second attempt, not started; None where there is no other backend for it."""


class Hedges:
    """The hedging of one route.

    Args:
        latencies: How long the route's answers take; carried over to the next configuration.
        budget: How many of the route's exchanges may be hedged.
        minimum: Least seconds before the second attempt.
        clock: For the timers.
        now: Monotonic seconds, as in `Attempt.started`; `clock` has another zero.
        count: Counts second attempts: `won`, `lost`, or `budget` for one that the budget did not allow.
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
        """Make a second attempt later, if the answer to this one takes longer than usual."""
        exchange = attempt.exchange
        self.budget.deposit(attempt.started)
        usual = self.latencies.value
        if usual is None or exchange.pending is not attempt or not repeatable(exchange.request):
            return
        exchange.pending = Race(self, attempt, launch, self._clock, max(usual, self._minimum))


class Race:
    """The attempts of one exchange that run side by side; see Note [A race]."""

    def __init__(self, hedges: Hedges, first: Attempt, launch: Launch, clock: Any, delay: float) -> None:
        self._hedges = hedges
        self._first = first
        self._launch = launch
        self._running = [first]
        self._clock = clock
        self._timer = clock.callLater(delay, self._hedge)

    def won(self, attempt: Attempt) -> None:
        """End the race with the attempt that was answered: cancel the other, and let the exchange wait for this one."""
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
        """Take out an attempt that failed; return whether another one still runs."""
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
        """End all attempts: the exchange is over for another reason."""
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
    """Whether two backends may be sent this request at once."""
    return request.method in IDEMPOTENT and request.body is None and request.upgrade is None
