"""Each fault is counted; the log has one line a minute for each kind."""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger, capturedLogs
from twisted.python.failure import Failure

from gateway.middleware.plugin_faults import MOST, Faults
from gateway.plugin import Exchange
from gateway.testing import Harness


class Keeper:
    """A step that keeps the exchange."""

    name = "keeper"

    def __init__(self, seen: list[Exchange]) -> None:
        self._seen = seen

    def on_request(self, exchange: Exchange) -> None:
        self._seen.append(exchange)


def make() -> tuple[Faults, list[Any], list[float]]:
    """Make the faults of a plugin; returns also what was counted, and the clock."""
    counted: list[Any] = []
    clock = [1000.0]

    def count(*labels: str) -> None:
        counted.append(labels)

    return Faults("stamp", count, count, lambda: clock[0], Logger(namespace="gateway.plugin.stamp")), counted, clock


def fail(faults: Faults, error: BaseException, hook: str = "on_request") -> None:
    """Take a fault with a traceback."""
    try:
        raise error
    except BaseException:  # noqa: BLE001 - it is what is told
        faults.failed(None, hook, Failure())


def test_one_line_a_minute_and_its_traceback() -> None:
    """The next one says how many there were; another kind, or another hook, has a line of its own."""
    faults, counted, clock = make()
    with capturedLogs() as events:
        for _ in range(5):
            fail(faults, ValueError("a"))
        fail(faults, KeyError("b"))
        fail(faults, ValueError("c"), "on_response")
        assert [event["cause"] for event in events] == ["ValueError", "KeyError", "ValueError"]
        clock[0] += 61

        fail(faults, ValueError("d"))

    assert events[-1]["more"] == " (4 more since the last line of this kind)"
    assert "in fail" in events[0]["log_failure"].getTraceback()
    assert len(counted) == 8


def test_kinds_without_end() -> None:
    """Classes of exceptions can be made for each request: what is remembered is bounded."""
    faults, counted, _ = make()
    with capturedLogs():
        for number in range(10 * MOST):
            fail(faults, type(f"Kind{number}", (Exception,), {})())

    assert len(faults._told) <= MOST
    assert len(counted) == 10 * MOST


def test_the_exchange_knows() -> None:
    """For the log record, and the span."""
    faults, _, _ = make()
    harness = Harness()
    seen: list[Exchange] = []
    harness.insert("/orders/1", Keeper(seen))
    harness.get("/orders/1")
    (exchange,) = seen
    with capturedLogs() as events:
        faults.failed(exchange, "on_request", Failure(ValueError()))
        faults.failed(exchange, "on_request", Failure(ValueError()))
        faults.failed(exchange, "on_response", Failure(SystemExit()))
        faults.blocked(exchange, "on_request", 0.5)

    assert exchange.plugin_errors == "stamp.on_request=ValueError, stamp.on_response=SystemExit"
    assert "held the reactor for 0.500 s" in events[-1]["log_format"].format(**events[-1])
