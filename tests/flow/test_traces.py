"""Spans of whole exchanges, as a collector gets them."""

from __future__ import annotations

import gc
import re
from typing import Any

import pytest

from gateway.exchange import Exchange
from gateway.forwarding.attempt import Attempt
from gateway.headers import Headers
from gateway.memory.backend import Asked, FakeBackend, ok
from gateway.message import Response
from gateway.middleware.chain import Chain
from gateway.testing import Harness
from tests.collector import CLIENT, INTERNAL, SERVER, Collector, Taken
from tests.tokens import SECRET

FAILS = ok(b"no", status=b"500 Internal Server Error")
BUSY = ok(b"busy", status=b"503 Service Unavailable")
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACING = {"exporter": "otlp", "endpoint": "http://127.0.0.1:4318", "interval": "100ms", "slow": 0}


class Traced:
    """A gateway in memory, and the collector that it tells."""

    def __init__(self, *backends: str, tracing: dict[str, Any] | None = None, **settings: Any) -> None:
        self.gateway = Harness(*backends, tracing=TRACING | (tracing or {}), **settings)
        self.collector = Collector()
        self.receiver = FakeBackend(self.gateway.network, "127.0.0.1", 4318)
        self.receiver.answer = self._take
        self.refuses = b""

    def _take(self, asked: Asked) -> bytes:
        if self.refuses:
            return self.refuses
        fields = {name.lower(): value for name, value in asked.headers}
        return ok(self.collector.take(asked.method, asked.target, fields, asked.body))

    def get(self, target: str, **headers: str) -> list[Taken]:
        """Ask, and return the spans that come of it."""
        return self.request("GET", target, {name.replace("_", "-"): value for name, value in headers.items()})

    def request(self, method: str, target: str, headers: dict[str, str], body: bytes | None = None) -> list[Taken]:
        """The same for any request."""
        before = len(self.collector.spans)
        self.gateway.request(method, target, headers, body)
        self.settle()
        return self.collector.spans[before:]

    def settle(self, seconds: float = 0.3) -> None:
        """Let what waits be sent."""
        self.gateway.advance(seconds)


def parents(backend: FakeBackend) -> list[str]:
    """The ids of the spans that a backend was told as its parents."""
    values = [asked.headers.index[b"traceparent"].decode() for asked in backend.requests]
    return [value[36:52] for value in values]


def only(spans: list[Taken], kind: int) -> Taken:
    """The one span of a kind."""
    [span] = [span for span in spans if span.kind == kind]
    return span


def test_an_exchange_and_its_attempt() -> None:
    """A server's span named by method and pattern, and a client's below it, which the backend is told as its parent."""
    made = Traced("orders")
    spans = made.get("/orders/7?a=1&api_key=secret", User_Agent="curl/8", X_Request_ID="mine")

    server, client = only(spans, SERVER), only(spans, CLIENT)
    assert server.name == "GET /orders/*"
    assert (server.parent, client.parent) == ("", server.span_id)
    assert server.trace_id == client.trace_id == made.gateway.last_log["trace_id"]
    assert parents(made.gateway.backend("orders")) == [client.span_id]
    assert server.attributes == {
        "http.request.method": "GET",
        "http.route": "/orders/*",
        "http.response.status_code": 200,
        "http.response.body.size": 2,
        "url.scheme": "http",
        "url.path": "/orders/7",
        "url.query": "a=1&api_key=REDACTED",
        "server.address": "gateway.test",
        "client.address": "192.0.2.1",
        "network.protocol.version": "1.1",
        "user_agent.original": "curl/8",
        "gateway.request_id": made.gateway.last_log["request_id"],
        "gateway.route": "orders",
        "gateway.upstream": "orders",
    }
    assert client.name == "GET"
    assert client.attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
        "server.port": 9001,
        "url.full": "http://127.0.0.1:9001/orders/7?a=1&api_key=REDACTED",
        "network.protocol.version": "1.1",
        "gateway.upstream": "orders",
    }
    assert (server.failed, client.failed) == (False, False)
    assert server.started <= client.started <= client.ended <= server.ended


def test_who_has_made_them() -> None:
    """The resource names the service, its version and this instance; the scope the library."""
    made = Traced("orders", tracing={"service_name": "edge"})
    [span, *_] = made.get("/orders/7")

    assert span.scope == "gateway"
    assert span.resource["service.name"] == "edge"
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", span.resource["service.instance.id"])
    assert {"service.version", "host.name", "process.pid", "telemetry.sdk.language"} <= span.resource.keys()


def test_the_trace_of_a_client_goes_on() -> None:
    """Its trace, its span as the parent, its decision; `tracestate` and baggage pass."""
    made = Traced("orders")
    spans = made.get(
        "/orders/7", traceparent=f"00-{TRACE}-{PARENT}-01", tracestate="a=1,b=2", baggage="user=7", Host="gateway.test"
    )

    server, client = only(spans, SERVER), only(spans, CLIENT)
    assert (server.trace_id, server.parent, server.state) == (TRACE, PARENT, "a=1,b=2")
    assert server.flags & 0x300 == 0x300  # its parent is somebody else's
    assert client.flags & 0x300 == 0x100
    headers = made.gateway.backend("orders").last.headers.index
    assert headers[b"traceparent"].decode() == f"00-{TRACE}-{client.span_id}-01"
    assert (headers[b"tracestate"], headers[b"baggage"]) == (b"a=1,b=2", b"user=7")


def test_a_client_decides_whether_its_trace_is_kept() -> None:
    """Whatever the ratio is; the backend is told what was decided."""
    eager, sparing = Traced("orders"), Traced("orders", tracing={"sample_ratio": 0})

    assert eager.get("/orders/7", traceparent=f"00-{TRACE}-{PARENT}-00") == []
    assert eager.gateway.backend("orders").last.headers.index[b"traceparent"].endswith(b"-00")
    assert len(sparing.get("/orders/7", traceparent=f"00-{TRACE}-{PARENT}-01")) == 2
    assert sparing.gateway.backend("orders").last.headers.index[b"traceparent"].endswith(b"-01")
    assert sparing.get("/orders/7") == []
    assert sparing.gateway.backend("orders").last.headers.index[b"traceparent"].endswith(b"-00")


def test_errors_are_kept_whatever_was_decided() -> None:
    """A backend's 5xx, one that cannot be reached, one that breaks off; not what clients do wrong."""
    made = Traced("orders", tracing={"sample_ratio": 0})
    backend = made.gateway.backend("orders")

    assert made.get("/nowhere") == []
    backend.answers(FAILS)
    failed = made.get("/orders/7")
    declined = made.get("/orders/7", traceparent=f"00-{TRACE}-{PARENT}-00")
    backend.refuse_connections()
    for connection in backend.connections:
        connection.close()
    made.gateway.network.pump()
    refused = made.get("/orders/7")

    for spans in (failed, declined):
        server, client = only(spans, SERVER), only(spans, CLIENT)
        assert server.attributes["error.type"] == client.attributes["error.type"] == "500"
        assert (server.failed, client.failed) == (True, True)
        assert server.flags & 1 == 0  # others have been told that it is not sampled
    assert only(refused, SERVER).attributes["error.type"] == "upstream.connect"
    assert only(refused, CLIENT).attributes["error.type"] == "upstream.connect"
    assert "http.response.status_code" not in only(refused, CLIENT).attributes


def test_an_answer_that_breaks_off_is_an_error() -> None:
    """Although its head said 200."""
    made = Traced("orders", tracing={"sample_ratio": 0})
    made.gateway.backend("orders").answers(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    client = made.gateway.client()
    made.gateway.request("GET", "/orders/7", client=client)
    made.gateway.backend("orders").connection.close()
    made.gateway.network.pump()
    made.settle()

    server = only(made.collector.spans, SERVER)
    assert server.failed
    assert (server.attributes["http.response.status_code"], server.attributes["error.type"]) == (200, "upstream.reset")


def test_slow_exchanges_are_kept() -> None:
    """From `slow` on, and the spans say where the time went."""
    made = Traced("orders", tracing={"sample_ratio": 0, "slow": "2s"})
    backend = made.gateway.backend("orders")
    backend.stall()
    for seconds, count in ((1.5, 0), (2.5, 2)):
        client = made.gateway.client()
        made.gateway.request("GET", "/orders/7", client=client)
        made.gateway.advance(seconds)
        backend.connection.send(ok())
        made.gateway.network.pump()
        made.settle()
        assert len(made.collector.spans) == count
    assert only(made.collector.spans, CLIENT).seconds == pytest.approx(2.5, abs=0.2)


def test_a_stream_of_events_is_not_slow() -> None:
    """It is meant to last."""
    made = Traced("orders", tracing={"sample_ratio": 0, "slow": "2s"})
    made.gateway.backend("orders").answers(ok(b"data: 1\n\n", (b"Content-Type", b"text/event-stream")))
    made.gateway.backend("orders").answers(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
    )
    client = made.gateway.client()
    made.gateway.request("GET", "/orders/7", client=client)
    made.gateway.advance(10)
    made.gateway.backend("orders").connection.send(b"0\r\n\r\n")
    made.gateway.network.pump()
    made.settle()

    assert made.gateway.last_log["response_time_ms"] > 9000
    assert made.collector.spans == []


def test_a_client_that_leaves_is_no_error() -> None:
    """It is said what became of it."""
    made = Traced("orders")
    made.gateway.backend("orders").stall()
    client = made.gateway.client()
    made.gateway.request("GET", "/orders/7", client=client)
    client.reset()
    made.gateway.network.pump()
    made.settle()

    server = only(made.collector.spans, SERVER)
    assert not server.failed
    assert server.attributes["error.type"] in ("client_gone", "request.aborted")


def test_where_no_route_matches() -> None:
    """The name is the method alone."""
    made = Traced("orders")
    [span] = made.get("/nowhere")

    assert (span.name, span.attributes["error.type"]) == ("GET", "route.none")
    assert not span.failed
    assert "http.route" not in span.attributes


def test_a_method_that_nobody_knows() -> None:
    """It is no name, and no value of an attribute that is counted by."""
    made = Traced("orders")
    [span, *_] = made.request("PURGE", "/orders/7", {})

    assert span.attributes["http.request.method"] == "_OTHER"
    assert span.attributes["http.request.method_original"] == "PURGE"
    assert span.name == "HTTP /orders/*"


def test_health_paths_make_no_spans() -> None:
    """Neither do the metrics."""
    made = Traced("orders")

    assert made.get("/health") == made.get("/ready") == []


def two(**route: Any) -> Traced:
    """One upstream of two backends."""
    return Traced(
        "a",
        "b",
        upstreams=[{"name": "orders", "backends": [{"url": f"http://127.0.0.1:{port}"} for port in (9001, 9002)]}],
        routes=[{"name": "orders", "path": "/*", "upstream": "orders", **route}],
        tracing={"sample_ratio": 0},
    )


def test_each_attempt_has_a_span() -> None:
    """Each backend is told its own; a retry says why. A fault that a retry has cured is kept, too."""
    made = two(retry={})
    made.gateway.backend("a").answers(BUSY)
    made.gateway.backend("b").answers(ok())
    client = made.gateway.client()
    made.gateway.request("GET", "/7", client=client)
    made.gateway.advance(1)
    if not made.collector.spans:  # the good one was asked first
        made.gateway.request("GET", "/7", client=client)
        made.gateway.advance(1)

    server = only(made.collector.spans, SERVER)
    first, second = sorted(made.collector.of(CLIENT), key=lambda span: span.started)
    assert (first.parent, second.parent) == (server.span_id, server.span_id)
    assert [span.failed for span in (first, second, server)] == [True, False, False]
    assert (first.attributes["http.response.status_code"], first.attributes["error.type"]) == (503, "503")
    assert "http.request.resend_count" not in first.attributes
    assert second.attributes["http.request.resend_count"] == 1
    assert second.attributes["gateway.retry.reason"] == "status_503"
    assert server.attributes["gateway.attempts"] == 2
    assert parents(made.gateway.backend("a"))[-1] == first.span_id
    assert parents(made.gateway.backend("b"))[-1] == second.span_id


def test_a_hedge_is_a_second_span() -> None:
    """Both attempts of a race are seen, the one that lost as well."""
    made = Traced(
        "a",
        "b",
        upstreams=[{"name": "orders", "backends": [{"url": f"http://127.0.0.1:{port}"} for port in (9001, 9002)]}],
        routes=[
            {
                "name": "orders",
                "path": "/*",
                "upstream": "orders",
                "hedge": {"min_delay": 0.1, "budget": 1},
                "retry": {},
            }
        ],
    )
    for _ in range(32):
        made.gateway.get("/")
    made.settle(1)
    made.collector.spans.clear()
    for name in ("a", "b"):
        made.gateway.backend(name).requests.clear()
    made.gateway.backend("a").stall()
    for _ in range(2):
        client = made.gateway.client()
        made.gateway.request("GET", "/7", client=client)
        made.gateway.advance(1)
    made.settle()

    trace = next(spans for spans in made.collector.traces().values() if len(spans) == 3)
    lost, won = sorted((span for span in trace if span.kind == CLIENT), key=lambda span: span.started)
    assert "http.response.status_code" not in lost.attributes
    assert (lost.attributes["server.port"], won.attributes["server.port"]) == (9001, 9002)
    assert won.started > lost.started
    assert lost.span_id in parents(made.gateway.backend("a"))
    assert won.span_id in parents(made.gateway.backend("b"))


def test_a_mirror_is_a_child_that_may_end_later() -> None:
    """It is told its own span, and is exported when it is over."""
    made = Traced(
        "orders",
        "shadow",
        routes=[{"name": "orders", "path": "/orders/*", "upstream": "orders", "mirror": {"upstream": "shadow"}}],
    )
    made.gateway.backend("shadow").stall()
    spans = made.get("/orders/7")
    server, client = only(spans, SERVER), only(spans, CLIENT)
    made.gateway.advance(2)
    made.gateway.backend("shadow").connection.send(ok())
    made.gateway.network.pump()
    made.settle()

    [copy] = [span for span in made.collector.of(CLIENT) if span is not client]
    assert (copy.trace_id, copy.parent) == (server.trace_id, server.span_id)
    assert copy.attributes["gateway.upstream"] == "shadow"
    assert copy.seconds == pytest.approx(2.3, abs=0.2)
    assert parents(made.gateway.backend("shadow")) == [copy.span_id] != [client.span_id]


def test_the_parts_of_an_aggregate_are_children() -> None:
    """One client's span for each."""
    made = Traced(
        "orders",
        "users",
        routes=[
            {
                "name": "page",
                "path": "/page",
                "aggregate": {
                    "parts": [
                        {"name": "orders", "upstream": "orders", "path": "/o"},
                        {"name": "users", "upstream": "users", "path": "/u"},
                    ]
                },
            }
        ],
    )
    for name in ("orders", "users"):
        made.gateway.backend(name).answers(ok(b"{}", (b"Content-Type", b"application/json")))
    spans = made.get("/page")

    server = only(spans, SERVER)
    parts = [span for span in spans if span.kind == CLIENT]
    assert {span.attributes["gateway.upstream"] for span in parts} == {"orders", "users"}
    assert all(span.parent == server.span_id for span in parts)
    told = parents(made.gateway.backend("orders")) + parents(made.gateway.backend("users"))
    assert sorted(told) == sorted(span.span_id for span in parts)


def test_a_step_that_refuses_is_seen() -> None:
    """Authentication, with the reason; the exchange is no error of ours."""
    made = Traced(
        "orders",
        auth={"jwt": {"default": {"algorithms": ["HS256"], "secret": SECRET}}},
        routes=[{"name": "orders", "path": "/orders/*", "upstream": "orders", "auth": {"type": "jwt"}}],
    )
    spans = made.get("/orders/7")

    server, step = only(spans, SERVER), only(spans, INTERNAL)
    assert (step.parent, step.attributes["error.type"]) == (server.span_id, "auth.missing")
    assert step.name == "authentication"
    assert server.attributes["http.response.status_code"] == 401
    assert not server.failed


def test_a_rate_limit_is_seen_where_it_refuses() -> None:
    """Not where it lets pass."""
    made = Traced("orders", routes=[_limited()])

    assert [span.kind for span in made.get("/orders/7")].count(INTERNAL) == 0
    step = only(made.get("/orders/7"), INTERNAL)
    assert step.attributes["error.type"] == "limit.exceeded"


def _limited() -> dict[str, Any]:
    limit = {"scope": "ip", "limit": 1, "window": "1m"}
    return {"name": "orders", "path": "/orders/*", "upstream": "orders", "rate_limit": [limit]}


def test_the_cache_is_seen_where_it_answers() -> None:
    """With what it said; and the fetch that it made is a client's span of the exchange that it was made for."""
    made = Traced("orders", routes=[{"name": "orders", "path": "/orders/*", "upstream": "orders", "cache": {}}])
    made.gateway.backend("orders").answers(ok(b"kept", (b"Cache-Control", b"max-age=60")))
    first, second = made.get("/orders/7"), made.get("/orders/7")

    fetch = only(first, CLIENT)
    assert fetch.parent == only(first, SERVER).span_id
    assert parents(made.gateway.backend("orders")) == [fetch.span_id]
    step = only(second, INTERNAL)
    assert (step.name, step.attributes["gateway.outcome"]) == ("cache", "200")
    assert "HIT" in only(second, SERVER).attributes["gateway.cache"].upper()


def test_waiting_for_a_place_is_seen() -> None:
    """How long it took, and that it went on."""
    made = Traced(
        "orders",
        limits={"in_flight": 1, "queue": {"size": 10, "timeout": "5s"}},
    )
    made.gateway.backend("orders").stall()
    clients = [made.gateway.client(), made.gateway.client()]
    for client in clients:
        made.gateway.request("GET", "/orders/7", client=client)
    made.gateway.advance(2)
    made.gateway.backend("orders").connection.send(ok())
    made.gateway.network.pump()
    made.gateway.backend("orders").connection.send(ok())
    made.gateway.network.pump()
    made.settle()

    waits = [span for span in made.collector.of(INTERNAL) if span.name == "admission"]
    assert max(span.seconds for span in waits) == pytest.approx(2, abs=0.2)
    assert "error.type" not in waits[0].attributes


def test_waiting_for_a_connection_is_seen() -> None:
    """Below the attempt that waited."""
    made = Traced(
        "orders",
        upstreams=[
            {
                "name": "orders",
                "backends": [{"url": "http://127.0.0.1:9001"}],
                "pool": {"max_connections": 1, "max_pending": 5},
            }
        ],
    )
    made.gateway.backend("orders").stall()
    clients = [made.gateway.client(), made.gateway.client()]
    for client in clients:
        made.gateway.request("GET", "/orders/7", client=client)
    made.gateway.advance(2)
    for _ in clients:
        made.gateway.backend("orders").connection.send(ok())
        made.gateway.network.pump()
    made.settle()

    waits = [span for span in made.collector.of(INTERNAL) if span.name == "connection"]
    longest = max(waits, key=lambda span: span.seconds)
    assert longest.seconds == pytest.approx(2, abs=0.2)
    assert longest.parent in {span.span_id for span in made.collector.of(CLIENT)}


class _Plugin:
    """Fails."""

    name = "stamp"

    def on_request(self, exchange: Exchange) -> Response | None:
        exchange.plugin_failed("stamp", "on_request", "ValueError")
        return None


def test_a_fault_of_a_plugin_is_kept_and_seen() -> None:
    """Also where the exchange went on."""
    made = Traced("orders", tracing={"sample_ratio": 0})
    made.gateway.insert("/orders/7", _Plugin())
    spans = made.get("/orders/7")

    server = only(spans, SERVER)
    assert server.attributes["gateway.plugin_errors"] == "stamp.on_request=ValueError"
    assert server.attributes["http.response.status_code"] == 200


def test_chance_keeps_its_share() -> None:
    """A tenth, within what chance allows; all spans of a trace, or none."""
    made = Traced("orders", tracing={"sample_ratio": 0.1, "interval": "10ms"})
    client = made.gateway.client()
    for _ in range(3000):
        made.gateway.request("GET", "/orders/7", client=client)
        client.received = b""
    made.settle(1)

    kept = made.collector.traces()
    assert 220 < len(kept) < 380  # 300, five deviations of 16.4
    assert all(len(spans) == 2 for spans in kept.values())
    assert all(int(trace[16:], 16) < 0.1 * 2**64 for trace in kept)


def exemplars(gateway: Harness, accept: bytes = b"application/openmetrics-text") -> dict[str, set[str]]:
    """The trace ids in the histograms, by their names."""
    gateway.advance(1)
    _, text = gateway.gateway.foundation.metrics.exposition(accept, gateway.now())
    found: dict[str, set[str]] = {}
    for name, trace_id in re.findall(r"^(\w+)_bucket\{.* # \{trace_id=\"(\w+)\"\}", text.decode(), re.MULTILINE):
        found.setdefault(name, set()).add(trace_id)
    return found


def test_latencies_have_the_trace_id_of_an_exchange() -> None:
    """Of the latest that was kept: whoever sees a slow bucket finds a trace of it at the collector."""
    made = Traced("orders")
    made.get("/orders/1")
    server = only(made.get("/orders/2"), SERVER)

    expected = {server.trace_id}
    assert exemplars(made.gateway) == {
        "gateway_request_duration_seconds": expected,
        "gateway_upstream_duration_seconds": expected,
    }
    assert exemplars(made.gateway, b"text/plain") == {}


def test_what_is_not_kept_is_no_exemplar() -> None:
    """Nobody would find its trace; an error is kept whatever the ratio says."""
    made = Traced("orders", tracing={"sample_ratio": 0})
    made.get("/orders/1")
    assert exemplars(made.gateway) == {}

    made.gateway.backend("orders").answers(FAILS)
    failed = only(made.get("/orders/1"), SERVER)
    assert exemplars(made.gateway)["gateway_request_duration_seconds"] == {failed.trace_id}


def test_without_tracing_there_are_no_exemplars() -> None:
    """Nobody keeps any."""
    gateway = Harness("orders")
    gateway.get("/orders/1")

    assert exemplars(gateway) == {}


def test_an_outage_of_the_collector_costs_no_request() -> None:
    """What finds no room is dropped and counted; what is queued arrives when it is back."""
    made = Traced("orders", tracing={"queue": "10KiB", "interval": "100ms"})
    made.receiver.refuse_connections()
    for _ in range(50):
        assert made.gateway.get("/orders/7").status == 200
    assert made.gateway.metric("gateway_spans_dropped_total") > 0
    assert 8_000 < made.gateway.metric("gateway_span_queue_bytes") <= 10 * 1024
    dropped = made.gateway.metric("gateway_spans_dropped_total")

    made.receiver.accept_connections()
    made.gateway.advance(120)

    assert len(made.collector.spans) == 100 - dropped
    assert made.gateway.metric("gateway_spans_exported_total") == 100 - dropped
    assert made.gateway.metric("gateway_span_queue_bytes") == 0


@pytest.mark.parametrize("status", [b"400 Bad Request", b"401 Unauthorized", b"404 Not Found"])
def test_what_the_collector_refuses_is_dropped(status: bytes) -> None:
    """And counted; no request notices."""
    made = Traced("orders")
    made.refuses = ok(b"no", status=status)
    made.get("/orders/7")

    assert made.gateway.metric("gateway_spans_dropped_total") == 2
    made.refuses = b""
    assert len(made.get("/orders/7")) == 2


@pytest.mark.parametrize("status", [b"429 Too Many Requests", b"502 Bad Gateway", b"503 Service Unavailable"])
def test_what_the_collector_cannot_take_now_it_gets_later(status: bytes) -> None:
    """When it says, or after a pause."""
    made = Traced("orders")
    made.refuses = ok(b"no", (b"Retry-After", b"3"), status=status)
    made.get("/orders/7")
    made.refuses = b""
    made.gateway.advance(2)
    assert made.collector.spans == []
    made.gateway.advance(2)

    assert len(made.collector.spans) == 2
    assert made.gateway.metric("gateway_spans_dropped_total") == 0


def test_a_reload_keeps_what_is_queued() -> None:
    """The exporter is the same where its settings are; else another takes over, and the old one flushes."""
    made = Traced("orders", tracing={"interval": "10s"})
    made.gateway.get("/orders/7")
    made.gateway.apply(log={"level": "warn"})
    made.gateway.get("/orders/7")
    assert made.collector.spans == []

    made.gateway.apply(tracing=TRACING | {"interval": "100ms", "service_name": "other"})
    made.settle()
    assert [span.resource["service.name"] for span in made.collector.spans] == ["api-gateway"] * 4
    made.get("/orders/7")
    assert made.collector.spans[-1].resource["service.name"] == "other"

    made.gateway.apply(tracing={"exporter": "none"})
    assert made.get("/orders/7") == []


def test_headers_are_sent_and_shown_to_nobody() -> None:
    """Of `tracing.headers`: a collector may want a token."""
    made = Traced("orders", tracing={"headers": {"Authorization": "Bearer hush"}})
    made.get("/orders/7")

    assert made.receiver.last.headers.index[b"authorization"] == b"Bearer hush"
    assert "hush" not in made.gateway.settings().model_dump_json()


def test_nothing_leads_back_to_an_exchange_that_is_over() -> None:
    """Exchanges, attempts and spans are freed at once, without the garbage collector."""
    for ratio in (0, 1):
        made = Traced("orders", tracing={"sample_ratio": ratio})
        gc.collect()
        before = {id(one) for one in gc.get_objects() if isinstance(one, Exchange | Attempt)}  # of other tests
        gc.disable()
        try:
            for answer in (ok(), FAILS):
                made.gateway.backend("orders").answers(answer)
                client = made.gateway.client()
                made.gateway.request("GET", "/orders/7", client=client)
                made.settle()
                client.close()
                made.gateway.network.pump()
            kinds = (Exchange, Attempt)
            left = [one for one in gc.get_objects() if isinstance(one, kinds) and id(one) not in before]
        finally:
            gc.enable()
        assert left == []


def test_a_gateway_that_exports_none_notes_nothing() -> None:
    """Its chains are plain ones, its attempts are not noted, and its backends are told the client's span."""
    made = Harness("orders", tracing={"exporter": "none", "sample_ratio": 0.5})
    made.request("GET", "/orders/7", {"traceparent": f"00-{TRACE}-{PARENT}-00"})

    leaf = made.gateway.root.tree.routes.match(b"gateway.test", b"/orders/7", b"GET", Headers(), b"").value
    assert type(leaf._chain) is Chain
    assert made.backend("orders").last.headers.index[b"traceparent"].decode() == f"00-{TRACE}-{PARENT}-00"
