"""Clients that begin a request and do not go on: others do not wait for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.memory.backend import ok
from gateway.memory.client import FakeClient
from gateway.testing import Harness

Make = Callable[..., Harness]

LONG = 20 * 1024 * 1024


def small(make: Make, connections: int = 2, clients: int = 10_000, buffer: int = 65536, **upstream: Any) -> Harness:
    """A gateway with few connections to its backend."""
    harness = make("orders", limits={"connections": clients, "request_buffer": buffer})
    pool = {"max_connections": connections, "queue_timeout": 1}
    harness.apply(upstreams=[harness.upstream("orders", pool=pool, **upstream)])
    return harness


def upload(
    gateway: Harness, sent: int, length: int | None, client: FakeClient | None = None, *fields: str
) -> FakeClient:
    """Begin a request, and send a part of its content."""
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    head = "\r\n".join(["POST /orders/7 HTTP/1.1", "Host: gateway.test", framing, *fields, "", ""]).encode()
    content = b"x" * sent
    return gateway.send(head + (b"%x\r\n%b\r\n" % (sent, content) if length is None else content), client)


def test_half_a_short_request_reaches_no_backend(make: Make) -> None:
    """It takes no connection until it is complete; then it goes out with its head, in one piece."""
    gateway = small(make)
    slow = [upload(gateway, 500, 1000) for _ in range(20)]
    assert gateway.backend("orders").connections == []
    assert gateway.get("/orders/7").body == b"ok"

    gateway.send(b"y" * 500, slow[0])
    assert [response.status for response in slow[0].responses()] == [200]
    asked = gateway.backend("orders").last
    assert (asked.body, asked.headers.get(b"content-length")) == (b"x" * 500 + b"y" * 500, b"1000")


@pytest.mark.parametrize(("sent", "length", "fields"), [
    (500, None, ()),
    (500, 65537, ()),
    (500, 1000, ("Content-Type: application/grpc+proto",)),
])  # fmt: skip
def test_what_is_not_gathered_lends_its_place(make: Make, sent: int, length: int | None, fields: Any) -> None:
    """Bodies of unknown length, gRPC and longer ones stream from the start; other requests are served all the same."""
    gateway = small(make)
    slow = [upload(gateway, sent, length, None, *fields) for _ in range(20)]
    assert [asked.body for asked in gateway.backend("orders").requests] == [b"x" * sent] * 20
    assert [gateway.get("/orders/7").body for _ in range(5)] == [b"ok"] * 5

    gateway.send(b"0\r\n\r\n" if length is None else b"x" * (length - sent), slow[3])
    assert [response.status for response in slow[3].responses()] == [200]


def test_a_buffer_of_nothing_streams_everything(make: Make) -> None:
    """`limits.request_buffer: 0`."""
    gateway = small(make, buffer=0)
    upload(gateway, 500, 1000)
    assert gateway.backend("orders").last.body == b"x" * 500


@pytest.mark.parametrize("buffer", [65536, 200_000])
def test_the_longest_that_is_gathered(make: Make, buffer: int) -> None:
    """All of it waits, though it is more than `HIGH_WATER`."""
    gateway = small(make, buffer=buffer)
    slow = upload(gateway, buffer - 1, buffer)
    assert gateway.backend("orders").connections == []
    gateway.send(b"y", slow)
    assert gateway.backend("orders").last.body == b"x" * (buffer - 1) + b"y"
    assert [response.status for response in slow.responses()] == [200]


def test_a_client_that_waits_to_be_asked_is_asked_by_the_backend(make: Make) -> None:
    """RFC 9110 section 10.1.1: the backend may not want the content. A client that never sends it lends its place."""
    gateway = small(make)
    backend = gateway.backend("orders")
    backend.answer_head = lambda asked: b"HTTP/1.1 100 Continue\r\n\r\n" if b"expect" in asked.headers else None
    slow = [upload(gateway, 0, 5, None, "Expect: 100-continue") for _ in range(10)]
    assert [client.received for client in slow] == [b"HTTP/1.1 100 Continue\r\n\r\n"] * 10
    assert gateway.get("/orders/7").body == b"ok"
    gateway.send(b"hello", slow[0])
    assert [response.status for response in slow[0].responses()] == [200]


def test_a_client_that_goes_while_its_request_is_gathered_leaves_nothing(make: Make) -> None:
    """The backend gets nothing of it."""
    gateway = small(make)
    upload(gateway, 500, 1000).reset()
    gateway.network.pump()
    assert gateway.last_log["reason"] == "request.aborted"
    assert gateway.backend("orders").connections == []


def test_a_client_that_stops_while_its_request_is_gathered_is_told(make: Make) -> None:
    """408 after `timeouts.client_body`."""
    gateway = small(make)
    slow = upload(gateway, 500, 1000)
    gateway.advance(31)
    assert [response.status for response in slow.responses()] == [408]


def test_who_never_reads_lends_its_place(make: Make) -> None:
    """However many clients leave a long answer unread, the next is served; they go on when they read."""
    gateway = small(make)
    backend = gateway.backend("orders")
    backend.answer = lambda asked: ok(b"z" * LONG if asked.target == b"/orders/long" else b"ok")
    slow = []
    for _ in range(12):
        client = gateway.client()
        client.stop_reading()
        slow.append(gateway.send(b"GET /orders/long HTTP/1.1\r\nHost: gateway.test\r\n\r\n", client))
    (pool,) = gateway.gateway.foundation.pool.pools()
    assert (pool.lent, pool.busy) == (12, 12)
    assert [gateway.get("/orders/7").body for _ in range(5)] == [b"ok"] * 5

    slow[0].read_on()
    gateway.network.pump()
    assert len(slow[0].received) > LONG
    assert (pool.lent, pool.busy) == (11, 11)


def test_only_as_many_places_are_lent_as_there_may_be_clients(make: Make) -> None:
    """Beyond that, the longest dawdler is ended: with 503 where nothing of the answer is out."""
    gateway = small(make, connections=1, clients=3, buffer=0)
    slow = [upload(gateway, 500, 1000) for _ in range(3)]
    assert gateway.get("/orders/7").body == b"ok"
    assert [[response.status for response in client.responses()] for client in slow] == [[503], [], []]
    assert slow[0].responses()[0].headers.get(b"gateway-reason") == b"pool.exhausted"
    assert gateway.metric("gateway_upstream_attempts_total", outcome="pool.exhausted") == 1


def test_who_goes_on_counts_again(make: Make) -> None:
    """The cap counts connections that the backend works on: when it is reached, the next request waits."""
    gateway = small(make, connections=1, buffer=0)
    gateway.backend("orders").stall()
    upload(gateway, 500, 1000)
    working = upload(gateway, 500, 1000)
    gateway.send(b"x" * 500, working)
    third = gateway.send(b"GET /orders/7 HTTP/1.1\r\nHost: gateway.test\r\n\r\n")
    assert len(gateway.backend("orders").requests) == 2
    gateway.advance(1.5)
    assert [response.status for response in third.responses()] == [503]


def test_a_backend_that_does_not_take_content_lends_nothing(make: Make) -> None:
    """There the backend dawdles, and the cap protects it."""
    gateway = small(make, connections=1)
    backend = gateway.backend("orders")

    def stop(asked: Any) -> None:
        asked.connection.stop_reading()

    backend.answer_head = stop
    upload(gateway, 1_000_000, 2_000_000)
    (pool,) = gateway.gateway.foundation.pool.pools()
    assert (pool.lent, pool.busy) == (0, 1)
    waiting = gateway.send(b"GET /orders/7 HTTP/1.1\r\nHost: gateway.test\r\n\r\n")
    gateway.advance(1.5)
    assert [response.status for response in waiting.responses()] == [503]


QUEUED = {"in_flight": 2, "queue": {"size": 5, "timeout": "2s"}}


@pytest.mark.parametrize("limits", [{"in_flight": 2}, QUEUED])
def test_content_that_is_not_there_takes_no_place_in_flight(make: Make, limits: dict[str, Any]) -> None:
    """`limits.in_flight` counts a short upload from the moment its content is there, with a queue and without."""
    gateway = make("orders", limits=limits)
    slow = [upload(gateway, 500, 1000) for _ in range(20)]
    assert [gateway.get("/orders/7").status for _ in range(5)] == [200] * 5

    for client in slow:
        gateway.send(b"y" * 500, client)
    assert [[response.status for response in client.responses()] for client in slow] == [[200]] * 20
    assert gateway.gateway.root.in_flight == 0
    gateway.check_quiet()


@pytest.mark.parametrize(("limits", "status"), [({"in_flight": 2}, 503), (QUEUED, 200)])
def test_an_upload_whose_place_was_taken_meanwhile(make: Make, limits: dict[str, Any], status: int) -> None:
    """Without a queue it is refused when its content is there; with one it waits for a place."""
    gateway = make("orders", limits=limits)
    backend = gateway.backend("orders")
    slow = upload(gateway, 500, 1000)
    backend.stall()
    busy = [gateway.send(b"GET /orders/7 HTTP/1.1\r\nHost: gateway.test\r\n\r\n") for _ in range(2)]
    gateway.send(b"y" * 500, slow)
    assert len(backend.requests) == 2

    for connection in [asked.connection for asked in backend.requests]:
        connection.send(ok(b"done"))
        gateway.network.pump()
    if status == 200:
        backend.last.connection.send(ok(b"done"))
        gateway.network.pump()
    assert [client.responses()[0].status for client in [slow, *busy]] == [status, 200, 200]
    gateway.check_quiet()


@pytest.mark.parametrize("limits", [{"in_flight": 1}, {**QUEUED, "in_flight": 1}])
@pytest.mark.parametrize("length", [None, 100_000])
def test_content_that_streams_takes_a_place_in_flight(make: Make, limits: dict[str, Any], length: int | None) -> None:
    """Since a backend works on it."""
    gateway = make("orders", limits=limits)
    upload(gateway, 500, length)
    waiting = gateway.send(b"GET /orders/7 HTTP/1.1\r\nHost: gateway.test\r\n\r\n")
    gateway.advance(2.5)
    assert [response.status for response in waiting.responses()] == [503]


@pytest.mark.parametrize("limits", [{"in_flight": 2}, QUEUED])
def test_uploads_that_break_off_leave_no_place_behind(make: Make, limits: dict[str, Any]) -> None:
    """Whether the client leaves or is too slow."""
    gateway = make("orders", limits=limits)
    clients = [upload(gateway, 500, 1000) for _ in range(4)]
    for client in clients[:2]:
        client.reset()
    gateway.network.pump()
    gateway.advance(31)
    assert [client.responses()[0].status for client in clients[2:]] == [408, 408]
    assert gateway.gateway.root.occupancy.places_held == 0
    assert not gateway.gateway.root.occupancy.arriving
    gateway.check_quiet()
