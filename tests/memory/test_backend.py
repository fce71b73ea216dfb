"""The fake backend does as it is told, and reads requests as a backend would."""

from __future__ import annotations

from gateway.memory.backend import ok
from gateway.testing import Harness

GET = b"GET /orders/7 HTTP/1.1\r\nHost: h\r\n\r\n"
ASK = b"GET /orders/7 HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"


def test_it_keeps_what_it_was_asked() -> None:
    """Method, target, fields, content and its end."""
    gateway = Harness("orders")
    gateway.request("POST", "/orders/7?q", body=b"abc")
    asked = gateway.backend("orders").last

    assert (asked.method, asked.target, asked.body, asked.complete) == (b"POST", b"/orders/7?q", b"abc", True)
    assert asked.headers.get(b"content-length") == b"3"


def test_answers_come_in_turn_the_last_again_and_again() -> None:
    """One for each request."""
    gateway = Harness("orders")
    gateway.backend("orders").answers(ok(b"1"), ok(b"2"))

    assert [gateway.get("/orders/7").body for _ in range(3)] == [b"1", b"2", b"2"]


def test_a_greeting_is_said_first() -> None:
    """Before anything was asked."""
    gateway = Harness("orders")
    gateway.backend("orders").greeting = b"220 ready\r\n"
    assert gateway.get("/orders/7").status == 502


def test_a_declined_protocol_change_goes_on_in_http() -> None:
    """Answered at once, or later."""
    gateway = Harness("orders")
    client = gateway.send(ASK)
    gateway.send(GET, client)
    backend = gateway.backend("orders")
    backend.stall()
    gateway.send(ASK, client)
    backend.connection.send(ok())
    gateway.network.pump()
    backend.answers(ok(b"next"))
    gateway.send(GET, client)

    assert client.responses()[-1].body == b"next"
    assert len(backend.requests) == 4
    assert len(backend.connections) == 1
