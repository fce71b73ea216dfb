"""Backends that refuse, stall, reset, trickle, lie: what the client gets, and what is left."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.memory.backend import ok
from gateway.testing import FakeBackend, FakeClient, Harness

GET = b"GET /orders/7 HTTP/1.1\r\nHost: gateway.test\r\n\r\n"
POST = b"POST /orders/7 HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 3\r\n\r\nabc"
HEAD_10 = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"


def check_refused(gateway: Harness, client: FakeClient, status: int, reason: str) -> None:
    """The client got a problem document, and the log says the same."""
    (response,) = client.responses()
    assert response.complete
    assert response.status == status
    assert response.headers.get(b"Gateway-Reason") == reason.encode()
    assert response.json["type"] == f"urn:gateway:reason:{reason}"
    assert response.json["request_id"] == (response.headers.get(b"X-Request-ID") or b"").decode()
    assert b"127.0.0.1" not in client.received
    assert b"900" not in client.received.partition(b"\r\n\r\n")[2]
    assert [(record["status_code"], record["reason"]) for record in gateway.logs] == [(status, reason)]


def test_an_answer_crosses(gateway: Harness) -> None:
    """The plain case: one request, one answer, one record, and a connection on each side that goes on."""
    response = gateway.get("/orders/7")

    assert (response.status, response.body) == (200, b"ok")
    assert gateway.backend("orders").last.target == b"/orders/7"
    assert gateway.last_log["status_code"] == 200
    gateway.get("/orders/8")
    assert len(gateway.backend("orders").connections) == 1


def test_no_backend_accepts(gateway: Harness) -> None:
    """Refused: 502, nothing was sent."""
    gateway.backend("orders").refuse_connections()

    check_refused(gateway, gateway.send(GET), 502, "upstream.connect")


def test_a_backend_comes_back(gateway: Harness) -> None:
    """The next exchange dials anew."""
    gateway.backend("orders").refuse_connections()
    assert gateway.get("/orders/7").status == 502
    gateway.backend("orders").accept_connections()

    assert gateway.get("/orders/7").status == 200


def at_once(backend: FakeBackend) -> None:
    """Reset when something comes."""
    backend.reset_on_data()


def close_at_once(backend: FakeBackend) -> None:
    """Close in place of an answer."""

    def close(asked: object) -> None:
        backend.connection.close()

    backend.answer = close


def half_close_at_once(backend: FakeBackend) -> None:
    """Say by FIN that no answer will come."""

    def close(asked: object) -> None:
        backend.connection.half_close()

    backend.answer = close


def in_the_head(backend: FakeBackend) -> None:
    """Close in the middle of the answer's head."""

    def close(asked: object) -> None:
        backend.connection.send(HEAD_10[:20])
        backend.connection.close()

    backend.answer = close


def reset_in_the_head(backend: FakeBackend) -> None:
    """Reset after a part of the head was read."""
    backend.answers(HEAD_10[:20])


@pytest.mark.parametrize("request_", [GET, POST])
@pytest.mark.parametrize("break_off", [at_once, close_at_once, half_close_at_once, in_the_head, reset_in_the_head])
def test_a_backend_that_breaks_off_before_its_answer(
    gateway: Harness, break_off: Callable[[FakeBackend], None], request_: bytes
) -> None:
    """502, and no second try: on a fresh connection it was no keep-alive race."""
    backend = gateway.backend("orders")
    break_off(backend)

    client = gateway.send(request_)
    if break_off is reset_in_the_head:
        backend.connection.reset()
        gateway.network.pump()

    check_refused(gateway, client, 502, "upstream.reset")
    assert len(backend.connections) == 1
    assert client.closed is None  # the client did nothing wrong: its connection goes on


def test_a_connection_that_closes_before_it_is_used(gateway: Harness) -> None:
    """Accepted, and closed at once: as good as no connection."""
    backend = gateway.backend("orders")
    backend.greeting = b""
    gateway.network.listen(backend.host, backend.port, lambda: Slammer())

    (response,) = gateway.send(GET).responses()

    assert response.status == 502


class Slammer(FakeClient):
    """Closes what it accepts."""

    def connectionMade(self) -> None:
        self.close()


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_body_that_breaks_off_breaks_off_the_client(gateway: Harness, how: str) -> None:
    """No silent truncation: not even where the client's connection could go on."""
    backend = gateway.backend("orders")
    backend.answers(HEAD_10 + b"12345")
    client = gateway.send(GET)
    assert client.received.endswith(b"12345")
    getattr(backend.connection, how)()
    gateway.network.pump()

    assert client.closed is not None
    assert not client.responses()[0].complete
    (record,) = gateway.logs
    assert (record["status_code"], record["reason"], record["bytes_sent"]) == (200, "upstream.reset", 5)


def test_chunks_that_break_off_break_off_the_client(gateway: Harness) -> None:
    """A last chunk that never came is none that the gateway makes up."""
    backend = gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    client = gateway.send(GET)
    backend.connection.close()
    gateway.network.pump()

    assert client.received.endswith(b"3\r\nabc\r\n")
    assert client.closed is not None


def test_a_body_until_close_ends_with_the_connection(gateway: Harness) -> None:
    """A backend of HTTP/1.0: the client gets chunks with an end, and its connection goes on."""
    backend = gateway.backend("orders")
    backend.answers(b"HTTP/1.0 200 OK\r\n\r\nabc")
    client = gateway.send(GET)
    backend.connection.send(b"def")
    backend.connection.close()
    gateway.network.pump()

    (response,) = client.responses()
    assert (response.body, response.complete, client.closed) == (b"abcdef", True, None)


def test_a_body_until_close_that_is_reset_is_not_whole(gateway: Harness) -> None:
    """A reset is no end."""
    backend = gateway.backend("orders")
    backend.answers(b"HTTP/1.0 200 OK\r\n\r\nabc")
    client = gateway.send(GET)
    backend.connection.reset()
    gateway.network.pump()

    assert client.closed is not None
    assert not client.received.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize(
    "answer",
    [
        ok(b"trickle", (b"X-A", b"1")),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7;x=y\r\ntrickle\r\n0\r\nX-Sum: 1\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok(b"trickle"),
    ],
)
def test_an_answer_may_come_octet_by_octet(gateway: Harness, answer: bytes) -> None:
    """It is the same answer, and the connection is good for the next one."""
    backend = gateway.backend("orders")
    backend.stall()
    client = gateway.send(GET)
    for octet in answer:
        backend.connection.send(bytes([octet]))
        gateway.network.pump()

    (response,) = client.responses()
    assert (response.status, response.body, response.complete) == (200, b"trickle", True)
    gateway.send(GET, client)
    assert len(backend.connections) == 1


def test_a_request_may_come_octet_by_octet(gateway: Harness) -> None:
    """So may requests, with their content, two behind each other."""
    client = gateway.client()
    for octet in POST + GET:
        gateway.send(bytes([octet]), client)

    assert [response.status for response in client.responses()] == [200, 200]
    assert [(asked.method, asked.body) for asked in gateway.backend("orders").requests] == [
        (b"POST", b"abc"),
        (b"GET", b""),
    ]


def test_an_answer_before_the_request_is_complete(gateway: Harness) -> None:
    """It crosses at once; the connection to the backend, in the middle of a request, is not used again."""
    backend = gateway.backend("orders")
    backend.answer_head = lambda asked: ok(b"early", status=b"403 Forbidden")
    client = gateway.send(b"POST /orders/7 HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nabc")

    (response,) = client.responses()
    assert (response.status, response.body) == (403, b"early")
    assert response.headers.get(b"Connection") == b"close"
    assert backend.connection.closed is not None
    assert client.closed is not None


def test_a_client_may_go_on_sending_after_an_early_answer(gateway: Harness) -> None:
    """Closing in its face would reset the connection, and take the answer with it (RFC 9112 section 9.6)."""
    backend = gateway.backend("orders")
    backend.answer_head = lambda asked: ok(b"early")
    client = gateway.client()
    client.half_open = True
    client.stop_reading()
    gateway.send(b"POST /orders/7 HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 500_000, client)
    gateway.send(b"x" * 500_000, client)
    client.read_on()
    gateway.network.pump()

    (response,) = client.responses()
    assert (response.body, client.end_of_input, client.closed) == (b"early", True, None)
    client.close()
    gateway.network.pump()
    assert not gateway.gateway.site.channels


def test_an_answer_while_the_request_goes_on_streams_both_ways(gateway: Harness) -> None:
    """A backend that answers while it reads: both bodies pass, and the end of the answer is the end."""
    backend = gateway.backend("orders")
    backend.answer_head = lambda asked: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    backend.stall()
    client = gateway.send(b"POST /orders/7 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
    for part in (b"one", b"two"):
        gateway.send(b"3\r\n" + part + b"\r\n", client)
        assert backend.last.body.endswith(part)
        backend.connection.send(b"3\r\n" + part + b"\r\n")
        gateway.network.pump()
        assert client.received.endswith(part + b"\r\n")
    gateway.send(b"0\r\n\r\n", client)
    backend.connection.send(b"0\r\n\r\n")
    gateway.network.pump()

    (response,) = client.responses()
    assert (response.body, response.complete) == (b"onetwo", True)
    assert backend.connection.closed is None


def test_octets_that_nobody_asked_for_end_the_connection(gateway: Harness) -> None:
    """An idle connection that speaks is not used again."""
    gateway.get("/orders/7")
    backend = gateway.backend("orders")
    backend.connection.send(ok(b"smuggled"))
    gateway.network.pump()

    assert backend.connection.closed is not None
    assert gateway.get("/orders/7").body == b"ok"


def test_octets_behind_an_answer_end_the_connection(gateway: Harness) -> None:
    """They are not the next client's answer."""
    backend = gateway.backend("orders")
    backend.answers(ok(b"mine") + ok(b"smuggled"), ok(b"yours"))

    assert [gateway.get("/orders/7").body, gateway.get("/orders/8").body] == [b"mine", b"yours"]
    assert len(backend.connections) == 2


def test_an_answer_that_breaks_the_rules_is_a_502(gateway: Harness) -> None:
    """Which rules: `tests/conformance`."""
    backend = gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")

    check_refused(gateway, gateway.send(GET), 502, "upstream.protocol")
    assert backend.connection.closed is not None


def test_chunks_that_go_wrong_break_off_the_client(gateway: Harness) -> None:
    """After the head there is no other way to say so."""
    backend = gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    client = gateway.send(GET)
    backend.connection.send(b"zz\r\n")
    gateway.network.pump()

    assert client.closed is not None
    assert gateway.last_log["reason"] == "upstream.protocol"


def test_a_half_closed_connection_is_not_idle(gateway: Harness) -> None:
    """A backend that has said that it will answer no more is not asked again."""
    gateway.get("/orders/7")
    backend = gateway.backend("orders")
    backend.connection.half_open = True
    backend.connection.half_close()
    gateway.network.pump()

    assert gateway.get("/orders/7").status == 200
    assert len(backend.connections) == 2
    assert backend.connections[0].end_of_input


def test_a_backend_that_takes_nothing_more_is_closed_in_the_end(gateway: Harness) -> None:
    """It has answered early and reads no further: what was written to it must not be kept for ever."""
    backend = gateway.backend("orders")
    backend.answer_head = lambda asked: asked.connection.stop_reading()
    client = gateway.send(b"POST /orders/7 HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 300_000)
    backend.connection.send(ok(b"early"))
    gateway.network.pump()
    assert client.responses()[0].body == b"early"

    gateway.advance(11)

    backend.connection.read_on()
    gateway.network.pump()
    assert backend.connection.closed is not None
    assert [end for end in gateway.network.transports if end.protocol is backend.connection] == []
