"""What decides is what is forwarded: paths that servers read in several ways, through the whole gateway."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.testing import Harness

Make = Callable[..., Harness]
CLOSED: dict[str, Any] = {"ip_allow": ["198.51.100.1"]}
"""What nobody in these tests may pass."""


def gateway(make: Make, *routes: dict[str, Any], **settings: Any) -> Harness:
    """Routes to one upstream, each named for its path."""
    whole = [{"name": route["path"], "upstream": "orders", **route} for route in routes]
    return make("orders", routes=whole, **settings)


def ask(made: Harness, target: str, client: str = "GET") -> int:
    """Send a request; returns the status."""
    return made.request(client, target).status


@pytest.mark.parametrize(
    "target",
    [
        "/admin/../public/x",
        "/admin/%2e%2e/public/x",
        "/public/..%2fadmin",
        "/public/..%5cadmin",
        "/public/..\\admin",
        "//public/x",
        "/public/..;/admin",
    ],
)
def test_a_path_of_two_routes_is_refused(make: Make, target: str) -> None:
    """400 with a reason of its own, and the connection goes on: it is no fault of framing."""
    made = gateway(make, {"path": "/*", **CLOSED}, {"path": "/public/*"})

    response = made.get(target)

    assert response.status == 400
    assert response.headers.get(b"gateway-reason") == b"request.ambiguous"
    assert response.headers.get(b"connection") is None
    assert made.last_log["reason"] == "request.ambiguous"
    assert made.last_log["path"] == target
    assert made.backend("orders").requests == []
    assert ask(made, "/public/x") == 200
    assert ask(made, "/admin/x") == 403


@pytest.mark.parametrize(
    "target",
    [
        "/admin/../public/x",
        "/admin/%2e%2e/public/x",
        "/public%2F..%2Fadmin",
        "/public/..%2Fadmin",
        "/public/..%5Cadmin",
        "/public/..\\admin",
        "//public/x",
        "/public//x/../../admin",
    ],
)
def test_a_path_of_two_routes_is_refused_however_often_it_comes(make: Make, target: str) -> None:
    """What was found for one of its readings is not remembered for the path as it was written."""
    made = gateway(make, {"path": "/*"}, {"path": "/public/*"}, {"path": "/admin/*", **CLOSED})

    assert [ask(made, target) for _ in range(6)] == [400] * 6
    assert made.backend("orders").requests == []


def test_where_all_readings_agree_the_path_goes_on_as_written(make: Make) -> None:
    """Dots, doubled and escaped slashes included."""
    made = gateway(make, {"path": "/*"})
    targets = ["/a/../b//c%2Fd\\e?x=/../%2f", "/%0d%0a%0E%7f", "/files/a%2f..%2fb", "/x;v=1/y"]

    assert [ask(made, target) for target in targets] == [200] * 4
    assert [asked.target.decode() for asked in made.backend("orders").requests] == targets


def test_nul_and_ways_above_the_root_are_malformed_as_before(make: Make) -> None:
    """They mean nothing to anybody."""
    made = gateway(make, {"path": "/*"})

    for target in ("/%00", "/../x", "/a/%2e%2e/../x"):
        response = made.get(target)
        assert (response.status, response.headers.get(b"gateway-reason")) == (400, b"request.malformed")


def test_a_limit_for_some_paths_is_part_of_what_must_agree(make: Make) -> None:
    """A client cannot take its requests out of a limit by their spelling."""
    limits = [{"endpoint": "/login/*", "scope": "ip", "limit": 1, "window": "60s"}]
    made = gateway(make, {"path": "/*"}, rate_limits=limits)

    assert [ask(made, target) for target in ("/login/a", "/login/b", "/x/..%2flogin/c", "/login%2fd", "/x//y")] == [
        200,
        429,
        400,
        400,
        200,
    ]


def test_the_normal_form_can_be_forwarded(make: Make) -> None:
    """At top level or by a route; the log has what the client wrote, a parameter that is withheld stays away."""
    made = gateway(
        make,
        {"path": "/*", **CLOSED},
        {"path": "/public/*", "paths": {"forward": "normalized"}},
        {
            "path": "/key/*",
            "paths": {"forward": "normalized"},
            "auth": {"type": "api_key", "forward_credentials": False},
        },
        auth={"api_keys": {"query": "k", "keys": [{"id": "a", "key": "gw_a_0123456789", "user": "a"}]}},
    )

    assert ask(made, "/admin/..//public/%7Ex?y=%2f") == 200
    assert made.last_log["path"] == "/admin/..//public/%7Ex"
    assert ask(made, "/public/..%2fadmin") == 400
    assert ask(made, "/key//x?k=gw_a_0123456789&z=1") == 200
    assert [asked.target for asked in made.backend("orders").requests] == [b"/public/~x?y=%2f", b"/key/x?z=1"]


@pytest.mark.parametrize(
    ("target", "kind"),
    [("/admin;x/users", "params"), ("/admin%3bx", "params"), ("/ADMIN/users", "case"), ("/%61pi", "escapes")],
)
@pytest.mark.parametrize("place", ["top", "open", "closed"])
def test_further_readings_are_asked_where_they_are_listed(make: Make, target: str, kind: str, place: str) -> None:
    """By the route itself, by another to the same upstream, or by all; nowhere else."""
    listed = {"paths": {"readings": ["dots", "slashes", kind]}}
    opened: dict[str, Any] = {"path": "/*", **(listed if place == "open" else {})}
    closed = {**CLOSED, **(listed if place == "closed" else {})}
    routes = [opened, {"path": "/admin/*", **closed}, {"path": "/api", **closed}]
    if kind == "escapes":  # the gateway finds /api, and a server that does not decode something else
        routes = [{**CLOSED, "path": "/*", **(listed if place == "closed" else {})}, {**opened, "path": "/api"}]
    made = gateway(make, *routes, **(listed if place == "top" else {}))

    assert ask(made, target) == 400
    assert ask(gateway(make, *({**route, "paths": {}} for route in routes)), target) == 200


def test_a_slash_at_the_end_can_be_asked_about(make: Make) -> None:
    """Then `/admin/` is no way past `/admin`."""
    routes: list[dict[str, Any]] = [{"path": "/*"}, {"path": "/admin", **CLOSED}]

    assert ask(gateway(make, *routes), "/admin/") == 200
    strict = gateway(make, *routes, paths={"readings": ["trailing_slash"]})
    assert [ask(strict, target) for target in ("/admin/", "/x", "/admin")] == [400, 200, 400]


def test_a_route_can_take_readings_back(make: Make) -> None:
    """Its servers read as the gateway does, says its operator."""
    made = gateway(make, {"path": "/*"}, {"path": "/raw/*", "paths": {"readings": []}})

    assert ask(made, "/a/../raw/x") == 200
    assert ask(made, "/raw/../a") == 400


def test_another_upstream_has_other_servers(make: Make) -> None:
    """What a route lists for its own does not concern them."""
    made = make(
        "orders",
        "other",
        routes=[
            {"name": "open", "path": "/*", "upstream": "other"},
            {"name": "closed", "path": "/admin/*", "upstream": "orders", "paths": {"readings": ["case"]}, **CLOSED},
        ],
    )

    assert ask(made, "/ADMIN/x") == 200


@pytest.mark.parametrize("method", ["POST", "HEAD", "DELETE", "TRACE"])
def test_a_method_is_no_way_past_a_protected_route(make: Make, method: str) -> None:
    """405 (HEAD: what GET gets), never the open route behind it."""
    made = gateway(make, {"path": "/*"}, {"path": "/admin/*", "methods": ["GET"], **CLOSED})

    response = made.request(method, "/admin/x")

    assert response.status == (403 if method == "HEAD" else 405)
    if method != "HEAD":
        assert response.headers.get(b"allow") == b"GET, HEAD"
    assert made.backend("orders").requests == []


def test_head_goes_where_get_goes(make: Make) -> None:
    """A route for GET needs not name it."""
    made = gateway(make, {"path": "/a", "methods": ["GET"]})

    assert ask(made, "/a", "HEAD") == 200


@pytest.mark.parametrize(
    ("route", "statuses"),
    [
        ({"path": "/*"}, (200, 200, 200)),
        ({"path": "/:page"}, (200, 200, 200)),
        ({"path": "/health"}, (201, 200, 201)),
        ({"path": "/health/*"}, (201, 201, 201)),
        ({"path": "/health", "methods": ["GET"]}, (201, 200, 405)),
        ({"path": "/health", "host": "other.example"}, (200, 200, 200)),
        ({"path": "/health", "host": "gateway.test"}, (201, 200, 201)),
        ({"path": "/health", "headers": {"X-App": "*"}}, (200, 200, 200)),
    ],
)
def test_a_route_that_names_a_path_of_the_gateway_wins(
    make: Make, route: dict[str, Any], statuses: tuple[int, ...]
) -> None:
    """On its hosts and under its conditions; one that would take anything does not."""
    made = gateway(make, route)
    made.backend("orders").answers(*[b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"] * 3)

    asked = (("GET", "/health"), ("GET", "/health/live"), ("POST", "/health"))
    got = tuple(made.request(method, target, headers={"Host": "gateway.test"}).status for method, target in asked)

    # Where the gateway answers itself, it takes GET only.
    assert got == (*statuses[:2], 405 if statuses[0] == 200 else statuses[2])


@pytest.mark.parametrize("name", ["Proxy", "X-Original-URL", "X-Rewrite-URL", "x_original_url", "X.Rewrite.Url"])
def test_fields_that_name_another_url_do_not_go_on(make: Make, name: str) -> None:
    """Neither in the head nor in trailers; frameworks would go by them, and no rule has seen them."""
    made = gateway(make, {"path": "/*"})

    assert made.request("GET", "/", headers={name: "/admin"}).status == 200
    assert made.backend("orders").requests[0].headers.get(name.lower().encode()) is None
    made.send(
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n"
        b"1\r\na\r\n0\r\nX-Kept: 1\r\n" + name.encode() + b": /admin\r\n\r\n"
    )
    received = made.backend("orders").requests[1].connection.received
    assert b"X-Kept: 1" in received
    assert b"/admin" not in received


def test_an_original_url_goes_on_where_that_is_allowed(make: Make) -> None:
    """`Proxy` never does."""
    made = gateway(make, {"path": "/*"}, forwarded={"original_url": True})

    made.request("GET", "/", headers={"X-Original-URL": "/x", "Proxy": "http://evil.example"})

    headers = made.backend("orders").requests[0].headers
    assert headers.get(b"x-original-url") == b"/x"
    assert headers.get(b"proxy") is None


def test_an_ipv6_host_has_one_spelling(make: Make) -> None:
    """In the configuration, in Host and towards the backend."""
    made = gateway(make, {"path": "/*", "host": "[2001:DB8:0:0::1]"})

    assert made.request("GET", "/", headers={"Host": "[2001:db8:0:0:0::1]:80"}).status == 200
    assert made.backend("orders").requests[0].headers.get(b"host") == b"[2001:db8::1]:80"
    assert made.request("GET", "/", headers={"Host": "[2001:db8::2]"}).status == 404


NO_NAMES = [
    "api.example.com..",
    "a.example.com...:80",
    "api..example.com",
    f"{'a' * 64}.example.com",
    "a." * 122 + "example.com",
]


@pytest.mark.parametrize(
    "host", ["0.0.0.0=5000", "api.example.com;x", "%61pi.example.com", "api.example.com~", *NO_NAMES]
)
def test_a_host_that_no_dns_has_goes_where_hosts_do_not_matter(make: Make, host: str) -> None:
    """With routes for hosts a server might take it for one of theirs."""
    asked = {"Host": host}
    made = gateway(make, {"path": "/*"})

    assert made.request("GET", "/", headers=asked).status == 200
    assert made.backend("orders").requests[0].headers.get(b"host") == host.encode()
    strict = gateway(make, {"path": "/*"}, {"name": "api", "path": "/*", "host": "*.example.com"})
    response = strict.request("GET", "/", headers=asked)
    assert (response.status, response.headers.get(b"gateway-reason")) == (400, b"request.ambiguous")


@pytest.mark.parametrize("target", [b"/caf\xc3\xa9", b"/caf\xe9", b"/?q=\xc3\xa9"])
def test_octets_that_should_have_been_escaped_are_malformed(make: Make, target: bytes) -> None:
    """A target is ASCII (RFC 3986): servers differ in how they take anything else. As escapes it goes through."""
    made = gateway(make, {"path": "/*"})

    client = made.send(b"GET " + target + b" HTTP/1.1\r\nHost: h\r\n\r\n")

    assert client.received.startswith(b"HTTP/1.1 400")
    assert made.get("/caf%C3%A9").status == 200
    assert [asked.target for asked in made.backend("orders").requests] == [b"/caf%C3%A9"]


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE"])
def test_max_forwards_is_counted_down(make: Make, method: str) -> None:
    """For the two methods that have a use for it (RFC 9110 section 7.6.2); others carry it as it came."""
    made = gateway(make, {"path": "/*", "methods": ["GET", "OPTIONS", "TRACE"]})

    for asked, value in ((method, "7"), (method, "x"), (method, "9" * 40), ("GET", "0")):
        assert made.request(asked, "/a", headers={"Max-Forwards": value}).status == 200

    sent = [asked.headers.get_all(b"max-forwards") for asked in made.backend("orders").requests]
    assert sent == [[b"6"], [b"x"], [b"9" * 40], [b"0"]]


def test_who_may_go_no_further_is_answered_here(make: Make) -> None:
    """OPTIONS with what the path takes, TRACE with the request as it came but for what is secret."""
    made = gateway(make, {"path": "/a", "methods": ["GET", "OPTIONS", "TRACE"]}, {"path": "/*"})
    fields = {"Max-Forwards": "0", "X-A": "1", "Authorization": "Basic x", "Cookie": "c=1", "X-Api-Key": "k"}

    options = made.request("OPTIONS", "/a", headers=fields)
    trace = made.request("TRACE", "/a?b", headers=fields)

    assert (options.status, options.headers.get(b"allow"), options.body) == (204, b"GET, HEAD, OPTIONS, TRACE", b"")
    assert (trace.status, trace.headers.get(b"content-type")) == (200, b"message/http")
    assert trace.body == b"TRACE /a?b HTTP/1.1\r\nHost: gateway.test\r\nMax-Forwards: 0\r\nX-A: 1\r\n\r\n"
    assert made.last_log["route"] == "/a"
    assert made.request("TRACE", "/b", headers=fields).status == 405
    assert made.backend("orders").requests == []


def test_a_route_s_rules_are_for_who_may_go_no_further_too(make: Make) -> None:
    """Nothing is told to those who may not ask."""
    made = gateway(make, {"path": "/*", **CLOSED})

    assert made.request("OPTIONS", "/", headers={"Max-Forwards": "0"}).status == 403
