"""Answers of backends that name themselves, as their clients see them: `rewrite_responses`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.memory.backend import ok
from gateway.testing import Harness
from tests.flow.test_tunnels import SWITCH

Make = Callable[..., Harness]

BASE = {"url": "http://127.0.0.1:9001/v2"}
NAMED: dict[str, Any] = {"host_header": "shop.internal"}


def rewriting(make: Make, *backends: dict[str, Any], route: dict[str, Any] | None = None, **upstream: Any) -> Harness:
    """One upstream whose answers are rewritten, by default with one backend below /v2; 10.0.0.1 is a trusted proxy."""
    upstreams = [{"name": "orders", "backends": [*backends] or [BASE], "rewrite_responses": True, **upstream}]
    routes = [{"name": "orders", "path": "/*", "upstream": "orders", **(route or {})}]
    return make("orders", "others", upstreams=upstreams, routes=routes, trusted_proxies=["10.0.0.1"])


def seen(made: Harness, name: str, value: str, client: str = "192.0.2.1", **fields: str) -> str | None:
    """What a client gets where the backend sends a field."""
    made.backend("orders").answers(ok(b"", (name.encode(), value.encode()), status=b"302 Found"))
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    received = made.request("GET", "/", headers, client=made.client(client))
    assert received.status == 302
    got = received.headers.get_all(name.lower().encode())
    assert len(got) == 1
    return got[0].decode()


@pytest.mark.parametrize(
    ("said", "got"),
    [
        ("http://127.0.0.1:9001/v2/a?b#c", "http://gateway.test/a?b#c"),
        ("HTTP://127.0.0.1:9001/v2", "http://gateway.test/"),
        ("http://127.0.0.1:9001/v2?x", "http://gateway.test/?x"),
        ("http://shop.internal/v2/a", "http://gateway.test/a"),
        ("http://Shop.Internal:80/v2/a", "http://gateway.test/a"),
        ("//shop.internal/v2/a", "http://gateway.test/a"),
        ("/v2/a", "/a"),
        ("/v2", "/"),
        ("/v2?x", "/?x"),
        ("a/b", "a/b"),
        ("?x", "?x"),
    ],
)
@pytest.mark.parametrize("field", ["Location", "Content-Location"])
def test_own_urls_become_those_that_the_client_asked(make: Make, field: str, said: str, got: str) -> None:
    """By the backend's name or by the Host that it is sent, whole or path only; the base is taken off."""
    assert seen(rewriting(make, **NAMED), field, said) == got


@pytest.mark.parametrize(
    "said",
    [
        "http://evil.example/v2/a",
        "https://127.0.0.1:9001/v2/a",
        "http://127.0.0.1:9002/v2/a",
        "http://127.0.0.1:9001/v1/a",
        "http://127.0.0.1:9001/v22",
        "http://127.0.0.1:9001@evil.example/v2/a",
        "http://me@shop.internal/v2/a",
        "http://shop.internal.evil.example/v2",
        "http://shop.internal\\.evil.example/v2",
        "http:/v2/a",
        "//evil.example/v2",
        "/\\evil.example/v2",
        "/v1/a",
        "/v22",
        "ftp://shop.internal/v2",
        "https://shop.internal/v2/a",
        "",
    ],
)
def test_foreign_urls_are_left_alone(make: Make, said: str) -> None:
    """Another scheme, host or port, what only looks like the backend, and paths that the gateway has not."""
    assert seen(rewriting(make, **NAMED), "Location", said) == said


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example/", "/\t/evil.example"])
def test_a_path_does_not_become_a_host(make: Make, path: str) -> None:
    """What stands behind the base may have been chosen by a client."""
    made = rewriting(make, **NAMED)

    assert seen(made, "Location", f"/v2{path}") == f"/.{path}"
    assert seen(made, "Location", f"http://shop.internal/v2{path}") == f"http://gateway.test{path}"


def test_the_scheme_and_the_port_are_those_that_the_client_used(make: Make) -> None:
    """Also behind a proxy that is trusted; nobody else's word counts."""
    made = rewriting(make, **NAMED)
    own = "http://shop.internal/v2/a"
    https = {"X_Forwarded_Proto": "https"}

    assert seen(made, "Location", own, Host="shop.example.com:8080") == "http://shop.example.com:8080/a"
    assert seen(made, "Location", own, "10.0.0.1", **https) == "https://gateway.test/a"
    assert seen(made, "Location", own, **https) == "http://gateway.test/a"
    outer = {**https, "X_Forwarded_Host": "shop.example.com", "X_Forwarded_Port": "8443"}
    assert seen(made, "Location", own, "10.0.0.1", **outer) == "https://shop.example.com:8443/a"
    assert seen(made, "Location", own, X_Forwarded_Host="evil.example") == "http://gateway.test/a"
    # The backend has been told of HTTPS, and names itself so.
    assert seen(made, "Location", "https://shop.internal/v2/a", "10.0.0.1", **https) == "https://gateway.test/a"


def test_a_backend_that_sees_the_client_s_host(make: Make) -> None:
    """It knows neither the base that is taken off nor the scheme that the client used."""
    made = rewriting(make)

    assert (
        seen(made, "Location", "http://gateway.test/v2/a", "10.0.0.1", X_Forwarded_Proto="https")
        == "https://gateway.test/a"
    )
    assert seen(made, "Location", "http://gateway.test/b") == "http://gateway.test/b"


@pytest.mark.parametrize("host_header", ["client", "backend", "shop.internal"])
def test_a_backend_that_writes_what_x_forwarded_host_has_told_it(make: Make, host_header: str) -> None:
    """Rails does so unasked. It knows the host that the client asked for, but not that the base is taken off."""
    made = rewriting(make, host_header=host_header)
    outer = {"X_Forwarded_Proto": "https", "X_Forwarded_Host": "shop.example.com", "X_Forwarded_Port": "8443"}

    assert seen(made, "Location", "http://gateway.test/v2/a") == "http://gateway.test/a"
    assert seen(made, "Location", "http://a.example:81/v2/a", Host="A.example:81") == "http://a.example:81/a"
    assert seen(made, "Location", "http://gateway.test:81/v2/a") == "http://gateway.test:81/v2/a"
    assert seen(made, "Location", "https://shop.example.com:8443/v2/a", "10.0.0.1", **outer) == (
        "https://shop.example.com:8443/a"
    )
    assert seen(made, "Location", "http://shop.example.com/v2/a", X_Forwarded_Host="shop.example.com") == (
        "http://shop.example.com/v2/a"
    )


@pytest.mark.parametrize("host", ["x;httponly", "x=y", "%61.example", "a..example"])
def test_a_host_that_no_dns_has_goes_into_no_field(make: Make, host: str) -> None:
    """It could end an attribute of a cookie, or be read as another host."""
    made = rewriting(make, **NAMED)
    fields = [(b"Location", b"http://shop.internal/v2/a"), (b"Set-Cookie", b"a=b; Domain=shop.internal; Path=/v2/c")]
    made.backend("orders").answers(ok(b"", *fields))

    received = made.request("GET", "/", {"Host": host})

    assert received.status == 200
    assert received.headers.get(b"location") == b"/a"
    assert received.headers.get(b"set-cookie") == b"a=b; Path=/c"


def test_a_client_that_named_no_host_gets_a_path(make: Make) -> None:
    """There is no host that it asked for."""
    made = rewriting(make, **NAMED)
    made.backend("orders").answers(ok(b"", (b"Location", b"http://shop.internal/v2/a"), status=b"302 Found"))

    client = made.send(b"GET / HTTP/1.0\r\n\r\n")

    assert b"\r\nLocation: /a\r\n" in client.received


@pytest.mark.parametrize(
    ("said", "got"),
    [
        ("a=b; Path=/v2/cart; Domain=shop.internal; Secure", "a=b; Path=/cart; Domain=gateway.test; Secure"),
        ("a=b;path=/v2;domain=.Shop.Internal", "a=b;path=/;domain=gateway.test"),
        ("a=b; Path=/; Domain=internal", "a=b; Path=/; Domain=gateway.test"),
        ("a=b; Path=/other; Domain=evil.example", "a=b; Path=/other; Domain=evil.example"),
        ("a=b; Domain=gateway.test", "a=b; Domain=gateway.test"),
        ("a=/v2; HttpOnly", "a=/v2; HttpOnly"),
        ("__Host-a=b; Path=/; Secure", "__Host-a=b; Path=/; Secure"),
        ("a=b; Domain=; Path=", "a=b; Domain=; Path="),
        ("a=Domain=shop.internal", "a=Domain=shop.internal"),
    ],
)
def test_cookies_are_for_what_the_client_asked(make: Make, said: str, got: str) -> None:
    """A domain that is the backend's, or one that it is in, becomes the client's host; the path loses the base."""
    assert seen(rewriting(make, **NAMED), "Set-Cookie", said) == got


def test_a_cookie_at_an_address_is_for_that_host_alone(make: Make) -> None:
    """Browsers take no domain that is an address."""
    made = rewriting(make, **NAMED)

    assert seen(made, "Set-Cookie", "a=b; Domain=shop.internal; Path=/v2", Host="192.0.2.7:8080") == "a=b; Path=/"


def test_a_domain_that_is_the_client_s_too_stays(make: Make) -> None:
    """Both are in it."""
    made = rewriting(make, host_header="inner.example.com")

    got = seen(made, "Set-Cookie", "a=b; Domain=example.com", Host="shop.example.com")

    assert got == "a=b; Domain=example.com"


def test_every_cookie_and_in_its_order(make: Make) -> None:
    """Other fields stay where they are; a head that is remembered is not changed for the next."""
    made = rewriting(make, **NAMED)
    fields = [(b"A", b"1"), (b"Set-Cookie", b"a=1; Path=/v2"), (b"B", b"2"), (b"Set-Cookie", b"b=2; Path=/v2/b")]
    made.backend("orders").answers(ok(b"", *fields))

    for host in ("one.example", "two.example", "one.example"):
        received = made.request("GET", "/", {"Host": host})
        assert received.headers.get_all(b"set-cookie") == [b"a=1; Path=/", b"b=2; Path=/b"]
        named = [name for name, _ in received.headers if name in (b"A", b"B", b"Set-Cookie")]
        assert named == [b"A", b"Set-Cookie", b"B", b"Set-Cookie"]


def test_by_the_backend_that_has_answered(make: Make) -> None:
    """After a retry: the other one has another name and another base."""
    backends = ({"url": "http://127.0.0.1:9001/a"}, {"url": "http://127.0.0.1:9002/b"})
    retry = {"attempts": 1, "on": ["refused"], "budget": 1, "backoff": 0}
    made = rewriting(make, *backends, route={"retry": retry}, host_header="backend")
    made.backend("orders").refuse_connections()
    made.backend("others").answers(ok(b"", (b"Location", b"http://127.0.0.1:9002/b/x")))

    received = [made.get("/") for _ in range(2)]

    assert [one.headers.get(b"location") for one in received] == [b"http://gateway.test/x"] * 2


def test_by_the_upstream_that_is_fallen_back_to(make: Make) -> None:
    """Its answers are rewritten though those of the first are not."""
    breaker = {"failure_threshold": 1, "fallback": {"upstream": "spare"}}
    upstreams = [
        {"name": "orders", "backends": [{"url": "http://127.0.0.1:9002"}], "circuit_breaker": breaker},
        {"name": "spare", "backends": [BASE], "rewrite_responses": True},
    ]
    made = make("orders", "others", upstreams=upstreams, routes=[{"path": "/*", "upstream": "orders"}])
    location = ok(b"", (b"Location", b"/v2/x"))
    made.backend("others").answers(location)
    made.backend("orders").answers(location)

    assert made.get("/").headers.get(b"location") == b"/v2/x"
    made.backend("others").refuse_connections()
    made.backend("others").connection.reset()
    made.get("/")
    assert made.get("/").headers.get(b"location") == b"/x"


def test_a_handshake_too(make: Make) -> None:
    """A cookie of a 101."""
    made = rewriting(make, **NAMED)
    made.backend("orders").answers(SWITCH[:-2] + b"Set-Cookie: a=b; Path=/v2; Domain=shop.internal\r\n\r\n")

    head = "GET /chat HTTP/1.1\r\nHost: h.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    client = made.send(
        f"{head}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )

    assert b"\r\nSet-Cookie: a=b; Path=/; Domain=h.example\r\n" in client.received


def test_nothing_is_rewritten_unless_it_is_asked_for(make: Make) -> None:
    """Neither in what goes by the backend's name."""
    made = rewriting(make, **NAMED, rewrite_responses=False)

    for value in ("http://shop.internal/v2/a", "/v2/a"):
        assert seen(made, "Location", value) == value
