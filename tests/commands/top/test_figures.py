"""The figures of `gateway top`."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from gateway.commands.top.figures import FAILURES, Sample, added, figures, labels, quantile, read
from gateway.memory.backend import ok
from gateway.testing import Harness


def scrape(made: Harness, at: float) -> Sample:
    """What `/metrics` says now."""
    made.clock.advance(1)
    _, text = made.gateway.foundation.metrics.exposition(b"", made.now())
    return read(text.decode(), at)


def looks(made: Harness, *targets: str, seconds: float = 2.0) -> dict[str, Any]:
    """Look, make requests, and look again."""
    before = scrape(made, 10.0)
    for target in targets:
        made.get(target)
    foundation = made.gateway.foundation
    return figures(before, scrape(made, 10.0 + seconds), made.gateway.figures.view(), foundation.failures.summaries())


def test_traffic_between_two_looks() -> None:
    """What was before the first does not count."""
    made = Harness("orders", "users")
    made.backend("users").answers(ok(b"no", status=b"503 Service Unavailable"))
    made.get("/orders/1")

    shown = looks(made, *["/orders/1"] * 5, "/users/1", "/nothing", "/nothing")

    assert (shown["requests_per_second"], shown["failed_per_second"]) == (4.0, 0.5)
    assert shown["statuses"] == {"2xx": 2.5, "4xx": 1.0, "5xx": 0.5}
    assert shown["reasons"] == [{"reason": "route.none", "per_second": 1.0}]
    busy = [(one["route"], one["requests_per_second"], one["failed_per_second"]) for one in shown["routes"]]
    assert busy == [("orders", 2.5, 0.0), ("", 1.0, 0.0), ("users", 0.5, 0.5)]
    assert shown["latency_ms"]["p99"] <= 10.0


def test_the_first_look_has_no_rates() -> None:
    """And says so, in place of zeros."""
    made = Harness()

    shown = figures(None, scrape(made, 1.0), made.gateway.figures.view(), [])

    assert (shown["requests_per_second"], shown["latency_ms"], shown["routes"]) == (None, None, [])
    assert shown["memory_bytes"] > 0


@pytest.mark.parametrize(
    ("shown", "state", "why"),
    [
        ({}, "up", ""),
        ({"draining": True, "health": {"healthy": False}}, "draining", "refused"),
        ({"health": {"healthy": False}}, "down", "refused"),
        (
            {"health": {"healthy": True}, "circuit_breaker": {"state": "open", "why": "5 in a row"}},
            "open",
            "5 in a row",
        ),
        ({"circuit_breaker": {"state": "half_open", "why": "a probe"}}, "half-open", "a probe"),
        ({"circuit_breaker": {"state": "closed", "why": ""}, "ejection": {"ejected": True}}, "ejected", "refused"),
    ],
)
def test_the_worst_of_a_backend_is_shown(shown: dict[str, Any], state: str, why: str) -> None:
    """With its last error where nothing else says why."""
    connections = {"idle": 1, "busy": 2, "connecting": 0, "pending": 3}
    backend = {"url": "http://a", "in_flight": 2, "connections": connections, "last_errors": [{"what": "refused"}]}

    said = figures(None, Sample(0.0, {}), [{"name": "u", "backends": [backend | shown]}], [])

    [found] = said["upstreams"][0]["backends"]
    assert found == {"url": "http://a", "state": state, "why": why, "in_flight": 2, "connections": 3, "pending": 3}


def test_a_process_that_was_started_anew_counts_from_nothing() -> None:
    """Rates are not negative."""
    before, now = Sample(0.0, {"c": {"": 100.0}}), Sample(1.0, {"c": {"": 7.0}})
    assert added(before, now, "c") == {"": 7.0}


@pytest.mark.parametrize(
    ("share", "bounds", "seconds"),
    [
        (0.5, {0.1: 10.0, 1.0: 10.0, inf: 10.0}, 0.05),
        (0.5, {0.1: 0.0, 1.0: 10.0, inf: 10.0}, 0.55),
        (0.99, {0.1: 0.0, 1.0: 0.0, inf: 10.0}, 1.0),
        (0.5, {0.1: 0.0, inf: 0.0}, None),
        (0.5, {}, None),
    ],
)
def test_quantiles_are_read_as_prometheus_does(share: float, bounds: dict[float, float], seconds: float | None) -> None:
    """Evenly between two bounds; what lies beyond the last one is not guessed."""
    assert quantile(share, bounds) == (None if seconds is None else pytest.approx(seconds))


def test_labels_with_quotes_are_read() -> None:
    """As the text format escapes them; metrics that are not shown are not read."""
    text = '# HELP\ngateway_requests_totals 1\ngateway_requests_total{route="a\\"b\\\\c\\n",status="200"} 3'

    sample = read(text, 0.0)

    [(metric, series)] = sample.series.items()
    [(key, value)] = series.items()
    assert (metric, value) == ("gateway_requests_total", 3.0)
    assert labels(key) == {"route": 'a"b\\c\n', "status": "200"}


def test_only_what_has_changed_is_looked_at() -> None:
    """There may be thousands of routes, most of which nobody asks for."""
    before, now = (Sample(at, {"c": {'route="a"': at, 'route="b"': 5.0}}) for at in (1.0, 2.0))
    assert added(before, now, "c") == {'route="a"': 1.0}


def test_a_flood_does_not_hide_other_failures() -> None:
    """The newest, but of as many kinds as there are."""
    made = Harness()
    made.backend("orders").refuse_connections()

    shown = looks(made, "/orders/1", *["/nothing"] * 30)

    assert len(shown["failures"]) == FAILURES
    assert shown["failures"][-1]["reason"] == "upstream.connect"
