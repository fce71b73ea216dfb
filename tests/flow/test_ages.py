"""Connections that do not live for ever: those of backends (`pool.max_age`) and of clients (`client_max_age`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.memory.backend import ok
from gateway.testing import Harness

GET = b"GET /orders/7 HTTP/1.1\r\nHost: gateway.test\r\n\r\n"
HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"
Make = Callable[..., Harness]


def pooled(make: Make, **pool: Any) -> Harness:
    """A gateway whose connections to its backend have an end."""
    gateway = make("orders")
    gateway.apply(upstreams=[gateway.upstream("orders", pool={"max_age": 10, **pool})])
    return gateway


def test_a_backend_connection_is_used_again_until_it_is_too_old(make: Make) -> None:
    """Nine tenths of the age: still the first; at the age: another."""
    gateway = pooled(make)
    for _ in range(3):
        gateway.get("/orders/7")
        gateway.advance(2.9)
    assert len(gateway.backend("orders").connections) == 1
    gateway.advance(1.3)
    gateway.get("/orders/7")

    assert [connection.closed is None for connection in gateway.backend("orders").connections] == [False, True]


def test_an_unused_connection_is_closed_at_its_age(make: Make) -> None:
    """Nobody has to ask for it."""
    gateway = pooled(make)
    gateway.get("/orders/7")
    gateway.advance(8.9)
    assert gateway.backend("orders").connections[0].closed is None
    gateway.advance(1.2)

    assert gateway.backend("orders").connections[0].closed is not None


def test_an_answer_is_completed_on_a_connection_that_is_too_old(make: Make) -> None:
    """Then it is closed, though somebody waits for it: that one gets a fresh one."""
    gateway = pooled(make, max_connections=1, queue_timeout=60)
    backend = gateway.backend("orders")
    backend.answers(HALF)
    first = gateway.send(GET)
    gateway.advance(12)
    second = gateway.send(GET)
    assert (backend.connections[0].closed, len(backend.connections)) == (None, 1)
    backend.answer = lambda asked: ok(b"fresh")
    backend.connections[0].send(b"67890")
    gateway.network.pump()
    gateway.advance(0.2)

    assert [response.body for response in (*first.responses(), *second.responses())] == [b"1234567890", b"fresh"]
    assert [connection.closed is None for connection in backend.connections] == [False, True]


def test_connections_that_were_opened_together_do_not_end_together(make: Make) -> None:
    """A tenth of the age lies between the first and the last; with the same seed, the same."""

    def ends() -> list[int]:
        gateway = pooled(make)
        backend = gateway.backend("orders")
        backend.stall()
        for _ in range(30):
            gateway.send(GET)
        for connection in list(backend.connections):
            connection.send(ok())
        gateway.network.pump()
        gateway.advance(8.9)
        left = []
        for _ in range(13):
            left.append(sum(connection.closed is None for connection in backend.connections))
            gateway.advance(0.1)
        return left

    drawn = ends()
    assert drawn[0] == 30
    assert drawn[-1] == 0
    assert len(set(drawn)) > 5
    assert ends() == drawn


def test_a_client_is_told_with_the_first_answer_after_the_age(make: Make) -> None:
    """`Connection: close`, and no answer is lost."""
    gateway = make("orders", timeouts={"client_max_age": 10})
    client = gateway.send(GET)
    gateway.advance(8.9)
    gateway.send(GET, client)
    assert client.closed is None
    gateway.advance(1.2)
    assert client.closed is None  # a request may be on its way: only an answer ends it
    gateway.send(GET, client)
    gateway.advance(6)

    answers = client.responses()
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert [answer.headers.get(b"connection") for answer in answers] == [None, None, b"close"]
    assert client.closed is not None


def test_an_answer_under_way_is_not_cut_at_the_age(make: Make) -> None:
    """Its head promised nothing: it is completed, and the next one says close."""
    gateway = make("orders", timeouts={"client_max_age": 5})
    backend = gateway.backend("orders")
    backend.answers(HALF)
    client = gateway.send(GET)
    gateway.advance(7)
    backend.connections[0].send(b"67890")
    gateway.network.pump()
    backend.answer = lambda asked: ok()
    gateway.send(GET, client)

    assert [answer.body for answer in client.responses()] == [b"1234567890", b"ok"]
    assert client.responses()[-1].headers.get(b"connection") == b"close"


@pytest.mark.parametrize("seconds", [100, 10_000])
def test_without_an_age_a_connection_lives_on(make: Make, seconds: int) -> None:
    """As long as it is used."""
    gateway = make("orders")
    upstream = gateway.upstream("orders", pool={"idle_timeout": 20_000})
    gateway.apply(timeouts={"client_idle": 20_000}, upstreams=[upstream])
    client = gateway.send(GET)
    gateway.advance(seconds)
    gateway.send(GET, client)

    assert client.closed is None
    assert len(gateway.backend("orders").connections) == 1
