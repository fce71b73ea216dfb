"""How a route is found by one of several hosts and paths, and by a regular expression, through the whole gateway."""

from __future__ import annotations

from collections.abc import Callable

from gateway.testing import Harness

Make = Callable[..., Harness]


def test_one_route_has_several_hosts_and_paths(make: Make) -> None:
    """One name in log and metrics, one limit; the name is made from the first of each."""
    made = make(
        "orders",
        routes=[
            {
                "host": ["api.example.com", "api.example.org"],
                "path": ["/orders/*", "/v2/orders/:id"],
                "upstream": "orders",
                "rate_limit": {"limit": 3, "window": "60s"},
            }
        ],
    )
    asked = [("api.example.com", "/orders/7"), ("api.example.org", "/v2/orders/7"), ("api.example.org", "/orders")]

    assert [made.get(path, Host=host).status for host, path in asked] == [200] * 3
    assert {record["route"] for record in made.logs} == {"api.example.com/orders/*"}
    labels = {"route": "api.example.com/orders/*"}
    assert made.metric("gateway_requests_total", **labels) == 3
    assert made.get("/v2/orders/8", Host="api.example.com").status == 429
    assert made.get("/v2/orders/8/x", Host="api.example.com").status == 404
    assert made.get("/orders/7", Host="www.example.com").status == 404


def test_a_limit_for_some_paths_is_for_one_of_two_paths(make: Make) -> None:
    """The path of each request decides."""
    made = make(
        "orders",
        routes=[{"path": ["/a/*", "/b/*"], "upstream": "orders"}],
        rate_limits=[{"endpoint": "/a/*", "scope": "ip", "limit": 1, "window": "60s"}],
    )

    assert [made.get(path).status for path in ("/a", "/b", "/a", "/b")] == [200, 200, 429, 200]


def test_one_route_under_two_paths_is_one_route_to_every_reading(make: Make) -> None:
    """A server that reads the path as the other one's finds the same rules there."""
    made = make("orders", routes=[{"path": ["/a/*", "/b/*"], "upstream": "orders"}])

    assert made.get("/a/..%2fb/x").status == 200
    assert made.get("/a/..%2fc/x").status == 400, "nobody's in one of its readings"


def test_a_path_may_be_a_regular_expression(make: Make) -> None:
    """The whole path, after all others; 405 as anywhere; the pattern is the metrics' label."""
    made = make(
        "orders",
        routes=[
            {"name": "version", "path": "~/v(?P<major>[0-9]+)/.*", "methods": ["GET"], "upstream": "orders"},
            {"name": "one", "path": "/v1/one", "upstream": "orders"},
        ],
    )

    statuses = [made.request(*asked).status for asked in (("GET", "/v12/x"), ("GET", "/v1/one"), ("POST", "/v1/x"))]
    assert statuses == [200, 200, 405]
    assert [record["route"] for record in made.logs] == ["version", "one", None]
    assert made.get("/a/v1/x").status == 404
    assert made.metric("gateway_requests_total", route="version") == 1


def test_an_expression_does_not_take_paths_of_the_gateway_s_own(make: Make) -> None:
    """It comes after all that names a path."""
    made = make("orders", routes=[{"path": "~/heal.*", "upstream": "orders"}])

    assert made.get("/health").headers.get(b"content-type") == b"application/json"
    assert made.get("/healthy").status == 200
    assert len(made.backend("orders").requests) == 1


def test_every_reading_of_a_path_must_be_the_expression_s(make: Make) -> None:
    """400 where a server could find another route."""
    made = make(
        "orders",
        routes=[
            {"name": "closed", "path": "~/(admin|private)(/.*)?", "upstream": "orders", "ip_allow": ["198.51.100.1"]},
            {"name": "open", "path": "~/.*", "upstream": "orders"},
        ],
    )

    assert [made.get(path).status for path in ("/x", "/admin/x", "/x/..%2fadmin", "/admin%2fx")] == [200, 403, 400, 400]
