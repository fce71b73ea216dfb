"""The text formats: details that a parser does not notice."""

from __future__ import annotations

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from gateway.telemetry.exposition import OwnLabels, family, wants_openmetrics
from gateway.telemetry.series import Histogram


def test_a_counter_is_described_without_its_suffix_in_openmetrics_only() -> None:
    """`# TYPE` names the family in OpenMetrics and the series in the older text."""
    samples = [((), 1)]

    plain = "".join(family("hits_total", "counter", "Hits.", (), samples, openmetrics=False))
    openmetrics = "".join(family("hits_total", "counter", "Hits.", (), samples, openmetrics=True))

    assert plain == "# HELP hits_total Hits.\n# TYPE hits_total counter\nhits_total 1\n"
    assert openmetrics == "# HELP hits Hits.\n# TYPE hits counter\nhits_total 1\n"


def test_a_description_stays_on_its_line() -> None:
    """Line ends and backslashes in a help text are escaped."""
    text = "".join(family("up", "gauge", "a\nb\\c", (), [((), 1)], openmetrics=False))

    assert text.splitlines()[0] == r"# HELP up a\nb\\c"


def test_a_bucket_has_its_exemplar_in_openmetrics_only() -> None:
    """The older text has no place for one: a parser of it would refuse the whole."""
    histogram = Histogram((0.1, 1.0))
    for seconds in (0.05, 0.25, 7.0):
        histogram.observe(seconds)
    histogram.exemplify(0.25, "a" * 32, 1_700_000_000.25)
    histogram.exemplify(7.0, "b" * 32, 1_700_000_001.0)
    samples = [(("x",), histogram)]

    plain = "".join(family("s", "histogram", "S.", ("route",), samples, openmetrics=False))
    openmetrics = "".join(family("s", "histogram", "S.", ("route",), samples, openmetrics=True))

    assert "#" not in plain.partition("histogram\n")[2]
    assert openmetrics.splitlines()[2:5] == [
        's_bucket{route="x",le="0.1"} 1',
        's_bucket{route="x",le="1.0"} 2 # {trace_id="' + "a" * 32 + '"} 0.25 1700000000.250',
        's_bucket{route="x",le="+Inf"} 3 # {trace_id="' + "b" * 32 + '"} 7 1700000001.000',
    ]
    parsed = next(iter(text_string_to_metric_families(openmetrics + "# EOF\n")))
    assert [each.exemplar.value for each in parsed.samples if each.exemplar] == [0.25, 7.0]


def test_openmetrics_must_be_asked_for() -> None:
    """Anything else gets the older text, which everybody reads."""
    assert wants_openmetrics(b"application/openmetrics-text; version=1.0.0, */*")
    assert not wants_openmetrics(b"*/*")
    assert not wants_openmetrics(b"")


def test_labels_of_the_operator() -> None:
    """Behind those that the metric has; a route's come before those of every series where both have one."""
    own = OwnLabels({"env": "prod", "team": "all"}, {"users": {"team": 'a"b'}, "plain": {}})
    samples = [(("users", "GET"), 1), (("plain", "GET"), 2)]

    text = "".join(family("hits", "counter", "Hits.", ("route", "method"), samples, openmetrics=False, own=own))
    bare = "".join(family("up", "gauge", "Up.", (), [((), 1)], openmetrics=False, own=own))

    assert text.splitlines()[2:] == [
        r'hits{route="users",method="GET",env="prod",team="a\"b"} 1',
        'hits{route="plain",method="GET",env="prod",team="all"} 2',
    ]
    assert bare.splitlines()[2:] == ['up{env="prod",team="all"} 1']


def test_a_label_that_is_no_route_is_not_taken_for_one() -> None:
    """An upstream may have the name of a route."""
    own = OwnLabels({}, {"users": {"team": "a"}})

    assert own.of(("upstream",), ("users",)) == ""
    assert own.of(("route",), ("users",)) == 'team="a"'
