"""Clients that speak HTTP/2, with the whole gateway in memory behind them and backends of HTTP/1.1 behind that."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.http2 import codes
from gateway.http2.codes import PREFACE
from gateway.http2.windows import CONNECTION_HIGH_WATER
from gateway.memory.backend import ok
from gateway.serving.http1_channel import Http1Channel
from gateway.serving.http2_channel import Http2Channel
from gateway.testing import FakeClient, Harness
from tests.http2.client import Http2Client
from tests.http2.telling import parts
from tests.http2.test_ngh2_engine import conversations
from tests.http2.wire import (
    CONTINUATION,
    END_HEADERS,
    END_STREAM,
    GET,
    HEADERS,
    POST,
    START,
    block,
    frame,
    frames,
    headers,
)


def connect(gateway: Harness, window: int = 65_535) -> Http2Client:
    """Open a connection that speaks HTTP/2."""
    client = Http2Client(window)
    gateway.memory.accept(client, "192.0.2.1")
    return client


def test_a_request_over_http2(gateway: Harness) -> None:
    """In as HTTP/2, on as HTTP/1.1, and back."""
    backend = gateway.backend("orders")
    backend.answers(ok(b"seven", (b"X-From", b"Backend"), (b"Connection", b"close")))
    client = connect(gateway)
    answer = client.request("GET", "/orders/7?a=b", {"accept": "*/*", "cookie": "a=b"})
    gateway.network.pump()

    assert (answer.status, answer.body, answer.complete) == (200, b"seven", True)
    assert answer.headers.get(b"x-from") == b"Backend"
    assert answer.headers.get(b"content-length") == b"5"
    assert b"connection" not in answer.headers
    assert b"date" in answer.headers
    (asked,) = backend.requests
    assert (asked.method, asked.target) == (b"GET", b"/orders/7?a=b")
    assert asked.headers.get(b"host") == b"gateway.test"
    assert asked.headers.get(b"via") == b"2 gateway"
    record = gateway.last_log
    assert (record["status_code"], record["protocol"], record["bytes_sent"]) == (200, "HTTP/2", 5)
    gateway.check_quiet()


def test_content_goes_through(gateway: Harness) -> None:
    """Of known length, and of none: a backend of HTTP/1.1 gets it in chunks then."""
    backend = gateway.backend("orders")
    client = connect(gateway)
    known = client.request("POST", "/orders", {"content-length": "4"}, b"abcd")
    unknown = client.request("POST", "/orders", None, b"abcd")
    gateway.network.pump()

    assert [answer.status for answer in (known, unknown)] == [200, 200]
    assert [request.body for request in backend.requests] == [b"abcd", b"abcd"]
    assert [request.headers.get(b"content-length") for request in backend.requests] == [b"4", None]
    assert [request.headers.get(b"transfer-encoding") for request in backend.requests] == [None, b"chunked"]


def test_trailers_go_both_ways(gateway: Harness) -> None:
    """They are those of chunked content on the other side; `te` reaches the backend as what it says."""
    backend = gateway.backend("orders")
    backend.answers(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-Sum: 7\r\nContent-Type: no\r\n\r\n"
    )
    client = connect(gateway)
    answer = client.request("POST", "/orders", {"te": "trailers"}, b"abcd", end=False)
    client.peer.send_headers(answer.sid, [("x-sum", "5"), ("host", "no")], end_stream=True)
    client.flush()
    gateway.network.pump()

    assert (answer.status, answer.body) == (200, b"ab")
    assert list(answer.trailers) == [(b"x-sum", b"7")]
    (asked,) = backend.requests
    assert asked.body == b"abcd"
    assert list(asked.trailers) == [(b"x-sum", b"5")]
    assert asked.headers.get(b"te") == b"trailers"


def test_interim_answers_go_through(gateway: Harness) -> None:
    """Before the answer."""
    gateway.backend("orders").answers(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok(b"seven"))
    client = connect(gateway)
    answer = client.request("GET", "/orders/7")
    gateway.network.pump()

    assert (answer.interims, answer.status, answer.body) == ([103], 200, b"seven")


@pytest.mark.parametrize(
    ("method", "reply", "status"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", 304),
    ],
)
def test_answers_without_content(gateway: Harness, method: str, reply: bytes, status: int) -> None:
    """Their head is their end."""
    gateway.backend("orders").answers(reply)
    client = connect(gateway)
    answer = client.request(method, "/orders/7")
    gateway.network.pump()

    assert (answer.status, answer.body, answer.complete) == (status, b"", True)


def test_many_requests_share_a_connection(gateway: Harness) -> None:
    """Each is answered when its backend has answered, whatever was asked before it."""
    backend = gateway.backend("orders")
    backend.stall()
    client = connect(gateway)
    slow = client.request("GET", "/orders/slow")
    gateway.network.pump()
    backend.answer = lambda asked: ok(asked.target)
    quick = [client.request("GET", f"/orders/{number}") for number in range(50)]
    gateway.network.pump()

    assert [answer.body for answer in quick] == [b"/orders/%d" % number for number in range(50)]
    assert slow.status == 0
    backend.connections[0].send(ok(b"at last"))
    gateway.network.pump()
    assert slow.body == b"at last"
    assert len(gateway.logs) == 51


def test_connections_and_streams_are_counted(gateway: Harness) -> None:
    """While they last, and when they are gone; those of HTTP/1.1 are none of them."""
    client = connect(gateway)
    for number in range(3):
        client.request("GET", f"/orders/{number}")
    gateway.network.pump()
    gateway.get("/orders/7")

    def counted() -> tuple[float, float]:
        gateway.advance(1)  # an exposition is served again for half a second
        return gateway.metric("gateway_http2_connections_total"), gateway.metric("gateway_http2_streams_total")

    assert counted() == (1, 3)
    client.reset()
    gateway.network.pump()
    assert counted() == (1, 3)
    connect(gateway).request("GET", "/orders/7")
    gateway.network.pump()
    assert counted() == (2, 4)


# What a client may not say.


@pytest.mark.parametrize(
    ("fields", "status", "reason"),
    [
        ([(":method", "GET"), (":scheme", "http"), (":authority", "h"), (":path", "/orders/%zz")], 400, None),
        ([(":method", "GET"), (":scheme", "http"), (":authority", "a,b"), (":path", "/orders")], 400, None),
        ([*GET, ("host", "other")], 400, "request.malformed"),
        ([(":method", "CONNECT"), (":authority", "h:443")], 501, "request.method"),
        ([(":method", "FOO"), *GET[1:]], 501, "request.method"),
        ([*GET, ("x", "a" * 40_000)], 431, "request.header_too_large"),
        ([*GET, *[("x", "a")] * 201], 431, "request.header_too_large"),
    ],
)
def test_a_request_that_is_refused_is_answered(
    gateway: Harness, fields: list[tuple[str, str]], status: int, reason: str | None
) -> None:
    """It has its record, and the connection goes on."""
    backend = gateway.backend("orders")
    client = connect(gateway)
    answer = client.ask(fields)
    gateway.network.pump()

    assert (answer.status, answer.complete) == (status, True)
    assert answer.headers.get(b"content-type") == b"application/problem+json"
    assert reason is None or answer.json["type"] == f"urn:gateway:reason:{reason}"
    assert gateway.last_log["status_code"] == status
    assert backend.requests == []
    after = client.request("GET", "/orders/7")
    gateway.network.pump()
    assert after.status == 200
    assert client.goaways == []


@pytest.mark.parametrize(
    "fields",
    [
        [*GET, ("connection", "close")],
        [*GET, ("transfer-encoding", "chunked")],
        [*GET, ("te", "gzip")],
        [*GET, ("Upper", "x")],
        [*GET[:2], (":authority", "user@h"), GET[3]],
        [*GET, ("x", "a\r\nx-user-id: 1")],
        [*GET[:3], (":path", "/orders HTTP/1.1\r\nHost: h\r\n\r\nGET /")],
        [*POST, ("content-length", "1"), ("content-length", "2")],
    ],
)
def test_what_is_malformed_reaches_nobody(gateway: Harness, fields: list[tuple[str, str]]) -> None:
    """The stream is reset; no backend hears of it."""
    client = connect(gateway)
    answer = client.ask(fields)
    after = client.request("GET", "/orders/7")
    gateway.network.pump()

    assert answer.reset == codes.PROTOCOL_ERROR or answer.status == 400
    assert [asked.target for asked in gateway.backend("orders").requests] == [b"/orders/7"]
    assert after.status == 200


def test_content_of_another_length_breaks_off(gateway: Harness) -> None:
    """The backend's connection is closed: nobody takes a part for the whole."""
    backend = gateway.backend("orders")
    backend.stall()
    client = connect(gateway)
    answer = client.request("POST", "/orders", {"content-length": "100000"}, b"abc", end=False)
    gateway.network.pump()
    client.write(answer, b"def", end=True)
    gateway.network.pump()

    assert answer.reset == codes.PROTOCOL_ERROR
    assert backend.connection.closed is not None
    assert gateway.last_log["status_code"] == 400


def test_trailers_that_are_malformed(gateway: Harness) -> None:
    """400, and the backend's connection is closed."""
    backend = gateway.backend("orders")
    backend.stall()
    client = connect(gateway)
    answer = client.request("POST", "/orders", None, b"abc", end=False)
    gateway.network.pump()
    client.peer.send_headers(answer.sid, [("content-length", "3")], end_stream=True)
    client.flush()
    gateway.network.pump()

    assert answer.status == 400 or answer.reset == codes.PROTOCOL_ERROR
    assert backend.connection.closed is not None


def test_crumbs_and_names(gateway: Harness) -> None:
    """The backend gets one Cookie, and no identity that a client made up."""
    client = connect(gateway)
    client.request("GET", "/orders/7", [("cookie", "a=b"), ("cookie", "c=d"), ("x-user-id", "root"), ("proxy", "x")])
    gateway.network.pump()
    (asked,) = gateway.backend("orders").requests

    assert asked.headers.get_all(b"cookie") == [b"a=b; c=d"]
    assert b"x-user-id" not in asked.headers
    assert b"proxy" not in asked.headers


# Who goes away.


def test_a_client_that_gives_a_request_up(gateway: Harness) -> None:
    """Its attempt ends; the others on the connection go on."""
    backend = gateway.backend("orders")
    backend.stall()
    client = connect(gateway)
    given_up, other = client.request("GET", "/orders/1"), client.request("GET", "/orders/2")
    gateway.network.pump()
    client.cancel(given_up)
    gateway.network.pump()
    first, second = backend.connections

    assert first.closed is not None
    assert gateway.last_log["status_code"] == 499
    second.send(ok(b"two"))
    gateway.network.pump()
    assert other.body == b"two"


def test_what_is_given_up_at_once_is_not_begun(gateway: Harness) -> None:
    """A head and its reset in one read: the backend hears nothing of it, and there is no record."""
    client = FakeClient()
    gateway.memory.accept(client, "192.0.2.1")
    cancel = frame(3, 0, 1, codes.CANCEL.to_bytes(4))
    gateway.send(START + headers(1, [*GET[:3], (":path", "/orders/7")], end=False) + cancel, client)

    assert gateway.backend("orders").requests == []
    assert gateway.logs == []


def test_a_client_that_is_gone(gateway: Harness) -> None:
    """All of its exchanges end, each with its record."""
    gateway.backend("orders").stall()
    client = connect(gateway)
    for number in range(3):
        client.request("GET", f"/orders/{number}")
    gateway.network.pump()
    client.reset()
    gateway.network.pump()

    assert [record["status_code"] for record in gateway.logs] == [499] * 3
    assert all(connection.closed is not None for connection in gateway.backend("orders").connections)
    assert not gateway.gateway.site.channels


def test_a_client_that_closes_its_half(gateway: Harness) -> None:
    """It wants no answers any more."""
    gateway.backend("orders").stall()
    client = connect(gateway)
    client.request("GET", "/orders/7")
    gateway.network.pump()
    client.half_close()
    gateway.network.pump()

    assert gateway.last_log["status_code"] == 499
    assert not gateway.gateway.site.channels


def test_a_backend_that_breaks_off(gateway: Harness) -> None:
    """The stream is reset: a part is never taken for the whole."""
    backend = gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab")
    client = connect(gateway)
    answer = client.request("GET", "/orders/7")
    gateway.network.pump()
    backend.connection.reset()
    gateway.network.pump()

    assert (answer.body, answer.complete, answer.reset) == (b"ab", False, codes.INTERNAL_ERROR)
    assert gateway.last_log["reason"] == "upstream.reset"
    assert client.goaways == []


# Windows.


def test_an_upload_waits_for_its_backend(gateway: Harness) -> None:
    """A window's octets come, and no more; another stream is not held up by it."""
    backend = gateway.backend("orders")
    backend.stall()
    client = connect(gateway)
    answer = client.request("POST", "/orders/slow", None, b"", end=False)
    gateway.network.pump()
    backend.connection.stop_reading()
    sent = 0
    while client.peer.local_flow_control_window(answer.sid) >= 16_384:
        client.write(answer, bytes(16_384))
        sent += 16_384
        gateway.network.pump()
    assert 65_536 <= sent <= 65_536 * 5  # what the wires and buffers hold on the way
    backend.answers(ok(b"quick"))
    other = client.request("POST", "/orders/quick", None, bytes(40_000))
    gateway.network.pump()
    assert other.body == b"quick"
    backend.connections[0].read_on()
    gateway.network.pump()
    assert client.peer.local_flow_control_window(answer.sid) > 60_000
    client.write(answer, b"end", end=True)
    gateway.network.pump()
    asked = next(request for request in backend.requests if request.target == b"/orders/slow")

    assert len(asked.body) == sent + 3
    assert asked.complete


def test_a_download_waits_for_its_client(gateway: Harness) -> None:
    """What the client does not take stays with the backend, but for a buffer's worth."""
    backend = gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n" + bytes(5_000_000))
    client = connect(gateway)
    client.reads = False
    answer = client.request("GET", "/orders/7")
    gateway.network.pump()
    assert len(answer.body) == 65_535
    (channel,) = gateway.gateway.site.channels
    assert isinstance(channel, Http2Channel)
    assert channel.engine.waiting() < 200_000
    assert backend.connection.transport.unread > 4_000_000  # type: ignore[union-attr]  # it is connected
    read = 0
    for _ in range(200):
        now = len(answer.body)
        if now > read:
            client.read(answer, now - read)
            read = now
        gateway.network.pump()

    assert len(answer.body) == 5_000_000
    assert answer.complete


def test_a_stalled_download_holds_up_nobody(gateway: Harness) -> None:
    """Small answers go by beside it, and beside one that flows."""
    backend = gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(1_000_000))
    client = connect(gateway, window=20_000)
    client.reads = False
    stalled = client.request("GET", "/orders/large")
    gateway.network.pump()
    assert len(stalled.body) == 20_000
    backend.answers(ok(b"small"))
    small = client.request("GET", "/orders/small")
    gateway.network.pump()

    assert small.body == b"small"


def test_a_client_that_reads_nothing_is_given_up(gateway: Harness) -> None:
    """Though its answers are complete on our side: what waits is dropped after half a minute."""
    gateway.backend("orders").answers(ok(bytes(50_000)))
    client = connect(gateway, window=1000)
    client.reads = False
    answers = [client.request("GET", f"/orders/{number}") for number in range(5)]
    gateway.network.pump()
    assert [len(answer.body) for answer in answers] == [1000] * 5
    gateway.advance(20)
    assert [answer.reset for answer in answers] == [None] * 5
    client.read(answers[0], 1000)  # this one moves
    gateway.network.pump()
    gateway.advance(15)
    assert [answer.reset for answer in answers] == [None, *[codes.CANCEL] * 4]
    (channel,) = gateway.gateway.site.channels
    assert isinstance(channel, Http2Channel)
    assert client.goaways == []  # one stream moves: the connection takes others
    gateway.advance(31)
    assert answers[0].reset == codes.CANCEL
    assert channel.engine.counts().waiting == 0
    assert channel.streams == {}
    assert client.goaways[-1][1] == codes.NO_ERROR
    assert client.closed is not None


def test_a_client_that_reads_nothing_of_a_stream(gateway: Harness) -> None:
    """An answer that stands still is broken off, and the backend's connection with it."""
    backend = gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(1_000_000))
    client = connect(gateway)
    client.reads = False
    answer = client.request("GET", "/orders/7")
    gateway.network.pump()
    gateway.advance(31)

    assert answer.reset == codes.INTERNAL_ERROR
    assert backend.connection.closed is not None


def test_a_client_that_does_not_read_its_connection(gateway: Harness) -> None:
    """What the transport does not take stays in the engine, bounded; then it goes on."""
    backend = gateway.backend("orders")
    backend.answers(ok(bytes(100_000)))
    client = connect(gateway, window=1_000_000)
    client.peer.increment_flow_control_window(10_000_000)
    client.flush()
    gateway.network.pump()
    client.stop_reading()
    answers = [client.request("GET", f"/orders/{number}") for number in range(60)]
    gateway.network.pump()
    (channel,) = gateway.gateway.site.channels
    assert isinstance(channel, Http2Channel)
    assert channel.transport.queued < 300_000
    assert channel.engine.waiting() < 8_000_000
    client.read_on()
    gateway.network.pump()

    assert [len(answer.body) for answer in answers] == [100_000] * 60


def test_what_waits_for_a_client_that_does_not_read_is_little(gateway: Harness) -> None:
    """Thirty answers of a megabyte: a part of each, and a quarter of a megabyte; then all goes on."""
    first, rest, streams = 4_000, 16_000, 30
    backend = gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(first))
    client = connect(gateway, window=1_000_000)
    client.peer.increment_flow_control_window(1_000_000_000)
    client.flush()
    gateway.network.pump()
    client.stop_reading()
    answers = [client.request("GET", f"/orders/{number}") for number in range(streams)]
    gateway.network.pump()
    (channel,) = gateway.gateway.site.channels
    assert isinstance(channel, Http2Channel)
    waited, left = 0, dict.fromkeys(backend.connections, 1000000 - first)
    for _ in range(20):
        for connection in left:
            part = min(rest, left[connection])
            left[connection] -= part
            connection.send(bytes(part))
        gateway.network.pump()
        waited = max(waited, channel.engine.waiting())
    assert waited < CONNECTION_HIGH_WATER + streams * rest
    client.read_on()
    for connection, part in left.items():
        connection.send(bytes(part))
    gateway.network.pump()

    assert [(len(answer.body), answer.complete) for answer in answers] == [(1_000_000, True)] * streams


# Limits and times.


def test_content_over_the_limit(make: Any) -> None:
    """413 as soon as that is known, and the client is told to stop; the connection goes on."""
    gateway = make("orders", limits={"request_body": 100_000, "request_buffer": 0})
    gateway.backend("orders").stall()
    client = connect(gateway)
    answer = client.request("POST", "/orders", None, b"", end=False)
    for _ in range(7):
        if answer.reset is None and client.peer.local_flow_control_window(answer.sid) >= 16_384:
            client.write(answer, bytes(16_384))
        gateway.network.pump()

    assert (answer.status, answer.complete, answer.reset) == (413, True, None)
    gateway.advance(1.5)
    assert answer.reset == codes.NO_ERROR
    gateway.backend("orders").answers(ok(b"next"))
    after = client.request("GET", "/orders/7")
    gateway.network.pump()
    assert after.body == b"next"
    assert client.goaways == []


def test_content_over_the_limit_that_comes_with_its_head(make: Any) -> None:
    """413 before any backend is asked: Note [What came in one feed] in `gateway.serving.http2_channel`."""
    gateway = make("orders", limits={"request_body": 1000})
    client = connect(gateway)
    client.request("GET", "/orders/7")  # there is a connection to the backend now
    gateway.network.pump()
    answers = [client.request("POST", "/orders", None, bytes(size)) for size in (1001, 1000)]
    gateway.network.pump()

    assert [answer.status for answer in answers] == [413, 200]
    assert [len(request.body) for request in gateway.backend("orders").requests] == [0, 1000]
    assert len(gateway.backend("orders").connections) == 1


def test_content_of_a_length_over_the_limit(make: Any) -> None:
    """413 at once."""
    gateway = make("orders", limits={"request_body": 1000})
    client = connect(gateway)
    answer = client.request("POST", "/orders", {"content-length": "1001"}, b"", end=False)
    gateway.network.pump()

    assert (answer.status, answer.reset) == (413, None)
    gateway.advance(1.5)
    assert answer.reset == codes.NO_ERROR


def test_content_that_comes_behind_the_answer(make: Any) -> None:
    """It is dropped, and a client that is soon through with it is told nothing."""
    gateway = make("orders", limits={"request_body": 1000})
    client = connect(gateway)
    answer = client.request("POST", "/orders", {"content-length": "1000000"}, b"", end=False)
    gateway.network.pump()
    assert answer.status == 413
    for _ in range(1_000_000 // 10_000 - 1):
        client.write(answer, bytes(10_000))
        gateway.network.pump()
    client.write(answer, bytes(10_000), end=True)
    gateway.network.pump()
    gateway.advance(1.5)

    assert answer.reset is None
    assert client.goaways == []
    gateway.check_quiet()


@pytest.mark.parametrize("answered", [True, False])
def test_who_gives_up_behind_the_answer_is_no_flood(make: Any, answered: bool) -> None:
    """Clients of gRPC do so when a server ends a call early; before the answer it is rapid reset."""
    gateway = make("orders", limits={"request_body": 1000, "request_buffer": 0, "http2": {"resets": 20}})
    gateway.backend("orders").stall()
    client = connect(gateway)
    for _ in range(30):
        length = "1001" if answered else "1000"
        answer = client.request("POST", "/orders", {"content-length": length}, b"", end=False)
        gateway.network.pump()
        assert answer.status == (413 if answered else 0)
        if client.goaways:
            break
        client.cancel(answer)
        gateway.network.pump()

    assert [code for _, code in client.goaways] == ([] if answered else [codes.ENHANCE_YOUR_CALM])


def test_answers_that_stand_still_do_not_hold_up_the_others(gateway: Harness) -> None:
    """A stream whose client reads nothing of it holds its own window, and not the connection's."""
    gateway.backend("orders").answers(ok(bytes(1_000_000)))
    client = connect(gateway)
    client.reads = False
    still = [client.request("GET", f"/orders/{number}") for number in range(60)]
    for _ in range(60):
        gateway.network.pump()
        read = 65_535 - client.peer.inbound_flow_control_window
        if read:
            client.peer.increment_flow_control_window(read)
            client.flush()
    assert [len(answer.body) for answer in still] == [65_535] * 60
    other = client.request("GET", "/orders/other")
    gateway.network.pump()
    read = 0
    while len(other.body) > read:
        client.read(other, len(other.body) - read)
        read = len(other.body)
        gateway.network.pump()

    assert (len(other.body), other.complete) == (1_000_000, True)


def test_a_client_that_stops_sending(gateway: Harness) -> None:
    """408 after `timeouts.client_body`; the others go on."""
    backend = gateway.backend("orders")
    client = connect(gateway)
    answer = client.request("POST", "/orders", None, b"abc", end=False)
    gateway.advance(29)
    assert answer.status == 0
    gateway.advance(3)

    assert (answer.status, answer.reset) == (408, codes.NO_ERROR)
    assert all(connection.closed is not None for connection in backend.connections)
    after = client.request("GET", "/orders/7")
    gateway.network.pump()
    assert after.status == 200


def test_a_backend_that_is_slow(gateway: Harness) -> None:
    """504."""
    gateway.backend("orders").stall()
    client = connect(gateway)
    answer = client.request("GET", "/orders/7")
    gateway.advance(31)

    assert (answer.status, answer.complete) == (504, True)


def test_a_connection_without_requests(gateway: Harness) -> None:
    """It ends in good order after `timeouts.client_idle`."""
    client = connect(gateway)
    client.request("GET", "/orders/7")
    gateway.network.pump()
    gateway.advance(74)
    assert client.closed is None
    gateway.advance(2)

    assert client.goaways == [(1, codes.NO_ERROR)]
    assert client.closed is not None
    assert not gateway.gateway.site.channels


def test_a_connection_that_only_pings_is_idle(gateway: Harness) -> None:
    """What is no request does not keep it."""
    client = connect(gateway)
    for _ in range(8):
        gateway.advance(10)
        if client.closed is None:
            client.peer.ping(bytes(8))
            client.flush()
            gateway.network.pump()

    assert client.goaways == [(0, codes.NO_ERROR)]
    assert client.closed is not None


def test_a_client_without_settings(gateway: Harness) -> None:
    """A preface alone is no connection."""
    client = FakeClient()
    gateway.memory.accept(client, "192.0.2.1")
    gateway.send(PREFACE, client)
    gateway.advance(11)

    assert client.closed is not None
    assert not gateway.gateway.site.channels


def test_a_head_that_takes_its_time(gateway: Harness) -> None:
    """`timeouts.client_header` from its first octet on, whatever is open beside it and however much trickles in."""
    gateway.backend("orders").stall()
    client = FakeClient()
    gateway.memory.accept(client, "192.0.2.1")
    gateway.send(START + headers(1, [*GET[:3], (":path", "/orders/7")]), client)
    slow = frame(1, 0, 3, b"")
    for octet in slow + frame(9, 0, 3, bytes(100)):
        gateway.send(bytes((octet,)), client)
        gateway.advance(0.1)
        if client.closed is not None:
            break

    assert client.received.endswith(codes.ENHANCE_YOUR_CALM.to_bytes(4))
    assert client.closed is not None
    assert gateway.metric("gateway_http2_floods_total", reason="headers") == 1
    assert [record["status_code"] for record in gateway.logs] == [499]


def test_heads_in_parts_are_no_slow_heads(gateway: Harness) -> None:
    """Each has its own time."""
    client = FakeClient()
    gateway.memory.accept(client, "192.0.2.1")
    gateway.send(START, client)
    for number in range(6):
        octets = headers(2 * number + 1, [*GET[:3], (":path", "/orders/7")])
        gateway.send(octets[:20], client)
        gateway.advance(9)
        gateway.send(octets[20:], client)

    assert len(gateway.logs) == 6
    assert client.closed is None


def test_a_drain_finishes_what_is_open(gateway: Harness) -> None:
    """A notice, a second for what is on its way, a GOAWAY, and the end when the last answer is out."""
    backend = gateway.backend("orders")
    backend.stall()
    client = connect(gateway)
    answer = client.request("GET", "/orders/7")
    gateway.network.pump()
    drained = gateway.gateway.site.drain()
    gateway.network.pump()
    assert client.goaways[0] == (2**31 - 1, codes.NO_ERROR)
    assert client.goaways[-1] == (1, codes.NO_ERROR)  # it has answered the PING behind the notice
    assert not drained.called
    backend.connection.send(ok(b"seven"))
    gateway.network.pump()

    assert answer.body == b"seven"
    assert drained.called
    assert client.closed is not None


def test_a_drain_of_what_is_idle(gateway: Harness) -> None:
    """It ends as soon as the client has heard."""
    client = connect(gateway)
    client.request("GET", "/orders/7")
    gateway.network.pump()
    drained = gateway.gateway.site.drain()
    gateway.network.pump()

    assert drained.called
    assert client.closed is not None


def test_a_client_that_parts_while_it_is_idle(gateway: Harness) -> None:
    """Its GOAWAY ends the connection, and it is told of no error."""
    for said in (START + frame(7, 0, 0, bytes(8)), START + headers(1) + frame(7, 0, 0, bytes(8))):
        client = FakeClient()
        gateway.memory.accept(client, "192.0.2.1")
        gateway.send(said, client)
        gateway.advance(1.2)

        assert client.closed is not None
        assert {payload[4:8] for kind, _, _, payload in frames(client.received) if kind == 7} <= {bytes(4)}
    gateway.check_quiet()


def test_a_client_that_does_not_answer_in_a_drain(gateway: Harness) -> None:
    """A second is enough."""
    client = FakeClient()
    gateway.memory.accept(client, "192.0.2.1")
    gateway.send(START, client)
    drained = gateway.gateway.site.drain()
    gateway.network.pump()
    assert not drained.called
    gateway.advance(1.2)

    assert drained.called


def test_a_connection_that_is_old(make: Any) -> None:
    """It ends in good order, its stream is finished, and another connection is served."""
    gateway = make("orders", timeouts={"client_max_age": "20s"})
    backend = gateway.backend("orders")
    client = connect(gateway)
    gateway.advance(17)
    backend.stall()
    answer = client.request("GET", "/orders/7")
    gateway.advance(4)
    assert client.goaways[-1] == (1, codes.NO_ERROR)
    backend.connection.send(ok(b"seven"))
    gateway.network.pump()

    assert answer.body == b"seven"
    assert client.closed is not None


def test_a_connection_has_its_share_of_requests(gateway: Harness) -> None:
    """Ten thousand, and then another one may be placed elsewhere by who stands before the gateway."""
    client = FakeClient()
    gateway.memory.accept(client, "192.0.2.1")
    gateway.send(START + frame(8, 0, 0, (1 << 30).to_bytes(4)), client)
    path = [*GET[:3], (":path", "/nothing")]
    for number in range(0, 10_000, 100):
        gateway.send(b"".join(headers(2 * sid + 1, path) for sid in range(number, number + 100)), client)
        if number < 9_900:
            assert client.closed is None
            client.received = b""
    gateway.advance(1.2)

    assert client.closed is not None
    assert len(gateway.logs) == 10_000


# Floods.


def test_a_flood_ends_its_own_connection(gateway: Harness) -> None:
    """GOAWAY, counted; who is honest on another connection is served meanwhile."""
    backend = gateway.backend("orders")
    backend.stall()
    honest, attacker = connect(gateway), FakeClient()
    gateway.memory.accept(attacker, "192.0.2.66")
    gateway.send(START, attacker)
    for number in range(300):
        sid = 2 * number + 1
        gateway.send(headers(sid, [*GET[:3], (":path", "/orders/7")], end=False), attacker)
        gateway.send(frame(3, 0, sid, codes.CANCEL.to_bytes(4)), attacker)
        if attacker.closed is not None:
            break
    backend.answers(ok(b"served"))
    answer = honest.request("GET", "/orders/7")
    gateway.network.pump()

    assert 200 <= number <= 201
    assert attacker.received.endswith(codes.ENHANCE_YOUR_CALM.to_bytes(4))
    assert gateway.metric("gateway_http2_floods_total", reason="resets") == 1
    assert answer.body == b"served"
    gateway.check_quiet()


def test_the_limits_are_the_configuration_s(make: Any) -> None:
    """`limits.http2`."""
    gateway = make("orders", limits={"http2": {"concurrent_streams": 3, "resets": 5, "window": "10s"}})
    gateway.backend("orders").stall()
    client = connect(gateway)
    gateway.network.pump()
    assert client.peer.remote_settings.max_concurrent_streams == 3
    for _ in range(6):
        client.cancel(client.request("GET", "/orders/7", end=False))
        answer = client.request("GET", "/orders/7", end=False)
        gateway.network.pump()
        client.cancel(answer)
        gateway.network.pump()
        if client.closed is not None:
            break

    assert client.goaways[-1][1] == codes.ENHANCE_YOUR_CALM


def test_resets_of_ours_wear_a_connection(gateway: Harness) -> None:
    """Sixteen within content, and it ends in good order (Note [Windows leak] in gateway.http2.engine)."""
    client = connect(gateway)
    gateway.backend("orders").stall()
    for _ in range(16):
        assert client.goaways == []
        client.request("POST", "/orders", None, b"abc", end=False)
        gateway.network.pump()
        gateway.advance(33)

    assert client.goaways[0] == (2**31 - 1, codes.NO_ERROR)


# Which version.


@pytest.mark.parametrize("size", [1, 3, 23, 24, 30])
def test_a_preface_in_parts(gateway: Harness, size: int) -> None:
    """However it is cut."""
    client = FakeClient()
    gateway.memory.accept(client, "192.0.2.1")
    octets = START + headers(1, [*GET[:3], (":path", "/orders/7")])
    for place in range(0, len(octets), size):
        gateway.send(octets[place : place + size], client)

    assert [asked.target for asked in gateway.backend("orders").requests] == [b"/orders/7"]
    (channel,) = gateway.gateway.site.channels
    assert isinstance(channel, Http2Channel)


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"PATCH", b"PROPFIND", b"GET"])
def test_http1_octet_by_octet(gateway: Harness, method: bytes) -> None:
    """What begins like the preface and is none."""
    client = FakeClient()
    gateway.memory.accept(client, "192.0.2.1")
    for octet in b"%b /orders HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n" % method:
        gateway.send(bytes((octet,)), client)

    assert client.responses(method)[0].status == 200
    (channel,) = gateway.gateway.site.channels
    assert isinstance(channel, Http1Channel)


@pytest.mark.parametrize("data", [b"", b"P", PREFACE[:23], b"PRI * HTTP/2.0\r\n\r\nXX"])
def test_who_says_no_version(gateway: Harness, data: bytes) -> None:
    """And leaves, or waits until its time is over: nobody is kept."""
    for leave in (FakeClient.close, FakeClient.reset, FakeClient.half_close, None):
        client = FakeClient()
        gateway.memory.accept(client, "192.0.2.1")
        gateway.send(data, client)
        if leave is None:
            gateway.advance(16)
        else:
            leave(client)
            gateway.network.pump()
        gateway.advance(1)
        assert not gateway.gateway.site.channels


def test_http2_can_be_turned_off(make: Any) -> None:
    """The preface is a request of an unknown kind then, and HTTP/1.1 goes on as before; a reload decides anew."""
    listeners = [{"name": "tcp:8080", "endpoint": "tcp:8080", "http2": False}]
    gateway = make("orders", listeners=listeners)
    client = FakeClient()
    gateway.memory.accept(client, "192.0.2.1")
    gateway.send(START, client)
    assert client.responses()[0].status in (400, 501, 505)
    assert gateway.get("/orders/7").status == 200
    gateway.apply(listeners=[{"name": "tcp:8080", "endpoint": "tcp:8080", "http2": True}])
    again = connect(gateway)
    answer = again.request("GET", "/orders/7")
    gateway.network.pump()
    assert answer.status == 200


def test_no_upgrade_to_http2(gateway: Harness) -> None:
    """RFC 9113 dropped it: answered as HTTP/1.1, and not passed on."""
    settings = "AAMAAABkAAQAAP__"
    fields = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": settings}
    answer = gateway.request("GET", "/orders/7", fields)
    (asked,) = gateway.backend("orders").requests

    assert answer.status == 200
    assert b"upgrade" not in asked.headers
    assert b"http2-settings" not in asked.headers


def test_a_protocol_cannot_be_changed_within_http2(gateway: Harness) -> None:
    """A backend's 101 that nobody asked for is a 502."""
    gateway.backend("orders").answers(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
    client = connect(gateway)
    answer = client.request("GET", "/orders/7")
    gateway.network.pump()

    assert answer.status == 502


def seen(chunks: Iterable[bytes]) -> list[tuple[object, ...]]:
    """What a backend is asked as a whole, when a client says this in such pieces."""
    gateway = Harness("orders", routes=[{"path": "/*", "upstream": "orders"}])
    client = FakeClient()
    gateway.memory.accept(client, "192.0.2.1")
    for chunk in chunks:
        gateway.send(chunk, client)
    return sorted(
        (
            asked.method,
            asked.target,
            [field for field in asked.headers if field[0].lower() not in (b"x-request-id", b"traceparent")],
            asked.body,
            list(asked.trailers),
        )
        for asked in gateway.backend("orders").requests
        if asked.complete
    )


@settings(max_examples=60, deadline=None)
@given(said=conversations(), cuts=st.lists(st.integers(0, 5000), max_size=12))
def test_no_cut_changes_what_a_backend_sees(said: bytes, cuts: list[int]) -> None:
    """However what a client says is divided into reads."""
    assert seen(parts(said, cuts)) == seen([said])


MALFORMED = [
    [*GET, ("connection", "close")],
    [*GET, ("Upper", "x")],
    [*GET, ("x", "a"), (":path", "/b")],
    [*GET, ("x", "a\r\nx-user-id: 1")],
    [*GET, ("host", "other")],
    [*POST, ("content-length", "1"), ("content-length", "2")],
]
SOUND = [[*GET], [*GET, ("x", "a" * 300), ("cookie", "a=b"), ("cookie", "c=d")], [*GET, ("te", "trailers")]]


@settings(max_examples=80, deadline=None)
@given(
    fields=st.sampled_from(MALFORMED + SOUND),
    cuts=st.lists(st.integers(0, 400), max_size=7),
    reads=st.lists(st.integers(0, 700), max_size=4),
)
def test_no_cut_of_a_head_lets_it_through(fields: list[tuple[str, str]], cuts: list[int], reads: list[int]) -> None:
    """HEADERS and CONTINUATION cut anywhere: what is malformed reaches nobody, and what is sound is the same."""
    whole = block(fields)
    places = sorted({0, len(whole), *(cut % (len(whole) + 1) for cut in cuts)})
    pieces = [whole[i:j] for i, j in pairwise(places)]
    said = START
    for number, piece in enumerate(pieces):
        last = number == len(pieces) - 1
        kind, flags = (CONTINUATION, 0) if number else (HEADERS, END_STREAM)
        said += frame(kind, flags | (END_HEADERS if last else 0), 1, piece)
    found = seen(parts(said, reads))

    if fields in MALFORMED:
        assert found == []
    else:
        assert len(found) == 1
        assert found == seen([START + headers(1, fields)])


def test_a_download_does_not_hold_up_small_answers(gateway: Harness) -> None:
    """A hundred megabytes on one stream, to a client that reads all it gets; answers on others come meanwhile."""
    backend = gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + bytes(1000))
    client = connect(gateway, window=10_000_000)
    client.peer.increment_flow_control_window(1_000_000_000)
    client.flush()
    download = client.request("GET", "/orders/large")
    gateway.network.pump()
    source = backend.connections[0]
    backend.answers(ok(b"small"))
    for _ in range(50):
        source.send(bytes(100_000))
        small = client.request("GET", "/orders/small")
        gateway.network.pump()
        assert (small.body, small.complete) == (b"small", True)

    assert len(download.body) == 1000 + 50 * 100_000
    assert not download.complete


def test_what_is_urgent_goes_first(gateway: Harness) -> None:
    """The client's `priority` field decides whose content goes next where not all of it can."""
    gateway.backend("orders").answers(ok(bytes(60_000)))
    client = connect(gateway)
    client.reads = False
    client.request("GET", "/orders/first")
    gateway.network.pump()
    later = client.request("GET", "/orders/later", {"priority": "u=6"})
    sooner = client.request("GET", "/orders/sooner", {"priority": "u=1"})
    gateway.network.pump()
    assert [len(answer.body) for answer in (later, sooner)] == [5_535, 0]  # there is no more room on the connection
    client.peer.increment_flow_control_window(60_000)
    client.flush()
    gateway.network.pump()

    assert [len(answer.body) for answer in (later, sooner)] == [5_535, 60_000]
    assert gateway.backend("orders").requests[1].headers.get(b"priority") == b"u=6"
