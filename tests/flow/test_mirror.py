"""Copies of requests for another upstream, of which clients notice nothing."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from gateway.config import ConfigError
from gateway.headers import Headers
from gateway.memory.backend import ok
from gateway.testing import Harness
from tests.flow.test_http2 import connect
from tests.http2.server import Http2Backend
from tests.tokens import SECRET, said, sign

Make = Callable[..., Harness]

METRIC = "gateway_mirror_requests_total"


def gateway(make: Make, ratio: float | None = None, **more: Any) -> Harness:
    """`orders`, mirrored to `shadow`."""
    mirror: dict[str, Any] = {"upstream": "shadow"} | ({} if ratio is None else {"ratio": ratio})
    route = {"name": "orders", "path": "/orders/*", "upstream": "orders", "mirror": mirror, **more.pop("route", {})}
    return make("orders", "shadow", routes=[route], **more)


def counted(made: Harness) -> dict[str, float]:
    """What became of the copies."""
    outcomes = ("2xx", "4xx", "5xx", "failed", "dropped", "left")
    found = {one: made.metric(METRIC, route="orders", upstream="shadow", outcome=one) for one in outcomes}
    return {outcome: count for outcome, count in found.items() if count}


def test_one_copy_as_the_backend_sees_it(make: Make) -> None:
    """Method, target, fields and content, to the octet; the client gets the backend's answer."""
    made = gateway(
        make,
        route={
            "transformations": {
                "request": {
                    "path": {"strip_prefix": "/orders", "add_prefix": "/v2"},
                    "set_headers": {"X-Tenant": "acme"},
                    "body": {"remove": ["password"]},
                }
            }
        },
    )
    made.backend("shadow").answers(ok(b"another", status=b"500 Broken"))
    answer = made.request(
        "POST",
        "/orders/7?a=1",
        {"Content-Type": "application/json", "Authorization": "Bearer x", "Cookie": "a=b", "Connection": "x-hop",
         "X-Hop": "1"},
        b'{"n": 1.10, "password": "x"}',
    )  # fmt: skip
    assert (answer.status, answer.body) == (200, b"ok")
    (first,), (second,) = made.backend("orders").requests, made.backend("shadow").requests
    assert (second.method, second.target, second.body) == (b"POST", b"/v2/7?a=1", b'{"n":1.10}')
    assert (first.method, first.target, first.body) == (second.method, second.target, second.body)
    assert list(first.headers) == list(second.headers)
    assert dict(second.headers)[b"Authorization"] == b"Bearer x"
    assert counted(made) == {"5xx": 1}


def test_it_is_no_other_request_of_the_route(make: Make) -> None:
    """One record, one count; the shadow's attempts are counted for the shadow."""
    made = gateway(make)
    made.get("/orders/7")
    (record,) = made.logs
    assert (record["upstream_service"], record["attempts"], record["status_code"]) == ("orders", 1, 200)
    assert made.metric("gateway_requests_total") == 1
    assert made.metric("gateway_upstream_attempts_total", upstream="shadow", outcome="ok") == 1
    assert counted(made) == {"2xx": 1}


def test_what_is_answered_from_a_cache_has_no_copy(make: Make) -> None:
    """The shadow has the load that the backend has."""
    made = gateway(make, route={"cache": {}})
    for name in ("orders", "shadow"):
        made.backend(name).answers(ok(b"1", (b"Cache-Control", b"max-age=60")))
    for _ in range(3):
        assert made.get("/orders/7").body == b"1"
    for name in ("orders", "shadow"):
        assert len(made.backend(name).requests) == 1
    made.clock.advance(61)
    made.get("/orders/7")
    for name in ("orders", "shadow"):
        assert len(made.backend(name).requests) == 2


def test_retries_make_no_more_copies(make: Make) -> None:
    """Nor is a copy tried again."""
    made = gateway(make, route={"retry": {"attempts": 2, "on": [503]}})
    for name in ("orders", "shadow"):
        made.backend(name).answers(ok(status=b"503 Busy"), ok())
    made.send(b"PUT /orders/7 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc")
    made.advance(2)
    assert [asked.body for asked in made.backend("orders").requests] == [b"abc", b"abc"]
    assert [asked.body for asked in made.backend("shadow").requests] == [b"abc"]
    assert made.last_log["status_code"] == 200
    assert counted(made) == {"5xx": 1}


@pytest.mark.parametrize(
    ("route", "headers", "status"),
    [
        ({"auth": {"type": "jwt"}}, {}, 401),
        ({"ip_deny": ["192.0.2.0/24"]}, {}, 403),
        ({"request_body": 2}, {"Content-Length": "3"}, 413),
        ({"rate_limit": {"limit": 1, "window": "1h", "scope": "route"}}, {}, 429),
    ],
)
def test_what_is_turned_away_is_not_copied(
    make: Make, route: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    """By authentication, addresses, sizes, limits."""
    made = gateway(make, route=route, auth={"jwt": {"default": {"algorithms": ["HS256"], "secret": SECRET}}})
    if status == 429:
        made.get("/orders/7")
    before = len(made.backend("shadow").requests)
    assert made.request("POST", "/orders/7", headers).status == status
    assert len(made.backend("shadow").requests) == before


def test_who_is_calling_is_known_to_the_shadow_too(make: Make) -> None:
    """It gets the fields that the backend gets."""
    made = gateway(
        make,
        route={"auth": {"type": "jwt"}},
        auth={"jwt": {"default": {"algorithms": ["HS256"], "secret": SECRET}}},
    )
    made.get("/orders/7", Authorization=f"Bearer {sign(SECRET, 'HS256', said())}")
    (first,), (second,) = made.backend("orders").requests, made.backend("shadow").requests
    assert second.headers.get(b"x-user-id") == b"alice"
    assert list(first.headers) == list(second.headers)


@pytest.mark.parametrize("trouble", ["refuse", "swallow", "stall", "reset", "garbage", "endless", "full", "breaker"])
def test_a_shadow_in_trouble_costs_the_client_nothing(make: Make, trouble: str) -> None:
    """Refused, never connected, silent, reset, broken, an answer without end, without room, behind a breaker."""
    upstreams = None
    if trouble in ("full", "breaker"):
        shadow: dict[str, Any] = {"name": "shadow", "backends": [{"url": "http://127.0.0.1:9002"}]}
        shadow |= {"in_flight": 1} if trouble == "full" else {"circuit_breaker": {"failure_threshold": 1}}
        upstreams = [{"name": "orders", "backends": [{"url": "http://127.0.0.1:9001"}]}, shadow]
    made = gateway(make, upstreams=upstreams)
    shadow_backend = made.backend("shadow")
    if trouble in ("refuse", "breaker"):
        shadow_backend.refuse_connections()
    elif trouble == "swallow":
        shadow_backend.swallow_connections()
    elif trouble in ("stall", "full"):
        shadow_backend.stall()
    elif trouble == "reset":
        shadow_backend.reset_on_data()
    elif trouble == "garbage":
        shadow_backend.answers(b"nonsense\r\n\r\n")
    else:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        shadow_backend.answers(head + b"10000\r\n" + bytes(65536) + b"\r\n")
    client = made.client()
    for number in range(3):
        answer = made.request("POST", f"/orders/{number}", body=b"abc", client=client)
        assert (answer.status, answer.body) == (200, b"ok")
    assert [asked.body for asked in made.backend("orders").requests] == [b"abc"] * 3
    assert made.gateway.root.in_flight == 0
    made.advance(40)
    if trouble == "endless":
        assert counted(made) == {"2xx": 3}
    else:
        assert counted(made) == {"failed": 3}
    assert [record["status_code"] for record in made.logs] == [200, 200, 200]
    if trouble == "breaker":
        assert made.metric("gateway_circuit_breaker_rejections_total", upstream="shadow") == 2


@pytest.mark.parametrize("trouble", ["none", "refuse", "swallow", "stall", "reset", "stop"])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_client_receives_the_same_octets(make: Make, trouble: str, seed: int) -> None:
    """With a mirror and without, whatever becomes of the copies, and however requests come and go."""
    octets = []
    for mirror in ({"upstream": "shadow"}, None):
        made = gateway(make, route={"mirror": mirror}, seed=seed)
        shadow = made.backend("shadow")
        answer = {"refuse": shadow.refuse_connections, "swallow": shadow.swallow_connections, "stall": shadow.stall,
                  "reset": shadow.reset_on_data}  # fmt: skip
        answer.get(trouble, lambda: None)()
        made.backend("orders").answer = lambda asked: ok(b"%b %b" % (asked.target, asked.body[:10]))
        client = made.client()
        chance = random.Random(seed)
        for number in range(30):
            body = bytes([65 + number]) * chance.choice((0, 3, 70_000, 400_000))
            head = b"POST /orders/%d HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % (number, len(body))
            for part in (head, body[: len(body) // 2], body[len(body) // 2 :]):
                if part:
                    made.send(part, client)
            if trouble == "stop" and shadow.connections and shadow.connection.closed is None:
                shadow.connection.stop_reading()
        octets.append(re.sub(rb"X-Request-ID: .*?\r\n", b"", client.received))
        assert len(client.responses(*[b"POST"] * 30)) == 30
    assert octets[0] == octets[1]


def test_a_long_answer_is_cut(make: Make) -> None:
    """Past 1 MiB the connection is given up; up to that it is used again."""
    made = gateway(make)
    shadow = made.backend("shadow")
    shadow.answers(ok(bytes(100_000)), ok(bytes(1024 * 1024 + 1)), ok())
    for number in range(3):
        assert made.get(f"/orders/{number}").status == 200
    assert len(shadow.connections) == 2
    assert [connection.closed is not None for connection in shadow.connections] == [True, False]
    assert counted(made) == {"2xx": 3}


def test_content_streams_to_both(make: Make) -> None:
    """Part by part, each as it comes, trailers included."""
    made = gateway(make)
    client = made.send(b"POST /orders/7 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    for name in ("orders", "shadow"):
        assert made.backend(name).last.body == b"abc"
    made.send(b"2\r\nde\r\n", client)
    for name in ("orders", "shadow"):
        assert made.backend(name).last.body == b"abcde"
    made.send(b"0\r\nX-Sum: 5\r\n\r\n", client)
    for name in ("orders", "shadow"):
        assert made.backend(name).last.complete
        assert made.backend(name).last.trailers.get(b"x-sum") == b"5"
    assert client.responses()[0].status == 200
    assert counted(made) == {"2xx": 1}


def test_a_shadow_slower_than_the_client_is_dropped(make: Make) -> None:
    """The backend gets all of it at the client's pace; the copy is bounded, given up and counted."""
    made = gateway(make, limits={"request_body": 0})
    made.backend("shadow").swallow_connections()
    part = bytes(65536)
    client = made.send(b"PUT /orders/7 HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % (100 * len(part)))
    for _ in range(100):
        made.send(part, client)
    assert len(made.backend("orders").last.body) == 100 * len(part)
    assert client.responses()[0].status == 200
    assert counted(made) == {"dropped": 1}


def test_a_shadow_that_stops_reading_is_dropped(make: Make) -> None:
    """In the midst of the content, with its connection full."""
    made = gateway(make, limits={"request_body": 0})
    part = bytes(65536)
    client = made.send(b"PUT /orders/7 HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % (100 * len(part)))
    made.send(part, client)
    made.backend("shadow").connection.stop_reading()
    for _ in range(99):
        made.send(part, client)
    assert len(made.backend("orders").last.body) == 100 * len(part)
    assert client.responses()[0].status == 200
    assert counted(made) == {"dropped": 1}
    assert made.metric("gateway_upstream_attempts_total", upstream="shadow") == 0, "the shadow is not blamed"


def test_a_slow_backend_holds_the_client_and_the_copy_waits(make: Make) -> None:
    """The client is read at the pace of the backend: the copy gets no more than that."""
    made = gateway(make, limits={"request_body": 0})
    part = bytes(65536)
    client = made.send(b"PUT /orders/7 HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % (40 * len(part)))
    made.backend("orders").connection.stop_reading()
    for _ in range(40):
        made.send(part, client)
    before = len(made.backend("shadow").last.body)
    assert before < 20 * len(part)
    made.backend("orders").connection.read_on()
    made.network.pump()
    for name in ("orders", "shadow"):
        assert len(made.backend(name).last.body) == 40 * len(part)
    assert counted(made) == {"2xx": 1}


def test_a_client_that_goes_away_ends_the_copy(make: Make) -> None:
    """In the midst of its content: the shadow gets no end of it. Afterwards the copy is completed."""
    made = gateway(make)
    client = made.send(b"PUT /orders/7 HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\nabc")
    client.reset()
    made.network.pump()
    assert not made.backend("shadow").last.complete
    assert made.backend("shadow").connection.closed is not None
    assert counted(made) == {"left": 1}
    for name in ("orders", "shadow"):
        made.backend(name).stall()
    client = made.send(b"PUT /orders/8 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc")
    client.reset()
    made.network.pump()
    assert made.backend("shadow").last.complete
    made.backend("shadow").connection.send(ok())
    made.network.pump()
    assert counted(made) == {"left": 1, "2xx": 1}


def test_an_answer_before_the_content_ends_the_copy(make: Make) -> None:
    """What the client still sends nobody reads."""
    made = gateway(make)
    made.backend("orders").answer_head = lambda asked: ok(status=b"413 Too Large")
    client = made.send(b"PUT /orders/7 HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\nabc")
    assert client.responses()[0].status == 413
    assert counted(made) == {"left": 1}


def test_a_share_of_them(make: Make) -> None:
    """By chance, which is passed in: the same seed, the same copies."""
    made, again = gateway(make, 0.3), gateway(make, 0.3)
    for number in range(200):
        made.get(f"/orders/{number}")
        again.get(f"/orders/{number}")
    copied = [asked.target for asked in made.backend("shadow").requests]
    assert 40 <= len(copied) <= 80
    assert copied == [asked.target for asked in again.backend("shadow").requests]
    assert len(made.backend("orders").requests) == 200


@pytest.mark.parametrize("mirror", [None, {"upstream": "shadow", "ratio": 0}])
def test_without_copies_there_is_no_step(make: Make, mirror: Any) -> None:
    """Nor anything in the way of the content."""
    made = gateway(make, route={"mirror": mirror})
    plain = make("orders", routes=[{"name": "orders", "path": "/orders/*", "upstream": "orders"}])
    steps = []
    for one in (made, plain):
        chain: Any = one.gateway.root.tree.routes.match(b"h", b"/orders/1", b"GET", Headers(), b"").value._chain
        steps.append([hook.__self__.name for hook in chain._requests])
    assert steps[0] == steps[1]
    made.get("/orders/7")
    assert not made.backend("shadow").requests


def test_no_upgrade_is_copied(make: Make) -> None:
    """A tunnel has one other end."""
    made = gateway(make)
    made.backend("orders").answers(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n")
    made.request("GET", "/orders/7", {"Connection": "Upgrade", "Upgrade": "chat"})
    assert made.backend("orders").requests
    assert not made.backend("shadow").requests


def test_each_upstream_has_its_own_host(make: Make) -> None:
    """As `host_header` says: by default both see what the client has asked for."""
    upstreams: list[dict[str, Any]] = [
        {"name": "orders", "backends": [{"url": "http://127.0.0.1:9001"}]},
        {"name": "shadow", "backends": [{"url": "http://127.0.0.1:9002/v2"}], "host_header": "shadow.internal"},
    ]
    made = gateway(make, upstreams=upstreams)
    made.get("/orders/7")
    assert made.backend("orders").last.headers.get(b"host") == b"gateway.test"
    assert made.backend("shadow").last.headers.get(b"host") == b"shadow.internal"
    assert made.backend("shadow").last.target == b"/v2/orders/7"


def test_a_path_above_the_base_of_the_shadow_is_not_copied(make: Make) -> None:
    """The client is served all the same: its backend has no base."""
    upstreams: list[dict[str, Any]] = [
        {"name": "orders", "backends": [{"url": "http://127.0.0.1:9001"}]},
        {"name": "shadow", "backends": [{"url": "http://127.0.0.1:9002/v2"}]},
    ]
    made = gateway(make, upstreams=upstreams, route={"path": "/*"})
    assert made.get("/a%2F../b").status == 200
    assert made.backend("orders").requests
    assert not made.backend("shadow").requests
    assert counted(made) == {"failed": 1}


def test_a_copy_does_not_hold_up_the_end(make: Make) -> None:
    """A shadow that is silent is not waited for when the gateway drains."""
    made = gateway(make)
    made.backend("shadow").stall()
    client = made.client()
    made.request("GET", "/orders/7", client=client)
    made.hang_up()
    drained = made.gateway.site.drain()
    made.network.pump()
    assert drained.called
    closed = made.gateway.foundation.pool.closeCachedConnections()
    made.gateway.foundation.pool.abort()
    made.network.pump()
    assert closed.called
    assert counted(made) == {"failed": 1}


def test_a_reload_lets_copies_end(make: Make) -> None:
    """Those under way go on; from now on there are none."""
    made = gateway(make)
    made.backend("shadow").stall()
    made.get("/orders/7")
    made.apply(routes=[{"name": "orders", "path": "/orders/*", "upstream": "orders"}])
    made.get("/orders/8")
    made.backend("shadow").connection.send(ok())
    made.network.pump()
    assert len(made.backend("shadow").requests) == 1
    assert counted(made) == {"2xx": 1}


def test_requests_of_http2(make: Make) -> None:
    """Content in parts, and trailers; a stream that its client resets ends its copy."""
    made = gateway(make)
    client = connect(made)
    answer = client.request("POST", "/orders/7", {"content-type": "text/plain"}, b"abc")
    made.network.pump()
    assert answer.status == 200
    (first,), (second,) = made.backend("orders").requests, made.backend("shadow").requests
    assert (first.method, first.target, first.body) == (second.method, second.target, second.body)
    assert list(first.headers) == list(second.headers)
    assert counted(made) == {"2xx": 1}


def test_a_call_of_grpc(make: Make) -> None:
    """To a backend and a shadow of HTTP/2: the client gets the backend's outcome."""
    upstreams: list[dict[str, Any]] = [
        {"name": name, "backends": [{"url": f"h2c://127.0.0.1:{port}"}]}
        for name, port in (("orders", 9101), ("shadow", 9102))
    ]
    made = gateway(make, upstreams=upstreams)
    backends = [Http2Backend(made.network, "127.0.0.1", port, 100) for port in (9101, 9102)]
    for backend, outcome in zip(backends, ("0", "5"), strict=True):
        backend.on_whole = lambda asked, outcome=outcome: asked.connection.answer(  # type: ignore[misc]
            asked, b"\0\0\0\0\1y", [("content-type", "application/grpc")], trailers=[("grpc-status", outcome)]
        )
    client = connect(made)
    call = {"content-type": "application/grpc", "te": "trailers"}
    answer = client.request("POST", "/orders/Get", call, b"\0\0\0\0\1x")
    made.network.pump()
    assert list(answer.trailers) == [(b"grpc-status", b"0")]
    assert [bytes(backend.last.body) for backend in backends] == [b"\0\0\0\0\1x"] * 2
    assert list(backends[0].last.headers) == list(backends[1].last.headers)
    assert counted(made) == {"2xx": 1}


@pytest.mark.parametrize(
    ("mirror", "words"),
    [
        ({"upstream": "shadwo"}, r'mirror.upstream: expected the name of an upstream, found "shadwo", did you mean'),
        ({}, "mirror.upstream"),
        ({"upstream": "shadow", "ratio": 2}, "mirror.ratio: expected a number from 0 to 1"),
    ],
)
def test_what_the_configuration_cannot_say(mirror: dict[str, Any], words: str) -> None:
    """With its place."""
    with pytest.raises(ConfigError) as raised:
        Harness("shadow", routes=[{"path": "/*", "upstream": "shadow", "mirror": mirror}])
    assert words in str(raised.value)


def test_nothing_is_copied_of_what_has_no_backend() -> None:
    """An answer of the gateway's own."""
    with pytest.raises(ConfigError, match="no key that is for backends beside `respond`, found `mirror`"):
        Harness("shadow", routes=[{"path": "/*", "respond": {"body": "x"}, "mirror": {"upstream": "shadow"}}])
