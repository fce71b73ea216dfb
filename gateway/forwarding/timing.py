"""A forwarder for upstreams that are balanced by what answers take (`strategy: least_latency`).

A class of its own, chosen when the configuration is loaded (`gateway.forwarding.kinds`): other routes measure nothing.
What becomes of it is in `gateway.balancing.answer_times`.

Tests: `tests/flow/test_least_latency.py::test_a_slow_backend_gets_little_until_it_is_fast_again`.
"""

from __future__ import annotations

from typing import Final

from gateway.errors import GatewayError
from gateway.exchange import Exchange
from gateway.forwarding.attempt import Attempt
from gateway.forwarding.forwarder import Forwarder
from gateway.forwarding.retries import tried
from gateway.forwarding.verdicts import failure_of
from gateway.message import Response
from gateway.resilience.retry import lost_race

_UPLOADS: Final = "gateway.uploads"
"""In `Exchange.state`: content was still to come when the exchange was forwarded."""


class TimingForwarder(Forwarder):
    """Forwards, and tells how long backends take to answer, or that they fail."""

    __slots__ = ()

    def forward(self, exchange: Exchange) -> None:
        if not exchange.request.whole:
            exchange.state[_UPLOADS] = True
        super().forward(exchange)

    def attempt_answered(self, attempt: Attempt, response: Response) -> None:
        times = attempt.backend.times
        if times is not None:
            now = self._attempts.now()
            if failure_of(response.status, None):
                times.failed(now - attempt.started, now)
            elif _is_telling(attempt):
                times.answered(now - attempt.started, now)
        super().attempt_answered(attempt, response)

    def attempt_finished(self, attempt: Attempt, error: GatewayError | None) -> float:
        # Of a status from 500 up was told when the head came. A connection that was closed while idle is no failure.
        if error is not None and attempt.status < 500 and not lost_race(error, tried(attempt)):
            self._failed(attempt, error)
        return super().attempt_finished(attempt, error)

    def attempt_cancelled(self, attempt: Attempt, error: GatewayError | None) -> None:
        times = attempt.backend.times
        if error is not None:
            self._failed(attempt, error)
        elif times is not None and not attempt.status and _is_telling(attempt):
            # The client is gone, or another attempt was faster: it would have taken so long at least.
            now = self._attempts.now()
            times.given_up(now - attempt.started, now)
        super().attempt_cancelled(attempt, error)

    def _failed(self, attempt: Attempt, error: GatewayError) -> None:
        times = attempt.backend.times
        if times is not None and failure_of(0, error):
            now = self._attempts.now()
            times.failed(now - attempt.started if _is_telling(attempt) else 0.0, now)


def _is_telling(attempt: Attempt) -> bool:
    """Whether the time that an attempt takes is its backend's: not where a client is still sending."""
    exchange = attempt.exchange
    return exchange.request.body is None or _UPLOADS not in exchange.state
