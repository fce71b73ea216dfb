"""The cells that count."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.telemetry.series import METHODS, Counts, Histogram, RouteMetrics, UpstreamMetrics


def test_a_value_that_equals_a_bound_belongs_to_its_bucket() -> None:
    """`le` is less or equal; what is above all bounds is in the last."""
    histogram = Histogram([0.1, 1])
    for value in (0.1, 0.5, 1.0, 7.0):
        histogram.observe(value)

    assert list(histogram.cumulative()) == [("0.1", 1), ("1.0", 3), ("+Inf", 4)]
    assert histogram.total == 8.6


def test_each_combination_of_labels_has_its_count() -> None:
    """In the order in which they are given."""
    counts = Counts()
    for labels in (("a", "b"), ("b", "a"), ("a", "b")):
        counts.add(*labels)

    assert counts.cells == {("a", "b"): 2, ("b", "a"): 1}


def test_a_method_that_nobody_knows_is_another() -> None:
    """A client can make up any number of them, and each would be a series."""
    route = RouteMetrics("users", "/users/:id", Histogram([1.0]))
    for method in (b"GET", b"BREW", b"get"):
        route.record(method, 200, 0.5)

    assert route.requests == {(b"GET", 200): 1, (b"OTHER", 200): 2}


@given(
    st.lists(st.tuples(st.sampled_from([b"GET", b"PUT", b"BREW"]), st.sampled_from([200, 404]), st.booleans())),
    st.sampled_from([(), (0.1,), (0.1, 1.0)]),
    st.lists(st.sampled_from([0.0, 0.1, 0.11, 1.0, 5.0]), min_size=1),
)
def test_requests_are_counted_one_by_one(
    ended: list[tuple[bytes, int, bool]], bounds: tuple[float, ...], seconds: list[float]
) -> None:
    """Whatever ended before, whenever somebody looks; and as the histogram would, which is written out for speed."""
    route, histogram, counted = RouteMetrics("users", "/", Histogram(bounds)), Histogram(bounds), Counter[Any]()
    for number, (method, status, looks) in enumerate(ended):
        took = seconds[number % len(seconds)]
        route.record(method, status, took)
        histogram.observe(took)
        counted[method if method in METHODS else b"OTHER", status] += 1
        if looks:
            assert route.requests == counted

    assert route.requests == counted
    assert (route.duration.counts, route.duration.total) == (histogram.counts, histogram.total)


def test_attempts_are_counted_by_backend_and_outcome() -> None:
    """Their times are those of the upstream."""
    upstream = UpstreamMetrics("users", Histogram([1.0]))
    upstream.attempt("http://a", "ok")
    upstream.attempt("http://a", "upstream.connect")
    upstream.attempt("http://a", "ok")
    upstream.observe(2.0)

    assert upstream.attempts == {("http://a", "ok"): 2, ("http://a", "upstream.connect"): 1}
    assert upstream.duration.counts == [0, 1]
