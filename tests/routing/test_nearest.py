from __future__ import annotations

import pytest

from gateway.routing.nearest import MOST, Nearest
from gateway.routing.rule import RouteRule

RULES = [
    RouteRule("all", "shop.example", "/*"),
    RouteRule("orders", "api.example.com", "/orders/*"),
    RouteRule("order", None, "/v2/orders/:id"),
    RouteRule("expression", None, "~/v[0-9]+/x"),
    RouteRule("other", "api.example.org", "/orders/*"),
]


@pytest.mark.parametrize(
    ("host", "path", "name"),
    [
        (b"a.example", b"/orders/7", "orders"),
        (b"api.exmple.org", b"/orders/7", "other"),
        (b"api.example.com", b"/ordrs/7", "orders"),
        (b"x", b"/v2/ordes/7", "order"),
        (b"x", b"/v2/orders", "order"),
        (b"x", b"/v2/orders/7/lines", "order"),
        (b"x", b"/quux", None),
        (b"x", b"/", None),
    ],
)
def test_the_nearest_rule_is_found(host: bytes, path: bytes, name: str | None) -> None:
    """By a slip in the path, by what is missing of it, or by its host."""
    rule = Nearest(RULES).find(host, path)

    assert (rule and rule.name) == name


def test_what_a_client_sends_bounds_nothing_else() -> None:
    """Long paths are cut, and not all of ten thousand routes are compared."""
    asked = []

    def many() -> object:
        for number in range(10_000):
            asked.append(number)
            yield RouteRule(f"r{number}", None, f"/r{number}/*")

    nearest = Nearest(many())  # type: ignore[arg-type]
    assert asked == []

    assert nearest.find(b"h" * 100_000, b"/" + b"r" * 100_000 + b"/" * 100_000) is None
    found = nearest.find(b"h", b"/r7/x")
    assert found is not None
    assert found.name == "r7"
    assert len(asked) == MOST
