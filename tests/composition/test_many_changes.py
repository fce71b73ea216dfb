"""A thousand changes, one after the other: what is held afterwards is what one configuration needs."""

from __future__ import annotations

import gc
from collections import Counter

from gateway.composition.versions import KEPT
from gateway.config import Settings, from_mapping
from gateway.config.schema.routes import Route
from gateway.testing import Harness

ROUTES = 4


SAID = from_mapping(
    {
        "routes": [
            {
                "name": f"r{one}",
                "path": f"/r{one}/*",
                "upstream": f"u{one % 2}",
                "retry": {"attempts": 2},
                "rate_limit": {"limit": 100, "window": "1s"},
                "security_headers": True,
            }
            for one in range(ROUTES)
        ],
        "upstreams": [
            {"name": f"u{one}", "backends": [{"url": f"http://127.0.0.1:900{one}"}], "circuit_breaker": {}}
            for one in range(2)
        ],
    }
)


def configuration(number: int) -> Settings:
    """Make one in which a route, an upstream, or a key for all is another each time."""
    routes, upstreams = list(SAID.routes), list(SAID.upstreams)
    changed = number % ROUTES
    routes[changed] = routes[changed].model_copy(update={"timeout": 10.0 + number})
    if number % 10 == 3:
        upstreams[0] = upstreams[0].model_copy(update={"strategy": "random"})
    if number % 50 == 7:
        routes[0] = routes[0].model_copy(update={"name": f"new{number}"})
    keys = {"routes": tuple(routes), "upstreams": tuple(upstreams), "dry_run_header": number % 100 == 50}
    return SAID.model_copy(update=keys)


def held() -> Counter[str]:
    """Count the objects of the gateway by their type; types of some libraries have another thing for their module."""
    gc.collect()
    return Counter(
        type(one).__qualname__ for one in gc.get_objects() if str(type(one).__module__).startswith("gateway.")
    )


def test_memory_is_flat() -> None:
    """Nothing that is counted grows with the number of changes; routes of versions that can be gone back to are few."""
    gateway = Harness("u0", "u1")
    gateway.memory.apply(configuration(0))
    readings = []
    for number in range(1, 1001):
        gateway.memory.apply(configuration(number))
        if number in (100, 400, 1000):
            readings.append(held())
    first, _, last = readings

    grown = {name: (first[name], count) for name, count in last.items() if count > first[name] + 30}
    assert grown == {}
    routes = sum(isinstance(one, Route) for one in gc.get_objects())
    assert routes < 3 * ROUTES + KEPT
