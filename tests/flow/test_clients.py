"""Clients that go away, close one half, pipeline, and read slowly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.memory.backend import ok
from gateway.testing import FakeClient, Harness

GET = b"GET /orders/7 HTTP/1.1\r\nHost: gateway.test\r\n\r\n"
UPLOAD = b"POST /orders/7 HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 10\r\n\r\nabc"
Make = Callable[..., Harness]


def pooled(make: Make, **pool: Any) -> Harness:
    """A gateway whose pool has room for one connection."""
    settings = {"max_connections": 1, **pool}
    harness = make("orders")
    harness.apply(upstreams=[harness.upstream("orders", pool=settings)])
    return harness


def before_the_head(make: Make) -> tuple[Harness, FakeClient]:
    """The head is not complete: there is no exchange yet."""
    gateway = make("orders")
    return gateway, gateway.send(GET[:20])


def queued(make: Make) -> tuple[Harness, FakeClient]:
    """It waits for a connection that another has."""
    gateway = pooled(make)
    gateway.backend("orders").stall()
    gateway.send(GET)
    return gateway, gateway.send(GET)


def connecting(make: Make) -> tuple[Harness, FakeClient]:
    """The backend does not accept."""
    gateway = make("orders")
    gateway.backend("orders").swallow_connections()
    return gateway, gateway.send(GET)


def waiting(make: Make) -> tuple[Harness, FakeClient]:
    """The request was sent."""
    gateway = make("orders")
    gateway.backend("orders").stall()
    return gateway, gateway.send(GET)


def in_the_answer(make: Make) -> tuple[Harness, FakeClient]:
    """Half of the answer has come."""
    gateway = make("orders")
    gateway.backend("orders").answers(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
    return gateway, gateway.send(GET)


def in_the_upload(make: Make) -> tuple[Harness, FakeClient]:
    """A part of the content was sent."""
    gateway = make("orders", limits={"request_buffer": 0})
    return gateway, gateway.send(UPLOAD)


def while_nothing_is_read(make: Make) -> tuple[Harness, FakeClient]:
    """The backend takes nothing more, so that the gateway does not read either."""
    gateway = make("orders")
    backend = gateway.backend("orders")
    backend.answer_head = lambda asked: asked.connection.stop_reading()
    client = gateway.send(UPLOAD.replace(b"10", b"1000000") + b"x" * 900_000)
    assert client.unread > 500_000
    return gateway, client


STAGES = [queued, connecting, waiting, in_the_answer, in_the_upload]


@pytest.mark.parametrize("stage", STAGES)
def test_a_client_that_resets_ends_the_attempt(make: Make, stage: Callable[[Make], tuple[Harness, FakeClient]]) -> None:
    """At every stage: at once, with one record that says so, and the other exchanges untouched."""
    gateway, client = stage(make)
    before = gateway.gateway.root.in_flight
    client.reset()
    gateway.network.pump()

    assert gateway.gateway.root.in_flight == before - 1
    record = gateway.last_log
    assert record["reason"] == "request.aborted"
    assert record["status_code"] == (200 if stage is in_the_answer else 499)
    if stage not in (queued, connecting):
        assert gateway.backend("orders").connection.closed is not None
    (pool,) = gateway.gateway.foundation.pool.pools()
    assert pool.pending == 0
    assert pool.in_flight == before - 1


def test_a_reset_in_the_head_is_no_exchange(make: Make) -> None:
    """Nothing to answer, nothing to log."""
    gateway, client = before_the_head(make)
    client.reset()
    gateway.network.pump()

    assert gateway.logs == []
    assert not gateway.gateway.site.channels


def test_a_reset_while_nothing_is_read(make: Make) -> None:
    """A paused reader hears of nothing; in time the exchange ends all the same, and with it the reader."""
    gateway, client = while_nothing_is_read(make)
    client.reset()
    gateway.network.pump()
    gateway.advance(45)

    assert gateway.gateway.root.in_flight == 0
    assert not gateway.gateway.site.channels


@pytest.mark.parametrize("stage", [before_the_head, in_the_upload])
def test_a_client_that_closes_before_its_request_is_complete(
    make: Make, stage: Callable[[Make], tuple[Harness, FakeClient]]
) -> None:
    """Nothing more can come of it."""
    gateway, client = stage(make)
    client.close()
    gateway.network.pump()

    assert not gateway.gateway.site.channels
    assert gateway.gateway.root.in_flight == 0
    assert [record["status_code"] for record in gateway.logs] == ([499] if stage is in_the_upload else [])


@pytest.mark.parametrize("stage", [queued, connecting, waiting])
def test_a_client_that_has_gone_is_noticed(make: Make, stage: Callable[[Make], tuple[Harness, FakeClient]]) -> None:
    """Note [A half-closed client may be gone]: two interim responses find out."""
    gateway, client = stage(make)
    before = gateway.gateway.root.in_flight
    client.close()
    gateway.network.pump()
    assert gateway.gateway.root.in_flight == before  # it may only have closed its half

    gateway.advance(2.2)

    assert gateway.gateway.root.in_flight == before - 1
    assert gateway.last_log["status_code"] == 499


def test_a_client_that_has_gone_during_its_answer_is_noticed(make: Make) -> None:
    """The next part of the answer finds out."""
    gateway, client = in_the_answer(make)
    client.close()
    gateway.network.pump()
    backend = gateway.backend("orders")
    for octet in b"678":
        backend.connection.send(bytes([octet]))
        gateway.network.pump()

    assert backend.connection.closed is not None
    assert gateway.last_log["reason"] == "request.aborted"


def test_a_half_closed_client_gets_its_answer(make: Make) -> None:
    """However long that takes; interim responses on the way ask whether it is there."""
    gateway, client = waiting(make)
    client.half_open = True
    client.half_close()
    gateway.network.pump()
    gateway.advance(5)
    gateway.backend("orders").connection.send(ok(b"late"))
    gateway.network.pump()

    (response,) = client.responses()
    assert (response.status, response.body, response.interims) == (200, b"late", [100, 100])
    assert response.headers.get(b"Connection") == b"close"
    assert client.end_of_input
    assert not gateway.gateway.site.channels


def test_a_client_of_http_1_0_is_not_asked(make: Make) -> None:
    """It would not understand."""
    gateway = make("orders")
    gateway.backend("orders").stall()
    client = gateway.send(b"GET /orders/7 HTTP/1.0\r\n\r\n")
    client.half_open = True
    client.half_close()
    gateway.network.pump()
    gateway.advance(5)
    assert client.received == b""

    gateway.backend("orders").connection.send(ok(b"late"))
    gateway.network.pump()
    assert client.responses()[0].body == b"late"


def test_an_answer_goes_on_after_the_client_closed_its_half(make: Make) -> None:
    """A backend may be silent for longer than the question takes; then the connection is closed, not kept."""
    gateway, client = in_the_answer(make)
    client.half_open = True
    client.half_close()
    gateway.network.pump()
    gateway.advance(5)
    assert client.closed is None
    gateway.backend("orders").connection.send(b"67890")
    gateway.network.pump()

    (response,) = client.responses()
    assert (response.body, response.complete) == (b"1234567890", True)
    assert not gateway.gateway.site.channels


def test_all_requests_before_a_half_close_are_answered(gateway: Harness) -> None:
    """In one read, or in several."""
    gateway.backend("orders").stall()
    client = gateway.send(GET + GET)
    client.half_open = True
    gateway.send(GET, client)
    client.half_close()
    for number in range(3):
        gateway.network.pump()
        gateway.backend("orders").connection.send(ok(b"%d" % number))
    gateway.network.pump()

    responses = client.responses()
    assert [response.body for response in responses] == [b"0", b"1", b"2"]
    assert [response.headers.get(b"Connection") for response in responses] == [None, None, b"close"]
    assert not gateway.gateway.site.channels


def test_pipelined_requests_are_answered_in_order(gateway: Harness) -> None:
    """One at a time: the second is not sent before the first is answered."""
    backend = gateway.backend("orders")
    backend.stall()
    client = gateway.send(GET.replace(b"/7", b"/1") + UPLOAD + b"1234567" + GET.replace(b"/7", b"/3"))
    assert len(backend.requests) == 1
    backend.answer = lambda asked: ok(asked.target + asked.body)
    backend.connection.send(ok(b"first"))
    gateway.network.pump()

    assert [response.body for response in client.responses()] == [b"first", b"/orders/7abc1234567", b"/orders/3"]
    assert len(backend.connections) == 1


def test_a_flood_of_pipelined_requests_waits_on_the_wire(gateway: Harness) -> None:
    """While one waits for its answer, no more is read than came with it and once after."""
    gateway.backend("orders").stall()
    client = gateway.send(GET)
    for _ in range(100):
        gateway.send(GET * 1000, client)

    assert client.unread > 90 * 1000 * len(GET)
    assert len(gateway.backend("orders").requests) == 1


def test_after_an_answer_that_closes_nothing_is_served(gateway: Harness) -> None:
    """Requests behind `Connection: close` are not the gateway's to carry out."""
    gateway.gateway.site.part()
    client = gateway.send(GET * 3)

    assert len(client.responses()) == 1
    assert len(gateway.backend("orders").requests) == 1
    assert client.closed is not None


def test_a_draining_gateway_serves_no_pipelined_requests_of_its_own(gateway: Harness) -> None:
    """Also where answers are made at once, inside the loop over what is ready."""
    gateway.gateway.site.part()
    client = gateway.send(b"GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n" * 3)

    assert [response.status for response in client.responses()] == [404]
    assert len(gateway.logs) == 1


def test_a_client_that_reads_no_answers_gets_no_further_ones(gateway: Harness) -> None:
    """Small requests for large answers must not fill the memory: what is not read is not asked for."""
    backend = gateway.backend("orders")
    backend.answers(ok(b"x" * 60_000))
    client = gateway.client()
    client.stop_reading()
    for _ in range(4):
        gateway.send(GET * 50, client)
    assert len(backend.requests) < 10

    client.read_on()
    gateway.network.pump()
    responses = client.responses()
    assert len(responses) == 200
    assert all(response.body == b"x" * 60_000 for response in responses)


def test_a_client_that_never_reads_is_closed(gateway: Harness) -> None:
    """Its answer is written and cannot leave: the idle timeout counts, and a close that does not end is a reset."""
    gateway.backend("orders").answers(ok(b"x" * 300_000))
    client = gateway.client()
    client.stop_reading()
    gateway.send(GET, client)
    gateway.advance(75 + 31 + 11)

    assert not gateway.gateway.site.channels
