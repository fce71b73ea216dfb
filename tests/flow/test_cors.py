"""Pages of other origins: what they may call, and what they may read of the answers (the Fetch standard)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.memory.backend import ok
from gateway.memory.client import Received
from gateway.testing import Harness

Make = Callable[..., Harness]

PAGE = "https://app.example.com"
CORS = {
    "allowed_origins": [PAGE, "https://*.example.org"],
    "allowed_methods": ["GET", "PUT"],
    "allowed_headers": ["Content-Type", "X-Trace"],
    "exposed_headers": ["Retry-After"],
    "allow_credentials": True,
    "max_age": "5m",
}
SAID = b"access-control-"


def gateway(make: Make, cors: Any = None, **route: Any) -> Harness:
    """One route with these rules."""
    settings = {"name": "orders", "path": "/orders/*", "upstream": "orders", "cors": CORS if cors is None else cors}
    return make("orders", routes=[settings | route])


def preflight(made: Harness, method: str = "PUT", origin: str = PAGE, path: str = "/orders/7", **more: str) -> Received:
    """Ask before a call."""
    return options(made, path, Origin=origin, Access_Control_Request_Method=method, **more)


def options(made: Harness, path: str = "/orders/7", **fields: str) -> Received:
    """Make a request that may be a preflight."""
    return made.request("OPTIONS", path, {name.replace("_", "-"): value for name, value in fields.items()})


def said(answer: Received) -> dict[bytes, bytes]:
    """Return the fields of CORS in an answer."""
    return {name.lower(): value for name, value in answer.headers if name.lower().startswith(SAID)}


def test_a_preflight_is_answered(make: Make) -> None:
    """By the gateway; no backend sees it."""
    made = gateway(make)
    answer = preflight(made, Access_Control_Request_Headers="content-type, x-trace")

    assert (answer.status, answer.body) == (204, b"")
    assert said(answer) == {
        b"access-control-allow-origin": PAGE.encode(),
        b"access-control-allow-credentials": b"true",
        b"access-control-allow-methods": b"GET, PUT",
        b"access-control-allow-headers": b"content-type, x-trace",
        b"access-control-max-age": b"300",
    }
    assert answer.headers.get(b"vary") == b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
    assert made.backend("orders").requests == []
    assert made.last_log["route"] == "orders"


@pytest.mark.parametrize(
    ("method", "origin", "fields"),
    [
        ("DELETE", PAGE, ""),
        ("put", PAGE, ""),
        ("PUT", "https://evil.test", ""),
        ("PUT", "https://example.org", ""),
        ("PUT", "null", ""),
        ("PUT", PAGE.upper(), ""),
        ("PUT", PAGE, "x-other"),
        ("PUT", PAGE, "content-type, x-other"),
        ("PUT", PAGE, "*"),
    ],
)
def test_what_is_not_allowed(make: Make, method: str, origin: str, fields: str) -> None:
    """Is refused, and the browser reads no leave out of it."""
    made = gateway(make)
    more = {"Access_Control_Request_Headers": fields} if fields else {}
    answer = preflight(made, method, origin, **more)

    assert answer.status == 403
    assert answer.headers.get(b"gateway-reason") == b"cors.refused"
    assert said(answer) == {}
    assert b"Origin" in (answer.headers.get(b"vary") or b"")
    assert made.backend("orders").requests == []
    assert made.last_log["reason"] == "cors.refused"


def test_two_origins(make: Make) -> None:
    """Are what no browser sends: neither counts."""
    made = gateway(make)
    head = f"Host: a\r\nOrigin: {PAGE}\r\nOrigin: {PAGE}\r\n"
    asked = made.send(f"OPTIONS /orders/7 HTTP/1.1\r\n{head}Access-Control-Request-Method: PUT\r\n\r\n".encode())
    read = made.send(f"GET /orders/7 HTTP/1.1\r\n{head}\r\n".encode())

    assert asked.responses(b"OPTIONS")[0].status == 403
    assert said(read.responses(b"GET")[0]) == {}


def test_an_answer_may_be_read(make: Make) -> None:
    """By pages that are listed; the backend's own word does not pass."""
    made = gateway(make)
    made.backend("orders").answer = lambda asked: ok(
        b"7", (b"Access-Control-Allow-Origin", b"*"), (b"Access-Control-Max-Age", b"9"), (b"Vary", b"Accept")
    )
    answer = made.get("/orders/7", Origin=PAGE)

    assert said(answer) == {
        b"access-control-allow-origin": PAGE.encode(),
        b"access-control-allow-credentials": b"true",
        b"access-control-expose-headers": b"Retry-After",
    }
    assert answer.headers.get_all(b"vary") == [b"Accept", b"Origin"]
    assert made.backend("orders").requests[-1].headers.get(b"origin") == PAGE.encode()

    for origin in ({}, {"Origin": "https://evil.test"}):
        other = made.get("/orders/7", **origin)
        assert (other.status, other.body, said(other)) == (200, b"7", {})
        assert other.headers.get_all(b"vary") == [b"Accept", b"Origin"]


@pytest.mark.parametrize("vary", [b"*", b"Accept, origin", b"Origin"])
def test_vary_says_it_once(make: Make, vary: bytes) -> None:
    """Where the backend does already."""
    made = gateway(make)
    made.backend("orders").answer = lambda asked: ok(b"7", (b"Vary", vary))

    assert made.get("/orders/7", Origin=PAGE).headers.get_all(b"vary") == [vary]


def test_errors_may_be_read_too(make: Make) -> None:
    """Of limits, of authentication, of backends: else a page would learn of a failure, and not of which."""
    limited = gateway(make, rate_limit={"requests": 1, "window": "60s", "scope": "ip"})
    assert limited.get("/orders/7").status == 200
    assert preflight(limited).status == 204, "a preflight counts for no limit"
    answer = limited.get("/orders/7", Origin=PAGE)
    assert (answer.status, said(answer)[b"access-control-allow-origin"]) == (429, PAGE.encode())
    assert answer.headers.get(b"retry-after") is not None
    assert said(answer)[b"access-control-expose-headers"] == b"Retry-After"

    gone = gateway(make)
    gone.network.close("127.0.0.1", 9001)
    answer = gone.get("/orders/7", Origin=PAGE)
    assert (answer.status, said(answer)[b"access-control-allow-origin"]) == (502, PAGE.encode())


def test_before_authentication(make: Make) -> None:
    """A preflight shows no credentials."""
    made = make(
        "orders",
        routes=[{"path": "/orders/*", "upstream": "orders", "cors": CORS, "auth": {"type": "jwt"}}],
        auth={"jwt": {"default": {"algorithms": ["HS256"], "secret": "0123456789abcdef" * 4}}},
    )
    assert preflight(made).status == 204
    answer = made.get("/orders/7", Origin=PAGE)
    assert (answer.status, said(answer)[b"access-control-allow-origin"]) == (401, PAGE.encode())


def test_everybody(make: Make) -> None:
    """Without credentials every page gets the same answer, and caches may keep it for all."""
    made = gateway(make, {"allowed_origins": ["*"], "allowed_headers": ["*"], "allowed_methods": ["*"]})
    answer = preflight(made, "PATCH", "null", Access_Control_Request_Headers="x-a,X-B")
    assert said(answer) == {
        b"access-control-allow-origin": b"*",
        b"access-control-allow-methods": b"PATCH",
        b"access-control-allow-headers": b"x-a, x-b",
        b"access-control-max-age": b"600",
    }
    read = made.get("/orders/7", Origin="https://any.test")
    assert said(read) == {b"access-control-allow-origin": b"*"}
    assert read.headers.get(b"vary") is None


def test_private_networks(make: Make) -> None:
    """Only where it is allowed, and asked for."""
    for allowed, asked, answered in ((True, True, b"true"), (True, False, None), (False, True, None)):
        made = gateway(make, {**CORS, "allow_private_network": allowed})
        more = {"Access_Control_Request_Private_Network": "true"} if asked else {}
        assert said(preflight(made, **more)).get(b"access-control-allow-private-network") == answered


def test_the_route_is_that_of_the_method(make: Make) -> None:
    """A preflight belongs to the route that takes what it asks for, and no route has to take OPTIONS."""
    route = {"path": "/orders/:id", "upstream": "orders"}
    made = make(
        "orders",
        routes=[
            {**route, "name": "reads", "methods": ["GET"], "cors": {"allowed_origins": ["*"]}},
            {**route, "name": "writes", "methods": ["PUT"], "cors": {**CORS, "allowed_methods": ["PUT", "DELETE"]}},
            {**route, "name": "own", "methods": ["PATCH", "OPTIONS"]},
        ],
    )
    made.backend("orders").answer = lambda asked: ok(b"own", (b"Access-Control-Allow-Origin", b"https://own.test"))
    assert said(preflight(made, "GET"))[b"access-control-allow-methods"] == b"GET, HEAD"
    assert said(preflight(made, "PUT"))[b"access-control-allow-methods"] == b"PUT"

    # A route without `cors`: its backend answers, as if there were none.
    assert said(preflight(made, "PATCH")) == {b"access-control-allow-origin": b"https://own.test"}
    # What no route takes is refused, though one's rules would allow it.
    refused = preflight(made, "DELETE")
    assert (refused.status, refused.headers.get(b"gateway-reason")) == (403, b"cors.refused")
    # Of a path that no route has, nothing is known.
    assert preflight(made, "PUT", path="/elsewhere").status == 404


def test_other_uses_of_options(make: Make) -> None:
    """Without a page, or without a question, it is a request like others."""
    made = gateway(make)
    assert options(made).status == 200
    assert options(made, Origin=PAGE).status == 200
    assert options(made, Access_Control_Request_Method="PUT").status == 200
    assert len(made.backend("orders").requests) == 3
    last = options(made, Max_Forwards="0", Origin=PAGE)
    assert (last.status, len(made.backend("orders").requests)) == (204, 3)
    assert preflight(made, Max_Forwards="0").status == 204


def test_in_dry_run(make: Make) -> None:
    """What pages would be kept from is counted and logged, and nothing is done."""
    made = gateway(make, {**CORS, "dry_run": True})
    made.backend("orders").answer = lambda asked: ok(b"own", (b"Access-Control-Allow-Origin", b"https://own.test"))
    for method, origin, refused in (("PUT", PAGE, 0), ("DELETE", PAGE, 1), ("PUT", "https://evil.test", 2)):
        answer = preflight(made, method, origin)
        assert said(answer) == {b"access-control-allow-origin": b"https://own.test"}
        assert made.metric("gateway_cors_dry_run_total", route="orders", reason="cors.refused") == refused
    made.get("/orders/7", Origin="https://evil.test")
    assert made.metric("gateway_cors_dry_run_total", route="orders", reason="cors.refused") == 3
    assert made.last_log["dry_run"] == "cors=cors.refused"
    made.get("/orders/7")
    assert made.metric("gateway_cors_dry_run_total", route="orders", reason="cors.refused") == 3


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_page_reads_that_its_method_is_not_taken(make: Make, dry_run: bool) -> None:
    """A 405 is no route's, but of a path whose rules say who may read; another origin's page may not, and no 404 is."""
    made = make(
        "orders",
        routes=[
            {"path": "/orders/*", "methods": ["GET"], "upstream": "orders"},
            {"path": "/orders/*", "methods": ["PUT"], "upstream": "orders", "cors": CORS | {"dry_run": dry_run}},
            {"path": "/plain", "methods": ["GET"], "upstream": "orders"},
        ],
    )

    answer = made.request("POST", "/orders/7", {"Origin": PAGE})

    assert (answer.status, answer.headers.get(b"allow")) == (405, b"GET, HEAD, PUT")
    if dry_run:
        assert said(answer) == {}
        return
    assert said(answer) == {
        b"access-control-allow-origin": PAGE.encode(),
        b"access-control-allow-credentials": b"true",
        b"access-control-expose-headers": b"Retry-After",
    }
    assert answer.headers.get(b"vary") == b"Origin"
    for headers, path in (({"Origin": "https://evil.example"}, "/orders/7"), ({"Origin": PAGE}, "/plain"), ({}, "/o")):
        assert said(made.request("POST", path, headers)) == {}
