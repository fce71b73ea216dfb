"""One answer from many backends."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway.config import ConfigError, load_with_doubts
from gateway.forwarding.part import LONGEST
from gateway.memory.backend import ok
from gateway.memory.client import Received
from gateway.testing import Harness
from tests.flow.test_http2 import connect
from tests.tokens import SECRET, said, sign

Make = Callable[..., Harness]

USER = {"name": "user", "upstream": "users", "path": "/users/${param.id}", "timeout": "1s"}
ORDERS = {"name": "orders", "upstream": "orders", "path": "/orders?user=${param.id}", "timeout": "1s"}
JSON = (b"Content-Type", b"application/json")


def gateway(make: Make, *parts: dict[str, Any], **more: Any) -> Harness:
    """A route whose answer has these parts, by default a user and the orders of the same."""
    route = {
        "name": "home",
        "path": "/home/:id",
        "aggregate": {"parts": list(parts or (USER, ORDERS))},
        **more.pop("route", {}),
    }
    made = make("users", "orders", routes=[route], **more)
    made.backend("users").answers(ok(b'{"name": "ann"}', JSON))
    made.backend("orders").answers(ok(b"[1, 2]", JSON))
    return made


def counted(made: Harness, part: str) -> dict[str, float]:
    """What became of a part."""
    made.clock.advance(1)
    _, text = made.gateway.foundation.metrics.exposition(b"", made.now())
    found = {}
    for line in text.decode().splitlines():
        if line.startswith("gateway_aggregate_parts_total{") and f'part="{part}"' in line:
            found[line.partition('outcome="')[2].partition('"')[0]] = float(line.rpartition(" ")[2])
    return found


def refused(answer: Received, status: int, reason: str, name: str) -> None:
    """An error that names the part."""
    assert (answer.status, answer.headers.get(b"gateway-reason")) == (status, reason.encode())
    assert f'"{name}"' in answer.json["detail"]


def test_parts_are_put_together(make: Make) -> None:
    """Under their names, in the order of the configuration; each is asked by GET for what its path says."""
    made = gateway(make)
    answer = made.get("/home/7")
    assert (answer.status, answer.body) == (200, b'{"user":{"name": "ann"},"orders":[1, 2]}')
    assert answer.headers.get(b"content-type") == b"application/json"
    assert [(one.method, one.target, one.body) for one in made.backend("users").requests] == [
        (b"GET", b"/users/7", b"")
    ]
    assert [one.target for one in made.backend("orders").requests] == [b"/orders?user=7"]
    assert made.gateway.root.in_flight == 0


def test_they_are_asked_at_once(make: Make) -> None:
    """And the order of their answers is no matter."""
    made = gateway(make)
    for name in ("users", "orders"):
        made.backend(name).stall()
    client = made.send(b"GET /home/7 HTTP/1.1\r\nHost: h\r\n\r\n")
    assert made.backend("users").requests
    assert made.backend("orders").requests
    made.backend("orders").connection.send(ok(b"1"))
    made.network.pump()
    assert client.responses() == []
    made.backend("users").connection.send(ok(b"2"))
    made.network.pump()
    assert client.responses()[0].body == b'{"user":2,"orders":1}'


@pytest.mark.parametrize(
    "text",
    [
        b'{"b": 1, "a": 1.10, "big": 123456789012345678901234567890, "e": 1e400, "b": 2}',
        b'"\\ud800"',
        b'"\\u00e9\xc3\xa9"',
        b"[1 , 2]",
        b"null",
        b"-0.0",
        b"[" * 500 + b"]" * 500,
    ],
)
def test_json_stays_as_it_came(make: Make, text: bytes) -> None:
    """Digits, order, names that stand twice, escapes, depth."""
    made = gateway(make)
    made.backend("users").answers(ok(b" \r\n" + text + b"\n", JSON))
    assert made.get("/home/7").body == b'{"user":' + text + b',"orders":[1, 2]}'


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_405(make: Make, method: str) -> None:
    """With what is allowed."""
    made = gateway(make)
    answer = made.request(method, "/home/7")
    assert (answer.status, answer.headers.get(b"allow")) == (405, b"GET, HEAD")
    assert not made.backend("users").requests


def test_head_as_get(make: Make) -> None:
    """The parts are asked by GET, and the client gets the head of the answer."""
    made = gateway(make)
    answer = made.request("HEAD", "/home/7")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers.get(b"content-length") == b"%d" % len(made.get("/home/7").body)
    assert {one.method for one in made.backend("users").requests} == {b"GET"}


def test_what_parts_are_asked_with(make: Make) -> None:
    """The client's fields without conditions, ranges, codings and what is about its content."""
    made = gateway(make, forwarded={"x_forwarded": True})
    answer = made.request(
        "GET",
        "/home/7",
        {
            "If-None-Match": '"a"', "If-Modified-Since": "Sat, 28 Nov 2026 19:00:00 GMT", "If-Match": "*",
            "If-Unmodified-Since": "Sat, 28 Nov 2026 19:00:00 GMT", "Range": "bytes=0-1", "If-Range": '"a"',
            "Accept-Encoding": "gzip", "Accept": "text/html", "Content-Type": "text/plain", "TE": "trailers",
            "Accept-Language": "de", "Authorization": "Bearer x", "Cookie": "a=b", "Connection": "x-hop", "X-Hop": "1",
        },
        b"abc",
    )  # fmt: skip
    assert answer.status == 200
    for name in ("users", "orders"):
        got = {name.lower(): value for name, value in made.backend(name).last.headers}
        assert got.pop(b"x-request-id") == answer.headers.get(b"x-request-id")
        assert got.pop(b"traceparent")
        assert {name for name in got if name.startswith(b"x-forwarded")}
        assert {name: value for name, value in got.items() if not name.startswith((b"x-", b"via"))} == {
            b"host": b"gateway.test",
            b"accept-language": b"de",
            b"authorization": b"Bearer x",
            b"cookie": b"a=b",
            b"accept": b"application/json",
            b"accept-encoding": b"identity",
        }


PLAIN = {"name": "user", "upstream": "users"}


@pytest.mark.parametrize(
    ("path", "asked", "expected"),
    [
        ("/users/${param.id}", "/home/a%2Fb", None),
        ("/users/${param.id}", "/home/a%3Fb%23c;d", b"/users/a%3Fb%23c%3Bd"),
        ("/users/${query.id}/x", "/home/1?id=..%2F..%2Fadmin", None),
        ("/users/${query.id}", "/home/1?id=a/b?c%26d", b"/users/a%2Fb%3Fc&d"),
        ("/users/${query.id}", "/home/1?id=..", None),
        ("/users/${query.id}", "/home/1?id=..%2Fadmin", None),
        ("/a/b/${query.id}/c", "/home/1?id=x%5C..%5C../admin", None),
        ("/a/b/${query.id}/c", "/home/1?id=%252e%252e%252fadmin", None),
        ("/a/b/${query.id}", "/home/1?id=..%20", None),
        ("/a/v${query.id}", "/home/1?id=..", b"/a/v.."),
        ("/users/${query.id}", "/home/1?id=%2e", None),
        ("/u?id=${query.id}", "/home/1?id=a%26admin=1%23x+y", b"/u?id=a%26admin%3D1%23x%20y"),
        ("/u?a=b&id=${param.id}&c=d%20e", "/home/a&b=c", b"/u?a=b&id=a%26b%3Dc&c=d%20e"),
        ("/u?id=${header.X-Id}", "/home/1", b"/u?id=x%26y%3D1"),
        ("/u/${header.X-Missing}?q", "/home/1", b"/u/?q"),
        ("/u/${client_ip}/${route}/${method}/${upstream}", "/home/1", b"/u/192.0.2.1/home/GET/users"),
        ("/v2${path}", "/home/7", b"/v2/home/7"),
        ("/u/$${x}?y", "/home/7", b"/u/$%7Bx%7D?y"),
        ("/é/a", "/home/7", b"/%C3%A9/a"),
    ],
)  # fmt: skip
def test_values_stay_where_they_are_put(make: Make, path: str, asked: str, expected: bytes | None) -> None:
    """None ends its segment or its parameter; a segment of dots is refused, and nobody is asked."""
    made = gateway(make, PLAIN | {"path": path})
    answer = made.get(asked, X_Id="x&y=1")
    if expected is None:
        assert answer.status == 400
        assert answer.headers.get(b"gateway-reason") in (b"request.malformed", b"request.ambiguous")
        assert not made.backend("users").requests
    else:
        assert answer.status == 200
        assert made.backend("users").last.target == expected


def test_claims_of_the_caller(make: Make) -> None:
    """As `claim.NAME`; the parts get the fields that say who is calling."""
    made = gateway(
        make,
        PLAIN | {"path": "/users/${claim.sub}"},
        route={"auth": {"type": "jwt"}},
        auth={"jwt": {"default": {"algorithms": ["HS256"], "secret": SECRET}}},
    )
    assert made.get("/home/7").status == 401
    assert not made.backend("users").requests
    token = sign(SECRET, "HS256", said(sub="a/../b"))
    assert made.get("/home/7", Authorization=f"Bearer {token}").status == 200
    assert made.backend("users").last.target == b"/users/a%2F..%2Fb"
    assert made.backend("users").last.headers.get(b"x-user-id") == b"a/../b"
    assert made.backend("users").last.headers.get(b"authorization") is None


BAD: list[tuple[str, bytes | None, int, str, str]] = [
    ("404", ok(b"{}", JSON, status=b"404 Not Found"), 502, "aggregate.part", "4xx"),
    ("500", ok(b"{}", JSON, status=b"500 Broken"), 502, "aggregate.part", "5xx"),
    ("redirect", ok(b"{}", (b"Location", b"/x"), status=b"302 Found"), 502, "aggregate.part", "3xx"),
    ("html", ok(b"<html>"), 502, "aggregate.part", "not_json"),
    ("empty", ok(b"", JSON), 502, "aggregate.part", "not_json"),
    ("none", b"HTTP/1.1 204 No Content\r\n\r\n", 502, "aggregate.part", "not_json"),
    ("nan", ok(b"NaN", JSON), 502, "aggregate.part", "not_json"),
    ("two", ok(b"1, 2", JSON), 502, "aggregate.part", "not_json"),
    ("latin", ok(b'"\xe9"', JSON), 502, "aggregate.part", "not_json"),
    ("utf-16", ok("[1]".encode("utf-16-le"), JSON), 502, "aggregate.part", "not_json"),
    ("comma", ok(b"[1,]", JSON), 502, "aggregate.part", "not_json"),
    ("deep", ok(b"[" * 100_000 + b"]" * 100_000, JSON), 502, "aggregate.part", "not_json"),
    ("coded", ok(b"[1]", JSON, (b"Content-Encoding", b"secret")), 502, "aggregate.part", "not_json"),
    ("long", ok(b'"' + b"x" * LONGEST + b'"', JSON), 502, "aggregate.part", "too_long"),
    (
        "streamed",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % (LONGEST + 2)
        + b'"' + b"x" * LONGEST + b'"\r\n0\r\n\r\n',
        502, "aggregate.part", "too_long",
    ),
    ("broken", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[1", 504, "upstream.timeout", "upstream.timeout"),
    ("silent", None, 504, "upstream.timeout", "upstream.timeout"),
    ("nonsense", b"nonsense\r\n\r\n", 502, "upstream.protocol", "upstream.protocol"),
    ("refused", b"", 502, "upstream.connect", "upstream.connect"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "answer", "status", "reason", "outcome"), BAD, ids=[one[0] for one in BAD])
@pytest.mark.parametrize("on_failure", ["fail", "omit", {"default": {"a": [1, 1.5, "${param.id}"]}}])
def test_a_part_that_fails(
    make: Make, name: str, answer: bytes | None, status: int, reason: str, outcome: str, on_failure: Any
) -> None:
    """502 or 504 with its name, an answer without it, or one with something in its place."""
    made = gateway(make, USER, ORDERS | {"on_failure": on_failure})
    backend = made.backend("orders")
    if answer is None:
        backend.stall()
    elif answer:
        backend.answers(answer)
    else:
        backend.refuse_connections()
    client = made.send(b"GET /home/7 HTTP/1.1\r\nHost: h\r\n\r\n")
    made.advance(1.3)
    (response,) = client.responses()
    if on_failure == "fail":
        refused(response, status, reason, "orders")
        assert made.last_log["reason"] == reason
    else:
        rest = b"" if on_failure == "omit" else b',"orders":{"a":[1,1.5,"7"]}'
        assert (response.status, response.body) == (200, b'{"user":{"name": "ann"}' + rest + b"}")
        assert response.headers.get(b"cache-control") == b"no-store"
        assert made.last_log["reason"] is None
    # A connection is refused before the other part has its answer.
    user = "cancelled" if (name, on_failure) == ("refused", "fail") else "ok"
    assert made.last_log["parts"] == f"user={user}, orders={outcome}"
    assert made.last_log["attempts"] == 2
    assert counted(made, "orders") == {outcome: 1}
    assert counted(made, "user") == {user: 1}


def test_one_mebibyte_is_not_too_long(make: Make) -> None:
    """It is the bound."""
    made = gateway(make)
    text = b'"' + b"x" * (LONGEST - 2) + b'"'
    made.backend("users").answers(ok(text, JSON))
    assert len(made.get("/home/7").body) > LONGEST


def test_a_time_for_each_part(make: Make) -> None:
    """To the last octet, however it drips; the route's `timeout` where it has none of its own."""
    slow = {"name": "slow", "upstream": "orders", "path": "/slow", "on_failure": "omit"}
    made = gateway(make, USER, slow | {"timeout": "2s"}, slow | {"name": "slower"}, route={"timeout": "4s"})
    made.backend("orders").answers(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[")
    client = made.send(b"GET /home/7 HTTP/1.1\r\nHost: h\r\n\r\n")
    for _ in range(12):
        made.advance(0.3)
        for connection in made.backend("orders").connections:
            if connection.closed is None:
                connection.send(b" ")
        made.network.pump()
    assert client.responses() == []
    assert [one.closed is not None for one in made.backend("orders").connections] == [True, False]
    made.advance(0.6)
    assert client.responses()[0].body == b'{"user":{"name": "ann"}}'


def test_a_failure_ends_the_others(make: Make) -> None:
    """At once, where the part is needed."""
    made = gateway(make)
    made.backend("users").stall()
    made.backend("orders").answers(ok(status=b"500 Broken"))
    refused(made.get("/home/7"), 502, "aggregate.part", "orders")
    assert made.backend("users").connection.closed is not None
    assert counted(made, "user") == {"cancelled": 1}


def test_a_failure_before_others_were_asked(make: Make) -> None:
    """Of an upstream without a backend: nobody is asked in vain."""
    upstreams = [{"name": "users", "backends": []}, {"name": "orders", "backends": [{"url": "http://127.0.0.1:9002"}]}]
    made = gateway(make, upstreams=upstreams)
    refused(made.get("/home/7"), 502, "aggregate.part", "user")
    assert not made.backend("orders").requests
    assert (counted(made, "user"), counted(made, "orders")) == ({"upstream.no_backend": 1}, {"cancelled": 1})


def test_a_client_that_goes_away_ends_them(make: Make) -> None:
    """No breaker is told."""
    made = gateway(make)
    for name in ("users", "orders"):
        made.backend(name).stall()
    client = made.send(b"GET /home/7 HTTP/1.1\r\nHost: h\r\n\r\n")
    client.reset()
    made.network.pump()
    for name in ("users", "orders"):
        assert made.backend(name).connection.closed is not None
    assert (made.last_log["status_code"], made.last_log["parts"]) == (499, "user=cancelled, orders=cancelled")


def test_the_time_of_the_exchange_ends_them(make: Make) -> None:
    """Where it is shorter than theirs."""
    made = gateway(make, USER | {"timeout": "9s"}, ORDERS, route={"request_timeout": "2s"})
    made.backend("users").stall()
    client = made.send(b"GET /home/7 HTTP/1.1\r\nHost: h\r\n\r\n")
    made.advance(2.5)
    assert client.responses()[0].status == 504
    assert made.backend("users").connection.closed is not None


def test_each_part_is_tried_again(make: Make) -> None:
    """By the `retry` of the route."""
    made = gateway(make, route={"retry": {"attempts": 2, "on": [503], "backoff": 0}})
    made.backend("orders").answers(ok(status=b"503 Busy"), ok(b"[3]", JSON))
    client = made.send(b"GET /home/7 HTTP/1.1\r\nHost: h\r\n\r\n")
    made.advance(0.5)
    assert client.responses()[0].body == b'{"user":{"name": "ann"},"orders":[3]}'
    assert made.last_log["attempts"] == 3


def test_each_upstream_has_its_breaker(make: Make) -> None:
    """Open, it keeps the part from it, and is told of timeouts."""
    upstreams = [
        {"name": "users", "backends": [{"url": "http://127.0.0.1:9001"}]},
        {
            "name": "orders",
            "backends": [{"url": "http://127.0.0.1:9002"}],
            "circuit_breaker": {"failure_threshold": 1, "timeout": "1m"},
        },
    ]
    made = gateway(make, USER, ORDERS | {"on_failure": "omit"}, upstreams=upstreams)
    made.backend("orders").stall()
    client = made.send(b"GET /home/7 HTTP/1.1\r\nHost: h\r\n\r\n")
    made.advance(1.2)
    assert client.responses()[0].body == b'{"user":{"name": "ann"}}'
    assert made.get("/home/7").body == b'{"user":{"name": "ann"}}'
    assert len(made.backend("orders").requests) == 1
    assert counted(made, "orders") == {"upstream.timeout": 1, "breaker.open": 1}


def test_what_was_good_last_is_a_part(make: Make) -> None:
    """While the breaker is open, with `fallback: {cached: true}`."""
    upstreams = [
        {"name": "users", "backends": [{"url": "http://127.0.0.1:9001"}]},
        {
            "name": "orders",
            "backends": [{"url": "http://127.0.0.1:9002"}],
            "circuit_breaker": {"failure_threshold": 1, "timeout": "1m", "fallback": {"cached": True}},
        },
    ]
    made = gateway(make, upstreams=upstreams)
    fresh = (b"Cache-Control", b"max-age=60")
    made.backend("orders").answers(ok(b"[1]", JSON, fresh), ok(status=b"500 Broken"))
    assert made.get("/home/7").body == b'{"user":{"name": "ann"},"orders":[1]}'
    assert made.get("/home/7").status == 502
    assert made.get("/home/7").body == b'{"user":{"name": "ann"},"orders":[1]}'


def test_places_before_upstreams(make: Make) -> None:
    """A part waits for none of another upstream's, and gives its own back."""
    upstreams = [
        {"name": "users", "backends": [{"url": "http://127.0.0.1:9001"}], "in_flight": 1},
        {"name": "orders", "backends": [{"url": "http://127.0.0.1:9002"}]},
    ]
    twice = USER | {"name": "again", "on_failure": {"default": None}}
    made = gateway(make, USER, twice, upstreams=upstreams)
    for name in ("users", "orders"):
        made.backend(name).stall()
    client = made.send(b"GET /home/7 HTTP/1.1\r\nHost: h\r\n\r\n")
    made.backend("users").connection.send(ok(b"1"))
    made.network.pump()
    assert client.responses()[0].body == b'{"user":1,"again":null}'
    assert counted(made, "again") == {"limit.in_flight": 1}


def test_a_connection_is_used_again_after_a_404(make: Make) -> None:
    """What is not wanted is read to its end."""
    made = gateway(make, USER, ORDERS | {"on_failure": "omit"})
    chunked = b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
    made.backend("orders").answers(chunked)
    client = made.client()
    assert made.request("GET", "/home/7", client=client).status == 200
    made.backend("orders").connection.send(b"0\r\n\r\n")
    made.network.pump()
    assert made.request("GET", "/home/8", client=client).status == 200
    assert len(made.backend("orders").connections) == 1
    made.advance(2)
    assert made.backend("orders").connection.closed is not None, "but not for longer than its time"


def test_coded_all_the_same(make: Make) -> None:
    """A backend that compresses though nobody asked it to."""
    import gzip

    made = gateway(make)
    made.backend("users").answers(ok(gzip.compress(b"[1]"), JSON, (b"Content-Encoding", b"gzip")))
    assert made.get("/home/7").body == b'{"user":[1],"orders":[1, 2]}'
    made.backend("users").answers(ok(gzip.compress(bytes(LONGEST + 1)), JSON, (b"Content-Encoding", b"gzip")))
    refused(made.get("/home/7"), 502, "aggregate.part", "user")


def test_other_steps_of_the_route_go_on(make: Make) -> None:
    """CORS, compression, security headers, limits, and rules for what comes and goes."""
    made = gateway(
        make,
        route={
            "cors": {"allowed_origins": ["https://a.example"]},
            "compression": {"min_size": 1},
            "security_headers": True,
            "rate_limit": {"limit": 2, "window": "1h", "scope": "route"},
            "transformations": {
                "request": {"set_headers": {"X-Tenant": "acme"}, "remove_headers": ["X-Secret"]},
                "response": {"body": {"rename": {"orders": "bought"}}, "add_headers": {"X-Route": "${route}"}},
            },
        },
    )
    answer = made.get("/home/7", Origin="https://a.example", Accept_Encoding="gzip", X_Secret="1")
    assert answer.status == 200
    assert answer.headers.get(b"access-control-allow-origin") == b"https://a.example"
    assert answer.headers.get(b"content-encoding") == b"gzip"
    assert answer.headers.get(b"x-content-type-options") == b"nosniff"
    assert answer.headers.get(b"x-route") == b"home"
    import gzip

    assert gzip.decompress(answer.body) == b'{"user":{"name":"ann"},"bought":[1,2]}'
    sent = made.backend("users").last.headers
    assert (sent.get(b"x-tenant"), sent.get(b"x-secret")) == (b"acme", None)
    assert sent.get_all(b"accept-encoding") == [b"identity"]
    preflight = made.request(
        "OPTIONS", "/home/7", {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    )
    assert preflight.status == 204
    made.get("/home/7")
    assert made.get("/home/7").status == 429


def test_values_are_of_the_request_as_it_came(make: Make) -> None:
    """Though a rule has changed it."""
    made = gateway(
        make,
        PLAIN | {"path": "/users/${header.X-Id}?q=${query.q}"},
        route={"transformations": {"request": {"remove_headers": ["X-Id"], "query": {"remove": ["q"]}}}},
    )
    assert made.get("/home/7?q=1", X_Id="9").status == 200
    assert made.backend("users").last.target == b"/users/9?q=1"
    assert made.last_log["query"] == "q=1"


@pytest.mark.parametrize(
    ("users", "orders", "control", "vary"),
    [
        ([], [], None, None),
        ([(b"Cache-Control", b"max-age=60")], [], None, None),
        ([(b"Cache-Control", b"max-age=60")], [(b"Cache-Control", b"max-age=90"), (b"Age", b"50")],
         b"max-age=40", None),
        ([(b"Cache-Control", b"max-age=5")], [(b"Cache-Control", b"max-age=9"), (b"Age", b"50")], b"max-age=0", None),
        ([(b"Cache-Control", b"private, max-age=60")], [(b"Cache-Control", b"public, max-age=9")],
         b"private, max-age=9", None),
        ([(b"Cache-Control", b"private, max-age=60")], [(b"Cache-Control", b"no-store")], b"no-store", None),
        ([(b"Cache-Control", b'no-cache="x"')], [(b"Vary", b"Accept-Language, Cookie")], b"no-cache",
         b"Accept-Language, Cookie"),
        ([(b"Vary", b"*")], [(b"Vary", b"Cookie")], None, b"*"),
        ([(b"Set-Cookie", b"a=b"), (b"ETag", b'"x"'), (b"X-Other", b"1")], [], None, None),
    ],
)  # fmt: skip
def test_what_caches_are_told(
    make: Make, users: list[Any], orders: list[Any], control: bytes | None, vary: bytes | None
) -> None:
    """The most that any part says; nothing else of their fields goes on."""
    made = gateway(make)
    made.backend("users").answers(ok(b"1", *users))
    made.backend("orders").answers(ok(b"2", *orders))
    answer = made.get("/home/7")
    assert answer.headers.joined(b"cache-control") == control
    assert answer.headers.joined(b"vary") == vary
    for name in (b"set-cookie", b"etag", b"x-other", b"age"):
        assert answer.headers.get(name) is None


FRESH = (b"Cache-Control", b"max-age=60")


def cached(make: Make, **cache: Any) -> Harness:
    """A route whose answers are kept, with a part that goes by a field, and one that may fail."""
    user = PLAIN | {"path": "/users/${param.id}?t=${header.X-Tenant}"}
    made = gateway(make, user, ORDERS | {"on_failure": "omit"}, route={"cache": cache})
    made.backend("users").answer = lambda asked: ok(b'"%b"' % asked.target, JSON, FRESH)
    made.backend("orders").answers(ok(b"[1]", JSON, FRESH))
    return made


def test_an_answer_is_kept_as_a_whole(make: Make) -> None:
    """By what its parts are asked with: no caller gets another's; HEAD is answered from it."""
    made = cached(make)
    first = made.get("/home/7", X_Tenant="a")
    assert made.get("/home/7", X_Tenant="a").body == first.body
    assert made.request("HEAD", "/home/7", {"X-Tenant": "a"}).status == 200
    assert len(made.backend("users").requests) == 1
    assert made.get("/home/7", X_Tenant="b").json["user"] == "/users/7?t=b"
    assert made.get("/home/8", X_Tenant="a").json["user"] == "/users/8?t=a"


def test_parts_are_asked_once_for_all_who_wait(make: Make) -> None:
    """With the parameters of the request that all of them made."""
    made = cached(make)
    made.backend("orders").stall()
    clients = [made.send(b"GET /home/7 HTTP/1.1\r\nHost: h\r\n\r\n") for _ in range(3)]
    assert len(made.backend("users").requests) == 1
    made.backend("orders").connection.send(ok(b"[3]", JSON, FRESH))
    made.network.pump()
    assert [client.responses()[0].json for client in clients] == [{"user": "/users/7?t=", "orders": [3]}] * 3


@pytest.mark.parametrize(
    "answer", [ok(status=b"500 Broken"), ok(b"[2]", JSON, (b"Cache-Control", b"private")), ok(b"[2]", (b"Vary", b"*"))]
)
def test_what_one_part_forbids_is_not_kept(make: Make, answer: bytes) -> None:
    """Though the route has a `ttl`: a failure, what is for one caller, what fits no other request."""
    made = cached(make, ttl="60s")
    made.backend("orders").answers(answer)
    made.get("/home/7")
    made.get("/home/7")
    assert len(made.backend("users").requests) == 2


def test_no_caller_gets_the_parts_of_another(make: Make) -> None:
    """Where a part goes by who is calling."""
    made = gateway(
        make,
        PLAIN | {"path": "/users/${claim.sub}"},
        route={"auth": {"type": "jwt"}, "cache": {"ttl": "60s"}},
        auth={"jwt": {"default": {"algorithms": ["HS256"], "secret": SECRET}}},
    )
    made.backend("users").answer = lambda asked: ok(b'"%b"' % asked.target, JSON, FRESH)
    for name in ("ann", "bob", "ann"):
        token = sign(SECRET, "HS256", said(sub=name))
        assert made.get("/home/7", Authorization=f"Bearer {token}").json == {"user": f"/users/{name}"}


AUTH = {"jwt": {"default": {"algorithms": ["HS256"], "secret": SECRET}}}


@pytest.mark.parametrize("says", [b"max-age=60", b"max-age=60, must-revalidate", b"s-maxage=60, public"])
@pytest.mark.parametrize("path", ["/u/${claim.sub}", "/u?ip=${client_ip}", "/u/${request_id}"])
def test_what_is_of_one_caller_is_private(make: Make, path: str, says: bytes) -> None:
    """Whatever the part says, which has a URL of its own for each: that of the whole is the same for all."""
    made = gateway(make, PLAIN | {"path": path}, route={"auth": {"type": "jwt"}, "cache": {"ttl": "60s"}}, auth=AUTH)
    made.backend("users").answer = lambda asked: ok(b'"%b"' % asked.target, JSON, (b"Cache-Control", says))
    got = []
    for number, name in enumerate(("ann", "bob", "ann")):
        shows = {"Authorization": f"Bearer {sign(SECRET, 'HS256', said(sub=name))}"}
        answer = made.request("GET", "/home/7", shows, client=made.client(f"192.0.2.{number}"))
        got.append(answer.json["user"])
        assert b"private" in (answer.headers.joined(b"cache-control") or b"")
    assert got == [one.target.decode() for one in made.backend("users").requests]
    assert len(got) == 3


HIDING: list[dict[str, Any]] = [
    {"cache": {"query": ["page"]}},
    {"cache": {"query": "none"}},
    {"cache": {}},
    {"cache": {}, "transformations": {"request": {"remove_headers": ["X-T"], "query": {"remove": ["t"]}}}},
    {"cache": {}, "transformations": {"request": {"set_headers": {"X-T": "same"}, "query": {"set": {"t": "same"}}}}},
]


@pytest.mark.parametrize("route", HIDING)
@pytest.mark.parametrize("field", [{"X-T": "evil"}, {"X-T": "evil", "Connection": "X-T"}])
def test_what_parts_are_asked_with_tells_answers_apart(
    make: Make, route: dict[str, Any], field: dict[str, str]
) -> None:
    """Also where the route does not send it on, or does not count it."""
    made = gateway(make, PLAIN | {"path": "/u/${header.X-T}?t=${query.t}&at=${now}"}, route=route)
    made.backend("users").answer = lambda asked: ok(b'"%b"' % asked.target.partition(b"&")[0], JSON, FRESH)
    for _ in range(2):
        assert made.request("GET", "/home/7?t=1", field).json == {"user": "/u/evil?t=1"}
        assert made.request("GET", "/home/7?t=1").json == {"user": "/u/?t=1"}
        assert made.request("GET", "/home/7?t=2").json == {"user": "/u/?t=2"}
        made.advance(2)
    assert len(made.backend("users").requests) == 3


def test_fields_that_decide_what_is_asked_for(make: Make) -> None:
    """Are in `Vary`: a cache must not give the answer for another."""
    made = gateway(make, PLAIN | {"path": "/users/${header.X-Id}?t=${header.X-Tenant}"})
    assert made.get("/home/7", X_Id="9").headers.joined(b"vary") == b"X-Id, X-Tenant"


def test_upstreams_are_measured(make: Make) -> None:
    """Each part's, and none of the route's: it has no upstream of its own."""
    made = gateway(make)
    made.get("/home/7")
    for name in ("users", "orders"):
        assert made.metric("gateway_upstream_duration_seconds_count", upstream=name) == 1
        assert made.metric("gateway_upstream_attempts_total", upstream=name, outcome="ok") == 1
    assert made.metric("gateway_requests_total", route="home", status="200") == 1
    assert made.last_log["upstream_service"] is None
    assert made.last_log["parts"] == "user=ok, orders=ok"


def test_no_other_route_has_the_field_of_parts(make: Make) -> None:
    """Nor a step for it."""
    made = make("orders")
    made.get("/orders/7")
    assert "parts" not in made.last_log


def test_clients_of_http2(make: Make) -> None:
    """Many at once; each gets its own."""
    made = gateway(make)
    made.backend("users").answer = lambda asked: ok(json.dumps(asked.target.decode()).encode())
    made.backend("orders").answer = lambda asked: ok(json.dumps(asked.target.decode()).encode())
    client = connect(made)
    answers = [client.request("GET", f"/home/{number}", {}) for number in range(20)]
    made.network.pump()
    for number, answer in enumerate(answers):
        assert json.loads(answer.body) == {"user": f"/users/{number}", "orders": f"/orders?user={number}"}


def test_a_reload_lets_them_end(make: Make) -> None:
    """With the parts that they began with."""
    made = gateway(make)
    made.backend("orders").stall()
    client = made.send(b"GET /home/7 HTTP/1.1\r\nHost: h\r\n\r\n")
    made.apply(routes=[{"path": "/*", "upstream": "users"}])
    made.backend("orders").connection.send(ok(b"[9]"))
    made.network.pump()
    assert client.responses()[0].body == b'{"user":{"name": "ann"},"orders":[9]}'


def test_a_base_of_the_backend_is_not_left(make: Make) -> None:
    """A part whose target could lead above it fails."""
    upstreams = [
        {"name": "users", "backends": [{"url": "http://127.0.0.1:9001/v2"}]},
        {"name": "orders", "backends": [{"url": "http://127.0.0.1:9002"}]},
    ]
    made = gateway(make, PLAIN | {"path": "/${param.id}/b"}, upstreams=upstreams)
    assert made.get("/home/a").status == 200
    assert made.backend("users").last.target == b"/v2/a/b"
    assert made.get("/home/a%2F..%2F..").status in (400, 502)
    assert len(made.backend("users").requests) == 1


def config_of(**route: Any) -> Harness:
    """A configuration with one such route."""
    keys = {"api_keys": {"keys": [{"id": "acme", "key": "x" * 32}]}}
    return Harness("users", "orders", routes=[{"path": "/home/:id", **route}], auth=keys)


@pytest.mark.parametrize(
    ("route", "words"),
    [
        ({"aggregate": {"parts": []}}, "aggregate.parts"),
        ({"aggregate": {}}, "aggregate.parts"),
        ({"aggregate": {"parts": [USER, USER]}}, "aggregate.parts[1].name: expected something that is there once"),
        (
            {"aggregate": {"parts": [USER | {"upstream": "user"}]}},
            "parts[0].upstream: expected the name of an upstream",
        ),
        ({"aggregate": {"parts": [USER | {"path": "users"}]}}, "parts[0].path: expected a path that begins with `/`"),
        ({"aggregate": {"parts": [USER | {"path": "/a/../b"}]}}, "a path without `.` and `..` segments"),
        ({"aggregate": {"parts": [USER | {"path": "/a b"}]}}, "a path without `#`, blanks"),
        ({"aggregate": {"parts": [USER | {"path": "/{id}"}]}}, "expected `${param.id}` for a parameter"),
        ({"aggregate": {"parts": [USER | {"path": "/${param.name}"}]}}, "expected parameters of `/home/:id`"),
        ({"aggregate": {"parts": [USER | {"path": "/${status}"}]}}, "names of what is known before"),
        ({"aggregate": {"parts": [USER | {"path": "/${nonsense}"}]}}, "expected one of latency"),
        ({"aggregate": {"parts": [USER | {"on_failure": "skip"}]}}, "parts[0].on_failure"),
        ({"aggregate": {"parts": [USER | {"on_failure": {"defualt": 1}}]}}, "parts[0].on_failure"),
        ({"aggregate": {"parts": [USER], "merge": "list"}}, "aggregate.merge"),
        ({"aggregate": {"parts": [USER]}, "upstream": "users"}, "expected `upstream` or `aggregate`, found both"),
        ({"aggregate": {"parts": [USER]}, "methods": ["GET", "POST"]}, "methods[1]: expected GET or HEAD"),
        ({"aggregate": {"parts": [USER]}, "mirror": {"upstream": "users"}}, "beside `aggregate`, found `mirror`"),
        ({"aggregate": {"parts": [USER | {"path": "/u/${header.X-User-ID}"}]}}, "path: expected a field that backends"),
        (
            {"aggregate": {"parts": [USER | {"path": "/u/${query.api_key}"}]}},
            "expected a parameter that backends get",
        ),
        ({}, "this key, `redirect`, `respond` or `aggregate` is required"),
    ],
)
def test_what_the_configuration_cannot_say(route: dict[str, Any], words: str) -> None:
    """With its place."""
    with pytest.raises(ConfigError) as raised:
        config_of(**route)
    assert words in str(raised.value)


def test_what_is_said_in_vain(tmp_path: Any) -> None:
    """Rules for a target that no part has, and a time that is never reached."""
    file = tmp_path / "g.json"
    route = {
        "path": "/home/:id",
        "request_timeout": "1s",
        "aggregate": {"parts": [{"name": "a", "upstream": "a", "path": "/a/${claim.sub}", "timeout": "2s"}]},
        "transformations": {"request": {"path": {"strip_prefix": "/home"}}},
    }
    file.write_text(json.dumps({"upstreams": [{"name": "a", "backends": [{"url": "http://h:1"}]}], "routes": [route]}))
    found = {doubt.path: doubt.message for doubt in load_with_doubts(file, {})[1]}
    assert found["routes[0].transformations.request.path"] == "no part of `aggregate` is asked with it"
    assert found["routes[0].aggregate.parts[0].path"].startswith("there are no claims")
    assert found["routes[0].aggregate.parts[0].timeout"] == "it is never reached: the exchange ends after 1s"


@pytest.mark.parametrize("methods", [["*"], ["GET", "PUT"]])
def test_no_page_is_promised_what_the_route_does_not_take(make: Make, methods: list[str]) -> None:
    """A preflight for PUT is refused, as the PUT would be."""
    cors = {"allowed_origins": ["*"], "allowed_methods": methods}
    made = gateway(make, defaults={"route": {"cors": cors}})
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "PUT"}
    assert made.request("OPTIONS", "/home/7", asked).status == 403
    assert made.request("OPTIONS", "/home/7", asked | {"Access-Control-Request-Method": "GET"}).status == 204
