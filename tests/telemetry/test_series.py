"""The cells that count."""

from __future__ import annotations

from gateway.telemetry.series import Counts, Histogram, RouteMetrics, UpstreamMetrics


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


def test_a_request_is_counted_as_the_histogram_would() -> None:
    """`record` has it written out, for speed."""
    route, histogram = RouteMetrics("users", "/", Histogram([0.1, 1.0])), Histogram([0.1, 1.0])
    for seconds in (0.1, 0.11, 5.0):
        route.record(b"GET", 200, seconds)
        histogram.observe(seconds)

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
