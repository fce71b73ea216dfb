"""Metrics: what is counted is what a scrape shows, under the names of the list and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from gateway.telemetry.catalog import METRICS
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.series import Histogram

OPENMETRICS = b"application/openmetrics-text;version=1.0.0,text/plain;q=0.5"


@dataclass
class Figures:
    upstream: str = "users"
    backend: str = "http://10.0.0.1:80"
    idle: int = 1
    busy: int = 2
    connecting: int = 3
    pending: int = 4
    in_flight: int = 5
    picks: int = 6
    max_connections: int = 100


@pytest.fixture
def metrics() -> Metrics:
    """Empty, and without process figures."""
    return Metrics(registry=CollectorRegistry())


def samples(metrics: Metrics, now: float = 0.0) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample of a scrape, by name and labels."""
    _, body = metrics.exposition(b"text/plain", now)
    found: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for family in parse_text(body.decode()):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, f"{key} is there twice"
            found[key] = sample.value
    return found


def value(metrics: Metrics, name: str, now: float = 0.0, /, **labels: str) -> float | None:
    """One sample of a scrape."""
    return samples(metrics, now).get((name, frozenset(labels.items())))


def busy(metrics: Metrics) -> Metrics:
    """Something in every metric."""
    metrics.route("users", "/users/:id").record(b"GET", 200, 0.02)
    metrics.route("users", "/users/:id").limited += 1
    metrics.upstream("users").observe(0.01)
    metrics.upstream("users").attempt("http://10.0.0.1:80", "ok")
    metrics.errors.add("upstream.timeout", "upstream")
    for spec in METRICS:
        if hasattr(metrics, f"_{spec.name}"):
            continue  # filled above
        if spec.kind == "counter":
            metrics.counter(spec.name).add(*spec.labels)
        elif spec.kind == "histogram":
            metrics.gauge(spec.name, lambda spec=spec: [(spec.labels, Histogram((0.1,)))])  # type: ignore[misc]
        else:
            metrics.gauge(spec.name, lambda spec=spec: [(spec.labels, 1)])  # type: ignore[misc]
    metrics.pools = lambda: [Figures()]
    return metrics


def test_a_request_is_counted_under_its_route_pattern_method_and_status(metrics: Metrics) -> None:
    """Two requests of a kind make one series that says 2; `path` is the pattern."""
    route = metrics.route("users", "/users/:id")
    route.record(b"GET", 200, 0.02)
    route.record(b"GET", 200, 0.02)
    route.record(b"GET", 404, 0.02)

    labels = {"route": "users", "path": "/users/:id", "method": "GET"}
    assert value(metrics, "gateway_requests_total", **labels, status="200") == 2
    assert value(metrics, "gateway_requests_total", 1, **labels, status="404") == 1


def test_methods_that_a_client_makes_up_are_one_label_value(metrics: Metrics) -> None:
    """However many methods are tried, the series stay bounded."""
    route = metrics.route("users", "/users")
    for number in range(50):
        route.record(b"X%d" % number, 501, 0.0)

    assert value(metrics, "gateway_requests_total", route="users", path="/users", method="OTHER", status="501") == 50
    assert len(route.requests) == 1


@given(st.lists(st.floats(min_value=0, max_value=20), max_size=30))
def test_buckets_count_what_is_at_most_their_bound(seconds: list[float]) -> None:
    """Every bucket says how many observations were less than or equal to `le`; count and sum are of all."""
    metrics = Metrics(registry=CollectorRegistry())
    for observed in (0.01, *seconds):
        metrics.route("users", "/users").record(b"GET", 200, observed)

    found = samples(metrics)
    for bound in ("0.01", "0.05", "0.1", "0.25", "0.5", "1.0", "5.0", "10.0"):
        labels = frozenset({("route", "users"), ("le", bound)})
        expected = sum(observed <= float(bound) for observed in (0.01, *seconds))
        assert found["gateway_request_duration_seconds_bucket", labels] == expected
    route = frozenset({("route", "users")})
    assert found["gateway_request_duration_seconds_count", route] == len(seconds) + 1
    assert found["gateway_request_duration_seconds_sum", route] == pytest.approx(sum(seconds) + 0.01)


def test_buckets_come_from_the_configuration() -> None:
    """Other bounds make other buckets."""
    metrics = Metrics(buckets=(0.5, 2), registry=CollectorRegistry())
    metrics.route("users", "/users").record(b"GET", 200, 1.0)

    assert value(metrics, "gateway_request_duration_seconds_bucket", route="users", le="0.5") == 0
    assert value(metrics, "gateway_request_duration_seconds_bucket", route="users", le="2.0") == 1
    assert value(metrics, "gateway_request_duration_seconds_bucket", route="users", le="0.05") is None


def test_gauges_are_asked_for_at_scrape_time(metrics: Metrics) -> None:
    """A function that is put in place is what the gauge says."""
    metrics.active_connections = lambda: 7
    metrics.access_log_dropped = lambda: 8
    metrics.loop_lag = lambda: 0.25

    assert value(metrics, "gateway_active_connections") == 7
    assert value(metrics, "gateway_access_log_dropped_total") == 8
    assert value(metrics, "gateway_event_loop_lag_seconds") == 0.25


def test_pools_tell_connections_by_state(metrics: Metrics) -> None:
    """The figures of a pool are there under upstream and backend."""
    metrics.pools = lambda: [Figures()]

    labels = {"upstream": "users", "backend": "http://10.0.0.1:80"}
    assert value(metrics, "gateway_pool_connections", **labels, state="idle") == 1
    assert value(metrics, "gateway_pool_connections", **labels, state="busy") == 2
    assert value(metrics, "gateway_pool_connections", **labels, state="connecting") == 3
    assert value(metrics, "gateway_pool_pending", **labels) == 4
    assert value(metrics, "gateway_backend_in_flight", **labels) == 5
    assert value(metrics, "gateway_backend_picks_total", **labels) == 6
    assert value(metrics, "gateway_pool_max_connections", **labels) == 100


def test_a_draining_pool_and_its_successor_are_one_series(metrics: Metrics) -> None:
    """Two pools of the same backend are summed: a series that is there twice would void the scrape."""
    metrics.pools = lambda: [Figures(in_flight=1), Figures(in_flight=2)]

    assert value(metrics, "gateway_backend_in_flight", upstream="users", backend="http://10.0.0.1:80") == 3


def test_a_removed_route_loses_its_series_and_the_others_keep_theirs(metrics: Metrics) -> None:
    """After a reload only what is in force, and what matched no route, is left; kept cells go on counting."""
    for name in ("old", "kept", ""):
        metrics.route(name, f"/{name}").record(b"GET", 200, 0.1)
    metrics.route("", "").record(b"GET", 404, 0.1)
    kept = metrics.route("kept", "/kept")

    metrics.retain(routes=[("kept", "/kept")], backends=[])
    kept.record(b"GET", 200, 0.1)

    found = samples(metrics)
    assert {dict(labels)["route"] for name, labels in found if name == "gateway_requests_total"} == {"kept", ""}
    assert {dict(labels)["route"] for name, labels in found if name.startswith("gateway_request_duration")} == {
        "kept",
        "",
    }
    labels = {"route": "kept", "path": "/kept", "method": "GET", "status": "200"}
    assert value(metrics, "gateway_requests_total", **labels) == 2


def test_a_route_with_a_new_pattern_keeps_its_durations(metrics: Metrics) -> None:
    """Durations are by name: a changed pattern neither loses nor doubles them."""
    metrics.route("users", "/v1").record(b"GET", 200, 0.1)
    metrics.route("users", "/v2").record(b"GET", 200, 0.1)
    metrics.retain(routes=[("users", "/v2")], backends=[])

    assert value(metrics, "gateway_request_duration_seconds_count", route="users") == 2
    assert value(metrics, "gateway_requests_total", route="users", path="/v1", method="GET", status="200") is None


def test_a_removed_backend_loses_its_attempts(metrics: Metrics) -> None:
    """Attempts on backends that stay, and the upstream's durations, are kept."""
    cells = metrics.upstream("users")
    cells.attempt("a", "ok")
    cells.attempt("b", "ok")
    cells.observe(0.1)
    metrics.upstream("gone").attempt("a", "upstream.reset")

    metrics.retain(routes=[], backends=[("users", "b")])
    cells.attempt("b", "ok")

    found = samples(metrics)
    attempts = {tuple(sorted(labels)): count for (name, labels), count in found.items() if "attempts" in name}
    assert attempts == {(("backend", "b"), ("outcome", "ok"), ("upstream", "users")): 2}
    assert value(metrics, "gateway_upstream_duration_seconds_count", upstream="users") == 1


def test_reloads_show_how_the_last_one_went(metrics: Metrics) -> None:
    """The time is that of the configuration in force; a failure leaves it."""
    metrics.started(100.0)
    assert value(metrics, "gateway_config_last_reload_successful") == 1
    metrics.reloaded(True, 200.0)
    metrics.reloaded(False, 300.0)

    assert value(metrics, "gateway_config_reloads_total", 1, result="success") == 1
    assert value(metrics, "gateway_config_reloads_total", 1, result="failure") == 1
    assert value(metrics, "gateway_config_last_reload_successful", 1) == 0
    assert value(metrics, "gateway_config_last_reload_timestamp_seconds", 1) == 200


def test_the_start_is_not_a_reload(metrics: Metrics) -> None:
    """Both results stand at zero from the start, so that a first failure is an increase."""
    metrics.started(100.0)

    assert value(metrics, "gateway_config_reloads_total", result="success") == 0
    assert value(metrics, "gateway_config_reloads_total", result="failure") == 0


def test_a_scrape_soon_after_another_gets_the_same_text(metrics: Metrics) -> None:
    """Half a second long the text is served again; then it is written anew."""
    metrics.exposition(b"", 10.0)
    metrics.active_connections = lambda: 1

    assert value(metrics, "gateway_active_connections", 10.4) == 0
    assert value(metrics, "gateway_active_connections", 10.5) == 1


def test_accept_chooses_the_format(metrics: Metrics) -> None:
    """OpenMetrics where it is asked for, each format remembered by itself."""
    plain_type, plain = metrics.exposition(b"*/*", 0.0)
    open_type, openmetrics = metrics.exposition(OPENMETRICS, 0.0)

    assert plain_type.startswith(b"text/plain; version=0.0.4")
    assert open_type.startswith(b"application/openmetrics-text; version=1.0.0")
    assert openmetrics.endswith(b"# EOF\n")
    assert b"# EOF" not in plain


@pytest.mark.parametrize("aliases", [True, False])
def test_what_is_exposed_is_the_list(aliases: bool) -> None:
    """Names, types and labels are those of the list, in both formats; aliases only where they are wanted."""
    metrics = busy(Metrics(aliases=aliases, registry=CollectorRegistry()))
    expected = {spec.name: spec for spec in METRICS}
    if aliases:
        expected |= {spec.alias: spec for spec in METRICS if spec.alias}

    for parse, accept in ((parse_text, b""), (parse_openmetrics, OPENMETRICS)):
        families = list(parse(metrics.exposition(accept, 0.0)[1].decode()))
        names = {family.name + ("_total" if family.type == "counter" else "") for family in families}
        assert names == set(expected)
        for family in families:
            spec = expected[family.name + ("_total" if family.type == "counter" else "")]
            assert family.type == spec.kind
            assert family.samples, f"{family.name} has no sample"
            assert {label for sample in family.samples for label in sample.labels} - {"le"} == set(spec.labels)


def test_an_alias_says_the_same(metrics: Metrics) -> None:
    """Both names of the rate limit counter have the same value (C-09)."""
    metrics.route("users", "/v1").limited += 1
    metrics.route("users", "/v2").limited += 2

    assert value(metrics, "gateway_rate_limit_violations_total", route="users") == 3
    assert value(metrics, "gateway_rate_limit_exceeded_total", route="users") == 3


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=20))
def test_label_values_are_escaped(pattern: str) -> None:
    """Quotes, backslashes and line ends in a pattern come out of a parser as they went in."""
    metrics = Metrics(registry=CollectorRegistry())
    metrics.route("users", pattern).record(b"GET", 200, 0.1)

    read: Callable[[str], Iterable[Metric]] = parse_openmetrics
    found = [
        sample.labels["path"]
        for family in read(metrics.exposition(OPENMETRICS, 0.0)[1].decode())
        for sample in family.samples
        if sample.name == "gateway_requests_total"
    ]
    assert found == [pattern]


def test_process_figures_and_other_collectors_are_exposed() -> None:
    """What is registered beside ours comes too, on a registry of this object's own."""
    metrics = Metrics()
    Counter("stamps", "Stamps put on by a plugin.", registry=metrics.registry).inc()

    found = samples(metrics)
    assert found["stamps_total", frozenset()] == 1
    assert found["process_resident_memory_bytes", frozenset()] > 0
    assert ("stamps_total", frozenset()) not in samples(Metrics())
