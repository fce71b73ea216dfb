"""The figures of a second."""

from __future__ import annotations

import pytest

from gateway.telemetry.metrics import Metrics
from gateway.telemetry.rates import STALE, Rates, percentiles, shown, together


class Counting:
    """Counts, a clock, and who looks."""

    def __init__(self) -> None:
        self.time = 10.0
        self.metrics = Metrics((0.01, 0.1, 1.0))
        self.rates = Rates(self.metrics, lambda: self.time)

    def request(self, route: str, status: int = 200, seconds: float = 0.004, times: int = 1, path: str = "/*") -> None:
        """Let requests of a route end."""
        for _ in range(times):
            self.metrics.route(route, path).record(b"GET", status, seconds)


@pytest.fixture
def counting() -> Counting:
    """One that was looked at, after a request of long ago."""
    made = Counting()
    made.request("orders")
    assert made.rates.since() is None
    made.time += 1.0
    return made


def test_what_was_before_the_first_look_is_not_told(counting: Counting) -> None:
    """A page that is opened shows no burst of all that ever was."""
    rate = counting.rates.since()
    assert rate is not None
    figures = shown(rate)

    assert (figures["requests"], figures["p99"], figures["routes"]) == (0.0, None, [])


def test_a_second_is_told_by_class_and_by_route(counting: Counting) -> None:
    """Requests of a second, those of each route, and what went wrong."""
    counting.request("orders", times=6)
    counting.request("orders", 503, times=2)
    counting.request("users", 404, times=2)
    counting.metrics.errors.add("upstream.connect", "upstream")
    rate = counting.rates.since()
    assert rate is not None
    figures = shown(rate)

    assert figures["requests"] == 10.0
    assert {name: count for name, count in figures["classes"].items() if count} == {"2xx": 6.0, "4xx": 2.0, "5xx": 2.0}
    assert figures["failed"] == {"upstream.connect": 1.0}
    assert [(one["name"], one["requests"], one["errors"]) for one in figures["routes"]] == [
        ("orders", 8.0, 2.0),
        ("users", 2.0, 0.0),
    ]


def test_nothing_is_told_twice(counting: Counting) -> None:
    """What a look has told, the next does not; and two seconds are two seconds."""
    counting.request("orders", times=4)
    counting.rates.since()
    counting.time += 2.0
    counting.request("orders", times=4)
    rate = counting.rates.since()
    assert rate is not None

    assert shown(rate)["requests"] == 2.0


def test_patterns_of_one_name_are_one_route(counting: Counting) -> None:
    """They share their durations, which are counted once."""
    counting.request("orders", times=3)
    counting.request("orders", times=3, path="/orders")
    rate = counting.rates.since()
    assert rate is not None

    assert (rate["routes"]["orders"][0], sum(rate["counts"])) == (6, 6)


def test_a_look_after_long_is_a_first_look(counting: Counting) -> None:
    """An average over a night is no figure of this moment."""
    counting.request("orders")
    counting.time += STALE + 1.0

    assert counting.rates.since() is None


def test_a_route_that_went_is_forgotten(counting: Counting) -> None:
    """A reload removes its cells; those that come back begin anew."""
    counting.metrics.retain([], [])
    counting.rates.since()
    counting.time += 1.0
    counting.request("orders")
    rate = counting.rates.since()
    assert rate is not None

    assert rate["routes"]["orders"][0] == 1


def test_processes_are_added_up() -> None:
    """Requests, buckets and routes; one of them may have nothing to say."""
    told = []
    for times in (2, 3):
        one = Counting()
        one.rates.since()
        one.time += 1.0
        one.request("orders", times=times)
        one.request(f"own{times}", 500)
        told.append(one.rates.since())
    idle = Counting()
    idle.rates.since()
    idle.time += 1.0
    whole = together([None, *told, idle.rates.since()])
    assert whole is not None
    figures = shown(whole)

    assert figures["requests"] == 7.0
    assert figures["classes"]["5xx"] == 2.0
    assert figures["routes"][0]["requests"] == 5.0
    assert told[0] is not None
    assert told[0]["routes"]["orders"][0] == 2, "what a process has told is left as it was"
    assert together([None]) is None


def test_percentiles_go_by_the_buckets() -> None:
    """Of ten the ninth is in the second bucket; where all are in one, it is their mean."""
    assert percentiles((0.01, 0.1), [5, 5, 0], 5 * 0.005 + 5 * 0.055, (0.5, 0.9)) == [5.0, 55.0]
    assert percentiles((0.01, 0.1), [4, 0, 0], 4 * 0.002, (0.5, 0.99)) == [2.0, 2.0]
    assert percentiles((0.01, 0.1), [0, 0, 2], 6.0, (0.99,)) == [3000.0]
    assert percentiles((0.01,), [0, 0], 0.0, (0.5,)) == [None]
