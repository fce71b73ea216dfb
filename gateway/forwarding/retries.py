"""Further attempts of an exchange: whether one is made, when, and what it costs.

Asked by `gateway.forwarding.forwarder` when an attempt has failed, or was
answered with a status that the route tries again. The rules are in
`gateway.resilience.retry`; all exchanges of a route share one budget.

# Note [Answers that are held]
Once the client has the head of an answer, no other answer can be sent: if the
backend dies in the middle of the body, the client's connection is broken off.
So where the exchange could still be tried again, an answer of known length
that fits into `buffer` is held until it is complete (D-30). Almost every such answer
comes in one read anyway; longer ones, and those of unknown length, pass chunk
by chunk as they do without retries.

Tests: `tests/flow/test_retries.py::test_another_backend_takes_over`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.body import Body
from gateway.errors import GatewayError
from gateway.forwarding.attempt import Attempt
from gateway.http.grpc import AS_HTTP, RETRIED, is_call, pushback
from gateway.message import Request, Response
from gateway.resilience.budget import RetryBudget
from gateway.resilience.retry import RetryPolicy, Tried

Count = Callable[[str, str], None]
"""Counts a retry by its reason and its result: `ok`, `failed`, or `budget` for one that the budget did not allow."""

Deliver = Callable[[Attempt, Response], None]
"""Passes on an answer; no further attempt is made after that."""


class Retries:
    """The retries of one route.

    Args:
        policy: The rules.
        budget: Shared by the route's exchanges; carried over to the next configuration.
        buffer: Most octets of a request's content that are kept to be sent again, and of an answer that is held.
        try_timeout: Seconds that one attempt has for its answer's head; 0 for what is left of the route's timeout.
        clock: For the waits between attempts.
        random: For the length of these waits.
        count: Counts retries.

    Attributes:
        failures: What an attempt counts as that has failed for what is tried again: outcomes of gRPC as statuses.
    """

    __slots__ = ("_clock", "_outcomes", "_random", "budget", "buffer", "count", "failures", "policy", "try_timeout")

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
        self._outcomes = {said: name for said, name in RETRIED.items() if name in policy.on}
        self.failures = policy.on | {AS_HTTP[int(said)] for said in self._outcomes}
        self.budget = budget
        self.buffer = buffer
        self.try_timeout = try_timeout
        self.count = count
        self._clock = clock
        self._random = random

    def begin(self, request: Request, now: float) -> None:
        """Pay into the budget for an exchange that begins, and keep a copy of its content to be sent again."""
        self.budget.deposit(now)
        if request.body is not None:
            request.body.keep(self.buffer)

    def deadline(self, now: float, until: float) -> float:
        """Return when an attempt that begins now must have its answer's head.

        Args:
            now: Monotonic seconds.
            until: When the last attempt of the exchange must have it.
        """
        return min(now + self.try_timeout, until) if self.try_timeout else until

    def asked_for(self, response: Response) -> int | str | None:
        """Return what an answer is tried again for, its status or the name of its outcome in gRPC; None for nothing.

        An outcome that stands behind content is none: the content has been said.
        """
        status, outcomes = response.status, self._outcomes
        if status in self.policy.on:
            return status
        if not outcomes or isinstance(response.body, Body):
            return None
        said = response.headers.index.get(b"grpc-status")
        return None if said is None else outcomes.get(said)

    def holds(self, attempt: Attempt, response: Response) -> bool:
        """Whether an answer whose head has come is to be held, see Note [Answers that are held]."""
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
        """Deliver an answer once it is complete; where it breaks off before, the attempt fails instead."""
        body = response.body
        assert isinstance(body, Body)

        def told() -> None:
            if body.ended:
                response.body = body.take()
            deliver(attempt, response)

        body.gather(self.buffer, told)

    def delay(
        self, attempt: Attempt, outcome: GatewayError | int | str, now: float, response: Response | None = None
    ) -> float | None:
        """Decide whether to make one more attempt, and pay for it.

        Args:
            attempt: The last attempt.
            outcome: Its error, or what `asked_for` says of its answer.
            now: Monotonic seconds.
            response: The answer, if there is one: a server of gRPC may say when it wants to be asked again.

        Returns:
            Seconds to wait before the next attempt; None for no further one.
        """
        exchange = attempt.exchange
        remaining = min(attempt.until, exchange.deadline) - now
        known = tried(attempt)
        if self._outcomes:
            known.call = is_call(exchange.request)
        delay = self.policy.again(outcome, known, remaining, self._random)
        if delay is None:
            return None
        if isinstance(outcome, str) and response is not None:
            wanted = pushback(response.headers)
            if wanted is not None:
                if wanted >= remaining:
                    return None
                delay = wanted
        if not self.budget.withdraw(now):
            self.count(why(outcome), "budget")
            return None
        return delay

    def wait(self, attempt: Attempt, delay: float, go_on: Callable[[Attempt], None]) -> None:
        """Let the exchange wait before its next attempt."""
        attempt.exchange.pending = Backoff(self._clock, delay, attempt, go_on)


class Backoff:
    """The wait of an exchange before its next attempt."""

    __slots__ = ("_attempt", "_call", "_go_on")

    def __init__(self, clock: Any, delay: float, attempt: Attempt, go_on: Callable[[Attempt], None]) -> None:
        self._attempt = attempt
        self._go_on = go_on
        self._call = clock.callLater(delay, self._over)

    def cancel(self, error: GatewayError | None = None) -> None:
        """Stop waiting: the exchange is over for another reason."""
        self._call.cancel()
        self._attempt.abandon()

    def _over(self) -> None:
        self._attempt.exchange.pending = None
        self._go_on(self._attempt)


def tried(attempt: Attempt) -> Tried:
    """Return what the rules need to know of an exchange after an attempt."""
    request = attempt.exchange.request
    body = request.body
    sent = attempt.sent
    return Tried(
        request.method,
        attempt.number,
        sent,
        # Once a request for an upgrade has gone out, the backend may have changed the protocol and read more.
        replayable=(body is None or body.repeatable) and (request.upgrade is None or not sent),
        keyed=b"idempotency-key" in request.headers.index,
    )


def why(outcome: GatewayError | int | str) -> str:
    """Name the reason for a retry: the error's reason, or the status, e.g. `status_503`, `grpc_unavailable`."""
    if isinstance(outcome, GatewayError):
        return outcome.reason
    return f"status_{outcome}" if isinstance(outcome, int) else f"grpc_{outcome}"
