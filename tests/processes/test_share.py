"""Limits, places, orders, purges and checks of several workers, as clients and backends see them."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any

import pytest

from gateway.answering.health import CheckResult
from gateway.composition.whole import Whole
from gateway.processes.share import SHOWN
from tests.processes.workers import Workers

ONE_ROUTE = {"name": "orders", "path": "/orders/*", "upstream": "orders"}


@pytest.mark.parametrize("algorithm", ["token_bucket", "sliding_window"])
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_a_limit_holds_for_all_workers_together(algorithm: str, limit: int) -> None:
    """Two workers admit exactly as many as one would, however requests fall on them."""
    rule = {"limit": limit, "window": "1m", "scope": "ip", "algorithm": algorithm}
    world = Workers(routes=[{**ONE_ROUTE, "rate_limit": rule}])

    said = [world.workers[number % 7 % 2].get("/orders/7").status for number in range(limit + 20)]

    assert said == [200] * limit + [429] * 20
    world.advance(121)
    assert [world.workers[1].get("/orders/7").status for _ in range(limit + 1)] == [200] * limit + [429]


def test_what_a_worker_took_that_is_gone_stays_counted() -> None:
    """A kill gives nothing back."""
    world = Workers(routes=[{**ONE_ROUTE, "rate_limit": {"limit": 3, "window": "1m", "scope": "ip"}}])
    assert [world.workers[0].get("/orders/7").status for _ in range(2)] == [200, 200]

    world.workers[0].killed()
    fresh = world.start()

    assert [fresh.get("/orders/7").status for _ in range(2)] == [200, 429]


def test_fields_say_what_is_left_for_all() -> None:
    """Not for this worker."""
    world = Workers(routes=[{**ONE_ROUTE, "rate_limit": {"limit": 5, "window": "1m", "scope": "ip"}}])

    said = [world.workers[number % 2].get("/orders/7").headers.get(b"x-ratelimit-remaining") for number in range(3)]

    assert said == [b"4", b"3", b"2"]


@pytest.mark.parametrize(
    "settings",
    [
        {"limits": {"in_flight": 3}},
        {"routes": [{**ONE_ROUTE, "in_flight": 3}]},
    ],
    ids=["gateway", "route"],
)
def test_in_flight_holds_for_all_workers_together(settings: dict[str, Any]) -> None:
    """Three of either worker; a place that is given back in one is free for the other."""
    world = Workers(**settings)
    first, second = world.workers
    world.backends["orders"].stall()
    clients = [worker.client() for worker in (first, first, second)]
    for worker, client in zip((first, first, second), clients, strict=True):
        assert worker.request("GET", "/orders/7", client=client).status == 0

    assert second.get("/orders/7").status == 503
    assert first.get("/orders/7").status == 503

    clients[0].reset()
    world.settle()
    assert second.request("GET", "/orders/7").status == 0
    assert first.get("/orders/7").status == 503


def test_places_of_a_worker_that_is_gone_are_free() -> None:
    """The parent clears them."""
    world = Workers(limits={"in_flight": 2})
    first, second = world.workers
    world.backends["orders"].stall()
    for _ in range(2):
        first.request("GET", "/orders/7")
    assert second.get("/orders/7").status == 503

    first.killed()

    assert second.get("/orders/7").status == 0


def test_who_waits_gets_the_place_that_another_worker_gives_back() -> None:
    """It looks for it again and again."""
    world = Workers(limits={"in_flight": 1, "queue": {"size": 5, "timeout": "5s"}})
    first, second = world.workers
    world.backends["orders"].stall()
    held, waits = first.client(), second.client()
    first.request("GET", "/orders/7", client=held)
    second.request("GET", "/orders/7", client=waits)
    assert len(world.backends["orders"].requests) == 1

    held.reset()
    world.settle()
    world.advance(0.1)

    assert len(world.backends["orders"].requests) == 2
    waits.reset()
    world.advance(0.1)
    assert not world.clock.getDelayedCalls() or not second.share._again._timer.running


def test_the_contract_is_kept() -> None:
    """What builders ask of a whole is there."""
    world = Workers()
    whole: Whole = world.workers[0].share

    assert whole.agreed("key", lambda: b"one") == b"one"
    assert world.workers[1].share.agreed("key", lambda: b"other") == b"one"
    assert world.start().share.agreed("second", lambda: b"two") == b"two"


def test_metrics_of_any_worker_are_those_of_all() -> None:
    """On a public path too, at most a second old."""
    world = Workers(admin={"metrics_public": True})
    first, second = world.workers
    for worker in (first, first, second):
        worker.get("/orders/7")

    answers = [worker.get("/metrics") for worker in world.workers]

    for answer in answers:
        assert b'gateway_requests_total{route="orders",path="/orders/*",method="GET",status="200"} 3\n' in answer.body
        assert b"gateway_workers 2\n" in answer.body
        assert answer.headers.get(b"content-type") == b"text/plain; version=0.0.4; charset=utf-8"
    assert first.request("POST", "/metrics").status == 405


def test_statsd_gets_counts_from_each_worker_and_gauges_from_one() -> None:
    """A server adds up what counters say, and keeps the gauge that came last."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taking:
        taking.bind(("127.0.0.1", 0))
        taking.setblocking(False)
        world = Workers(metrics={"statsd": {"address": f"127.0.0.1:{taking.getsockname()[1]}", "interval": "1s"}})
        for worker in world.workers:
            worker.get("/orders/7")
        world.advance(1.1)
        lines: list[bytes] = []
        with suppress(BlockingIOError):
            while True:
                lines += taking.recv(65536).split(b"\n")

    assert lines.count(b"gateway.workers:2|g") == 1
    assert [line.partition(b"|")[0] for line in lines if b"active_connections" in line] == [
        b"gateway.active_connections:2"
    ]
    requests = [line for line in lines if line.startswith(b"gateway.requests:")]
    assert [line.partition(b"|")[0] for line in requests] == [b"gateway.requests:1"] * 2


def test_a_worker_whose_parent_is_gone_shows_its_own_figures() -> None:
    """It drains, and is watched as it does."""
    world = Workers(admin={"metrics_public": True})
    first = world.workers[0]
    first.get("/orders/7")
    name = first.get("/nothing").headers.get(b"x-request-id")
    assert name is not None
    first.ends[0].connectionLost()
    first.ends[1].connectionLost()

    assert b'method="GET",status="200"} 1\n' in first.get("/metrics").body
    assert [view["name"] for view in world.result(first.share.upstreams())] == ["orders"]
    assert [one["id"] for one in world.result(first.share.exchanges())] == [name.decode()]
    assert world.result(first.share.exchange(name.decode()))["reason"] == "route.none"


def test_a_parent_that_hangs_holds_up_nobody_who_looks() -> None:
    """After some seconds they see what this worker knows."""
    world = Workers(admin={"metrics_public": True})
    first = world.workers[0]
    first.get("/orders/7")
    first.ends[0].dataReceived = lambda data: None  # type: ignore[method-assign]
    client = first.client()
    client.send(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
    shown: list[Any] = []
    first.share.upstreams().addCallback(shown.extend)
    first.get("/nothing")
    failed: list[Any] = []
    first.share.exchanges().addCallback(failed.extend)
    world.advance(SHOWN + 0.2)

    assert b'method="GET",status="200"} 1\n' in client.received
    assert [view["name"] for view in shown] == ["orders"]
    assert [one["reason"] for one in failed] == ["route.none"]


def test_readiness_is_of_all_workers() -> None:
    """What fails in one of them fails for some: degraded, and ready; what fails in all takes the instance out."""
    world = Workers(health_paths=True)
    first, second = world.workers
    checks = [{"upstreams": CheckResult.OK}, {"upstreams": CheckResult.OK}]
    for at, worker in enumerate(world.workers):
        worker.gateway.parts.foundation.health.checks = lambda at=at: {  # type: ignore[misc]
            name: (lambda found=found: found) for name, found in checks[at].items()
        }
    world.advance(1.1)
    assert [worker.get("/ready").status for worker in world.workers] == [200, 200]

    checks[1]["upstreams"] = CheckResult.FAILED
    world.advance(1.1)
    assert [worker.get("/ready").json["status"] for worker in world.workers] == ["degraded", "degraded"]

    checks[0]["upstreams"] = CheckResult.FAILED
    world.advance(1.1)
    assert [worker.get("/ready").status for worker in world.workers] == [503, 503]

    second.killed()
    checks[0]["upstreams"] = CheckResult.OK
    assert first.get("/ready").json["status"] == "ok"


def test_upstreams_are_shown_as_all_workers_know_them() -> None:
    """Numbers are summed."""
    world = Workers()
    world.backends["orders"].stall()
    for worker in world.workers:
        worker.request("GET", "/orders/7")

    (shown,) = world.result(world.workers[0].share.upstreams())

    assert shown["backends"][0]["in_flight"] == 2


def test_failed_exchanges_are_shown_of_all_workers() -> None:
    """Whichever worker is asked; each is found by its id, wherever it failed."""
    world = Workers()
    ids = [worker.get("/nothing").headers.get(b"x-request-id") for worker in world.workers]
    share = world.workers[0].share

    assert {one["id"].encode() for one in world.result(share.exchanges())} == set(ids)
    for name in ids:
        assert name is not None
        found = world.result(share.exchange(name.decode()))
        assert (found["id"].encode(), found["reason"]) == (name, "route.none")
    assert world.result(share.exchange("none")) is None
