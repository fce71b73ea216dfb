"""Request metrics: each exchange is counted once, with its result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry

from gateway.errors import BackendTimeout, ClientAborted, GatewayError
from gateway.exchange import Exchange
from gateway.message import Response
from gateway.middleware.failures import Failures
from gateway.middleware.metrics import RequestMetrics
from gateway.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from tests.middleware.conftest import MakeExchange


@pytest.fixture
def metrics() -> Metrics:
    """Empty."""
    return Metrics(registry=CollectorRegistry())


@pytest.fixture
def kept() -> list[Exchange]:
    """Exchanges that were handed to who keeps what failed."""
    return []


@pytest.fixture
def step(metrics: Metrics, kept: list[Exchange]) -> RequestMetrics:
    """Of one route."""
    failures = Failures(metrics.errors.add, lambda: 0.0)
    return RequestMetrics(metrics.route("users", "/users/:id"), metrics.upstream, failures.ended, kept.append)


@pytest.mark.parametrize(
    ("response", "error", "fails"),
    [
        (Response(200), None, False),
        (Response(404), None, False),
        (Response(503), None, True),
        (Response(504), BackendTimeout(), True),
        (Response(200), BackendTimeout(), True),
        (None, ClientAborted(), True),
    ],
)
def test_what_failed_is_handed_on(
    make: MakeExchange,
    step: RequestMetrics,
    kept: list[Exchange],
    response: Response | None,
    error: GatewayError | None,
    fails: bool,
) -> None:
    """Errors of the gateway, whatever the client got, and what a backend itself has answered with a 5xx."""
    exchange = make()
    exchange.response, exchange.error = response, error

    step.on_finish(exchange)

    assert kept == ([exchange] if fails else [])


def test_an_answer_is_counted_with_its_duration(make: MakeExchange, step: RequestMetrics, metrics: Metrics) -> None:
    """Under method and status."""
    exchange = make()
    exchange.response = Response(201)

    step.on_finish(exchange)

    route = metrics.route("users", "/users/:id")
    assert route.requests == {(b"GET", 201): 1}
    assert route.duration.total == pytest.approx(0.25)
    assert metrics.errors.cells == {}


def test_the_upstreams_time_is_counted_under_the_upstream_that_answered(
    make: MakeExchange, step: RequestMetrics, metrics: Metrics
) -> None:
    """From the last attempt's start to the end of its answer."""
    exchange = make()
    exchange.response = Response(200)
    exchange.upstream, exchange.upstream_started, exchange.upstream_finished = "users", 100.1, 100.2

    step.on_finish(exchange)

    assert metrics.upstream("users").duration.total == pytest.approx(0.1)


def test_each_upstream_of_a_split_route_has_its_own_time(
    make: MakeExchange, step: RequestMetrics, metrics: Metrics
) -> None:
    """Whichever was counted before it."""
    for upstream, finished in (("one", 100.1), ("two", 100.3), ("two", 100.3), ("one", 100.1)):
        exchange = make()
        exchange.upstream, exchange.upstream_started, exchange.upstream_finished = upstream, 100.0, finished
        step.on_finish(exchange)

    assert metrics.upstream("one").duration.total == pytest.approx(0.2)
    assert metrics.upstream("two").duration.total == pytest.approx(0.6)


def test_an_upstream_that_never_finished_has_no_duration(
    make: MakeExchange, step: RequestMetrics, metrics: Metrics
) -> None:
    """Its error is counted, by reason and source."""
    exchange = make()
    exchange.error = BackendTimeout()
    exchange.response = Response(504)
    exchange.upstream, exchange.upstream_started = "users", 100.1

    step.on_finish(exchange)

    assert sum(metrics.upstream("users").duration.counts) == 0
    assert metrics.errors.cells == {("upstream.timeout", "upstream"): 1}


def test_a_client_that_left_is_a_499(make: MakeExchange, step: RequestMetrics, metrics: Metrics) -> None:
    """It got no answer, and is counted all the same."""
    exchange = make()
    exchange.error = ClientAborted()

    step.on_finish(exchange)

    assert metrics.route("users", "/users/:id").requests == {(b"GET", 499): 1}
    assert metrics.errors.cells == {("request.aborted", "downstream"): 1}


def test_a_rate_limits_refusal_is_counted_for_the_route(
    make: MakeExchange, step: RequestMetrics, metrics: Metrics
) -> None:
    """By the reason of the answer, so that the steps that limit need no metrics."""

    class LimitExceeded(GatewayError):
        status, reason = 429, "limit.exceeded"

    exchange = make()
    exchange.error = LimitExceeded()
    step.on_finish(exchange)

    assert metrics.route("users", "/users/:id").limited == 1
