"""Backends with a name and a base path of their own: what they are asked for, and as whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.composition.agents import AgentLeaf, agent_route
from gateway.memory.backend import ok
from gateway.serving.agent import ProxyAgent
from gateway.testing import Harness
from tests.flow.test_tunnels import SWITCH

Make = Callable[..., Harness]

BASE = {"url": "http://127.0.0.1:9001/v2/"}


def below(make: Make, *backends: dict[str, Any], route: dict[str, Any] | None = None, **upstream: Any) -> Harness:
    """One upstream, by default with one backend below /v2, and a route for everything."""
    upstreams = [{"name": "orders", "backends": [*backends] or [BASE], **upstream}]
    routes = [{"name": "orders", "path": "/*", "upstream": "orders", **(route or {})}]
    return make("orders", "others", upstreams=upstreams, routes=routes)


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("/", "/v2/"),
        ("/orders/7", "/v2/orders/7"),
        ("/orders?next=/../x&a=%2e%2e", "/v2/orders?next=/../x&a=%2e%2e"),
        ("/?x", "/v2/?x"),
        ("/a%20b%2Fc/", "/v2/a%20b%2Fc/"),
        ("/a/../b", "/v2/a/../b"),
        ("http://gateway.test/abs?x=1", "/v2/abs?x=1"),
        ("http://gateway.test?x=1", "/v2/?x=1"),
        ("http://gateway.test", "/v2/"),
    ],
)
def test_requests_go_below_the_base(make: Make, asked: str, sent: str) -> None:
    """The base and the path, with one slash between them; the query as it came."""
    made = below(make)

    assert made.get(asked).status == 200
    assert made.backend("orders").last.target.decode() == sent


@pytest.mark.parametrize(
    "asked", ["/../admin", "/%2e%2e/admin", "/a/..%2f..%2fadmin", "//../admin", "/..;x/admin", "/%252e%252e/a"]
)
@pytest.mark.parametrize("readings", [None, []])
def test_no_path_leads_above_the_base(make: Make, asked: str, readings: list[str] | None) -> None:
    """Whatever the route asks about paths."""
    made = below(make, route={} if readings is None else {"paths": {"readings": readings}})

    assert made.get(asked).status == 400
    assert made.backend("orders").requests == []


def test_the_normal_form_is_what_must_stay_below(make: Make) -> None:
    """Where a route forwards the normal form, nothing else is asked of the backend."""
    made = below(make, route={"paths": {"readings": ["slashes"], "forward": "normalized"}})

    made.get("/a/./%2e%2e/b")

    assert made.backend("orders").last.target == b"/v2/b"


def test_a_question_about_the_whole_server_is_not_passed_on(make: Make) -> None:
    """`OPTIONS *` has no path that could go below the base."""
    made = below(make)

    assert made.request("OPTIONS", "*").status == 404
    assert made.backend("orders").requests == []


def test_the_fallback_is_held_below_its_base_too(make: Make) -> None:
    """A route whose upstream has no base may come to one that has."""
    breaker = {"failure_threshold": 1, "fallback": {"upstream": "spare"}}
    upstreams = [
        {"name": "orders", "backends": [{"url": "http://127.0.0.1:9002"}], "circuit_breaker": breaker},
        {"name": "spare", "backends": [BASE]},
    ]
    routes = [{"path": "/*", "upstream": "orders", "paths": {"readings": []}}]
    made = make("orders", "others", upstreams=upstreams, routes=routes)
    made.backend("others").refuse_connections()
    made.get("/")

    assert made.get("/a").status == 200
    assert made.get("/%252e%252e/admin").status == 400
    assert [asked.target for asked in made.backend("orders").requests] == [b"/v2/a"]


@pytest.mark.parametrize(
    ("host_header", "url", "sent"),
    [
        (None, "http://127.0.0.1:9001", "gateway.test"),
        ("client", "http://127.0.0.1:9001", "gateway.test"),
        ("backend", "http://127.0.0.1:9001", "127.0.0.1:9001"),
        ("Shop.Example.com", "http://127.0.0.1:9001", "shop.example.com"),
        ("shop.example.com:8443", "http://127.0.0.1:9001", "shop.example.com:8443"),
        ("[::0:1]:8443", "http://127.0.0.1:9001", "[::1]:8443"),
    ],
)
def test_what_the_backend_sees_as_host(make: Make, host_header: str | None, url: str, sent: str) -> None:
    """The client's, the backend's own, or a name; X-Forwarded-Host is the client's in each case."""
    said: dict[str, Any] = {} if host_header is None else {"host_header": host_header}
    made = below(make, {"url": url}, **said)

    assert made.get("/").status == 200
    assert made.backend("orders").last.headers.get_all(b"host") == [sent.encode()]
    assert made.backend("orders").last.headers.get(b"x-forwarded-host") == b"gateway.test"


def test_the_port_of_the_scheme_is_not_named(make: Make) -> None:
    """As clients do not name it either."""
    made = below(make, {"url": "http://127.0.0.1:80/v2"}, host_header="backend")
    made.network.listen("127.0.0.1", 80, made.network._servers["127.0.0.1", 9001])

    made.get("/")

    assert made.backend("orders").last.headers.get(b"host") == b"127.0.0.1"


def test_a_client_of_http_1_0_that_names_no_host(make: Make) -> None:
    """It gets no further than the name of the configuration."""
    made = below(make, host_header="shop.example.com")

    made.send(b"GET / HTTP/1.0\r\n\r\n")

    assert made.backend("orders").last.headers.get_all(b"host") == [b"shop.example.com"]


def test_each_attempt_has_the_host_and_base_of_its_own_backend(make: Make) -> None:
    """A retry goes to another backend, by its name."""
    backends = ({"url": "http://127.0.0.1:9001/a"}, {"url": "http://127.0.0.1:9002/b"})
    made = below(make, *backends, route={"retry": {"attempts": 1, "on": [503], "budget": 1}}, host_header="backend")
    made.backend("orders").answers(ok(status=b"503 Busy"))
    made.backend("others").answers(ok(status=b"503 Busy"))

    made.get("/x")
    made.advance(1)

    seen = [made.backend(name).last for name in ("orders", "others")]
    assert [(one.target, one.headers.get(b"host")) for one in seen] == [
        (b"/a/x", b"127.0.0.1:9001"),
        (b"/b/x", b"127.0.0.1:9002"),
    ]


def test_websockets_too(make: Make) -> None:
    """The handshake goes below the base, to the name."""
    made = below(make, host_header="shop.example.com")
    made.backend("orders").answers(SWITCH)

    head = "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    client = made.send(
        f"{head}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )

    assert client.received.startswith(b"HTTP/1.1 101 ")
    last = made.backend("orders").last
    assert (last.target, last.headers.get(b"host")) == (b"/v2/chat", b"shop.example.com")


def test_checks_ask_below_the_base_with_the_same_host(make: Make) -> None:
    """As a backend that serves several names needs it."""
    made = below(make, host_header="shop.example.com", health_check={"path": "/health?deep", "interval": 1})

    made.advance(2)

    last = made.backend("orders").last
    assert (last.target, last.headers.get_all(b"host")) == (b"/v2/health?deep", [b"shop.example.com"])


def test_a_change_of_the_host_is_in_force_after_a_reload(make: Make) -> None:
    """Connections of before are not used for it: their heads are written for the other name."""
    made = below(make, host_header="a.example.com")
    made.get("/")

    (upstream,) = made.configuration["upstreams"]
    made.apply(
        upstreams=[{**upstream, "host_header": "b.example.com", "backends": [{"url": "http://127.0.0.1:9001/v3"}]}]
    )
    made.get("/x")

    last = made.backend("orders").last
    assert (last.target, last.headers.get(b"host")) == (b"/v3/x", b"b.example.com")
    assert len(made.backend("orders").connections) == 2


def test_the_log_and_the_metrics_name_the_backend_with_its_base(make: Make) -> None:
    """It is another backend than the one below another base."""
    made = below(make)
    made.get("/x")

    assert made.last_log["backend"] == "http://127.0.0.1:9001/v2"
    assert made.metric("gateway_upstream_attempts_total", backend="http://127.0.0.1:9001/v2") == 1


def test_a_hedge_is_sent_as_its_own_backend(make: Make) -> None:
    """Two attempts run side by side, each under the name and below the base of where it goes."""
    backends = ({"url": "http://127.0.0.1:9001/a"}, {"url": "http://127.0.0.1:9002/b"})
    made = below(make, *backends, route={"hedge": {"min_delay": 0.1, "budget": 1}}, host_header="backend")
    for _ in range(32):
        made.get("/")
    for name in ("orders", "others"):
        made.backend(name).requests.clear()
    made.backend("orders").stall()

    client = made.send(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
    made.advance(0.2)

    assert [response.status for response in client.responses()] == [200]
    seen = [made.backend(name).last for name in ("orders", "others")]
    assert [(one.target, one.headers.get(b"host")) for one in seen] == [
        (b"/a/x", b"127.0.0.1:9001"),
        (b"/b/x", b"127.0.0.1:9002"),
    ]


def test_what_an_application_asks_goes_the_same_way(make: Make) -> None:
    """By its agent: below the base and never above, by the name; a redirect of the backend's can be followed."""
    made = below(make, host_header="shop.internal", rewrite_responses=True)
    made.backend("orders").answers(ok(b"", (b"Location", b"http://shop.internal/v2/next"), status=b"302 Found"))
    leaf = AgentLeaf(agent_route("orders", 2, None), made.gateway)
    agent = ProxyAgent("orders", leaf.find, made.gateway.site, made.clock, leaf.timeout)
    answers: list[Any] = []

    for path in (b"/a", b"/../admin", b"/%2e%2e/admin"):
        agent.request(b"GET", b"gateway://orders" + path).addBoth(answers.append)
        made.network.pump()

    first, *others = answers
    assert (first.code, first.headers.getRawHeaders("location")) == (302, ["/next"])
    assert [other.value.reason for other in others] == ["request.ambiguous"] * 2
    (asked,) = made.backend("orders").requests
    assert (asked.target, asked.headers.get(b"host")) == (b"/v2/a", b"shop.internal")
