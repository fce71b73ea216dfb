"""Routes become leaves: the rule that matches, the chain, and the forwarders at its end."""

from __future__ import annotations

from collections import Counter
from typing import Any

from gateway import config
from gateway.composition.builders.error_pages import Pages
from gateway.composition.builders.routes import Routes, rules
from gateway.composition.builders.subrequests import Subrequests
from gateway.http.fields import FieldFilter
from gateway.routing.agreement import PathRules
from gateway.testing import Harness


def routes(**keys: Any) -> Any:
    """The one route of a configuration, as settings."""
    route = {"name": "orders", "path": "/orders/*", "upstream": "orders", **keys}
    upstreams: list[Any] = [{"name": name, "backends": []} for name in ("orders", "users")]
    return config.from_mapping({"upstreams": upstreams, "routes": [route]}).routes[0]


def compiling(gateway: Harness, steps: Any) -> Routes:
    """What compiles routes to the upstreams of a gateway."""
    tree, foundation = gateway.gateway.root.tree, gateway.gateway.foundation
    subrequests = Subrequests(foundation, tree.upstreams, lambda route, keeps: [])
    return Routes(tree.settings, foundation, tree.upstreams, steps, subrequests, Pages(tree.settings))


def test_a_rule_says_what_a_request_must_be_like() -> None:
    """Methods in octets, as they come; none for all."""
    (made,) = rules(routes(methods=["GET", "PUT"], host="api.example.com", headers={"X-V": "2"}, query={"a": "*"}))

    assert (made.name, made.host, made.path, made.methods) == (
        "orders", "api.example.com", "/orders/*", frozenset({b"GET", b"PUT"}),
    )  # fmt: skip
    assert (made.headers, made.query) == ({"X-V": "2"}, {"a": "*"})
    assert [one.methods for one in rules(routes())] == [None]


def test_a_route_has_a_rule_for_each_of_its_hosts_with_each_of_its_paths() -> None:
    """All of one name."""
    made = list(rules(routes(host=["a.example", "*.b.example"], path=["/orders/*", "/v2/orders/*"])))

    assert [(one.name, one.host, one.path) for one in made] == [
        ("orders", "a.example", "/orders/*"),
        ("orders", "a.example", "/v2/orders/*"),
        ("orders", "*.b.example", "/orders/*"),
        ("orders", "*.b.example", "/v2/orders/*"),
    ]


def test_only_routes_that_retry_have_a_budget() -> None:
    """It is shown by name, and carried over."""
    gateway = Harness("orders")
    compiler = compiling(gateway, lambda route, choose=None, mirror=None: [])
    for name, keys in (("a", {}), ("b", {"retry": {}}), ("c", {"retry": {"attempts": 0}})):
        compiler.compile(routes(name=name, **keys), FieldFilter(frozenset()), PathRules())

    assert list(compiler.retry_budgets) == ["b"]


def test_one_upstream_leaves_nothing_to_choose() -> None:
    """Of several one is chosen by weight, for whatever step asks."""
    gateway = Harness("orders", "users")
    chosen: list[Any] = []

    def steps(route: Any, choose: Any = None, mirror: Any = None) -> list[Any]:
        chosen.append(choose)
        return []

    compiler = compiling(gateway, steps)
    for upstream in ("orders", [{"name": "orders", "weight": 3}, {"name": "users", "weight": 1}]):
        compiler.compile(routes(upstream=upstream), FieldFilter(frozenset()), PathRules())
    none, choose = chosen

    assert none is None
    assert Counter(choose(None) for _ in range(8)) == {"orders": 6, "users": 2}
