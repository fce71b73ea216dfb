"""Which answers an adaptive limit learns from, and which gate it sets."""

from __future__ import annotations

import pytest

from gateway.errors import BackendRefused, BackendTimeout, GatewayError, TooManyInFlight
from gateway.message import Response
from gateway.middleware.adaptive import AdaptiveConcurrency, AdaptiveLimit
from gateway.middleware.gate import Gate
from gateway.resilience.admission import Priority
from gateway.resilience.gradient import Gradient, GradientRules
from gateway.transport.deadlines import Deadlines
from tests.middleware.conftest import MakeExchange

RULES = GradientRules(initial=20, least=1, window=1.0, min_samples=1)


class Stand:
    """An upstream's gate, its adaptive limit, and the clock of both."""

    def __init__(self) -> None:
        self.now = 100.0
        self.gate = Gate(
            "upstream",
            "users",
            limit=RULES.initial,
            max_queue=0,
            timeout=5.0,
            deadlines=Deadlines(lambda: self.now),
            now=lambda: self.now,
            queued=lambda *labels: None,
            refused=lambda *labels: None,
        )
        self.limit = AdaptiveLimit(Gradient(RULES), lambda: self.now)
        self.limit.hold(self.gate)
        self.step = AdaptiveConcurrency({"users": (self.limit, self.gate)})

    def answer(
        self,
        make: MakeExchange,
        seconds: float = 0.1,
        status: int = 200,
        error: GatewayError | None = None,
        upstream: str | None = "users",
        attempts: int = 1,
    ) -> None:
        """Let an exchange be answered after so many seconds."""
        exchange = make()
        exchange.upstream, exchange.upstream_started, exchange.attempts = upstream, self.now, attempts
        self.now += seconds
        exchange.response, exchange.error = Response(status), error
        self.step.on_response(exchange)


def test_a_busy_upstream_that_stays_fast_gets_more(make: MakeExchange) -> None:
    """With each window in which at least half of the limit was used; the gate has the new limit at once."""
    stand = Stand()
    for _ in range(15):
        stand.gate.enter(make(), Priority.NORMAL)

    for _ in range(30):
        stand.answer(make)

    assert stand.gate.limit > RULES.initial
    assert stand.gate.limit == stand.limit.gradient.limit


def test_an_upstream_that_grows_slow_gets_less(make: MakeExchange) -> None:
    """A timeout counts as a slow answer."""
    stand = Stand()
    for _ in range(20):
        stand.gate.enter(make(), Priority.NORMAL)
    for _ in range(200):
        stand.answer(make, 0.1)
    before = stand.gate.limit

    for _ in range(10):
        stand.answer(make, 5.0, 504, BackendTimeout())

    assert stand.gate.limit < before


@pytest.mark.parametrize(
    ("status", "error", "upstream", "attempts"),
    [
        (503, None, "users", 1),
        (502, BackendRefused(), "users", 1),
        (503, TooManyInFlight(), "users", 0),
        (504, BackendTimeout(), "users", 0),
        (200, None, None, 0),
        (200, None, "orders", 1),
    ],
)
def test_what_says_nothing_about_the_time_it_takes(
    make: MakeExchange, status: int, error: GatewayError | None, upstream: str | None, attempts: int
) -> None:
    """Failures that come fast, the gateway's own answers, time spent in a queue, and answers of another upstream."""
    stand = Stand()

    for _ in range(10):
        stand.answer(make, 1.0, status, error, upstream, attempts)

    assert stand.limit.gradient.usual == 0.0


def test_a_limit_whose_rules_are_gone_changes_nothing(make: MakeExchange) -> None:
    """An exchange that began before a reload is answered after it."""
    stand = Stand()
    stand.gate.configure(7, 0, 1.0)
    for _ in range(7):
        stand.gate.enter(make(), Priority.NORMAL)

    for _ in range(30):
        stand.answer(make)

    assert stand.gate.limit == 7
