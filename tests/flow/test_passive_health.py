"""Backends that fail real traffic are ejected for a time, and come back slowly."""

from __future__ import annotations

from typing import Any

from gateway.memory.backend import ok
from gateway.testing import Harness

FAILS = ok(b"no", status=b"500 Internal Server Error")


def gateway(*names: str, strategy: str = "round_robin", **upstream: Any) -> Harness:
    """One upstream `orders` with these backends."""
    return Harness(
        *names,
        upstreams=[
            {
                "name": "orders",
                "strategy": strategy,
                "backends": [{"url": f"http://127.0.0.1:{9001 + n}"} for n in range(len(names))],
                **upstream,
            }
        ],
        routes=[{"name": "orders", "path": "/*", "upstream": "orders"}],
    )


def shares(made: Harness, requests: int, *names: str) -> list[int]:
    """How many of so many requests each backend gets."""
    before = [len(made.backend(name).requests) for name in names]
    for _ in range(requests):
        made.get("/")
    return [len(made.backend(name).requests) - count for name, count in zip(names, before, strict=True)]


def test_a_failing_backend_is_ejected_and_comes_back() -> None:
    """After five failures within the window the others get all traffic, until its time is over."""
    made = gateway("a", "b", "c", passive_health={})
    made.backend("a").answers(FAILS)
    shares(made, 15, "a", "b", "c")
    assert shares(made, 30, "a", "b", "c") == [0, 15, 15]
    assert made.metric("gateway_backend_ejections_total", backend="http://127.0.0.1:9001") == 1
    assert made.metric("gateway_backend_ejected", backend="http://127.0.0.1:9001") == 1

    made.backend("a").answers(ok())
    made.advance(30)
    assert shares(made, 30, "a", "b", "c") == [10, 10, 10]
    assert made.metric("gateway_backend_ejected", backend="http://127.0.0.1:9001") == 0


def test_refused_connections_count_too() -> None:
    """As failures."""
    made = gateway("a", "b", passive_health={"failures": 2})
    made.backend("a").refuse_connections()
    statuses = [made.get("/").status for _ in range(10)]

    assert statuses.count(502) == 2


def test_when_too_few_would_be_left_the_ejected_are_used() -> None:
    """That is a panic, and the metrics show it; it is over when the backends have come back."""
    made = gateway("a", "b", "c", passive_health={"failures": 2, "max_ejected_percent": 100})
    for name in ("a", "b", "c"):
        made.backend(name).answers(FAILS)
    shares(made, 20, "a", "b", "c")

    assert min(shares(made, 30, "a", "b", "c")) >= 9
    assert made.metric("gateway_upstream_panic", upstream="orders") == 1
    assert [made.get("/").status for _ in range(3)] == [500] * 3

    for name in ("a", "b", "c"):
        made.backend(name).answers(ok())
    made.advance(60)
    assert shares(made, 30, "a", "b", "c") == [10, 10, 10]
    assert made.metric("gateway_upstream_panic", upstream="orders") == 0


def test_a_share_of_the_backends_is_always_left() -> None:
    """At most half are ejected by default: of four, two stay in use whatever they do."""
    made = gateway("a", "b", "c", "d", passive_health={"failures": 2})
    names = ("a", "b", "c", "d")
    for name in names[:3]:
        made.backend(name).answers(FAILS)
    shares(made, 40, *names)

    assert made.metric("gateway_backend_ejected") == 2


def test_who_comes_back_starts_slowly() -> None:
    """With a tenth of its weight at first, so that it is not overrun."""
    for strategy in ("round_robin", "weighted_round_robin", "random"):
        made = gateway("a", "b", strategy=strategy, passive_health={"failures": 2, "eject": 10}, slow_start="100s")
        made.backend("a").answers(FAILS)
        shares(made, 10, "a", "b")
        made.backend("a").answers(ok())
        made.advance(10.1)

        early, _ = shares(made, 110, "a", "b")
        assert 4 <= early <= 18
        made.advance(50)
        middle, _ = shares(made, 150, "a", "b")
        assert 38 <= middle <= 62
        made.advance(60)
        late, _ = shares(made, 100, "a", "b")
        assert 38 <= late <= 62


def test_a_weight_of_nothing_drains() -> None:
    """Exchanges under way end, and no new one begins."""
    made = gateway("a", "b", passive_health={})
    made.backend("a").stall()
    client = made.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    backends = [{"url": "http://127.0.0.1:9001", "weight": 0}, {"url": "http://127.0.0.1:9002"}]
    made.apply(upstreams=[{**made.configuration["upstreams"][0], "backends": backends}])

    assert shares(made, 10, "a", "b") == [0, 10]
    made.backend("a").requests[0].connection.send(ok(b"late"))
    made.network.pump()
    assert client.responses()[0].body == b"late"
