"""Members come and go while the gateway runs: no new snapshot, and only the upstream is touched."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.discovery.contract import Answer
from gateway.discovery.members import Member
from gateway.memory.backend import ok
from gateway.testing import Harness

GET = b"GET /orders/7 HTTP/1.1\r\nHost: gateway.test\r\n\r\n"
LOOK = 0.6
"""Seconds in which the file is looked at."""


class Registry:
    """A file with members, and the gateway that follows it."""

    def __init__(self, make: Callable[..., Harness], path: Path) -> None:
        self.path = path
        self._make = make
        self.gateway: Harness = None  # type: ignore[assignment]

    def start(
        self, *names: str, discovery: dict[str, Any] | None = None, settings: Any = None, **extra: Any
    ) -> Harness:
        """Start a gateway whose upstream `orders` has these backends as members."""
        found = {"type": "file", "path": str(self.path), **(discovery or {})}
        upstream = {"name": "orders", "discovery": found, **extra}
        self.gateway = self._make("one", "two", "three", upstreams=[upstream], routes=ROUTES, **(settings or {}))
        if names:
            self.have(*names)
        return self.gateway

    def url(self, name: str) -> str:
        """Return the URL of a backend."""
        return f"http://127.0.0.1:{self.gateway._ports[name]}"

    def have(self, *names: str, **weights: int) -> None:
        """Let the file have these members, and let the gateway see it."""
        said = [{"url": self.url(name)} for name in names]
        self.write(json.dumps(said + [{"url": self.url(name), "weight": one} for name, one in weights.items()]))

    def write(self, text: str) -> None:
        """Let the file have this text, and let the gateway see it."""
        before = self.path.stat().st_mtime_ns if self.path.exists() else 0
        self.path.write_text(text)
        os.utime(self.path, ns=(before + 10**9, before + 10**9))
        self.gateway.advance(LOOK)

    @property
    def view(self) -> dict[str, Any]:
        """What `GET /upstreams` shows."""
        (found,) = self.gateway.gateway.figures.view()
        return found

    @property
    def urls(self) -> list[str]:
        """The members in force."""
        return [one["url"] for one in self.view["backends"]]

    @property
    def ready(self) -> tuple[int, dict[str, Any]]:
        """What `/ready` answers."""
        status, body = self.gateway.gateway.foundation.health.report(b"/ready")
        return status, json.loads(body)


ROUTES = [{"name": "orders", "path": "/orders/*", "upstream": "orders"}]


@pytest.fixture
def registry(make: Callable[..., Harness], tmp_path: Path) -> Registry:
    """A registry that knows nothing yet."""
    return Registry(make, tmp_path / "members.json")


def test_without_members_it_starts_and_is_503(registry: Registry) -> None:
    """Until there are some; then the next request is served."""
    gateway = registry.start()
    assert gateway.get("/orders/7").status == 503
    assert gateway.last_log["reason"] == "upstream.no_backend"
    assert registry.view["discovery"]["state"] == "waiting"
    assert registry.ready == (200, {"status": "degraded", "checks": {"upstreams": "ok", "discovery": "degraded"}})

    registry.have("one")
    assert gateway.get("/orders/7").status == 200
    assert registry.ready[1]["status"] == "ok"


def test_members_share_the_traffic_as_they_come_and_go(registry: Registry) -> None:
    """Each change is in force within a second."""
    gateway = registry.start("one")
    registry.have("one", "two")
    for _ in range(4):
        assert gateway.get("/orders/7").status == 200
    assert [len(gateway.backend(name).requests) for name in ("one", "two")] == [2, 2]

    registry.have("two")
    for _ in range(4):
        assert gateway.get("/orders/7").status == 200
    assert [len(gateway.backend(name).requests) for name in ("one", "two")] == [2, 6]


def test_a_removed_member_drains(registry: Registry) -> None:
    """What is under way there is completed; then its connection closes, and its series are forgotten."""
    gateway = registry.start("one")
    backend = gateway.backend("one")
    backend.stall()
    client = gateway.send(GET)
    registry.have("two")
    assert backend.connection.closed is None
    backend.connection.send(ok(b"last"))
    gateway.network.pump()

    assert client.responses()[0].body == b"last"
    assert backend.connection.closed is not None
    assert gateway.metric("gateway_upstream_attempts_total", backend=registry.url("one")) == 0
    assert not gateway.gateway.foundation.pool._leaving
    assert gateway.get("/orders/7").status == 200


def test_what_stays_keeps_its_connection_and_its_breaker(registry: Registry) -> None:
    """Another member comes and goes beside it."""
    gateway = registry.start(
        "one", circuit_breaker={"failure_threshold": 1}, passive_health={"failures": 1}, panic_threshold=0
    )
    gateway.backend("one").answer = lambda asked: ok(b"fine")
    assert gateway.get("/orders/7").status == 200
    upstream = gateway.gateway.root.tree.upstreams["orders"]
    before = upstream.backends[0]
    standing, pool = before.standing, before.pool
    gateway.backend("one").refuse_connections()
    gateway.backend("one").connection.reset()
    gateway.network.pump()
    assert gateway.get("/orders/7").status == 502
    registry.have("one", "two")

    assert upstream.backends[0] is before
    assert (before.standing, before.pool) == (standing, pool)
    assert standing is not None
    assert standing.breaker is not None
    assert standing.breaker.state.value == "open"
    for _ in range(3):
        assert gateway.get("/orders/7").status == 200
    registry.have("two")
    assert list(upstream.condition.standings) == [registry.url("two")]  # type: ignore[union-attr]


def test_connections_are_kept(registry: Registry) -> None:
    """Over ten changes beside it one connection serves all."""
    gateway = registry.start("one")
    for number in range(10):
        registry.have(*(["one", "two"] if number % 2 else ["one"]), two=0) if number % 2 else registry.have("one")
        assert gateway.get("/orders/7").status == 200

    assert len(gateway.backend("one").connections) == 1


def test_weights_count(registry: Registry) -> None:
    """And a weight that changes is another share, of the same backend."""
    gateway = registry.start(strategy="weighted_round_robin")
    registry.have(one=3, two=1)
    for _ in range(8):
        gateway.get("/orders/7")
    assert [len(gateway.backend(name).requests) for name in ("one", "two")] == [6, 2]
    registry.have(one=0, two=1)
    for _ in range(4):
        gateway.get("/orders/7")
    assert [len(gateway.backend(name).requests) for name in ("one", "two")] == [6, 6]
    assert registry.view["backends"][0]["draining"]
    assert len(gateway.backend("one").connections) == 1


@pytest.mark.parametrize(
    "strategy",
    [
        "round_robin",
        "weighted_round_robin",
        "least_connections",
        "least_latency",
        "ip_hash",
        "consistent_hash",
        "random",
    ],
)
def test_every_strategy_follows(registry: Registry, strategy: str) -> None:
    """From none to three, to one, to another one."""
    gateway = registry.start(strategy=strategy)
    for names in [["one", "two", "three"], ["one"], ["two"], ["one", "three"]]:
        registry.have(*names)
        before = {name: len(gateway.backend(name).requests) for name in names}
        for _ in range(6):
            assert gateway.get("/orders/7").status == 200
        assert sum(len(gateway.backend(name).requests) - before[name] for name in names) == 6


def test_backends_stand_beside_members(registry: Registry) -> None:
    """Those of the configuration stay; a member with the same URL is the same backend."""
    gateway = registry.start()
    gateway.apply(
        upstreams=[
            gateway.upstream("three")
            | {"name": "orders", "discovery": gateway.configuration["upstreams"][0]["discovery"]}
        ]
    )
    registry.have("three", "one")
    assert registry.urls == [registry.url("three"), registry.url("one")]
    registry.have("one")
    assert registry.urls == [registry.url("three"), registry.url("one")]


def test_a_member_that_is_written_down_keeps_its_connection(registry: Registry) -> None:
    """It was found, then it is in the configuration, then it is found again: one backend with one pool."""
    gateway = registry.start("one", "two", circuit_breaker={})
    (upstream,) = gateway.configuration["upstreams"]
    gateway.get("/orders/7")
    gateway.get("/orders/7")
    for backends in ([{"url": registry.url("one")}], []):
        gateway.apply(upstreams=[{**upstream, "backends": backends}])
        assert {gateway.get("/orders/7").status for _ in range(4)} == {200}
        tree = gateway.gateway.root.tree
        assert {pool.backend for pool in gateway.gateway.foundation.pool.pools()} == set(registry.urls)
        assert set(gateway.gateway.foundation.pool._pools) == tree.pool_keys
        assert set(tree.upstreams["orders"].condition.standings) == set(registry.urls)  # type: ignore[union-attr]

    assert not gateway.gateway.foundation.pool._leaving
    assert [len(gateway.backend(name).connections) for name in ("one", "two")] == [1, 1]


def test_a_client_stays_at_its_member(registry: Registry) -> None:
    """By its cookie, over changes beside it; when it is gone the client gets another."""
    gateway = registry.start("one", "two", sticky={"secure": False})
    first = gateway.get("/orders/7")
    cookie = first.headers.get(b"set-cookie").split(b";")[0].decode()  # type: ignore[union-attr]
    used = next(name for name in ("one", "two") if gateway.backend(name).requests)
    other = "two" if used == "one" else "one"
    registry.have(used, "three")
    for _ in range(5):
        assert gateway.get("/orders/7", Cookie=cookie).headers.get(b"set-cookie") is None
    assert len(gateway.backend(used).requests) == 6
    registry.have(other, "three")
    assert gateway.get("/orders/7", Cookie=cookie).headers.get(b"set-cookie") is not None


def test_a_reload_asks_nobody_again(registry: Registry) -> None:
    """Another route: members, connections and what is known of them are the same."""
    gateway = registry.start("one", "two", circuit_breaker={})
    gateway.get("/orders/7")
    gateway.get("/orders/7")
    finder = gateway.gateway.root.tree.upstreams["orders"].discovery._finder
    standings = dict(gateway.gateway.root.tree.upstreams["orders"].condition.standings)  # type: ignore[union-attr]
    gateway.apply(routes=[*ROUTES, {"name": "more", "path": "/more", "upstream": "orders"}])

    upstream = gateway.gateway.root.tree.upstreams["orders"]
    assert upstream.discovery._finder is finder
    assert upstream.condition is not None
    assert upstream.condition.standings == standings
    assert gateway.get("/more").status == gateway.get("/orders/7").status == 200
    assert [len(gateway.backend(name).connections) for name in ("one", "two")] == [1, 1]
    registry.have("one", "three")
    assert registry.urls == [registry.url("one"), registry.url("three")]


def test_a_reload_builds_no_balancer_anew(registry: Registry) -> None:
    """What the upstream has is what it had: a thousand members cost a reload nothing."""
    gateway = registry.start("one", "two")
    upstream = gateway.gateway.root.tree.upstreams["orders"]
    balancer = upstream.balancer
    gateway.apply(routes=[*ROUTES, {"name": "more", "path": "/more", "upstream": "orders"}])
    assert gateway.gateway.root.tree.upstreams["orders"] is upstream
    assert upstream.balancer is balancer
    registry.have("one")
    assert registry.urls == [registry.url("one")]


def test_a_reload_with_another_pool_has_the_same_members(registry: Registry) -> None:
    """Under the new settings; the old connections close."""
    gateway = registry.start("one")
    gateway.get("/orders/7")
    (upstream,) = gateway.configuration["upstreams"]
    gateway.apply(upstreams=[{**upstream, "pool": {"max_connections": 7}}])

    assert gateway.get("/orders/7").status == 200
    (pool,) = gateway.gateway.foundation.pool.pools()
    assert pool.max_connections == 7
    assert not gateway.gateway.foundation.pool._leaving


def test_a_member_that_new_settings_refuse_leaves(registry: Registry) -> None:
    """A check by HTTP/1.1 is for none that speaks HTTP/2 in the clear: it is none any more, and keeps nothing."""
    gateway = registry.start()
    registry.write(json.dumps([registry.url("one"), "h2c://127.0.0.1:9002"]))
    assert len(registry.urls) == 2
    (upstream,) = gateway.configuration["upstreams"]
    gateway.apply(upstreams=[{**upstream, "health_check": {}}])

    assert registry.urls == [registry.url("one")]
    assert len(gateway.gateway.foundation.pool.pools()) == 1
    assert len(gateway.gateway.root.tree.pool_keys) == 1
    gateway.apply(upstreams=[upstream])
    assert len(registry.urls) == 2


def test_an_upstream_that_is_gone_leaves_nothing(registry: Registry) -> None:
    """No pool, no check, nobody who looks at the file."""
    gateway = registry.start("one", health_check={"interval": "1s"})
    assert len(gateway.gateway.foundation.pool.pools()) == 1
    timers = len(gateway.clock.getDelayedCalls())
    gateway.apply(upstreams=[], routes=[])
    gateway.advance(2)

    assert gateway.gateway.foundation.pool.pools() == []
    assert len(gateway.clock.getDelayedCalls()) < timers
    registry.have("two")
    assert gateway.gateway.foundation.pool.pools() == []


def test_members_are_checked(registry: Registry) -> None:
    """From when they come until they go."""
    gateway = registry.start("one", health_check={"interval": "1s", "timeout": "0.5s", "unhealthy_threshold": 1})
    gateway.backend("two").refuse_connections()
    registry.have("one", "two")
    gateway.advance(3)
    health = {one["url"]: one["health"]["healthy"] for one in registry.view["backends"]}
    assert health == {registry.url("one"): True, registry.url("two"): False}
    asked = len(gateway.backend("one").requests)
    registry.have("two")
    gateway.advance(5)
    assert len(gateway.backend("one").requests) == asked


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the file is empty"),
        ("{", "neither YAML nor JSON"),
        ("{}", "not a list"),
        ("[1, 2]", "none of what it says can be used"),
        ('["unix:/run/docker.sock"]', "none of what it says can be used"),
        ('["http://user:secret@10.0.0.1/"]', "none of what it says can be used"),
        ("[]", "empty"),
        ("[" * 100_000, "neither"),
        (" " * 2_000_000, "longer than"),
    ],
)
def test_what_cannot_be_used_changes_nothing(registry: Registry, text: str, why: str) -> None:
    """The last known members stay, and it can be seen everywhere."""
    gateway = registry.start("one")
    registry.write(text)
    gateway.advance(2)

    assert registry.urls == [registry.url("one")]
    assert gateway.get("/orders/7").status == 200
    shown = registry.view["discovery"]
    assert shown["state"] == "stale"
    assert why in shown["why"]
    assert "secret" not in json.dumps(registry.view)
    assert registry.ready == (200, {"status": "degraded", "checks": {"upstreams": "ok", "discovery": "degraded"}})
    assert gateway.metric("gateway_discovery_up", upstream="orders") == 0
    assert gateway.metric("gateway_discovery_members", upstream="orders") == 1
    assert gateway.metric("gateway_discovery_failures_total", upstream="orders") >= 1
    registry.have("two")
    assert registry.urls == [registry.url("two")]
    assert gateway.metric("gateway_discovery_up", upstream="orders") == 1


def test_an_empty_answer_empties_where_that_is_wanted(registry: Registry) -> None:
    """`keep_empty: false`."""
    gateway = registry.start("one", discovery={"keep_empty": False})
    registry.write("[]")
    assert gateway.get("/orders/7").status == 503
    assert registry.view["discovery"]["state"] == "current"
    registry.have("one")
    assert gateway.get("/orders/7").status == 200


def test_what_is_wrong_with_some_leaves_the_others(registry: Registry) -> None:
    """A password, a scheme and a weight that are none: the one that is right comes into force."""
    gateway = registry.start()
    gateway.advance(0)
    registry.write(json.dumps([registry.url("one"), "ftp://x", {"url": "http://a", "weight": -1}, {"url": 7}, None]))
    assert registry.urls == [registry.url("one")]
    assert gateway.metric("gateway_discovery_refused_total", upstream="orders") >= 1


def test_flapping_costs_a_change_in_a_fifth_of_a_second(registry: Registry) -> None:
    """What comes and goes in between is not seen."""
    gateway = registry.start("one")
    finder = gateway.gateway.root.tree.upstreams["orders"].discovery._finder
    before = gateway.metric("gateway_discovery_changes_total", upstream="orders")
    for number in range(1000):
        finder._heard(Answer([Member(registry.url("one")), Member(f"http://10.0.0.{number % 200}")], []))
    gateway.advance(1)
    assert gateway.metric("gateway_discovery_changes_total", upstream="orders") - before <= 2
    assert registry.urls == [registry.url("one"), f"http://10.0.0.{999 % 200}"]


def test_the_cache_serves_the_next_start(registry: Registry, tmp_path: Path) -> None:
    """The registry is gone: what was found last is in force at once, for the same question."""
    cache = tmp_path / "cache.json"
    gateway = registry.start("one", settings={"discovery_cache": str(cache)})
    gateway.advance(1)
    assert cache.stat().st_mode & 0o777 == 0o600
    registry.path.unlink()
    gateway = registry.start(settings={"discovery_cache": str(cache)})
    assert gateway.get("/orders/7").status == 200
    gateway.advance(2)
    assert registry.view["discovery"]["state"] == "stale"
    assert gateway.get("/orders/7").status == 200
    gateway = registry.start(discovery={"path": "/nowhere"}, settings={"discovery_cache": str(cache)})
    assert gateway.get("/orders/7").status == 503


def test_a_fallback_has_members(registry: Registry) -> None:
    """The upstream that another falls back to is found."""
    gateway = registry.start("one")
    found = gateway.configuration["upstreams"][0]
    first = {**gateway.upstream("two"), "name": "first"}
    first["circuit_breaker"] = {"failure_threshold": 1, "fallback": {"upstream": "orders"}}
    gateway.apply(upstreams=[first, found], routes=[{"name": "first", "path": "/first", "upstream": "first"}])
    gateway.backend("two").refuse_connections()
    assert gateway.get("/first").status == 502
    assert gateway.get("/first").status == 200
