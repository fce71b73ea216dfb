"""Every wait has a bound, and the answer or the log says whose fault it was that it passed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.memory.backend import ok
from gateway.testing import FakeClient, Harness

GET = b"GET /orders/7 HTTP/1.1\r\nHost: gateway.test\r\n\r\n"
UPLOAD = b"POST /orders/7 HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 10\r\n\r\nabc"
PART = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"
Make = Callable[..., Harness]


def with_times(make: Make, route: Any = None, **timeouts: Any) -> Harness:
    """A gateway with these timeouts, and this timeout (or these keys) on its route."""
    harness = make("orders")
    (routed,) = harness.configuration["routes"]
    own = {} if route is None else route if isinstance(route, dict) else {"timeout": route}
    harness.apply(timeouts=timeouts, routes=[routed | own])
    return harness


def got(client: FakeClient) -> list[tuple[int, bytes | None]]:
    """Status and reason of each answer."""
    return [(response.status, response.headers.get(b"Gateway-Reason")) for response in client.responses()]


def test_connect(make: Make) -> None:
    """A backend that accepts no connection: 504, before the route's timeout."""
    gateway = with_times(make, connect=2)
    gateway.backend("orders").swallow_connections()
    client = gateway.send(GET)
    gateway.advance(1.9)
    assert got(client) == []
    gateway.advance(0.2)

    assert got(client) == [(504, b"upstream.timeout")]


def test_the_route_may_be_less_patient_than_connect(make: Make) -> None:
    """Its timeout covers the dial too."""
    gateway = with_times(make, connect=5, route=1)
    gateway.backend("orders").swallow_connections()
    client = gateway.send(GET)
    gateway.advance(1.2)

    assert got(client) == [(504, b"upstream.timeout")]


def test_upstream(make: Make) -> None:
    """The backend has the request and is silent: 504, and its connection is closed."""
    gateway = with_times(make, route=3)
    gateway.backend("orders").stall()
    client = gateway.send(GET)
    gateway.advance(2.9)
    assert got(client) == []
    gateway.advance(0.3)

    assert got(client) == [(504, b"upstream.timeout")]
    assert gateway.backend("orders").connection.closed is not None
    assert client.closed is None


def test_an_interim_answer_is_none(make: Make) -> None:
    """A backend cannot hold an exchange for ever by sending 1xx."""
    gateway = with_times(make, route=3)
    gateway.backend("orders").stall()
    client = gateway.send(GET)
    for _ in range(4):
        gateway.backend("orders").connection.send(b"HTTP/1.1 102 Processing\r\n\r\n")
        gateway.network.pump()
        gateway.advance(1)

    assert got(client) == [(504, b"upstream.timeout")]


@pytest.mark.parametrize(
    ("route", "after"),
    [
        ({"timeout": 3}, 3),
        ({"timeout": 20}, 20),  # written and longer: it would be inert otherwise
        ({}, 10),  # its default of 30 s is nobody's wish
        ({"request_timeout": 6}, 6),
        ({"request_timeout": 15}, 15),
        ({"timeout": 20, "request_timeout": 15}, 15),
        ({"timeout": 20, "request_timeout": 25}, 20),
        ({"timeout": 20, "request_timeout": 0}, 20),
    ],
)
def test_which_bound_of_an_exchange_counts(make: Make, route: dict[str, float], after: float) -> None:
    """The route's own, where it has one; else `timeouts.request` (10 s here)."""
    gateway = with_times(make, route=route, request=10)
    gateway.backend("orders").stall()
    client = gateway.send(GET)
    gateway.advance(after - 0.1)
    assert got(client) == []
    gateway.advance(0.3)

    assert got(client) == [(504, b"upstream.timeout")]


def test_two_timeouts_at_once_are_one_answer(make: Make) -> None:
    """As with the defaults, where both are 30 s; the client's connection stays open."""
    gateway = make("orders")
    gateway.backend("orders").stall()
    clients = [gateway.send(GET) for _ in range(10)]
    gateway.advance(30.3)

    assert [got(client) for client in clients] == [[(504, b"upstream.timeout")]] * 10
    assert [client.closed for client in clients] == [None] * 10


def test_head(make: Make) -> None:
    """408, counted from its first octet."""
    gateway = with_times(make, client_header=2)
    client = gateway.client()
    gateway.get("/orders/7")
    gateway.advance(1)
    for octet in GET[:10]:
        gateway.send(bytes([octet]), client)
        gateway.advance(0.21)

    assert got(client) == [(408, b"request.timeout")]
    assert client.closed is not None


def test_a_connection_without_a_request_is_closed_without_a_word(make: Make) -> None:
    """Browsers open connections ahead: nothing is answered, and nothing logged."""
    gateway = with_times(make, client_header=2)
    client = gateway.client()
    gateway.advance(2.2)

    assert (client.received, client.closed is not None, gateway.logs) == (b"", True, [])


def test_idle(make: Make) -> None:
    """Between two requests another time counts; the close is silent."""
    gateway = with_times(make, client_header=2, client_idle=5)
    client = gateway.send(GET)
    gateway.advance(4.5)
    gateway.send(GET, client)
    gateway.advance(4.5)
    assert client.closed is None
    gateway.advance(0.7)

    assert client.closed is not None
    assert got(client) == [(200, None), (200, None)]


def test_the_second_head_on_a_connection(make: Make) -> None:
    """It has as long as the first."""
    gateway = with_times(make, client_header=2, client_idle=50)
    client = gateway.send(GET)
    gateway.advance(20)
    gateway.send(GET[:10], client)
    gateway.advance(2.2)

    assert got(client) == [(200, None), (408, b"request.timeout")]


def test_body(make: Make) -> None:
    """408 after the longest silence; each part of the content begins it anew."""
    gateway = with_times(make, client_body=2)
    gateway.apply(limits={"request_buffer": 0})
    client = gateway.send(UPLOAD)
    for octet in b"defg":
        gateway.advance(1.5)
        gateway.send(bytes([octet]), client)
    assert got(client) == []
    gateway.advance(2.2)

    assert got(client) == [(408, b"request.timeout")]
    assert gateway.backend("orders").connection.closed is not None
    assert client.closed is not None


@pytest.mark.parametrize("route", [{}, {"request_timeout": 1}, {"request_timeout": 0}])
def test_an_upload_that_moves_is_not_cut(make: Make, route: dict[str, float]) -> None:
    """However long it takes in all; only its silence is bounded, by `client_body`."""
    gateway = with_times(make, route=route, client_body=2, request=1)
    client = gateway.send(UPLOAD)
    for octet in b"123456":
        gateway.advance(1.8)
        gateway.send(bytes([octet]), client)
    assert got(client) == []
    gateway.advance(1.8)
    gateway.send(b"7", client)

    assert got(client) == [(200, None)]


def test_after_an_upload_the_exchange_has_its_time(make: Make) -> None:
    """`timeouts.request` counts from the last octet of the content; what is slow after that is the backend."""
    gateway = with_times(make, route={"timeout": 20, "request_timeout": 3}, client_body=2)
    gateway.backend("orders").stall()
    client = gateway.send(UPLOAD)
    for octet in b"1234567":
        gateway.advance(1.5)
        gateway.send(bytes([octet]), client)
    gateway.advance(2.8)
    assert got(client) == []
    gateway.advance(0.4)

    assert got(client) == [(504, b"upstream.timeout")]


def test_content_of_the_next_request_is_not_that_of_this_one(make: Make) -> None:
    """A client that sends a further request while it waits gains no time, and gets no 408."""
    gateway = with_times(make, route={"request_timeout": 3}, client_body=60)
    gateway.backend("orders").stall()
    client = gateway.send(GET + UPLOAD)
    gateway.advance(3.2)

    assert got(client)[0] == (504, b"upstream.timeout")


def test_an_event_stream(make: Make) -> None:
    """With `request_timeout: 0` neither the first event nor any later one has to come in time."""
    gateway = with_times(make, route={"timeout": 2, "request_timeout": 0}, request=3)
    gateway.backend("orders").answers(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    client = gateway.send(GET)
    for event in (b"data: 1\n\n", b"data: 2\n\n"):
        gateway.advance(100)
        gateway.backend("orders").connection.send(event)
        gateway.network.pump()
        assert event in client.received
    gateway.advance(100)

    assert client.closed is None


def test_an_event_stream_whose_client_reads_nothing_ends(make: Make) -> None:
    """Its connection is closed; `timeouts.request` bounds how long octets wait for it."""
    gateway = with_times(make, route={"request_timeout": 0}, request=4)
    gateway.backend("orders").answers(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_000)
    client = gateway.client()
    client.stop_reading()
    gateway.send(GET, client)
    gateway.advance(4.3)

    (record,) = gateway.logs
    assert (record["status_code"], record["reason"]) == (200, "request.aborted")


def test_a_stream_that_is_silent_is_cut_where_its_route_says_nothing(make: Make) -> None:
    """A backend that hangs in the middle of an answer must not hold its client for ever."""
    gateway = with_times(make, route={"timeout": 60, "request_timeout": 60}, request=3)
    gateway.backend("orders").answers(PART)
    client = gateway.send(GET)
    gateway.advance(59)
    assert client.closed is None
    gateway.advance(1.5)

    assert client.closed is not None


def test_an_upload_is_not_the_backend_being_slow(make: Make) -> None:
    """The route's timeout is for the answer, and begins when the request is complete."""
    gateway = with_times(make, route=2)
    gateway.backend("orders").stall()
    client = gateway.send(UPLOAD)
    for octet in b"1234567":
        gateway.advance(1)
        gateway.send(bytes([octet]), client)
    gateway.advance(1.8)
    assert got(client) == []
    gateway.advance(0.5)

    assert got(client) == [(504, b"upstream.timeout")]


def test_a_backend_that_takes_no_content_is_slow(make: Make) -> None:
    """The client cannot send then, so its silence is not its own fault."""
    gateway = with_times(make, route=3, client_body=1)
    gateway.backend("orders").answer_head = lambda asked: asked.connection.stop_reading()
    client = gateway.send(UPLOAD.replace(b"10", b"1000000") + b"x" * 900_000)
    gateway.advance(3.3)

    assert got(client) == [(504, b"upstream.timeout")]


def test_content_that_waits_for_a_connection_is_not_late(make: Make) -> None:
    """The gateway does not read it yet, so the client's silence is not its own fault."""
    gateway = with_times(make, connect=5, client_body=1)
    gateway.backend("orders").swallow_connections()
    client = gateway.send(UPLOAD.replace(b"10", b"1000000") + b"x" * 900_000)
    gateway.advance(5.2)

    assert got(client) == [(504, b"upstream.timeout")]


def test_an_answer_that_stalls_is_broken_off(make: Make) -> None:
    """A 504 cannot be sent after the head; the log has the reason."""
    gateway = with_times(make, route=2)
    gateway.backend("orders").answers(PART)
    client = gateway.send(GET)
    gateway.advance(2.2)

    assert client.closed is not None
    (record,) = gateway.logs
    assert (record["status_code"], record["reason"]) == (200, "upstream.timeout")


def test_an_answer_that_goes_on_is_not_broken_off(make: Make) -> None:
    """However long it takes in all: a download has no bound."""
    gateway = with_times(make, route=2, request=4)
    gateway.backend("orders").answers(PART)
    client = gateway.send(GET)
    for octet in b"6789":
        gateway.advance(1.8)
        gateway.backend("orders").connection.send(bytes([octet]))
        gateway.network.pump()
    gateway.backend("orders").connection.send(b"0")
    gateway.network.pump()

    assert client.responses()[0].complete


def test_a_client_that_reads_nothing_is_broken_off(make: Make) -> None:
    """After `timeouts.request` in which it read nothing; the backend is not blamed."""
    gateway = with_times(make, route=2, request=4)
    gateway.backend("orders").answers(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000)
    client = gateway.client()
    client.stop_reading()
    gateway.send(GET, client)
    gateway.advance(3.5)
    assert gateway.gateway.root.in_flight == 1
    gateway.advance(0.8)

    (record,) = gateway.logs
    assert (record["status_code"], record["reason"]) == (200, "request.aborted")
    client.read_on()
    gateway.network.pump()
    assert client.closed is not None
    assert gateway.backend("orders").connection.closed is not None


def test_a_client_that_reads_slowly_is_waited_for(make: Make) -> None:
    """Longer than the route's timeout between two parts, which bounds the backend."""
    gateway = with_times(make, route=1, request=4)
    gateway.backend("orders").answers(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000)
    client = gateway.client()
    client.stop_reading()
    gateway.send(GET, client)
    while len(client.received) < 1_000_000:
        gateway.advance(3)
        client.read_on()
        for _ in range(5):
            gateway.network.turn()
        client.stop_reading()
        gateway.network.pump()
    client.read_on()
    gateway.network.pump()

    assert client.responses()[0].complete


def test_a_late_answer_is_nobodys(make: Make) -> None:
    """What comes after a 504 is not taken for the answer to the next request."""
    gateway = with_times(make, route=1)
    backend = gateway.backend("orders")
    backend.stall()
    client = gateway.send(GET)
    gateway.advance(1.2)
    backend.connection.send(ok(b"late"))
    backend.answer = lambda asked: ok(b"mine")
    gateway.send(GET, client)

    assert [response.body for response in client.responses()][1:] == [b"mine"]
