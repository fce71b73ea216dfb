"""Connections to backends, as clients meet them: reused, capped, queued for, and lost in the keep-alive race."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.memory.backend import ok
from gateway.testing import Harness

GET = b"GET /orders/7 HTTP/1.1\r\nHost: gateway.test\r\n\r\n"
POST = b"POST /orders/7 HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 3\r\n\r\nabc"
Make = Callable[..., Harness]


def pooled(make: Make, **pool: Any) -> Harness:
    """A gateway with a pool of that kind."""
    harness = make("orders")
    harness.apply(upstreams=[harness.upstream("orders", pool=pool)])
    return harness


def statuses(*clients: Any) -> list[int]:
    """What each has got."""
    return [response.status for client in clients for response in client.responses()]


def lose_used_connections(gateway: Harness) -> None:
    """From now on, a connection that has carried a request is closed when the next one comes."""
    backend = gateway.backend("orders")

    def answer(asked: Any) -> bytes | None:
        if asked.connection.received.count(b" HTTP/1.1\r\n") > 1:
            asked.connection.close()
            return None
        return ok(b"fresh")

    backend.answer = answer


def test_the_keep_alive_race_is_run_once_more(gateway: Harness) -> None:
    """A GET whose reused connection dies before the answer is sent again, on a fresh one; nobody notices."""
    gateway.get("/orders/7")
    lose_used_connections(gateway)

    assert gateway.get("/orders/7").body == b"fresh"
    assert gateway.last_log["attempts"] == 2
    assert len(gateway.backend("orders").connections) == 2


def test_a_post_is_not_sent_twice(gateway: Harness) -> None:
    """RFC 9110 section 9.2.2: it may have been carried out."""
    gateway.get("/orders/7")
    lose_used_connections(gateway)

    (response,) = gateway.send(POST).responses()
    assert response.status == 502
    assert gateway.last_log["attempts"] == 1


def test_content_is_not_sent_twice(gateway: Harness) -> None:
    """A PUT may be repeated, but what has passed is not kept."""
    gateway.get("/orders/7")
    lose_used_connections(gateway)

    assert statuses(gateway.send(POST.replace(b"POST", b"PUT"))) == [502]


def test_the_second_failure_is_an_answer(gateway: Harness) -> None:
    """The fresh connection dies as well: 502."""
    gateway.get("/orders/7")
    gateway.backend("orders").reset_on_data()

    assert statuses(gateway.send(GET)) == [502]
    assert gateway.last_log["attempts"] == 2
    assert gateway.last_log["reason"] == "upstream.reset"


def test_the_second_try_may_find_no_connection(gateway: Harness) -> None:
    """The backend went away altogether."""
    gateway.get("/orders/7")
    lose_used_connections(gateway)
    gateway.backend("orders").refuse_connections()

    assert statuses(gateway.send(GET)) == [502]
    assert gateway.last_log["reason"] == "upstream.connect"


def test_no_second_try_after_the_first_octet(gateway: Harness) -> None:
    """Something of the answer has come: that is no race."""
    gateway.get("/orders/7")
    backend = gateway.backend("orders")

    def answer(asked: Any) -> None:
        asked.connection.send(b"H")
        asked.connection.close()

    backend.answer = answer

    assert statuses(gateway.send(GET)) == [502]
    assert gateway.last_log["attempts"] == 1


def test_the_second_try_waits_for_a_fresh_connection_at_the_cap(make: Make) -> None:
    """A used one that becomes free makes room for it, and is not taken itself."""
    gateway = pooled(make, max_connections=2)
    backend = gateway.backend("orders")
    backend.stall()
    one, two = gateway.send(GET), gateway.send(GET)
    for connection in backend.connections:
        connection.send(ok())
    gateway.network.pump()
    gateway.send(GET, one)  # on the last one used
    gateway.send(GET, two)
    backend.answer = lambda asked: ok(b"fresh")
    backend.connections[1].close()
    gateway.network.pump()

    assert one.responses()[-1].body == b"fresh"
    assert len(backend.connections) == 3
    backend.connections[0].send(ok())
    gateway.network.pump()
    assert statuses(one, two) == [200] * 4


def test_no_more_connections_than_the_cap(make: Make) -> None:
    """The rest waits, in order, and is served on the same ones."""
    gateway = pooled(make, max_connections=3)
    backend = gateway.backend("orders")
    backend.stall()
    clients = [gateway.send(GET.replace(b"/7", b"/%d" % number)) for number in range(10)]
    assert len(backend.connections) == 3
    assert len(backend.requests) == 3

    for number in range(10):
        asked = backend.requests[number]
        asked.connection.send(ok(asked.target))
        gateway.network.pump()

    assert [client.responses()[0].body for client in clients] == [b"/orders/%d" % number for number in range(10)]
    assert len(backend.connections) == 3


def test_a_full_queue_is_a_503(make: Make) -> None:
    """At once, with Retry-After; who waits is not harmed."""
    gateway = pooled(make, max_connections=1, max_pending=2)
    gateway.backend("orders").stall()
    clients = [gateway.send(GET) for _ in range(4)]

    assert statuses(*clients) == [503]
    (response,) = clients[3].responses()
    assert response.headers.get(b"Gateway-Reason") == b"pool.exhausted"
    assert response.headers.get(b"Retry-After") == b"1"
    (pool,) = gateway.gateway.foundation.pool.pools()
    assert (pool.in_flight, pool.pending) == (3, 2)
    assert gateway.metric("gateway_upstream_requests_total", outcome="pool.exhausted") in (0.0, 1.0)


def test_nobody_waits_longer_than_the_queue_timeout(make: Make) -> None:
    """503 for those who waited; the one that is served goes on."""
    gateway = pooled(make, max_connections=1, queue_timeout=2)
    backend = gateway.backend("orders")
    backend.stall()
    served, early = gateway.send(GET), gateway.send(GET)
    gateway.advance(1)
    late = gateway.send(GET)
    gateway.advance(1.2)

    assert statuses(early) == [503]
    assert statuses(late) == []
    backend.connection.send(ok())
    gateway.network.pump()
    backend.connection.send(ok())
    gateway.network.pump()
    assert statuses(served, late) == [200, 200]


def test_an_exchange_that_waited_is_not_ended_by_the_time_it_waited(make: Make) -> None:
    """Once it has its connection, an answer that comes in parts may take longer than the route's timeout."""
    gateway = pooled(make, max_connections=1)
    backend = gateway.backend("orders")
    backend.stall()
    gateway.send(GET)
    second = gateway.send(GET)
    gateway.advance(1)
    backend.connection.send(ok())
    gateway.network.pump()
    backend.connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
    for octet in b"0123456789":
        gateway.advance(9)
        backend.connection.send(bytes([octet]))
        gateway.network.pump()

    assert second.responses()[0].body == b"0123456789"
    gateway.check_quiet()


def test_the_last_one_used_is_used_next(gateway: Harness) -> None:
    """The others may grow old and be closed."""
    backend = gateway.backend("orders")
    backend.stall()
    for _ in range(3):
        gateway.send(GET)
    for connection in (backend.connections[2], backend.connections[0], backend.connections[1]):
        connection.send(ok())
        gateway.network.pump()
    backend.answer = lambda asked: ok()
    gateway.get("/orders/8")

    assert backend.last.connection is backend.connections[1]


def test_an_idle_connection_is_closed(make: Make) -> None:
    """After `idle_timeout`, one by one; one that is used stays."""
    gateway = pooled(make, idle_timeout=10)
    backend = gateway.backend("orders")
    backend.stall()
    for _ in range(2):
        gateway.send(GET)
    for connection in backend.connections:
        connection.send(ok())
    gateway.network.pump()
    backend.answer = lambda asked: ok()
    for _ in range(3):
        gateway.advance(4)
        gateway.get("/orders/7")

    assert [connection.closed is None for connection in backend.connections] == [False, True]


def test_those_who_wait_share_the_fate_of_their_dial(make: Make) -> None:
    """Each failed dial refuses one, and no more are dialled than wait."""
    gateway = pooled(make, max_connections=2, queue_timeout=60)
    backend = gateway.backend("orders")
    backend.swallow_connections()
    clients = [gateway.send(GET) for _ in range(4)]
    assert gateway.network.dials == 2
    gateway.advance(5.2)
    assert statuses(*clients) == [504, 504]
    assert gateway.network.dials == 4
    backend.refuse_connections()
    gateway.advance(5.2)

    assert statuses(*clients) == [504] * 4


def test_one_dial_for_each_who_waits(gateway: Harness) -> None:
    """A client that left does not take the connection with it: the next one has it."""
    gateway.backend("orders").swallow_connections()
    gone = gateway.send(GET)
    gone.reset()
    gateway.network.pump()
    gateway.send(GET)

    assert gateway.network.dials == 1


def test_a_refused_backend_refuses_all_who_wait(make: Make) -> None:
    """Nobody is left behind when the connection that they waited for is lost, and no other can be opened."""
    gateway = pooled(make, max_connections=1)
    backend = gateway.backend("orders")
    backend.stall()
    clients = [gateway.send(GET) for _ in range(3)]
    backend.refuse_connections()
    backend.connection.reset()
    gateway.network.pump()

    assert statuses(*clients) == [502, 502, 502]


def test_addresses_that_are_gone_are_left(gateway: Harness) -> None:
    """Idle connections to them are closed, busy ones when they are free; current ones stay."""
    backend = gateway.backend("orders")
    gateway.get("/orders/7")
    backend.stall()
    busy = gateway.send(GET)
    pool = gateway.gateway.foundation.pool
    pool.addresses_changed("127.0.0.1", ["127.0.0.1"])
    assert backend.connection.closed is None

    pool.addresses_changed("127.0.0.1", ["127.0.0.9"])
    backend.connection.send(ok())
    gateway.network.pump()

    assert statuses(busy) == [200]
    assert backend.connection.closed is not None


@pytest.mark.parametrize("answer", [b"Connection: close\r\n", b"Connection: x, close\r\n"])
def test_a_connection_that_the_backend_closes_is_not_kept(gateway: Harness, answer: bytes) -> None:
    """It said so."""
    gateway.backend("orders").answers(b"HTTP/1.1 200 OK\r\n" + answer + b"Content-Length: 0\r\n\r\n")
    gateway.get("/orders/7")
    gateway.get("/orders/7")

    assert len(gateway.backend("orders").connections) == 2


def test_a_connection_is_left_before_its_backend_closes_it(gateway: Harness) -> None:
    """`Keep-Alive: timeout=1`: the next POST would meet the close, and could not be sent again."""
    backend = gateway.backend("orders")
    backend.answers(ok(b"ok", (b"Keep-Alive", b"timeout=1")))
    gateway.send(POST)
    gateway.advance(0.3)
    gateway.send(POST)
    assert len(backend.connections) == 1
    gateway.clock.advance(0.6)  # no deadline has been looked at since
    assert statuses(gateway.send(POST)) == [200]
    assert len(backend.connections) == 2
    gateway.advance(0.7)
    assert backend.connection.closed is not None
