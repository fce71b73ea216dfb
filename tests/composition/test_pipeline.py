"""The order of the steps: read off what a configuration with every feature gives."""

from __future__ import annotations

from typing import Any

from gateway.composition.builders.admission import LoadControl
from gateway.composition.builders.error_pages import Pages
from gateway.composition.builders.identity import Identity
from gateway.composition.builders.limits import RateLimits
from gateway.composition.pipeline import Pipeline
from gateway.http.forwarded import NetworkSet
from gateway.limiting.store import MemoryLimits
from gateway.middleware.ip_rules import IPRules
from gateway.testing import Harness

SECRET = "an-hmac-secret-that-is-long-enough-for-HS256"
EVERYTHING: dict[str, Any] = {
    "ip_deny": ["203.0.113.0/24"],
    "auth": {"jwt": {"default": {"algorithms": ["HS256"], "secret": SECRET}}},
    "limits": {"loop_lag": "200ms", "in_flight": 100, "queue": {"size": 10}, "request_body": 1000},
    "error_pages": {"404": __file__, "intercept": True},
    "circuit_breaker": {"failure_threshold": 5, "fallback": {"cached": True}},
    "routes": [
        {
            "name": "orders",
            "path": "/orders/*",
            "upstream": "orders",
            "ip_allow": ["192.0.2.0/24"],
            "auth": {"type": "jwt"},
            "in_flight": 10,
            "rate_limit": [
                {"scope": "ip", "limit": 100, "window": "1m"},
                {"scope": "user", "limit": 10, "window": "1m"},
            ],
        }
    ],
}


def pipeline(**configuration: Any) -> tuple[Pipeline, Harness]:
    """Of a configuration."""
    gateway = Harness("orders", **configuration)
    settings, foundation = gateway.settings(), gateway.gateway.foundation
    made = Pipeline(
        settings,
        foundation,
        lambda line: None,
        NetworkSet([]),
        Identity(settings, foundation, frozenset(), MemoryLimits),
        RateLimits(settings, foundation),
        LoadControl(settings, foundation),
        Pages(settings),
    )
    return made, gateway


def names(**configuration: Any) -> list[str]:
    """The steps of the first route, in order, under the names of their classes."""
    made, gateway = pipeline(**configuration)
    return [type(step).__name__ for step in made.steps(gateway.settings().routes[0])]


def test_the_whole_list() -> None:
    """A route that uses everything: what tells of it, what turns away, who calls, how much, places, what is kept."""
    assert names(**EVERYTHING) == [
        "RequestId",
        "Trace",
        "AccessLog",
        "RequestMetrics",
        "IPRules",  # for all
        "LoadShedding",
        "AdmissionAtTheDoor",  # of the gateway
        "IPRules",  # of the route
        "RateLimitFields",
        "RateLimit",  # by address
        "Authentication",
        "Tunnels",  # by whose credential it was opened
        "RateLimit",  # by user
        "BodyLimit",
        "RequestBuffer",
        "LateAdmission",  # of the gateway, where content was gathered
        "Admission",  # of the route
        "Intercept",
        "LastGoodStep",
    ]


def test_a_feature_that_is_not_used_has_no_step() -> None:
    """The shortest list there is."""
    bare = names(limits={"request_buffer": 0, "request_body": 0}, access_log={"enabled": False})

    assert bare == ["RequestId", "Trace", "RequestMetrics"]


def test_without_a_route_nothing_is_asked_of_an_upstream() -> None:
    """A 404 is logged, counted and held to address rules; it takes no place and nobody has to say who it is."""
    made, _ = pipeline(**EVERYTHING)

    assert {type(step).__name__ for step in made.steps(None)}.isdisjoint(
        {"Authentication", "Admission", "BodyLimit", "RequestBuffer", "Intercept", "LastGoodStep"}
    )


def test_equal_steps_are_one_object() -> None:
    """Ten thousand routes with the same rules cost one step."""
    routes = [
        {"name": name, "path": f"/{name}", "upstream": "orders", "ip_allow": ["192.0.2.0/24"], "request_body": 7}
        for name in ("a", "b")
    ]
    made, gateway = pipeline(routes=routes)
    one, other = (made.steps(route) for route in gateway.settings().routes)
    differing = [type(step).__name__ for step, same in zip(one, other, strict=True) if step is not same]

    assert differing == ["RequestMetrics"]


def test_own_paths_have_lists_of_their_own() -> None:
    """Health is open to every address; metrics on the public port are under the rules for all."""
    made, _ = pipeline(ip_deny=["203.0.113.0/24"])

    assert not any(isinstance(step, IPRules) for step in made.health("/health"))
    assert any(isinstance(step, IPRules) for step in made.public_metrics("/metrics"))
    assert any(isinstance(step, IPRules) for step in made.outermost("token", "/oauth/token"))
