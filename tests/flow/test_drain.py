"""Stopping: what is idle is closed, what is under way is finished, and nothing new begins."""

from __future__ import annotations

from gateway.memory.backend import ok
from gateway.testing import Harness

GET = b"GET /orders/7 HTTP/1.1\r\nHost: gateway.test\r\n\r\n"
ASK = b"GET /orders/chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def test_idle_connections_are_closed(gateway: Harness) -> None:
    """Those that were used, those that never were, and those in the middle of a head."""
    clients = [gateway.send(GET), gateway.client(), gateway.send(GET[:10])]
    drained = gateway.gateway.site.drain()
    gateway.network.pump()

    assert all(client.closed is not None for client in clients)
    assert drained.called


def test_busy_connections_are_answered_and_closed(gateway: Harness) -> None:
    """The answer says so."""
    backend = gateway.backend("orders")
    backend.stall()
    client = gateway.send(GET)
    drained = gateway.gateway.site.drain()
    gateway.network.pump()
    assert client.closed is None
    assert not drained.called
    backend.connection.send(ok(b"done"))
    gateway.network.pump()

    (response,) = client.responses()
    assert (response.body, response.headers.get(b"Connection")) == (b"done", b"close")
    assert client.closed is not None
    assert drained.called


def test_an_answer_that_had_begun_is_finished(gateway: Harness) -> None:
    """Its head could not say that the connection closes; the client is let come with another request, and hears it."""
    backend = gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha", ok(b"last"))
    client = gateway.send(GET)
    drained = gateway.gateway.site.drain()
    backend.connection.send(b"lf")
    gateway.network.pump()
    assert client.responses()[0].body == b"half"
    gateway.send(GET, client)

    assert client.closed is not None
    assert drained.called


def test_draining_twice_is_draining_once(gateway: Harness) -> None:
    """Whoever asks hears of the end."""
    client = gateway.send(GET)
    one, two = gateway.gateway.site.drain(), gateway.gateway.site.drain()
    gateway.network.pump()

    assert client.closed is not None
    assert one.called
    assert two.called


def test_a_client_that_does_not_read_holds_up_nothing_for_ever(gateway: Harness) -> None:
    """Its last answer cannot leave."""
    gateway.backend("orders").answers(ok(b"x" * 300_000))
    client = gateway.client()
    client.stop_reading()
    gateway.send(GET, client)
    drained = gateway.gateway.site.drain()
    gateway.advance(45)

    assert drained.called


def test_when_time_is_up_what_is_left_is_broken_off(gateway: Harness) -> None:
    """Exchanges and tunnels; each has its record."""
    backend = gateway.backend("orders")
    backend.answers(SWITCH)
    tunnel = gateway.send(ASK)
    backend.stall()
    client = gateway.send(GET)
    gateway.gateway.site.drain()
    gateway.network.pump()
    gateway.gateway.site.abort()
    gateway.network.pump()

    assert client.closed is not None
    assert tunnel.closed is not None
    assert all(connection.closed is not None for connection in backend.connections)
    assert sorted(record["status_code"] for record in gateway.logs) == [101, 503]
    gateway.check_quiet()


def test_pools_close_when_they_are_empty(gateway: Harness) -> None:
    """Idle connections at once; the Deferred fires with the last one."""
    gateway.get("/orders/7")
    closed = gateway.gateway.foundation.pool.closeCachedConnections()
    gateway.network.pump()

    assert closed.called
    assert gateway.backend("orders").connection.closed is not None


def test_pools_wait_for_what_is_busy(gateway: Harness) -> None:
    """And for what is being dialled."""
    backend = gateway.backend("orders")
    backend.stall()
    gateway.send(GET)
    closed = gateway.gateway.foundation.pool.closeCachedConnections()
    gateway.network.pump()
    assert not closed.called
    backend.connection.send(ok())
    gateway.network.pump()

    assert closed.called


def test_aborted_pools_leave_nothing(gateway: Harness) -> None:
    """Busy, idle and dialling."""
    backend = gateway.backend("orders")
    gateway.get("/orders/7")
    backend.stall()
    post = GET.replace(b"GET", b"POST")  # not sent again when its connection is lost
    busy = [gateway.send(post) for _ in range(2)]
    backend.swallow_connections()
    dialling = gateway.send(GET)
    gateway.gateway.foundation.pool.abort()
    gateway.network.pump()

    assert [client.responses()[0].status >= 500 for client in [*busy, dialling]] == [True] * 3
    assert all(connection.closed is not None for connection in backend.connections)
    gateway.check_quiet()


FRAME = b"\x82\x7e\x01\x00" + b"x" * 256
GOING_AWAY = b"\x88\x02\x03\xe9"


def drain_a_tunnel(gateway: Harness, said: bytes, ask: bytes = ASK) -> bytes:
    """Cut a tunnel at the end of a drain, its backend having said something; returns what the client got of it."""
    gateway.backend("orders").answers(SWITCH.replace(b"websocket", b"echo") if ask is not ASK else SWITCH)
    client = gateway.send(ask)
    gateway.backend("orders").connection.send(said)
    gateway.network.pump()
    gateway.gateway.site.drain()
    gateway.gateway.site.abort()
    gateway.network.pump()
    assert client.closed is not None
    assert gateway.backend("orders").connection.closed is not None
    assert [record["status_code"] for record in gateway.logs] == [101]
    gateway.check_quiet()
    return client.received.partition(b"\r\n\r\n")[2]


def test_the_client_of_a_websocket_is_told_that_the_gateway_goes(gateway: Harness) -> None:
    """1001 (RFC 6455 section 7.4.1) where a frame may stand."""
    assert drain_a_tunnel(gateway, FRAME) == FRAME + GOING_AWAY
    assert goodbye(gateway) == GOING_AWAY


def goodbye(gateway: Harness) -> bytes:
    """What the backend got behind the head, without the mask that clients use (RFC 6455 section 5.1)."""
    got = gateway.backend("orders").connection.received.partition(b"\r\n\r\n")[2]
    if not got:
        return b""
    assert got[1] & 0x80
    return bytes((got[0], got[1] & 0x7F)) + bytes(octet ^ got[2 + place % 4] for place, octet in enumerate(got[6:]))


def test_nothing_is_said_within_a_frame(gateway: Harness) -> None:
    """It would be taken for content: the connection is cut."""
    assert not drain_a_tunnel(gateway, FRAME + FRAME[:9]).endswith(GOING_AWAY)
    assert goodbye(gateway) == GOING_AWAY  # where one of the backend's is under way, another may stand towards it


def test_nothing_is_said_after_a_close_frame(gateway: Harness) -> None:
    """The backend has said goodbye, and the client has not answered yet."""
    assert GOING_AWAY not in drain_a_tunnel(gateway, FRAME + b"\x88\x02\x03\xe8")


def test_nothing_is_said_in_another_protocol(gateway: Harness) -> None:
    """Only of a WebSocket is it known what a goodbye looks like."""
    assert GOING_AWAY not in drain_a_tunnel(gateway, b"", ASK.replace(b"websocket", b"echo"))
    assert goodbye(gateway) == b""
