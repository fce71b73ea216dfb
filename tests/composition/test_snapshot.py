"""Snapshots: what is built from a configuration, and what two of them share."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.testing import Harness


def harness(**settings: Any) -> Harness:
    """With two upstreams and two routes."""
    return Harness("orders", "users", **settings)


def build(gateway: Harness, **changes: Any) -> Any:
    """Build another, aside."""
    return gateway.gateway.build(gateway.settings(**changes), gateway.log)  # type: ignore[arg-type]


def test_building_changes_nothing_in_force() -> None:
    """Until it is put in its place."""
    gateway = harness()
    build(gateway, routes=[])

    assert gateway.get("/orders/7").status == 200


def test_an_unchanged_backend_is_the_same_pool() -> None:
    """Whatever else changed."""
    gateway = harness()
    before = gateway.gateway.root.tree
    after = build(gateway, routes=[], timeouts={"client_idle": 1}, limits={"request_body": 1})

    assert after.pool_keys == before.pool_keys
    assert after.upstreams["orders"].backends[0].pool is before.upstreams["orders"].backends[0].pool


@pytest.mark.parametrize(
    "changes",
    [
        {"timeouts": {"connect": 1}},
        {"limits": {"response_header": 1024}},
        {"upstreams": [{"name": "orders", "backends": [{"url": "http://127.0.0.1:9009"}]}], "routes": []},
        {
            "upstreams": [
                {"name": "orders", "backends": [{"url": "http://127.0.0.1:9001"}], "pool": {"idle_timeout": 1}}
            ],
            "routes": [],
        },
    ],
)
def test_a_pool_is_all_that_it_was_made_from(changes: dict[str, Any]) -> None:
    """Another address, other limits, other times: another pool."""
    gateway = harness()
    before = gateway.gateway.root.tree.upstreams["orders"].backends[0].pool
    after = build(gateway, **changes).upstreams["orders"].backends[0].pool

    assert after is not before


def test_the_same_address_in_two_upstreams_is_two_pools() -> None:
    """Each has its own cap."""
    url = {"url": "http://127.0.0.1:9001"}
    gateway = harness(
        upstreams=[{"name": "a", "backends": [url]}, {"name": "b", "backends": [url]}],
        routes=[{"path": "/a", "upstream": "a"}, {"path": "/b", "upstream": "b"}],
    )

    assert len(gateway.gateway.foundation.pool.pools()) == 2


def test_traffic_is_split_by_weight() -> None:
    """Over upstreams, smoothly."""
    gateway = harness(
        routes=[
            {
                "path": "/*",
                "upstreams": [{"name": "orders", "weight": 3}, {"name": "users", "weight": 1}],
            }
        ]
    )
    for _ in range(8):
        gateway.get("/x")

    assert [len(gateway.backend(name).requests) for name in ("orders", "users")] == [6, 2]


@pytest.mark.parametrize(
    ("upstream", "one_backend"),
    [
        ({"strategy": "ip_hash"}, True),
        ({"strategy": "consistent_hash", "hash_on": "path"}, True),
        ({"strategy": "consistent_hash", "hash_on": "header:X-User"}, True),
        ({"strategy": "round_robin"}, False),
    ],
)
def test_a_hashing_strategy_gets_its_key(upstream: dict[str, Any], one_backend: bool) -> None:
    """The same client, path and user: the same backend."""
    gateway = harness(
        upstreams=[
            {"name": "all", "backends": [{"url": f"http://127.0.0.1:{port}"} for port in (9001, 9002)], **upstream}
        ],
        routes=[{"path": "/*", "upstream": "all"}],
    )
    for _ in range(6):
        gateway.get("/x", X_User="ada")
    asked = sorted(len(gateway.backend(name).requests) for name in ("orders", "users"))

    assert asked == ([0, 6] if one_backend else [3, 3])


@pytest.mark.parametrize(
    ("path", "status"), [("/health", 200), ("/ready", 200), ("/health/live", 200), ("/metrics", 404)]
)
def test_what_the_gateway_answers_itself(path: str, status: int) -> None:
    """Health by default; metrics only where they are public."""
    assert harness().get(path).status == status


def test_own_paths_are_settings() -> None:
    """And win over routes."""
    gateway = harness(health_paths=False, admin={"metrics_public": True}, routes=[{"path": "/*", "upstream": "orders"}])

    assert gateway.get("/health").body == b"ok"
    assert b"gateway_requests_total" in gateway.get("/metrics").body


def test_own_paths_are_only_read() -> None:
    """405 with Allow otherwise; no record in the log."""
    gateway = harness()
    response = gateway.request("POST", "/health")

    assert (response.status, response.headers.get(b"Allow")) == (405, b"GET, HEAD")
    assert gateway.logs == []


def test_without_an_access_log_there_is_no_step_for_it() -> None:
    """Absence is a shorter chain."""
    gateway = harness(access_log={"enabled": False})
    gateway.get("/orders/7")

    assert gateway.logs == []


def test_the_log_has_the_fields_that_were_asked_for() -> None:
    """In place of the default ones."""
    gateway = harness(access_log={"fields": ["method", "status_code"]})
    gateway.get("/orders/7")

    assert gateway.last_log == {"method": "GET", "status_code": 200}
