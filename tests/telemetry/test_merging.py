"""Figures as JSON, and back into what is written for a scrape."""

from __future__ import annotations

import json
from math import inf

from gateway.telemetry.catalog import METRICS
from gateway.telemetry.merging import Families, Others, collected, merge, plain, samples, series
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.series import Histogram


def test_figures_survive_the_way() -> None:
    """Numbers, what JSON has no number for, and histograms."""
    histogram = Histogram((0.1, 1.0))
    histogram.observe(0.5)

    found = series(json.loads(json.dumps(plain([(("a",), 3), (("b",), inf), (("c",), histogram)]))))

    back = dict(samples(found))
    assert (back["a",], back["b",]) == (3, inf)
    again = back["c",]
    assert isinstance(again, Histogram)
    assert (again.bounds, again.counts, again.total) == ((0.1, 1.0), [0, 1, 0], 0.5)


def test_of_each_bucket_the_latest_exemplar_stays() -> None:
    """Whichever worker has it."""
    one, other = Histogram((0.1, 1.0)), Histogram((0.1, 1.0))
    one.exemplify(0.05, "a", 1.0)
    one.exemplify(0.5, "b", 4.0)
    other.exemplify(0.05, "c", 2.0)
    other.exemplify(0.5, "d", 3.0)
    families: Families = {}
    for each in (one, other, Histogram((0.1, 1.0))):
        merge(families, {"s": series(json.loads(json.dumps(plain([(("x",), each)]))))})

    ((_, made),) = samples(families["s"])
    assert isinstance(made, Histogram)
    assert made.exemplars == {0: ("c", 0.05, 2.0), 1: ("b", 0.5, 4.0)}


def test_a_gateway_of_one_worker_shows_what_that_worker_shows() -> None:
    """Octet for octet, in both texts."""
    metrics = Metrics()
    metrics.started(1_780_000_000.0)
    metrics.route("users", "/users").record(b"GET", 200, 0.02)
    metrics.errors.add("route.none", "downstream")
    whole: Families = {}
    merge(whole, {spec.name: series(plain(found)) for spec, found in metrics.samples()})
    others = Others()
    others.add(json.loads(json.dumps(collected(metrics.registry))))

    for openmetrics in (False, True):
        own = metrics.written(metrics._samples, metrics.registry, openmetrics).decode()
        made = metrics.written(lambda spec: samples(whole.get(spec.name, {})), others, openmetrics).decode()

        # Figures of the process change with every look; and the client library knows which are timestamps of creation.
        def ours(text: str) -> list[str]:
            return [line for line in text.splitlines() if "gateway_" in line]

        assert ours(made) == ours(own)
        assert {line.split("{")[0].split(" ")[0] for line in made.splitlines()} == {
            line.split("{")[0].split(" ")[0] for line in own.splitlines()
        }


def test_each_metric_has_a_rule() -> None:
    """Histograms have no other than the sum."""
    assert {spec.whole for spec in METRICS} == {"sum", "max", "min"}
    assert all(spec.whole == "sum" for spec in METRICS if spec.kind == "histogram")
