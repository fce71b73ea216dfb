"""Figures as StatsD reads them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from gateway.telemetry.series import Histogram
from gateway.telemetry.spec import Spec
from gateway.telemetry.statsd import Lines, StatsD, datagrams, timers

REQUESTS = Spec("gateway_requests_total", "counter", ("route", "method"), "")
STATE = Spec("gateway_state", "gauge", ("backend",), "")
DURATION = Spec("gateway_request_duration_seconds", "histogram", ("route",), "")


def test_counters_go_as_what_was_added() -> None:
    """What has not changed is not sent; a series that began anew is sent whole."""
    lines = Lines("gateway", tagged=True)

    def said(count: int) -> list[bytes]:
        return list(lines([(REQUESTS, [(("users", "GET"), count)])]))

    assert said(3) == [b"gateway.requests:3|c|#route:users,method:GET"]
    assert said(3) == []
    assert said(10) == [b"gateway.requests:7|c|#route:users,method:GET"]
    assert said(2) == [b"gateway.requests:2|c|#route:users,method:GET"]
    assert list(lines([])) == []


def test_gauges_go_as_they_are() -> None:
    """One below zero is set to zero first, since a sign means a change; what is no number is not sent."""
    lines = Lines("edge", tagged=True, own={"env": "a b|c"})
    samples = [(("a",), 1.5), (("b",), -2), (("",), float("inf")), (("",), 0)]

    assert list(lines([(STATE, samples)])) == [
        b"edge.state:1.5|g|#backend:a,env:a_b_c",
        b"edge.state:0|g|#backend:b,env:a_b_c",
        b"edge.state:-2|g|#backend:b,env:a_b_c",
        b"edge.state:0|g|#env:a_b_c",
    ]


def test_without_tags_labels_are_parts_of_the_name() -> None:
    """In their order, and none is left out."""
    lines = Lines("gateway", tagged=False, own={"env": "x"})

    assert list(lines([(REQUESTS, [(("http://a:1/b", ""), 1)])])) == [b"gateway.requests.http_a_1_b._:1|c"]


@pytest.mark.parametrize("value", ["a|b", "a,b", "a\nb", "a#b", "a b"])
def test_no_name_of_a_configuration_ends_a_tag(value: str) -> None:
    """A line is one line, and has the tags that it has."""
    (line,) = Lines("g", tagged=True)([(STATE, [((value,), 1)])])

    assert line == b"g.state:1|g|#backend:a_b"


def test_histograms_are_timers() -> None:
    """In milliseconds, with the sample rate for several alike."""
    lines = Lines("gateway", tagged=True)
    histogram = Histogram((0.1, 1.0))
    for seconds in (0.05, 0.02, 0.05, 0.02):
        histogram.observe(seconds)

    def said() -> list[bytes]:
        return list(lines([(DURATION, [(("users",), histogram)])]))

    assert said() == [b"gateway.request_duration:35|ms|@0.25|#route:users"]
    assert said() == []
    histogram.observe(7.0)
    assert said() == [b"gateway.request_duration:7000|ms|#route:users"]


@given(
    st.lists(st.floats(0, 20), max_size=30),
    st.lists(st.floats(0, 20), max_size=30),
    st.lists(st.sampled_from([0.01, 0.1, 0.5, 1.0, 5.0, 10.0]), unique=True).map(sorted),
)
def test_timers_out_of_buckets_keep_count_and_mean(
    first: list[float], second: list[float], bounds: list[float]
) -> None:
    """Each bucket has its count, and stays within its bounds; the sum is right with nothing above the last bound."""
    histogram = Histogram(bounds)
    for seconds in first:
        histogram.observe(seconds)
    before = (tuple(histogram.counts), histogram.total)
    for seconds in second:
        histogram.observe(seconds)
    found = timers(histogram.bounds, (tuple(histogram.counts), histogram.total), before)

    assert sum(count for _, count in found) == len(second)
    again = Histogram(bounds)
    for seconds in second:
        again.observe(seconds)
    edges = [0.0, *bounds, float("inf")]
    buckets = [(edges[at], edges[at + 1], count) for at, count in enumerate(again.counts) if count]
    for (low, high, count), (value, found_count) in zip(buckets, found, strict=True):
        assert count == found_count
        assert low <= value <= high
    if not again.counts[-1]:
        assert sum(value * count for value, count in found) == pytest.approx(sum(second), abs=1e-6)


def test_datagrams_are_filled_and_not_cut() -> None:
    """A line that is too long by itself is left out."""
    assert list(datagrams([b"aaaa", b"bbbb", b"cccc", b"x" * 10, b"d"], 9)) == [b"aaaa\nbbbb", b"cccc\nd"]
    assert list(datagrams([], 9)) == []


class Bench:
    """What sends, on a clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.count = 5
        self.sent: list[bytes] = []
        self.takes = True
        self.dropped = 0
        self.closed = 0
        lines = Lines("g", tagged=True)
        self.statsd = StatsD(self.figures, lines, self.send, 100, 1.0, self.clock, self.drop, self.close)

    def figures(self) -> Any:
        """One counter."""
        return [(REQUESTS, [(("a", "GET"), self.count)])]

    def send(self, datagram: bytes) -> bool:
        """Take it, or not."""
        if self.takes:
            self.sent.append(datagram)
        return self.takes

    def drop(self) -> None:
        """Count."""
        self.dropped += 1

    def close(self) -> None:
        """Count."""
        self.closed += 1


def test_once_an_interval_and_at_the_end() -> None:
    """What was counted before the start is not sent."""
    bench = Bench()
    bench.statsd.startService()
    bench.clock.advance(1)
    assert bench.sent == []
    bench.count = 7
    bench.clock.advance(1)
    bench.count = 8
    bench.statsd.stopService()

    assert bench.sent == [b"g.requests:2|c|#route:a,method:GET", b"g.requests:1|c|#route:a,method:GET"]
    assert (bench.dropped, bench.closed) == (0, 1)
    assert not bench.clock.getDelayedCalls()


def test_what_the_system_does_not_take_is_dropped_and_counted() -> None:
    """Nothing waits for it."""
    bench = Bench()
    bench.statsd.startService()
    bench.count, bench.takes = 6, False
    bench.clock.advance(1)

    assert (bench.sent, bench.dropped) == ([], 1)


def test_what_is_of_all_processes_one_of_them_sends() -> None:
    """From the second time on, since another one has sent what was counted before; never after its end."""
    bench, own, lines = Bench(), Lines("g", tagged=True), Lines("g", tagged=True)
    asked: list[Deferred[Any]] = []
    elected = True

    def of_all() -> Deferred[Any] | None:
        if not elected:
            return None
        asked.append(Deferred())
        return asked[-1]

    def answer(count: int) -> None:
        asked[-1].callback([(STATE, [(("b",), 2)]), (REQUESTS, [(("all", ""), count)])])

    bench.statsd = StatsD(list, own, bench.send, 100, 1.0, bench.clock, bench.drop, bench.close, of_all, lines)
    bench.statsd.startService()
    answer(10)
    assert bench.sent == []
    bench.clock.advance(1)
    answer(13)
    assert bench.sent == [b"g.state:2|g|#backend:b\ng.requests:3|c|#route:all"]

    elected = False
    bench.clock.advance(1)
    elected = True
    bench.clock.advance(1)
    answer(20)
    assert len(bench.sent) == 1
    bench.clock.advance(1)
    bench.statsd.stopService()
    answer(21)
    assert len(bench.sent) == 1
    assert len(asked) == 4
