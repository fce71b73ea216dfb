"""Rate limits out of settings: which steps a route gets, what counts together, and what a reload keeps."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import config
from gateway.composition.builders.limits import RateLimits
from gateway.config import Settings
from gateway.interfaces import Middleware
from gateway.storage.shared_limits import RedisLimits
from gateway.testing import Harness

IP = {"limit": 5, "window": "60s"}
USER = {**IP, "scope": "user"}


@pytest.fixture
def harness() -> Harness:
    """For its foundation."""
    return Harness("orders")


def read(*own: dict[str, Any], path: str = "/orders/*", **sections: Any) -> Settings:
    """Read a configuration of one route with these limits."""
    return config.from_mapping(
        {
            "upstreams": [{"name": "orders", "backends": []}],
            "routes": [{"name": "orders", "path": path, "upstream": "orders", "rate_limit": own}],
            **sections,
        }
    )


def steps(harness: Harness, settings: Settings) -> list[Middleware]:
    """The steps of the route, from the client inwards."""
    (route,) = settings.routes
    limits = RateLimits(settings, harness.gateway.foundation)
    return [*limits.by_address(route), *limits.by_principal(route)]


def names(harness: Harness, settings: Settings) -> list[str]:
    """What the steps are called."""
    return [step.name for step in steps(harness, settings)]


def test_a_route_without_limits_has_no_step(harness: Harness) -> None:
    """Nor has one that no limit is for."""
    elsewhere = read(rate_limits=[{"path": "/users/*", **IP}])

    assert names(harness, read()) == []
    assert names(harness, elsewhere) == []


def test_what_no_route_takes_has_the_limits_that_need_nobody_known(harness: Harness) -> None:
    """The fields, and a step by address; none where all limits are by user."""
    by_address = RateLimits(read(rate_limits=[IP]), harness.gateway.foundation)
    by_user = RateLimits(read(rate_limits=[{**IP, "scope": "user"}]), harness.gateway.foundation)

    assert [step.name for step in by_address.by_address(None)] == ["ratelimit:fields", "ratelimit:pre"]
    assert by_address.by_principal(None) == []
    assert by_user.by_address(None) == []


def test_the_phase_of_a_limit_is_that_of_its_scope(harness: Harness) -> None:
    """C-06: by address, route or header before authentication, by user, key or claim after it."""
    assert names(harness, read(IP)) == ["ratelimit:fields", "ratelimit:pre"]
    assert names(harness, read(USER)) == ["ratelimit:fields", "ratelimit:post"]
    assert names(harness, read(IP, {**IP, "scope": ["ip", "claim:org"]}, rate_limits=[{"scope": "route", **IP}])) == [
        "ratelimit:fields",
        "ratelimit:pre",
        "ratelimit:post",
    ]


def test_without_fields_there_is_no_step_for_them(harness: Harness) -> None:
    """What is not used costs nothing."""
    assert names(harness, read(IP, ratelimit_headers=[])) == ["ratelimit:pre"]


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/orders/*", "RateLimit"), ("/*", "RateLimit"), ("/orders/:id", "VaryingRateLimit"), (None, "RateLimit")],
)
def test_a_path_is_decided_when_it_can_be(harness: Harness, path: str | None, kind: str) -> None:
    """Only a limit for some of a route's paths looks at the path of a request."""
    settings = read(rate_limits=[{**IP, **({} if path is None else {"path": path})}])

    assert type(steps(harness, settings)[1]).__name__ == kind


def test_all_shapes_of_a_limit_are_one(harness: Harness) -> None:
    """C-05: `requests`, `limit` and `rate`; `dimension`, `scope` and `key`; `endpoint` and `path`."""
    settings = read(
        {"requests": 10, "window": "1s"},
        {"rate": "10/s", "key": "user"},
        rate_limits=[
            {"dimension": "ip", "limit": 100, "window": "60s"},
            {"endpoint": "/orders/*", "limit": 1000, "window": "60s", "scope": "ip"},
        ],
    )
    made = RateLimits(settings, harness.gateway.foundation)

    limits = [(one.limit.requests, one.limit.window, one.limit.sliding) for _, one in made.of(settings.routes[0])]

    assert limits == [(100, 60.0, False), (1000, 60.0, True), (10, 1.0, False), (10, 1.0, False)]


def identities(harness: Harness, settings: Settings) -> list[bytes]:
    """What counts together."""
    made = RateLimits(settings, harness.gateway.foundation)
    return [one.limit.identity for _, one in made.of(settings.routes[0])]


def test_limits_that_are_alike_count_apart(harness: Harness) -> None:
    """Two of a route, and those of all routes."""
    made = identities(harness, read(IP, {**IP, "limit": 50}, rate_limits=[IP, {**IP, "path": "/*"}]))

    assert len(set(made)) == 4


def test_a_limit_that_gets_wider_is_the_same_count(harness: Harness) -> None:
    """Another window or algorithm is another one."""
    (before,) = identities(harness, read(IP))

    assert identities(harness, read({**IP, "limit": 50})) == [before]
    assert identities(harness, read({**IP, "window": "61s"})) != [before]
    assert identities(harness, read({**IP, "algorithm": "sliding_window"})) != [before]


def test_the_same_limit_twice_has_two_names(harness: Harness) -> None:
    """A policy of the IETF's fields is known by its name."""
    settings = read(IP, rate_limits=[IP])
    made = RateLimits(settings, harness.gateway.foundation)

    assert [one.limit.label for _, one in made.of(settings.routes[0])] == ["ip", "ip-2"]


def test_no_more_is_taken_in_advance_than_there_is(harness: Harness) -> None:
    """A lease of more would only be cut in Redis."""
    settings = read({**IP, "lease": 50})
    made = RateLimits(settings, harness.gateway.foundation)

    assert [one.limit.lease for _, one in made.of(settings.routes[0])] == [5]


def test_redis_is_there_only_for_who_asks_for_it(harness: Harness) -> None:
    """One store for all that ask."""
    carried = harness.gateway.foundation.carried
    steps(harness, read(IP))
    assert not any(isinstance(key, tuple) and key[0] == "redis" for key in carried._things)

    settings = read(IP, USER, rate_limit_store="redis")
    made = RateLimits(settings, harness.gateway.foundation)
    stores = [made.store() for _ in range(2)]

    assert isinstance(stores[0], RedisLimits)
    assert stores[0] is stores[1]
    assert [key[0] for key in carried._things if isinstance(key, tuple)].count("redis") == 1
