"""Routes that send their clients elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.testing import Harness

Make = Callable[..., Harness]
HOST = "shop.example.com"


def redirecting(make: Make, path: str | list[str] = "/*", host: Any = HOST, **redirect: Any) -> Harness:
    """One route with a redirect."""
    settings = {"trusted_proxies": ["10.0.0.1"]}
    return make("orders", routes=[{"name": "r", "host": host, "path": path, "redirect": redirect}], **settings)


def location(made: Harness, target: str, client: str = "192.0.2.1", **fields: str) -> str:
    """Where a request is sent; its status is 308."""
    headers = {"Host": HOST, **{name.replace("_", "-"): value for name, value in fields.items()}}
    received = made.request("GET", target, headers, client=made.client(client))
    assert (received.status, received.body) == (308, b"")
    return (received.headers.get(b"location") or b"").decode()


def test_to_https(make: Make) -> None:
    """The method is kept, path and query go along, and nothing is asked of a backend."""
    made = redirecting(make, scheme="https")

    assert location(made, "/a%2Fb?x=1&y=%20") == f"https://{HOST}/a%2Fb?x=1&y=%20"
    assert location(made, "/", Host=f"{HOST}:8080") == f"https://{HOST}/"
    assert made.request("POST", "/a", {"Host": HOST}, b"content").status == 308
    assert made.backend("orders").requests == []
    assert made.last_log["route"] == "r"


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "/%5cevil.example", "///evil.example/..//"])
def test_no_path_becomes_a_host(make: Make, target: str) -> None:
    """The target is a whole URL whose host is the route's own."""
    assert location(redirecting(make, scheme="https"), target).startswith(f"https://{HOST}/")


def test_no_host_but_the_configuration_s(make: Make) -> None:
    """Another one has no route; what only a proxy may say is not believed of others, nor a host that is no route's."""
    made = redirecting(make, scheme="https", host=[HOST, "other.example"])

    assert made.get("/", Host="evil.example").status == 404
    assert location(made, "/", X_Forwarded_Host="other.example") == f"https://{HOST}/"
    assert location(made, "/", "10.0.0.1", X_Forwarded_Host="other.example") == "https://other.example/"
    assert location(made, "/", "10.0.0.1", X_Forwarded_Host="evil.example") == f"https://{HOST}/"
    assert location(made, "/", "10.0.0.1", X_Forwarded_Host="evil.example/@x") == f"https://{HOST}/"
    assert location(made, "/", Host=f"{HOST}.") == f"https://{HOST}/"


@pytest.mark.parametrize("host", [None, "*.example.com", ["*.example.com", "example.com"]])
def test_a_route_for_other_names_too_sends_a_client_back_to_the_host_that_it_has_asked(make: Make, host: Any) -> None:
    """What a proxy says is believed of trusted ones only; a name that DNS cannot have is nobody's."""
    made = redirecting(make, scheme="https", host=host)

    assert location(made, "//evil.example/x", Host="a.example.com:8080") == "https://a.example.com/evil.example/x"
    assert location(made, "/", X_Forwarded_Host="evil.example") == f"https://{HOST}/"
    assert location(made, "/", "10.0.0.1", X_Forwarded_Host="www.example.com") == "https://www.example.com/"
    assert location(made, "/", "10.0.0.1", X_Forwarded_Host="evil;x.example") == f"https://{HOST}/"
    if host is None:
        assert location(made, "/", Host="[2001:db8::1]:80") == "https://[2001:db8::1]/"
        for name in ("evil;x", "a%2fb", "a..b"):
            assert made.get("/", Host=name).status in (400, 404)


def test_the_port_behind_a_load_balancer(make: Make) -> None:
    """That which the client used, as a trusted proxy says it; never of anybody else."""
    made = make(
        "orders",
        routes=[{"host": HOST, "path": "/old", "redirect": {"path": "/new"}}],
        trusted_proxies=["10.0.0.1"],
    )
    proxied = {"X_Forwarded_Proto": "https"}

    assert location(made, "/old", Host=f"{HOST}:8080") == f"http://{HOST}:8080/new"
    assert location(made, "/old", X_Forwarded_Port="8443", X_Forwarded_Proto="https") == f"http://{HOST}/new"
    assert location(made, "/old", "10.0.0.1", X_Forwarded_Port="8443", **proxied) == f"https://{HOST}:8443/new"
    assert location(made, "/old", "10.0.0.1", X_Forwarded_Port="443", **proxied) == f"https://{HOST}/new"
    assert location(made, "/old", "10.0.0.1", X_Forwarded_Port="0x1", **proxied) == f"https://{HOST}/new"


def test_a_redirect_to_itself_is_not_sent(make: Make) -> None:
    """It would go on for ever: 404."""
    made = redirecting(make, scheme="https")
    headers = {"Host": HOST, "X-Forwarded-Proto": "https"}

    assert made.request("GET", "/a", headers, client=made.client("10.0.0.1")).status == 404
    assert location(made, "/a", X_Forwarded_Proto="https") == f"https://{HOST}/a"


def test_parameters_in_the_path(make: Make) -> None:
    """As they stand in the path: nothing ends a segment, a line, or the path."""
    made = make(
        "orders",
        routes=[
            {"path": "/u/:id", "redirect": {"host": "new.example", "path": "/users/${param.id}/x"}},
            {"path": "/old/{*rest}", "redirect": {"host": "new.example", "path": "/new/${param.rest}", "status": 301}},
            {"path": "~/x(?P<tail>.*)", "redirect": {"host": "new.example", "path": "/${param.tail}"}},
        ],
    )

    assert location(made, "/u/a%0d%0aX:y?q") == "http://new.example/users/a%0D%0AX:y/x?q"
    assert made.get("/old/a/b%2fc").headers.get(b"location") == b"http://new.example/new/a/b%2Fc"
    assert made.get("/x..").status == 400
    assert location(made, "/xy") == "http://new.example/y"


def test_the_query_is_escaped_where_a_url_has_to(make: Make) -> None:
    """It is what the client wrote otherwise."""
    assert location(redirecting(make, scheme="https"), '/?a=<b>"|%3c') == f"https://{HOST}/?a=%3Cb%3E%22%7C%3c"
