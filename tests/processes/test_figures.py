"""What workers count, told to their parent and made into one: nothing is lost, and nothing goes back."""

from __future__ import annotations

import json
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge

from gateway.processes.figures import Ledger, Told
from gateway.telemetry.metrics import Metrics


def metrics() -> Metrics:
    """Figures of one worker, with a counter and a gauge of a plugin."""
    registry = CollectorRegistry()
    Counter("plugin_things", "Things.", ["kind"], registry=registry).labels("one").inc(2)
    Gauge("process_open_fds", "Open.", registry=registry).set(7)
    return Metrics(registry=registry)


def sent(said: Any) -> Any:
    """What arrives over a channel."""
    return json.loads(json.dumps(said))


def figure(whole: dict[str, Any], name: str, *labels: str) -> Any:
    """One figure of the whole."""
    return {tuple(key): value for key, value in whole["of"].get(name, ())}.get(labels)


def test_counters_and_histograms_are_summed() -> None:
    """As if one process had counted all."""
    ledger, workers = Ledger(), [metrics(), metrics()]
    for number, worker in enumerate(workers):
        for _ in range(number + 1):
            worker.route("users", "/users").record(b"GET", 200, 0.02)
            worker.errors.add("route.none", "downstream")

    whole = ledger.whole({at: sent(Told(worker).all()) for at, worker in enumerate(workers)}, {})

    assert figure(whole, "gateway_requests_total", "users", "/users", "GET", "200") == 3
    assert figure(whole, "gateway_errors_total", "route.none", "downstream") == 3
    bounds, counts, total = figure(whole, "gateway_request_duration_seconds", "users")
    assert (counts[1], len(counts), round(total, 6)) == (3, len(bounds) + 1, 0.06)


def test_gauges_go_by_the_rule_of_each() -> None:
    """The sum, the largest, or the least."""
    ledger, workers = Ledger(), [metrics(), metrics()]
    for number, worker in enumerate(workers):
        worker.active_connections = lambda number=number: 10 + number  # type: ignore[misc]
        worker.loop_lag = lambda number=number: 0.5 + number  # type: ignore[misc]
        worker.gauge("gateway_backend_healthy", lambda number=number: [(("users", "b"), number)])  # type: ignore[misc]
        worker.gauge("gateway_jwks_age_seconds", lambda: [(("default",), float("inf"))])

    whole = ledger.whole({at: sent(Told(worker).all()) for at, worker in enumerate(workers)}, {"gateway_workers": 2})

    assert figure(whole, "gateway_active_connections") == 21
    assert figure(whole, "gateway_event_loop_lag_seconds") == 1.5
    assert figure(whole, "gateway_backend_healthy", "users", "b") == 0
    assert figure(whole, "gateway_jwks_age_seconds", "default") == "inf"
    assert figure(whole, "gateway_workers") == 2


def test_what_other_collectors_have_is_summed_too() -> None:
    """Those of plugins, and the process figures."""
    ledger = Ledger()

    whole = ledger.whole({0: sent(Told(metrics()).all()), 1: sent(Told(metrics()).all())}, {})

    found = {sample: value for _, _, _, rows in whole["others"] for sample, _, value in rows}
    assert (found["plugin_things_total"], found["process_open_fds"]) == (4.0, 14.0)


def test_a_worker_tells_what_has_changed() -> None:
    """And nothing else: with thousands of routes few have a request in a second."""
    worker = metrics()
    told = Told(worker)
    worker.route("users", "/users").record(b"GET", 200, 0.02)
    worker.route("orders", "/orders").record(b"GET", 200, 0.02)
    first = told.changed()
    assert first is not None
    assert len(first["of"]["gateway_requests_total"]) == 2

    worker.route("users", "/users").record(b"GET", 200, 0.02)

    assert told.changed() == {
        "of": {
            "gateway_requests_total": [[["users", "/users", "GET", "200"], 2]],
            "gateway_request_duration_seconds": [[["users"], [list(Metrics()._buckets), [0, 2, *[0] * 7], 0.04]]],
        },
        "all": False,
    }
    assert told.changed() is None


def test_counts_of_a_worker_that_is_gone_stay() -> None:
    """Also those of plugins, if it ended in order; its gauges go with it."""
    ledger, first, second = Ledger(), metrics(), metrics()
    told = Told(first)
    first.active_connections = lambda: 5
    for _ in range(3):
        first.route("users", "/users").record(b"GET", 200, 0.02)
    ledger.told(0, sent(told.changed(others=True)))
    second.route("users", "/users").record(b"GET", 200, 0.02)

    ledger.gone(0)

    for _ in range(2):  # asked twice: what is past is added once
        whole = ledger.whole({1: sent(Told(second).all())}, {})
        assert figure(whole, "gateway_requests_total", "users", "/users", "GET", "200") == 4
        assert figure(whole, "gateway_active_connections") == 0
        found = {sample: value for _, _, _, rows in whole["others"] for sample, _, value in rows}
        assert (found["plugin_things_total"], found["process_open_fds"]) == (4.0, 7.0)


def test_a_worker_that_does_not_answer_counts_with_what_it_told() -> None:
    """At most a second ago."""
    ledger, worker = Ledger(), metrics()
    worker.errors.add("route.none", "downstream")
    ledger.told(0, sent(Told(worker).changed()))

    assert figure(ledger.whole({}, {}), "gateway_errors_total", "route.none", "downstream") == 1


def test_series_that_a_reload_removed_are_forgotten() -> None:
    """Without a scrape, too: everything is told again."""
    ledger, worker = Ledger(), metrics()
    told = Told(worker)
    worker.route("users", "/users").record(b"GET", 200, 0.02)
    worker.route("orders", "/orders").record(b"GET", 200, 0.02)
    ledger.told(0, sent(told.changed()))

    worker.retain([("orders", "/orders")], [])
    ledger.told(0, sent(told.changed()))

    whole = ledger.whole({}, {})
    assert figure(whole, "gateway_requests_total", "users", "/users", "GET", "200") is None
    assert figure(whole, "gateway_requests_total", "orders", "/orders", "GET", "200") == 1
