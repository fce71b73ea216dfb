"""The harness: what it finds, so that a test that is quiet means something."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.testing import Harness

GET = b"GET /orders/7 HTTP/1.1\r\nHost: h\r\n\r\n"


def test_the_same_seed_is_the_same_run() -> None:
    """Identifiers, balancing and disorder: a failure replays."""
    first, second = (Harness("orders", seed=7, disorder=True) for _ in range(2))
    for harness in (first, second):
        for _ in range(3):
            harness.get("/orders/7")

    assert first.logs == second.logs


def test_an_exchange_in_flight_is_not_quiet() -> None:
    """Neither is a connection in use."""
    harness = Harness("orders")
    harness.backend("orders").stall()
    harness.send(GET)

    with pytest.raises(AssertionError, match="1 exchanges in flight"):
        harness.check_quiet()
    harness.hang_up()
    harness.check_quiet()


def test_a_pool_that_counts_wrong_is_not_quiet() -> None:
    """Also where no exchange is left."""
    harness = Harness("orders")
    (pool,) = harness.gateway.foundation.pool.pools()
    pool.in_flight = 1

    with pytest.raises(AssertionError, match="pool not quiet"):
        harness.check_quiet()


def test_a_deadline_of_what_is_gone_is_not_quiet() -> None:
    """It would be looked at for ever."""

    class Gone:
        deadline = float("inf")

        def on_deadline(self, now: float) -> None:
            """Nobody is here."""

    harness = Harness("orders")
    harness.gateway.foundation.deadlines.watch(Gone())

    with pytest.raises(AssertionError, match="deadlines of what is gone"):
        harness.check_quiet()


def test_steps_may_be_put_on_a_route() -> None:
    """Innermost, for the snapshot in force."""
    asked: list[str] = []

    class Step:
        name = "step"

        def on_request(self, exchange: Any) -> None:
            asked.append(exchange.request_id)

    harness = Harness("orders", "users")
    harness.insert("/orders/7", Step())
    harness.get("/orders/7")
    harness.get("/users/7")

    assert asked == [harness.logs[0]["request_id"]]


def test_metrics_are_read_as_a_scrape_reads_them() -> None:
    """Summed over what is not asked for."""
    harness = Harness("orders")
    for path in ("/orders/7", "/orders/8", "/nowhere"):
        harness.get(path)

    assert harness.metric("gateway_requests_total", route="orders") == 2
    assert harness.metric("gateway_requests_total") == 3
    assert harness.metric("gateway_no_such_metric") == 0
