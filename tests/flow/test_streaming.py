"""Bodies pass in parts; whoever is slow holds back the other side, and the gateway keeps next to nothing."""

from __future__ import annotations

import random

import pytest

from gateway.memory.transport import QUEUE, WIRE
from gateway.testing import FakeClient, Harness

GET = b"GET /orders/7 HTTP/1.1\r\nHost: gateway.test\r\n\r\n"
UPLOAD = b"POST /orders/7 HTTP/1.1\r\nHost: gateway.test\r\n"
MIB = 1 << 20
HELD = 4 * WIRE + QUEUE
"""More than the gateway may hold of one body: what is on the wire on both sides, its queue, and a read or two."""


def parts(size: int, chunked: bool) -> bytes:
    """Return content, and what frames it."""
    content = random.Random(size).randbytes(size)
    if not chunked:
        return b"Content-Length: %d\r\n\r\n%b" % (size, content)
    pieces = [content[start : start + 50_000] for start in range(0, size, 50_000)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return b"Transfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"


def queued_by_the_gateway(gateway: Harness) -> int:
    """The most that any of the gateway's ends ever had to queue."""
    ends = [end for end in gateway.network.transports if not isinstance(end.protocol, FakeClient)]
    backends = set(gateway.backend("orders").connections)
    return max(end.most_queued for end in ends if end.protocol not in backends)


def test_64_mib_down(gateway: Harness) -> None:
    """Whole, and never more than a little of it in the gateway."""
    gateway.backend("orders").answers(b"HTTP/1.1 200 OK\r\n" + parts(64 * MIB, chunked=False))
    client = gateway.send(GET)

    assert client.received.partition(b"\r\n\r\n")[2] == random.Random(64 * MIB).randbytes(64 * MIB)
    assert queued_by_the_gateway(gateway) <= 2 * QUEUE
    assert gateway.last_log["bytes_sent"] == 64 * MIB


def test_64_mib_up() -> None:
    """The other way."""
    gateway = Harness("orders", limits={"request_body": 0})
    gateway.send(UPLOAD + parts(64 * MIB, chunked=False))

    assert gateway.backend("orders").last.body == random.Random(64 * MIB).randbytes(64 * MIB)
    assert queued_by_the_gateway(gateway) <= 2 * QUEUE
    assert gateway.last_log["bytes_received"] == 64 * MIB
    gateway.check_quiet()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_slow_reader_pauses_the_backend(gateway: Harness, chunked: bool) -> None:
    """From the first octet on: also what comes together with the head."""
    backend = gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\n" + parts(4 * MIB, chunked))
    client = gateway.client()
    client.stop_reading()
    gateway.send(GET, client)

    assert backend.connection.unread > 4 * MIB - HELD
    for _ in range(5):
        gateway.advance(4)
        client.read_on()
        for _ in range(3):
            gateway.network.turn()  # a few parts only
        client.stop_reading()
        gateway.network.pump()
        assert backend.connection.unread + len(client.received) > 4 * MIB - HELD
    client.read_on()
    gateway.network.pump()
    assert client.responses()[0].body == random.Random(4 * MIB).randbytes(4 * MIB)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_slow_backend_pauses_the_client(gateway: Harness, chunked: bool) -> None:
    """From the first octet on."""
    backend = gateway.backend("orders")
    backend.answer_head = lambda asked: asked.connection.stop_reading()
    client = gateway.send(UPLOAD + parts(4 * MIB, chunked))

    assert client.unread > 4 * MIB - HELD
    backend.connection.read_on()
    gateway.network.pump()
    assert backend.last.body == random.Random(4 * MIB).randbytes(4 * MIB)
    assert client.responses()[0].status == 200


def test_content_that_waits_for_a_connection_is_not_read(gateway: Harness) -> None:
    """While the backend does not accept, the client's content stays with the client."""
    gateway.backend("orders").swallow_connections()
    client = gateway.send(UPLOAD + parts(4 * MIB, chunked=False))

    assert client.unread > 4 * MIB - HELD


def test_content_of_the_next_request_is_not_read(gateway: Harness) -> None:
    """Nor while the one before it on the connection is not answered."""
    gateway.backend("orders").stall()
    client = gateway.send(GET + UPLOAD + parts(4 * MIB, chunked=False))

    assert client.unread > 4 * MIB - HELD
    gateway.backend("orders").answer = lambda asked: b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    gateway.backend("orders").connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    gateway.network.pump()
    assert [response.status for response in client.responses()] == [200, 200]


def test_back_pressure_reaches_from_one_answer_into_the_next(gateway: Harness) -> None:
    """Two large answers behind each other, to a client that reads neither."""
    backend = gateway.backend("orders")
    head = b"HTTP/1.1 200 OK\r\n"
    backend.answers(head + parts(300_000, chunked=False), head + parts(4 * MIB, chunked=True))
    client = gateway.client()
    client.stop_reading()
    gateway.send(GET + GET, client)

    assert sum(connection.unread for connection in backend.connections) + WIRE + 2 * QUEUE > 300_000
    assert queued_by_the_gateway(gateway) <= 2 * QUEUE
    client.read_on()
    gateway.network.pump()
    assert [len(response.body) for response in client.responses()] == [300_000, 4 * MIB]
    assert queued_by_the_gateway(gateway) <= 2 * QUEUE


def test_a_connection_released_while_its_reader_was_slow_reads_on(gateway: Harness) -> None:
    """The end of an answer comes while the client is slow: the next exchange on the connection is not held up."""
    backend = gateway.backend("orders")
    answer = b"HTTP/1.1 200 OK\r\n" + parts(3 * QUEUE, chunked=False)
    backend.answers(answer)
    slow = gateway.client()
    slow.stop_reading()
    gateway.send(GET, slow)
    while backend.connection.unread:
        slow.read_on()
        gateway.network.pump()
        slow.stop_reading()

    assert gateway.get("/orders/8").complete
    assert slow.responses()[0].complete


def test_trailers_cross_both_ways(gateway: Harness) -> None:
    """RFC 9110 section 6.5: after content in chunks, in both directions."""
    backend = gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 2\r\n\r\n")
    fields = b"TE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n"
    client = gateway.send(UPLOAD + fields + b"3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n")

    assert list(backend.last.trailers) == [(b"X-Sum", b"1")]
    assert list(client.responses()[0].trailers) == [(b"X-Sum", b"2")]
