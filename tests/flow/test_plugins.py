"""Plugins on routes: their order, what they may answer and change, and that whatever they do harms nobody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.logger import capturedLogs

from gateway.headers import Headers
from gateway.memory.backend import ok
from gateway.middleware.chain import Chain
from gateway.testing import Harness
from tests import plugins
from tests.http2.client import Http2Client

Make = Callable[..., Harness]

P = "tests.plugins"


def route(*names: str, **more: Any) -> dict[str, Any]:
    """The configuration of a route with these plugins."""
    return {"name": "orders", "path": "/orders/*", "upstream": "orders", "plugins": list(names), **more}


def plugin(name: str, kind: str, config: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """The configuration of a plugin of `tests.plugins`."""
    return {"name": name, "class": f"{P}.{kind}", "config": config or {}, **more}


@pytest.fixture(autouse=True)
def calls() -> list[str]:
    """What plugins were asked."""
    plugins.CALLS.clear()
    plugins.MADE.clear()
    return plugins.CALLS


@pytest.mark.parametrize("kind", ["Tell", "TellLater"])
def test_they_run_in_the_order_of_the_route(make: Make, calls: list[str], kind: str) -> None:
    """In on the way in, reversed on the way out, whatever the order under `plugins`; values, coroutines, Deferreds."""
    gateway = make(plugins=[plugin("b", kind), plugin("a", kind), plugin("c", kind)], routes=[route("a", "b", "c")])

    response = gateway.get("/orders/1")

    assert response.status == 200
    assert calls == [
        *(f"{n} request" for n in "abc"),
        *(f"{n} response" for n in "cba"),
        *(f"{n} finish" for n in "cba"),
    ]
    assert response.headers.get_all(b"x-seen-by") == [b"c", b"b", b"a"]
    assert gateway.backend("orders").requests[-1].headers.get_all(b"x-seen-by") == [b"a", b"b", b"c"]


@pytest.mark.parametrize("kind", ["Answer", "AnswerLater"])
def test_after_one_has_answered_all_see_the_answer(make: Make, calls: list[str], kind: str) -> None:
    """Also those that the request did not reach; and what is given again and again is each time another answer."""
    gateway = make(plugins=[plugin("a", "Tell"), plugin("b", kind), plugin("c", "Tell")], routes=[route("a", "b", "c")])

    first, second = gateway.get("/orders/1"), gateway.get("/orders/2")

    assert (first.status, first.body) == (418, b"short and stout")
    assert calls[:3] == ["a request", "c response", "a response"]
    assert gateway.backend("orders").requests == []
    assert len(second.headers.get_all(b"x-request-id")) == 1
    assert second.headers.get_all(b"x-seen-by") == [b"c", b"a"]


def test_an_error_of_the_gateway_is_an_answer(make: Make) -> None:
    """Not a fault: its status, its reason, and nothing in the log of faults."""
    gateway = make(plugins=[plugin("no", "Refuse")], routes=[route("no")])

    response = gateway.get("/orders/1")

    assert response.status == 403
    assert response.headers.get(b"gateway-reason") == b"auth.forbidden"
    assert gateway.last_log["plugin_errors"] is None
    assert gateway.metric("gateway_plugin_errors_total") == 0


def test_an_answer_is_refused(make: Make, calls: list[str]) -> None:
    """On the way out too: once, with nothing in the log of the application."""
    gateway = make(plugins=[plugin("no", "RefuseLater")], routes=[route("no")])

    with capturedLogs() as events:
        response = gateway.get("/orders/1")

    assert response.status == 403
    assert calls == ["asked"]
    assert [event for event in events if "log_failure" in event] == []


HARMS = [
    *("error", "exit", "interrupt", "generator_exit", "error_later", "exit_later", "interrupt_later"),
    *("number", "text", "generator", "true", "raising"),
]
FOR_READING = ["request_id", "trace_id", "route", "principal", "client_address", "params", "an_error", "nobody"]
OF_EXCHANGES = [*FOR_READING, "request_gone", "no_headers", "no_fields"]
OF_REQUESTS = [
    *("line_end", "text_field", "bad_name", "out_line_end", "out_text", "out_nothing"),
    *("target", "target_text", "method", "upstream", "no_request"),
]
OF_ANSWERS = ["line_end", "text_field", "bad_name", "no_response", "status", "status_text", "reason", "body_text"]


@pytest.fixture
def harmed(make: Make) -> Callable[[str, str, list[str]], Harness]:
    """Make a gateway with a plugin, and a route, for each kind of harm that is done in a hook."""

    def gateway(kind: str, hook: str, harms: list[str]) -> Harness:
        made = make(
            plugins=[plugin(harm, kind, {hook: harm}) for harm in harms],
            routes=[{**route(harm), "name": harm, "path": f"/{harm}"} for harm in harms],
        )
        made.backend("orders").answer = lambda asked: ok(b"content")
        return made

    return gateway


@pytest.mark.parametrize("kind", ["Silly", "SillyGuard"])
def test_faults_on_the_way_in(harmed: Callable[..., Harness], kind: str) -> None:
    """The exchange goes on without the plugin, or is refused; it is in the log, counted, and nothing else happens."""
    harms = [*HARMS, *OF_REQUESTS]
    gateway = harmed(kind, "request", harms)
    rejects = kind == "SillyGuard"

    for harm in harms:
        response = gateway.get(f"/{harm}")

        assert response.status == (500 if rejects else 200), harm
        assert response.headers.get(b"gateway-reason") == (b"plugin.failed" if rejects else None)
        assert gateway.last_log["plugin_errors"].startswith(f"{harm}.on_request=")
        assert gateway.metric("gateway_plugin_errors_total", plugin=harm, hook="on_request") == 1

    asked = gateway.backend("orders").requests
    assert [one.target.decode() for one in asked] == [f"/{harm}" for harm in harms] * (not rejects)
    assert [one.headers.get(b"x-smuggled") for one in asked] == [None] * len(asked)


@pytest.mark.parametrize("kind", ["Silly", "SillyGuard"])
def test_faults_on_the_way_out(harmed: Callable[..., Harness], kind: str) -> None:
    """The answer goes out without what the plugin did, or is a 500; what the backend has still to say is let off."""
    harms = [*HARMS, *OF_ANSWERS]
    gateway = harmed(kind, "response", harms)
    rejects = kind == "SillyGuard"

    for harm in harms:
        response = gateway.get(f"/{harm}")

        assert response.status == (500 if rejects else 200), harm
        assert response.headers.get(b"x-smuggled") is None
        assert rejects or response.body == b"content"
        assert gateway.last_log["plugin_errors"].startswith(f"{harm}.on_response=")
        assert gateway.metric("gateway_plugin_errors_total", plugin=harm, hook="on_response") == 1


@pytest.mark.parametrize("hook", ["request", "response", "finish"])
def test_what_is_for_reading_is_put_back(harmed: Callable[..., Harness], hook: str) -> None:
    """An exchange is answered, logged and forgotten as what it was, whatever a plugin makes of it."""
    of_requests = ["host", "version", "path_alone", "an_answer", "out_none", "in_its_place"]
    harms = [*OF_EXCHANGES, *of_requests * (hook == "request"), *["in_its_place"] * (hook == "response")]
    if hook == "finish":
        harms.remove("no_fields")  # the answer is out
        harms.remove("no_headers")
    gateway = harmed("Silly", hook, harms)

    for harm in harms:
        response = gateway.get(f"/{harm}")

        assert (response.status, response.body) == (200, b"content"), harm
        assert response.headers.get(b"x-smuggled") is None
        assert response.headers.get(b"x-request-id") == gateway.last_log["request_id"].encode()
        assert gateway.last_log["path"] == f"/{harm}"
        assert gateway.last_log["client_ip"] == "192.0.2.1"
        assert gateway.metric("gateway_plugin_errors_total", plugin=harm, hook=f"on_{hook}") == 1, harm
    asked = gateway.backend("orders").requests
    assert [one.target.decode() for one in asked] == [f"/{harm}" for harm in harms]
    assert [one.headers.get(b"x-smuggled") for one in asked] == [None] * len(asked)
    assert not any(b"\r" in value for one in asked for _, value in one.headers)
    gateway.check_quiet()


def test_faults_at_the_end(harmed: Callable[..., Harness]) -> None:
    """Nobody is harmed, and it is counted."""
    gateway = harmed("SillyGuard", "finish", HARMS)

    for harm in HARMS:
        assert gateway.get(f"/{harm}").status == 200
        assert gateway.metric("gateway_plugin_errors_total", plugin=harm, hook="on_finish") == 1


@pytest.mark.parametrize("hook", ["request", "response"])
def test_faults_harm_no_other_stream(harmed: Callable[..., Harness], hook: str) -> None:
    """All of them on one connection of HTTP/2: it stays, and every stream has its answer."""
    harms = [*HARMS, *(OF_REQUESTS if hook == "request" else OF_ANSWERS)]
    gateway = harmed("Silly", hook, harms)
    client = Http2Client()
    gateway.memory.accept(client, "192.0.2.1")

    answers = [client.request("GET", f"/{harm}") for harm in harms]
    gateway.network.pump()

    assert {(answer.status, answer.body, answer.complete) for answer in answers} == {(200, b"content", True)}
    assert client.closed is None


def test_a_length_that_is_not_that_of_the_content(make: Make) -> None:
    """It would end the message too early: the length of what is there is said."""
    gateway = make(plugins=[plugin("bad", "Silly", {"response": "length"})], routes=[route("bad")])
    gateway.backend("orders").answer = lambda asked: ok(b"content")

    assert gateway.get("/orders/1").body == b"content"


@pytest.mark.parametrize("kind", ["Silly", "SillyGuard"])
@pytest.mark.parametrize("harm", ["never", "never_in_spite", "never_deferred"])
@pytest.mark.parametrize("hook", ["request", "response"])
def test_a_hook_that_does_not_end(make: Make, harm: str, kind: str, hook: str) -> None:
    """It holds its exchange for its timeout, and no other one at all."""
    gateway = make(
        plugins=[plugin("bad", kind, {hook: harm}, timeout="2s")],
        routes=[route("bad"), {"name": "other", "path": "/other", "upstream": "orders"}],
    )
    client = gateway.send(b"GET /orders/1 HTTP/1.1\r\nHost: a\r\n\r\n")
    gateway.advance(1.9)
    assert client.received == b""
    assert gateway.get("/other").status == 200

    gateway.advance(0.2)

    assert client.received.startswith(b"HTTP/1.1 500" if kind == "SillyGuard" else b"HTTP/1.1 200")
    assert gateway.last_log["plugin_errors"] == f"bad.on_{hook}=timeout"


@pytest.mark.parametrize("harm", ["never", "never_in_spite", "never_deferred"])
@pytest.mark.parametrize("hook", ["request", "response", "finish"])
def test_a_client_that_leaves_while_a_plugin_waits(make: Make, harm: str, hook: str) -> None:
    """Nothing stays: no exchange, no timer, no connection."""
    gateway = make(plugins=[plugin("bad", "Silly", {hook: harm}, timeout="100s")], routes=[route("bad")])
    client = gateway.send(b"GET /orders/1 HTTP/1.1\r\nHost: a\r\n\r\n")

    client.reset()
    gateway.network.pump()

    assert gateway.gateway.root.in_flight == 0
    gateway.advance(101)
    waiting = [call for call in gateway.clock.getDelayedCalls() if "plugin" in repr(call)]
    assert waiting == []


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize(("seconds", "status"), [(0.5, 200), (2.5, 500)])
def test_a_hook_that_holds_the_reactor(
    make: Make, later: bool, seconds: float, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named, in a metric and in the log; past its timeout it has failed, though it came back."""
    slow = plugin("slow", "Spin", {"seconds": seconds, "later": later}, timeout="1s", on_error="reject")
    gateway = make(plugins=[slow], routes=[route("slow")])
    monkeypatch.setattr(plugins.Spin, "clock", gateway.clock)

    response = gateway.get("/orders/1")

    assert gateway.metric("gateway_plugin_blocked_total", plugin="slow", hook="on_request") == 1
    assert response.status == status


def test_content_is_changed_by_a_filter(make: Make) -> None:
    """Chunk by chunk."""
    gateway = make(plugins=[plugin("loud", "Loud")], routes=[route("loud")])
    gateway.backend("orders").answer = lambda asked: ok(b"content")

    assert gateway.get("/orders/1").body == b"CONTENT"


def test_a_filter_that_fails(make: Make) -> None:
    """Its exchange is broken off there, and nothing else is; it is counted as the hook's that hung it."""
    gateway = make(plugins=[plugin("f", "Filters")], routes=[route("f")])
    orders = gateway.backend("orders")
    orders.answer_head = lambda asked: b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegins "
    orders.stall()
    client = gateway.send(b"GET /orders/1 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.received.endswith(b"begins \r\n")

    orders.connection.send(b"content")
    gateway.network.pump()

    assert client.closed is not None
    assert gateway.metric("gateway_plugin_errors_total", plugin="f", hook="on_response") == 1
    orders.answer_head = lambda asked: None
    upload = b"POST /orders/2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nbegins \r\n"
    client = gateway.send(upload)
    gateway.send(b"7\r\ncontent\r\n0\r\n\r\n", client)
    assert client.received.startswith(b"HTTP/1.1 500")
    assert gateway.metric("gateway_plugin_errors_total", plugin="f", hook="on_request") == 1
    assert "f.on_request=" in gateway.last_log["plugin_errors"]


def test_a_filter_that_fails_while_it_is_hung(make: Make) -> None:
    """Content that has come already goes on without it, as the exchange does: none of it is lost."""
    gateway = make(plugins=[plugin("f", "Filters")], routes=[route("f")])

    client = gateway.send(b"POST /orders/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\ncontent")

    assert client.received.startswith(b"HTTP/1.1 200")
    assert gateway.backend("orders").last.body == b"content"
    assert gateway.metric("gateway_plugin_errors_total", plugin="f", hook="on_request") == 1
    gateway.check_quiet()


@pytest.mark.parametrize(("kind", "status", "body"), [("Replace", 200, b"mine"), ("ReplaceAll", 203, b"another")])
def test_content_in_place_of_the_backend_s(make: Make, kind: str, status: int, body: bytes) -> None:
    """The backend's is read to its end, and its connection is used again."""
    gateway = make(plugins=[plugin("mine", kind)], routes=[route("mine")])
    gateway.backend("orders").answer = lambda asked: ok(b"content" * 1000)

    for _ in range(2):
        response = gateway.get("/orders/1")
        assert (response.status, response.body) == (status, body)

    assert len(gateway.backend("orders").connections) == 1


@pytest.mark.parametrize(("kind", "fault"), [("Tell", False), ("ReplaceAll", True)])
def test_a_change_of_protocols(make: Make, kind: str, fault: bool) -> None:
    """Fields may be added to a 101; another answer in its place would leave the backend's end alone."""
    gateway = make(plugins=[plugin("p", kind)], routes=[route("p")])
    switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
    gateway.backend("orders").answer_head = lambda asked: switch

    client = gateway.send(b"GET /orders/1 HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
    gateway.send(b"ping", client)
    gateway.backend("orders").connection.send(b"pong")
    gateway.network.pump()

    assert client.received.startswith(b"HTTP/1.1 101 ")
    assert b"\r\nUpgrade: x\r\n" in client.received
    assert (b"\r\nX-Seen-By: p\r\n" in client.received) is not fault
    assert client.received.endswith(b"pong")
    client.reset()
    gateway.network.pump()
    assert bool(gateway.last_log["plugin_errors"]) is fault


def test_a_plugin_picks_the_upstream(make: Make) -> None:
    """One of those that the route lists; who picks none gets what the shares give."""
    gateway = make(
        "red",
        "blue",
        plugins=[plugin("tenants", "Tenants", {"r": "red", "b": "blue", "x": "nowhere"}, on_error="reject")],
        routes=[{**route("tenants"), "upstream": [{"name": "red", "weight": 0}, {"name": "blue", "weight": 1}]}],
    )

    gateway.get("/orders/1", X_Tenant="r")
    gateway.get("/orders/2", X_Tenant="b")
    gateway.get("/orders/3")

    assert [one.target for one in gateway.backend("red").requests] == [b"/orders/1"]
    assert [one.target for one in gateway.backend("blue").requests] == [b"/orders/2", b"/orders/3"]
    assert gateway.get("/orders/4", X_Tenant="x").status == 500


def test_what_a_plugin_refuses_is_not_had_from_the_cache(make: Make) -> None:
    """It stands before the cache."""
    gateway = make(plugins=[plugin("t", "Tell")], routes=[route("t", cache={"ttl": "60s"})])

    gateway.get("/orders/1")
    hit = gateway.get("/orders/1")

    assert len(gateway.backend("orders").requests) == 1
    assert plugins.CALLS.count("t request") == 2
    assert hit.headers.get_all(b"x-seen-by") == [b"t"]


def test_a_route_without_plugins_has_no_step(make: Make) -> None:
    """And costs nothing."""
    gateway = make(plugins=[plugin("t", "Tell")], routes=[route(), route("t") | {"name": "t", "path": "/t"}])
    routes = gateway.gateway.root.tree.routes
    chains = {
        path: routes.match(b"gateway.test", path, b"GET", Headers(), b"").value._chain for path in (b"/orders/1", b"/t")
    }

    with_plugin, without = chains[b"/t"], chains[b"/orders/1"]
    assert isinstance(with_plugin, Chain)
    assert isinstance(without, Chain)
    assert len(with_plugin._requests) == len(without._requests) + 1
