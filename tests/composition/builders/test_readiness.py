"""What `/ready` asks: who can serve nobody is not ready, who can serve some is degraded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.memory.backend import Asked, ok
from gateway.testing import Harness

CHECK = {"interval": 1, "timeout": 1}


def ready(harness: Harness) -> tuple[int, Any]:
    """Status and document of the path on the listener."""
    answer = harness.get("/ready")
    return answer.status, json.loads(answer.body)


def unwell(asked: Asked) -> bytes:
    """Fail every check."""
    return ok(status=b"503 Busy")


def two_upstreams() -> Harness:
    """One backend each, both checked."""
    backends = {"orders": "http://127.0.0.1:9001", "users": "http://127.0.0.1:9002"}
    return Harness(
        *backends,
        upstreams=[{"name": name, "backends": [{"url": url}], "health_check": CHECK} for name, url in backends.items()],
    )


def test_readiness_follows_the_checks_of_the_upstreams() -> None:
    """All well; one lost, so that some exchanges fail; both lost; one back."""
    harness = two_upstreams()
    harness.advance(5)
    assert ready(harness) == (200, {"status": "ok", "checks": {"upstreams": "ok"}})

    harness.backend("orders").answer = unwell
    harness.advance(10)
    assert ready(harness) == (200, {"status": "degraded", "checks": {"upstreams": "degraded"}})

    harness.backend("users").answer = unwell
    harness.advance(10)
    assert ready(harness) == (503, {"status": "failed", "checks": {"upstreams": "failed"}})
    assert harness.get("/health").status == 200

    harness.backend("users").answer = lambda asked: ok()
    harness.advance(10)
    assert ready(harness)[0] == 200


def test_one_backend_that_is_well_is_enough() -> None:
    """An upstream is lost with its last backend."""
    harness = Harness(
        "a",
        "b",
        upstreams=[
            {
                "name": "orders",
                "backends": [{"url": "http://127.0.0.1:9001"}, {"url": "http://127.0.0.1:9002"}],
                "health_check": CHECK,
            }
        ],
        routes=[{"path": "/*", "upstream": "orders"}],
    )
    harness.backend("a").answer = unwell
    harness.advance(10)

    assert ready(harness) == (200, {"status": "ok", "checks": {"upstreams": "ok"}})


@pytest.mark.parametrize("backends", [[], [{"url": "http://127.0.0.1:9001", "weight": 0}]])
def test_what_the_operator_took_out_is_no_failure(backends: list[Any]) -> None:
    """No checks fail there: the configuration says so."""
    harness = Harness(upstreams=[{"name": "orders", "backends": backends, "health_check": CHECK}])
    harness.backend("orders").answer = unwell
    harness.advance(10)

    assert ready(harness)[0] == 200


def test_an_upstream_of_no_route_is_not_asked() -> None:
    """Nobody is sent there."""
    harness = two_upstreams()
    harness.apply(routes=[{"path": "/users/*", "upstream": "users"}])
    harness.backend("orders").answer = unwell
    harness.advance(10)

    assert ready(harness) == (200, {"status": "ok", "checks": {"upstreams": "ok"}})


def test_a_gateway_without_routes_has_nothing_to_ask() -> None:
    """It is ready for its first configuration."""
    assert ready(Harness(routes=[])) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"rate_limit_store": "redis"}, (200, "degraded")),
        ({"rate_limit_store": "redis", "on_store_failure": "open"}, (200, "degraded")),
        ({"rate_limit_store": "redis", "on_store_failure": "closed"}, (503, "failed")),
        ({"auth": {"api_keys": {"store": "redis"}}}, (503, "failed")),
    ],
)
def test_redis_that_nobody_reaches_counts_as_much_as_it_is_needed(
    settings: dict[str, Any], expected: tuple[int, str]
) -> None:
    """Local counts stand in for shared ones (C-41); nothing stands in for keys."""
    limited = {"path": "/*", "upstream": "orders", "rate_limit": {"requests": 5, "window": 60}}
    if "auth" in settings:
        limited = {"path": "/*", "upstream": "orders", "auth": {"type": "api_key"}}
    harness = Harness(routes=[limited], **settings)
    harness.advance(5)

    status, document = ready(harness)

    assert (status, document["checks"]["redis"]) == expected


def test_redis_that_nothing_uses_is_not_asked() -> None:
    """A section by itself opens nothing."""
    harness = Harness(redis={}, rate_limit_store="redis")
    harness.advance(5)

    assert ready(harness) == (200, {"status": "ok", "checks": {"upstreams": "ok"}})
