"""WebSockets over HTTP/2 (RFC 8441), to backends that speak HTTP/1.1."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable

import pytest
from twisted.internet.error import ConnectionDone, ConnectionLost

from gateway.http.websocket import accepting, close_frame
from gateway.http2 import codes
from gateway.memory.backend import Asked, BackendConnection, ok
from gateway.testing import Harness
from tests.http2.client import Http2Answer, Http2Client

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
ASK = [
    (":method", "CONNECT"),
    (":protocol", "websocket"),
    (":scheme", "http"),
    (":authority", "gateway.test"),
    (":path", "/orders/chat"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-protocol", "chat"),
]


def switch(asked: Asked) -> bytes:
    """Answer as a server of WebSockets."""
    accept = accepting(asked.headers.get(b"sec-websocket-key") or b"")
    return SWITCH + b"Sec-WebSocket-Accept: %b\r\nSec-WebSocket-Protocol: chat\r\n\r\n" % accept


def tunnel(
    gateway: Harness, early: bytes = b"", greeting: bytes = b""
) -> tuple[Http2Client, Http2Answer, BackendConnection]:
    """Ask for a WebSocket, and get it."""
    backend = gateway.backend("orders")
    backend.answer = lambda asked: switch(asked) + greeting
    client = Http2Client()
    gateway.memory.accept(client, "192.0.2.1")
    gateway.network.pump()
    answer = client.ask(ASK, early or None, end=False)
    gateway.network.pump()
    connection = backend.connection
    connection.half_open = True
    return client, answer, connection


def heard(backend: BackendConnection) -> bytes:
    """What came behind the head."""
    return backend.received.partition(b"\r\n\r\n")[2]


def test_octets_pass_both_ways(gateway: Harness) -> None:
    """The backend is asked as HTTP/1.1 asks, and the client gets a 200."""
    client, answer, backend = tunnel(gateway)
    (asked,) = gateway.backend("orders").requests
    assert (asked.method, asked.target) == (b"GET", b"/orders/chat")
    assert asked.headers.get(b"upgrade") == b"websocket"
    assert asked.headers.get(b"sec-websocket-version") == b"13"
    assert len(b64decode(asked.headers.get(b"sec-websocket-key") or b"")) == 16
    assert (answer.status, answer.complete) == (200, False)
    assert answer.headers.get(b"sec-websocket-protocol") == b"chat"
    for name in (b"upgrade", b"connection", b"content-length", b"sec-websocket-accept"):
        assert name not in answer.headers
    client.write(answer, b"from the client")
    backend.send(b"from the backend")
    gateway.network.pump()

    assert heard(backend) == b"from the client"
    assert answer.body == b"from the backend"


def test_it_is_offered(gateway: Harness) -> None:
    """SETTINGS_ENABLE_CONNECT_PROTOCOL: without it no client would ask."""
    client = Http2Client()
    gateway.memory.accept(client, "192.0.2.1")
    gateway.network.pump()

    assert client.peer.remote_settings.enable_connect_protocol == 1


def test_what_either_end_says_early_is_kept(gateway: Harness) -> None:
    """Before the other one is there."""
    _, answer, backend = tunnel(gateway, b"early", b"greeting")

    assert heard(backend) == b"early"
    assert answer.body == b"greeting"


def test_many_share_a_connection(gateway: Harness) -> None:
    """With requests between them."""
    client, first, one = tunnel(gateway)
    second = client.ask(ASK, None, end=False)
    gateway.network.pump()
    two = gateway.backend("orders").connection
    gateway.backend("orders").answers(ok(b"plain"))
    plain = client.request("GET", "/orders/7")
    client.write(first, b"1")
    client.write(second, b"2")
    gateway.network.pump()

    assert (heard(one), heard(two), plain.body) == (b"1", b"2", b"plain")


def test_a_backend_that_leaves_ends_it(gateway: Harness) -> None:
    """What it has said comes before; the connection goes on."""
    client, answer, backend = tunnel(gateway)
    backend.send(b"bye")
    backend.close()
    gateway.network.pump()
    client.write(answer, b"", end=True)
    gateway.network.pump()

    assert (answer.body, answer.complete) == (b"bye", True)
    assert len(gateway.logs) == 1
    assert client.goaways == []
    gateway.check_quiet()


def test_a_client_that_ends_its_half(gateway: Harness) -> None:
    """The backend hears so, and can still answer."""
    client, answer, backend = tunnel(gateway)
    client.write(answer, b"last", end=True)
    gateway.network.pump()
    assert heard(backend) == b"last"
    assert backend.end_of_input
    backend.send(b"answer")
    backend.close()
    gateway.network.pump()

    assert (answer.body, answer.complete) == (b"answer", True)
    gateway.check_quiet()


@pytest.mark.parametrize("how", ["cancel", "connection"])
def test_a_client_that_is_gone(gateway: Harness, how: str) -> None:
    """So is the backend's connection, and the record says what went through."""
    client, answer, backend = tunnel(gateway)
    backend.half_open = False
    backend.send(b"12345")
    gateway.network.pump()
    if how == "cancel":
        client.cancel(answer)
    else:
        client.reset()
    gateway.network.pump()

    assert backend.closed is not None
    assert gateway.last_log["bytes_sent"] == 5
    gateway.check_quiet()


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("reads", [True, False])
def test_a_backend_that_breaks_off(gateway: Harness, half: bool, reads: bool) -> None:
    """RFC 8441 section 5: CANCEL, and not the end of the stream; what it has said before comes before that."""
    client, answer, backend = tunnel(gateway)
    if half:
        client.write(answer, b"last", end=True)
        gateway.network.pump()
    client.reads = reads
    backend.send(bytes(70_000))
    gateway.network.pump()
    backend.reset()
    gateway.network.pump()
    if not reads:
        assert (len(answer.body), answer.reset) == (65_535, None)
        client.read(answer, 65_535)
        gateway.network.pump()

    assert (len(answer.body), answer.complete, answer.reset) == (70_000, False, codes.CANCEL)
    assert len(gateway.logs) == 1
    assert client.goaways == []
    gateway.check_quiet()


@pytest.mark.parametrize("code", [codes.CANCEL, codes.NO_ERROR, codes.PROTOCOL_ERROR])
def test_a_client_that_breaks_off(gateway: Harness, code: int) -> None:
    """The backend's connection is reset; at the end of the client's connection it is closed in good order."""
    client, answer, backend = tunnel(gateway)
    client.peer.reset_stream(answer.sid, code)
    client.flush()
    gateway.network.pump()

    assert backend.closed is not None
    assert backend.closed.check(ConnectionLost) is not None
    gateway.check_quiet()


def test_a_backend_that_overlooks_what_is_asked(gateway: Harness) -> None:
    """Its 200 would say to the client that the WebSocket is there: it is a 502."""
    gateway.backend("orders").answers(ok(b"a page"))
    client = Http2Client()
    gateway.memory.accept(client, "192.0.2.1")
    gateway.network.pump()
    answer = client.ask(ASK, b"early", end=False)
    gateway.network.pump()

    assert answer.status == 502
    assert answer.headers.get(b"gateway-reason") == b"upstream.protocol"
    gateway.check_quiet()


@pytest.mark.parametrize("accept", [b"", b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"])
def test_a_backend_that_answers_another_key(gateway: Harness, accept: bytes) -> None:
    """Or none: it has understood nothing, and the client has no key by which it could notice."""
    gateway.backend("orders").answers(SWITCH + accept + b"\r\n" + b"whatever")
    client = Http2Client()
    gateway.memory.accept(client, "192.0.2.1")
    gateway.network.pump()
    answer = client.ask(ASK, b"early", end=False)
    gateway.network.pump()
    gateway.advance(1.5)

    assert answer.status == 502
    assert answer.headers.get(b"gateway-reason") == b"upstream.protocol"
    assert b"early" not in gateway.backend("orders").connection.received
    gateway.check_quiet()


def test_clients_cannot_take_a_backend_away_by_asking_it_for_websockets(make: Callable[..., Harness]) -> None:
    """It serves none, and says so as well as it can: nothing is wrong with it."""
    orders = {"name": "orders", "backends": [{"url": "http://127.0.0.1:9001"}]}
    gateway = make(
        "orders", upstreams=[orders | {"circuit_breaker": {"failure_threshold": 2}, "passive_health": {"failures": 2}}]
    )
    for plain in (ok(b"a page"), b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\na page", SWITCH + b"\r\n"):
        gateway.backend("orders").answers(plain)
        client = Http2Client()
        gateway.memory.accept(client, "192.0.2.1")
        gateway.network.pump()
        for _ in range(5):
            answer = client.ask(ASK, end=False)
            gateway.network.pump()
            assert answer.headers.get(b"gateway-reason") == b"upstream.protocol"
    gateway.backend("orders").answers(ok(b"a page"))

    assert gateway.get("/orders/1").status == 200


def test_a_backend_that_says_no(gateway: Harness) -> None:
    """Its answer is an answer as any other, and what the client has sent is dropped."""
    gateway.backend("orders").answers(ok(b"no", status=b"403 Forbidden"))
    client = Http2Client()
    gateway.memory.accept(client, "192.0.2.1")
    gateway.network.pump()
    answer = client.ask(ASK, b"early", end=False)
    gateway.network.pump()
    gateway.advance(1.5)

    assert (answer.status, answer.body, answer.reset) == (403, b"no", codes.NO_ERROR)
    gateway.check_quiet()


@pytest.mark.parametrize(("path", "protocol", "status"), [("/nothing", "websocket", 404), ("/orders", "chat", 501)])
def test_what_is_not_to_be_had(gateway: Harness, path: str, protocol: str, status: int) -> None:
    """An error as for any other request."""
    client = Http2Client()
    gateway.memory.accept(client, "192.0.2.1")
    gateway.network.pump()
    changed = {":path": path, ":protocol": protocol}
    answer = client.ask([(name, changed.get(name, value)) for name, value in ASK], None, end=False)
    gateway.network.pump()

    assert (answer.status, answer.complete) == (status, True)
    assert gateway.backend("orders").requests == []


def test_back_pressure_reaches_from_one_end_to_the_other(gateway: Harness) -> None:
    """Both ways: what one does not take the other keeps."""
    client, answer, backend = tunnel(gateway)
    client.reads = False
    backend.send(bytes(5_000_000))
    gateway.network.pump()
    assert len(answer.body) == 65_535
    assert backend.transport.unread > 4_000_000  # type: ignore[union-attr]  # it is connected
    backend.stop_reading()
    sent = 0
    while client.peer.local_flow_control_window(answer.sid) >= 16_384:
        client.write(answer, bytes(16_384))
        sent += 16_384
        gateway.network.pump()
    assert sent <= 65_536 * 5
    backend.read_on()
    gateway.network.pump()
    assert len(heard(backend)) == sent
    read = 0
    for _ in range(200):
        now = len(answer.body)
        if now > read:
            client.read(answer, now - read)
            read = now
        gateway.network.pump()
    assert len(answer.body) == 5_000_000


def test_a_tunnel_may_be_silent(gateway: Harness) -> None:
    """For hours; once a half of it is closed its silence is bounded."""
    client, answer, backend = tunnel(gateway)
    gateway.advance(400)
    assert (answer.reset, answer.complete) == (None, False)
    client.write(answer, b"", end=True)
    gateway.advance(80)

    assert len(gateway.logs) == 1
    backend.half_open = False
    gateway.network.pump()


def test_a_drain_waits_and_then_ends_it(gateway: Harness) -> None:
    """As with any other exchange."""
    client, _, backend = tunnel(gateway)
    backend.half_open = False
    site = gateway.gateway.site
    drained = site.drain()
    gateway.network.pump()
    assert not drained.called
    site.abort()
    gateway.network.pump()

    assert drained.called
    assert client.closed is not None
    gateway.check_quiet()


def test_both_ends_are_told_that_the_gateway_goes(gateway: Harness) -> None:
    """1001, on each stream whose frames are complete; then the connection is closed, and not reset."""
    client, answer, backend = tunnel(gateway)
    backend.half_open = False
    between = client.ask(ASK, end=False)
    gateway.network.pump()
    backend.send(b"\x82\x05ab")  # a frame of five octets, of which two have come
    for other in gateway.backend("orders").connections:
        other.half_open = False
    gateway.network.pump()
    gateway.gateway.site.abort()
    gateway.network.pump()

    assert (answer.body, answer.complete) == (b"\x82\x05ab", False)
    assert (between.body, between.complete) == (close_frame(1001), True)
    assert client.goaways[-1][1] == codes.NO_ERROR
    assert client.closed is not None
    assert client.closed.check(ConnectionDone)
    unmasked = [_unmasked(heard(each)) for each in gateway.backend("orders").connections[:2]]
    assert unmasked == [(b"\x88", 1001)] * 2
    gateway.check_quiet()


def _unmasked(frame: bytes) -> tuple[bytes, int]:
    """Return kind and code of a close frame that a client sends."""
    key, code = frame[2:6], frame[6:8]
    return frame[:1], int.from_bytes(bytes(octet ^ key[at] for at, octet in enumerate(code)))


def test_a_step_may_close_it(gateway: Harness) -> None:
    """The client is told why, in a frame of its own."""
    tunnels = []

    class Keeps:
        name = "keeps"

        def on_response(self, exchange: object) -> None:
            tunnels.append(exchange.response.tunnel)  # type: ignore[attr-defined]  # it is an Exchange

    gateway.insert("/orders/chat", Keeps())
    client, answer, backend = tunnel(gateway)
    backend.half_open = False
    tunnels[0].close(1008, "revoked")
    gateway.network.pump()
    client.write(answer, b"", end=True)
    gateway.network.pump()

    assert answer.body == close_frame(1008, "revoked")
    assert answer.complete
    gateway.check_quiet()
