"""Load control out of settings: which steps a route gets, what they share, and what a reload keeps."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import config
from gateway.composition.builders.admission import LoadControl
from gateway.config import Settings
from gateway.testing import Harness

QUEUE = {"size": 5, "timeout": "2s"}


@pytest.fixture
def harness() -> Harness:
    """For its foundation."""
    return Harness("orders")


def read(route: dict[str, Any] | None = None, upstream: dict[str, Any] | None = None, **sections: Any) -> Settings:
    """Read a configuration of two upstreams, a route with these keys and one without."""
    backends = [{"url": "http://127.0.0.1:9001"}]
    return config.from_mapping(
        {
            "upstreams": [{"name": "orders", "backends": backends, **(upstream or {})}, {"name": "b", "backends": []}],
            "routes": [{"name": "orders", "path": "/*", "upstream": "orders", **(route or {})},
                       {"name": "other", "path": "/other", "upstream": "orders"}],
            **sections,
        }
    )  # fmt: skip


def build(harness: Harness, settings: Settings) -> LoadControl:
    """Build, and put what was built into force."""
    carried = harness.gateway.foundation.carried
    carried.begin()
    control = LoadControl(settings, harness.gateway.foundation)
    for route in settings.routes:
        names(control, settings, route.name)
    carried.commit()
    return control


def names(control: LoadControl, settings: Settings, name: str = "orders") -> list[str]:
    """The steps of a route, from the client inwards."""
    (route,) = [route for route in settings.routes if route.name == name]
    choose = None if len(route.upstreams) == 1 else lambda _: "b"
    steps = [*control.at_the_door(route), control.of_route(route), *control.of_upstreams(route, choose)]
    return [step.name for step in steps if step is not None]


def test_what_is_not_asked_for_is_no_step(harness: Harness) -> None:
    """A priority alone changes nothing either; nor has what matches no route any."""
    settings = read({"priority": "high"})
    control = build(harness, settings)

    assert names(control, settings) == []
    assert [*control.at_the_door(None), control.of_route(None), *control.of_upstreams(None, None)] == [None]
    assert harness.gates == []


@pytest.mark.parametrize(
    ("route", "upstream", "limits", "steps"),
    [
        ({}, {}, {"loop_lag": "50ms"}, ["load_shedding"]),
        ({}, {}, {"memory": "1GiB"}, ["load_shedding"]),
        ({}, {}, {"in_flight": 5}, ["full"]),
        ({}, {}, {"in_flight": 5, "queue": QUEUE}, ["admission"]),
        ({}, {}, {"queue": QUEUE}, []),
        ({"in_flight": 5}, {}, {}, ["admission"]),
        ({"queue": QUEUE}, {"queue": QUEUE}, {}, []),
        ({}, {"in_flight": 5}, {}, ["admission"]),
        ({}, {"adaptive_concurrency": {}}, {}, ["admission", "adaptive_concurrency"]),
        ({"upstream": ["orders", "b"]}, {}, {}, ["split_admission"]),
        ({"upstream": ["orders", "b"]}, {"adaptive_concurrency": {}}, {}, ["split_admission", "adaptive_concurrency"]),
        (
            {"in_flight": 5},
            {"in_flight": 5},
            {"loop_lag": 1, "in_flight": 9, "queue": QUEUE},
            ["load_shedding", "admission", "admission", "admission"],
        ),
    ],
)
def test_the_steps_of_a_route_are_those_it_needs(
    harness: Harness, route: dict[str, Any], upstream: dict[str, Any], limits: dict[str, Any], steps: list[str]
) -> None:
    """A queue without a limit has nothing to wait for."""
    settings = read(route, upstream, limits=limits)

    assert names(build(harness, settings), settings) == steps


def test_routes_of_a_priority_share_the_steps_of_the_gateway(harness: Harness) -> None:
    """Ten thousand routes cost what they differ in."""
    settings = read(limits={"in_flight": 9, "queue": QUEUE, "memory": "1GiB"})
    control = build(harness, settings)
    first, second = (list(control.at_the_door(route)) for route in settings.routes)

    assert [one is other for one, other in zip(first, second, strict=True)] == [True, True]


def test_a_gate_is_the_same_one_with_other_figures(harness: Harness) -> None:
    """They are in force with their configuration, not before."""
    build(harness, read({"in_flight": 5}))
    (gate,) = harness.gates
    carried = harness.gateway.foundation.carried
    carried.begin()
    settings = read({"in_flight": 7})
    LoadControl(settings, harness.gateway.foundation).of_route(settings.routes[0])
    assert gate.limit == 5
    carried.commit()

    assert (harness.gates, gate.limit) == ([gate], 7)


@pytest.mark.parametrize(
    ("upstream", "bounds"),
    [
        ({"adaptive_concurrency": {}}, (20, 20, 1000)),
        ({"adaptive_concurrency": {}, "in_flight": 100}, (20, 20, 100)),
        ({"adaptive_concurrency": {}, "in_flight": 8}, (8, 8, 8)),
        ({"adaptive_concurrency": {"min_limit": 3, "initial_limit": 5, "max_limit": 9}, "in_flight": 4}, (3, 4, 4)),
    ],
)
def test_in_flight_bounds_an_adaptive_limit(
    harness: Harness, upstream: dict[str, Any], bounds: tuple[int, int, int]
) -> None:
    """Whatever its own bounds say."""
    build(harness, read(upstream=upstream))
    (gate,) = harness.gates
    rules = gate.holder.gradient._rules  # type: ignore[attr-defined]

    assert (rules.least, gate.limit, rules.most) == bounds


def test_a_limit_that_is_adaptive_no_more_is_the_configuration_s(harness: Harness) -> None:
    """The gate stays, and nobody else decides on it."""
    build(harness, read(upstream={"adaptive_concurrency": {}}))
    (gate,) = harness.gates
    build(harness, read(upstream={"in_flight": 7}))

    assert (harness.gates, gate.limit, gate.holder) == ([gate], 7, None)


def test_counts_of_what_is_gone_are_forgotten(harness: Harness) -> None:
    """Those of what stays go on."""
    count = harness.gateway.foundation.metrics.counter("gateway_admission_refused_total")
    build(harness, read({"in_flight": 5}, {"in_flight": 5}))
    count.add("route", "orders", "full")
    count.add("upstream", "orders", "full")
    build(harness, read({"in_flight": 5}))

    assert harness.metric("gateway_admission_refused_total", scope="route") == 1
    assert harness.metric("gateway_admission_refused_total", scope="upstream") == 0


def test_the_gauges_are_those_of_the_configuration_in_force(harness: Harness) -> None:
    """Also when there is nothing left to show."""
    build(harness, read({"in_flight": 5}, {"adaptive_concurrency": {}}, limits={"memory": "1TiB"}))
    assert harness.metric("gateway_admission_limit", scope="route", name="orders") == 5
    assert harness.metric("gateway_adaptive_limit", upstream="orders") == 20

    build(harness, read())
    assert harness.metric("gateway_admission_limit") == 0
    assert harness.metric("gateway_adaptive_limit") == 0
