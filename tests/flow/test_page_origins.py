"""Pages of other sites and tokens in cookies: a browser adds the cookie to their requests too (CSRF)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway.memory.backend import ok
from gateway.testing import Harness
from tests.tokens import ISSUER, SECRET, said, sign

Make = Callable[..., Harness]

HOST = "shop.example.com"
TOKEN = sign(SECRET, "HS256", said())
VERIFIER = {
    "algorithms": ["HS256"],
    "secret": SECRET,
    "issuer": ISSUER,
    "audience": "api",
    "from": ["header:Authorization", "cookie:access_token", "query:access_token"],
}
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
UPGRADE = [
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "x"),
]

Fields = list[tuple[str, str]]


def gateway(make: Make, origins: Any = (), proxies: tuple[str, ...] = (), **auth: Any) -> Harness:
    """A route that takes a token from a cookie."""
    settings = {**VERIFIER, **({"origins": origins} if origins else {})}
    made = make(
        "orders",
        routes=[{"path": "/orders/*", "upstream": "orders", "auth": {"type": "jwt", **auth}}],
        auth={"jwt": {"default": settings}},
        trusted_proxies=list(proxies),
    )
    made.backend("orders").answer = lambda asked: SWITCH if b"upgrade" in asked.headers else ok(b"")
    return made


def ask(made: Harness, fields: Fields, method: str = "POST", host: str = HOST, cookie: str = TOKEN) -> int:
    """Show the token in a cookie; return the status."""
    lines = [("Host", host), ("Cookie", f"access_token={cookie}"), *fields]
    head = "".join(f"{name}: {value}\r\n" for name, value in lines)
    length = "" if method in ("GET", "HEAD") else "Content-Length: 0\r\n"
    client = made.send(f"{method} /orders/7 HTTP/1.1\r\n{head}{length}\r\n".encode())
    return client.responses(method.encode())[0].status


OWN: list[Fields] = [
    [("Origin", f"http://{HOST}")],
    [("Origin", f"http://{HOST}:80")],
    [("Origin", f"HTTP://{HOST.upper()}")],
    [("Origin", f"http://{HOST}"), ("Sec-Fetch-Site", "cross-site"), ("Referer", "https://evil.example/")],
    [("Sec-Fetch-Site", "same-origin")],
    [("Origin", "null"), ("Sec-Fetch-Site", "same-origin")],
    [("Referer", f"http://{HOST}/basket?a=http://evil.example")],
    [("Referer", f"http://{HOST}")],
]
FOREIGN: list[Fields] = [
    [],
    [("Origin", "http://evil.example")],
    [("Origin", "null")],
    [("Origin", "")],
    [("Origin", f"https://{HOST}")],
    [("Origin", f"http://{HOST}:8080")],
    [("Origin", f"http://{HOST}:443")],
    [("Origin", f"http://{HOST}.")],
    [("Origin", f"http://a.{HOST}")],
    [("Origin", "http://example.com")],
    [("Origin", f"http://{HOST}.evil.example")],
    [("Origin", f"http://evil.example/{HOST}")],
    [("Origin", f"http://{HOST}@evil.example")],
    [("Origin", f"http://{HOST}/")],
    [("Origin", f"http://{HOST} http://evil.example")],
    [("Origin", f"http://evil.example http://{HOST}")],
    [("Origin", f"http://{HOST}, http://evil.example")],
    [("Origin", HOST)],
    [("Origin", f"//{HOST}")],
    [("Origin", f"ws://{HOST}")],
    [("Origin", "*")],
    [("Origin", f"http://{HOST}"), ("Origin", f"http://{HOST}")],
    [("Origin", f"http://{HOST}"), ("Origin", "http://evil.example")],
    [("Origin", "http://evil.example"), ("Sec-Fetch-Site", "same-origin"), ("Referer", f"http://{HOST}/")],
    [("Origin", "null"), ("Referer", f"http://{HOST}/")],
    [("Sec-Fetch-Site", "same-site")],
    [("Sec-Fetch-Site", "cross-site"), ("Referer", f"http://{HOST}/")],
    [("Sec-Fetch-Site", "none")],
    [("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")],
    [("Sec-Fetch-Site", "same-origin, cross-site")],
    [("Referer", "http://evil.example/")],
    [("Referer", f"http://evil.example/?http://{HOST}/")],
    [("Referer", f"http://{HOST}.evil.example/")],
    [("Referer", f"http://{HOST}@evil.example/")],
    [("Referer", f"http://{HOST}\\@evil.example/")],
    [("Referer", "/orders")],
    [("Referer", f"http://{HOST}/"), ("Referer", f"http://{HOST}/")],
    [("X-Forwarded-Host", "evil.example"), ("Origin", "http://evil.example")],
    [("X-Forwarded-Proto", "https"), ("Origin", f"https://{HOST}")],
]


@pytest.mark.parametrize("fields", OWN)
def test_pages_of_the_own_origin_may(make: Make, fields: Fields) -> None:
    """For methods that change something, and for WebSockets."""
    made = gateway(make)

    assert [ask(made, fields, method) for method in ("POST", "PUT", "PATCH", "DELETE", "PROPFIND")] == [200] * 5
    assert ask(made, [*fields, *UPGRADE], "GET") == 101


@pytest.mark.parametrize("fields", FOREIGN)
def test_others_may_not(make: Make, fields: Fields) -> None:
    """403, before anybody asks whether the token is good; nothing reaches a backend."""
    made = gateway(make)

    assert [ask(made, fields, method) for method in ("POST", "DELETE", "PROPFIND")] == [403] * 3
    assert ask(made, [*fields, *UPGRADE], "GET") == 403
    assert ask(made, fields, cookie="bad") == 403
    assert not made.backend("orders").requests
    assert made.metric("gateway_auth_total", method="jwt", outcome="forbidden") == 5

    assert [ask(made, fields, method) for method in ("GET", "HEAD", "OPTIONS")] == [200] * 3


def test_what_they_are_told(make: Make) -> None:
    """The reason, and why; not whether the token is good."""
    made = gateway(make)
    fields = {"Cookie": f"access_token={TOKEN}", "Origin": "http://evil.example"}

    response = made.request("POST", "/orders/7", fields, b"")

    assert response.json["type"].endswith("auth.forbidden")
    assert "another origin" in response.json["detail"]
    assert made.last_log["reason"] == "auth.forbidden"


@pytest.mark.parametrize("shown", [{"Authorization": f"Bearer {TOKEN}"}, {}])
def test_what_no_browser_adds_by_itself_is_not_asked(make: Make, shown: dict[str, str]) -> None:
    """A page of another site does not know the token, and so cannot put it anywhere."""
    made = gateway(make)
    query = "" if shown else f"?access_token={TOKEN}"

    assert made.request("POST", f"/orders/7{query}", {**shown, "Origin": "http://evil.example"}, b"").status == 200


def test_a_token_in_the_field_is_not_held_up_by_the_cookie(make: Make) -> None:
    """The page's own word comes first; the cookie goes nowhere."""
    made = gateway(make)

    assert ask(made, [("Authorization", f"Bearer {TOKEN}"), ("Origin", "http://evil.example")]) == 200
    assert b"cookie" not in made.backend("orders").last.headers


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        (f"{HOST}:8080", f"http://{HOST}:8080", 200),
        (f"{HOST}:8080", f"http://{HOST}", 403),
        (f"{HOST}:80", f"http://{HOST}", 200),
        ("[2001:DB8::1]:8080", "http://[2001:db8::1]:8080", 200),
        ("[2001:db8::1]", "http://[2001:db8::2]", 403),
        ("xn--bcher-kva.example", "http://xn--bcher-kva.example", 200),
        ("xn--bcher-kva.example", "http://b\u00fccher.example", 403),
        ("xn--bcher-kva.example", "http://bucher.example", 403),
    ],
)
def test_the_own_origin_is_what_the_client_asked_for(make: Make, host: str, origin: str, status: int) -> None:
    """Host and port; names in their own script as browsers write them."""
    assert ask(gateway(make), [("Origin", origin)], host=host) == status


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ([("X-Forwarded-Proto", "https"), ("Origin", f"https://{HOST}")], 200),
        ([("X-Forwarded-Proto", "https"), ("Origin", f"http://{HOST}")], 403),
        ([("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", HOST), ("Origin", f"https://{HOST}")], 200),
        ([("X-Forwarded-Host", f"evil.example, {HOST}"), ("Origin", f"http://{HOST}")], 200),
        ([("X-Forwarded-Host", f"evil.example, {HOST}"), ("Origin", "http://evil.example")], 403),
        ([("X-Forwarded-Host", HOST), ("Origin", "http://inner")], 403),
    ],
)
def test_behind_a_proxy_it_is_what_the_proxy_was_asked_for(make: Make, fields: Fields, status: int) -> None:
    """A trusted one says scheme and host; its own name for the gateway is nobody's origin."""
    made = gateway(make, proxies=("192.0.2.0/24",))
    host = "inner" if any(name == "X-Forwarded-Host" for name, _ in fields) else HOST

    assert ask(made, fields, host=host) == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://app.example.com", 200),
        ("https://app.example.com:443", 200),
        ("https://app.example.com:8443", 403),
        ("http://app.example.com", 403),
        ("https://a.app.example.com", 403),
        ("https://a.pages.example", 200),
        ("https://a.b.pages.example", 200),
        ("https://pages.example", 403),
        ("https://.pages.example", 403),
        ("https://evilpages.example", 403),
        ("https://evil.example/.pages.example", 403),
        ("https://evil.example#.pages.example", 403),
        ("https://a@b.pages.example", 403),
        ("http://localhost:3000", 200),
        (f"http://{HOST}", 200),
    ],
)
def test_other_origins_may_be_listed(make: Make, origin: str, status: int) -> None:
    """Whole, or all subdomains of a name; the own one is good anyway."""
    made = gateway(make, ["https://app.example.com", "https://*.pages.example", "http://localhost:3000"])

    assert ask(made, [("Origin", origin)]) == status
    assert ask(made, [("Origin", origin), *UPGRADE], "GET") == (101 if status == 200 else 403)
    assert ask(made, [("Referer", f"{origin}/page")]) in (status, 403)


def test_a_route_of_both_ways_asks_too(make: Make) -> None:
    """Where all are needed: the cookie is one of the ways."""
    made = make(
        "orders",
        routes=[{"path": "/orders/*", "upstream": "orders", "auth": {"all_of": ["jwt", "api_key"]}}],
        auth={"jwt": {"default": VERIFIER}, "api_keys": {"keys": [{"id": "acme", "key": "the-key"}]}},
    )
    made.backend("orders").answer = lambda asked: ok(b"")

    assert ask(made, [("X-API-Key", "the-key"), ("Origin", "http://evil.example")]) == 403
    assert ask(made, [("X-API-Key", "the-key"), ("Origin", f"http://{HOST}")]) == 200


def test_an_authority_of_opaque_tokens_is_not_asked_for_them(make: Make) -> None:
    """The same holds for its cookies."""
    asked = {"url": "http://127.0.0.1:9002/ask", "from": "cookie:access_token"}
    made = make(
        "orders",
        "authority",
        routes=[{"path": "/orders/*", "upstream": "orders", "auth": {"type": "introspection"}}],
        auth={"introspection": {"default": asked}},
    )
    made.backend("authority").answer = lambda asked: ok(json.dumps({"active": True, "sub": "olga"}).encode())

    assert ask(made, [("Origin", "http://evil.example")]) == 403
    assert not made.backend("authority").requests
    assert ask(made, [("Origin", f"http://{HOST}")]) == 200


def test_a_cookie_that_two_verifiers_read_needs_the_word_of_both(make: Make) -> None:
    """Which of them it is for is not known before it is verified."""
    listing = {**VERIFIER, "origins": "https://app.example.com"}
    other = {**VERIFIER, "issuer": "https://two", "origins": ["https://app.example.com", "https://two.example"]}
    routes = [{"path": "/orders/*", "upstream": "orders", "auth": {"type": "jwt", "verifier": ["one", "two"]}}]
    made = make("orders", routes=routes, auth={"jwt": {"one": listing, "two": other}})
    made.backend("orders").answer = lambda asked: ok(b"")

    assert ask(made, [("Origin", "https://app.example.com")]) == 200
    assert ask(made, [("Origin", "https://two.example")]) == 403
