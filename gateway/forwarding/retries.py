"""The further attempts of one route: whether, when, and what they cost.

Asked by `gateway.forwarding.forwarder` when an attempt has failed or was
answered with a status that is worth another. The rules are
`gateway.resilience.retry`'s, the budget is shared by all exchanges of a route.

# Note [Answers that are held]
Once the client has the head of an answer there is no way back: a backend that
dies in the middle of the body breaks the client off. So where the exchange
could still be made again, an answer of known length that fits into `buffer` is
held until it is complete. Almost every such answer comes in one read anyway;
longer ones, and streams, pass chunk by chunk as they do without retries.

Tests: `tests/flow/test_retries.py::test_another_backend_takes_over`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.body import Body
from gateway.errors import GatewayError
from gateway.message import Request, Response
from gateway.resilience.budget import RetryBudget
from gateway.resilience.retry import RetryPolicy, Tried
from gateway.upstream.attempt import Attempt

Count = Callable[[str, str], None]
"""Counts a retry by the reason for it and what became of it: `ok`, `failed`, or `budget` where it was not made."""

Deliver = Callable[[Attempt, Response], None]
"""Hands on an answer that no further attempt takes the place of."""


class Retries:
    """What a route may try again.

    Args:
        policy: Its rules.
        budget: Shared by its exchanges, carried across configurations.
        buffer: Octets of a request's content that are kept to be sent again.
        try_timeout: Seconds that one attempt has for its answer's head; 0 for what is left of the route's.
        clock: Waits between attempts.
        random: For the length of these waits.
        count: Counts them.
    """

    __slots__ = ("_clock", "_random", "budget", "buffer", "count", "policy", "try_timeout")

    def __init__(
        self,
        policy: RetryPolicy,
        budget: RetryBudget,
        buffer: int,
        try_timeout: float,
        clock: Any,
        random: Callable[[], float],
        count: Count,
    ) -> None:
        self.policy = policy
        self.budget = budget
        self.buffer = buffer
        self.try_timeout = try_timeout
        self.count = count
        self._clock = clock
        self._random = random

    def begin(self, request: Request, now: float) -> None:
        """An exchange begins: it pays into the budget, and what it sends is kept."""
        self.budget.deposit(now)
        if request.body is not None:
            request.body.keep(self.buffer)

    def deadline(self, now: float, until: float) -> float:
        """Return when an attempt that begins now must have its answer's head, in an exchange that has until then."""
        return min(now + self.try_timeout, until) if self.try_timeout else until

    def holds(self, attempt: Attempt, response: Response) -> bool:
        """Whether an answer that has begun is to be held, see Note [Answers that are held]."""
        length = response.length
        known = tried(attempt)
        return (
            isinstance(response.body, Body)
            and length is not None
            and length <= self.buffer
            and known.replayable
            and known.attempts <= self.policy.attempts
            and self.policy.repeatable(known)
        )

    def hold(self, attempt: Attempt, response: Response, deliver: Deliver) -> None:
        """Deliver an answer once it is complete; where it breaks off before, the attempt has failed."""
        body = response.body
        assert isinstance(body, Body)

        def told() -> None:
            if body.ended:
                response.body = body.take()
            deliver(attempt, response)

        body.gather(self.buffer, told)

    def delay(self, attempt: Attempt, outcome: GatewayError | int, now: float) -> float | None:
        """Decide about one more attempt, and pay for it.

        Args:
            attempt: The last one.
            outcome: Its error, or the status that it was answered with.
            now: Monotonic seconds.

        Returns:
            Seconds to wait; None for no more.
        """
        exchange = attempt.exchange
        remaining = min(attempt.until, exchange.deadline) - now
        delay = self.policy.again(outcome, tried(attempt), remaining, self._random)
        if delay is None:
            return None
        if not self.budget.withdraw(now):
            self.count(why(outcome), "budget")
            return None
        return delay

    def wait(self, attempt: Attempt, delay: float, go_on: Callable[[Attempt], None]) -> None:
        """Let the exchange wait before its next attempt."""
        attempt.exchange.pending = Backoff(self._clock, delay, attempt, go_on)


class Backoff:
    """An exchange waits for its next attempt."""

    __slots__ = ("_attempt", "_call", "_go_on")

    def __init__(self, clock: Any, delay: float, attempt: Attempt, go_on: Callable[[Attempt], None]) -> None:
        self._attempt = attempt
        self._go_on = go_on
        self._call = clock.callLater(delay, self._over)

    def cancel(self, error: GatewayError | None = None) -> None:
        """The exchange is over for another reason."""
        self._call.cancel()
        self._attempt.abandon()

    def _over(self) -> None:
        self._attempt.exchange.pending = None
        self._go_on(self._attempt)


def tried(attempt: Attempt) -> Tried:
    """Say what is known of an exchange when one of its attempts has failed."""
    request = attempt.exchange.request
    body = request.body
    sent = attempt.sent
    return Tried(
        request.method,
        attempt.number,
        sent,
        # An upgrade may have been granted, and what was said then cannot be said again.
        replayable=(body is None or body.repeatable) and (request.upgrade is None or not sent),
        keyed=b"idempotency-key" in request.headers.index,
    )


def why(outcome: GatewayError | int) -> str:
    """Name the reason for a retry: that of the error, or `status_503`."""
    return f"status_{outcome}" if isinstance(outcome, int) else outcome.reason
