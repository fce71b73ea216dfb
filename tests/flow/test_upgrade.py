"""A change of protocol: a tunnel once the backend says 101, an ordinary exchange as long as it does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from gateway.exchange import Exchange
from gateway.memory.backend import BackendConnection, ok
from gateway.memory.transport import QUEUE, WIRE
from gateway.message import Response, Tunnel
from gateway.testing import FakeClient, Harness

ASK = b"GET /orders/chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
GET = b"GET /orders/7 HTTP/1.1\r\nHost: h\r\n\r\n"
Make = Callable[..., Harness]


def tunnel(gateway: Harness, early: bytes = b"", greeting: bytes = b"") -> tuple[FakeClient, BackendConnection]:
    """Change protocols; both ends are then silent and left half-open by the other's FIN."""
    backend = gateway.backend("orders")
    backend.answers(SWITCH + greeting)
    client = gateway.client()
    client.half_open = True
    gateway.send(ASK + early, client)
    connection = backend.connection
    connection.half_open = True
    return client, connection


def after_head(octets: bytes) -> bytes:
    """What came after the first head."""
    return octets.partition(b"\r\n\r\n")[2]


def test_octets_pass_both_ways(gateway: Harness) -> None:
    """As they are, and nothing of HTTP looks at them."""
    client, backend = tunnel(gateway)
    gateway.send(b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", client)
    backend.send(b"HTTP/9.9 \0\r\n\r\n")
    gateway.network.pump()

    assert after_head(backend.received) == b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"
    assert after_head(client.received) == b"HTTP/9.9 \0\r\n\r\n"


def test_a_tunnel_is_in_flight_until_it_is_closed(gateway: Harness) -> None:
    """As long as it lasts its backend has it to serve: `least_connections` and the gauge know of it."""
    client, backend = tunnel(gateway)
    assert gateway.metric("gateway_backend_in_flight", upstream="orders") == 1

    client.close()
    gateway.network.pump()
    assert gateway.metric("gateway_backend_in_flight", upstream="orders") == 1  # one half of it still is
    backend.close()
    gateway.network.pump()
    assert gateway.metric("gateway_backend_in_flight", upstream="orders") == 0


def test_early_octets_of_both_sides(gateway: Harness) -> None:
    """Sent with the request, and with the 101: each is the beginning of its direction."""
    client, backend = tunnel(gateway, early=b"early", greeting=b"hello")
    gateway.send(b" bird", client)

    assert after_head(backend.received) == b"early bird"
    assert after_head(client.received) == b"hello"


def test_octets_behind_a_pipelined_upgrade_wait_for_its_answer(gateway: Harness) -> None:
    """The answer to a request before it does not make them requests: they are the tunnel's, if there is to be one."""
    gateway.backend("orders").answers(ok(b"first"), SWITCH, ok(b"last"))
    client = gateway.send(GET + ASK + GET)

    assert [response.status for response in client.responses()] == [200, 101]
    assert after_head(after_head(gateway.backend("orders").connection.received)) == GET
    assert len(gateway.backend("orders").requests) == 2


def test_the_head_of_a_101_is_a_response_like_others(gateway: Harness) -> None:
    """It says to which protocol, and carries what every response carries."""
    client, _ = tunnel(gateway)
    head = client.received.partition(b"\r\n\r\n")[0].lower()

    assert head.startswith(b"http/1.1 101 ")
    assert b"\r\nupgrade: websocket" in head
    assert b"\r\nconnection: upgrade" in head
    assert b"\r\nx-request-id: " in head


def test_a_tunnel_is_one_exchange(gateway: Harness) -> None:
    """Logged when it is over, once, with the octets that it carried; ending it is no error."""
    client, backend = tunnel(gateway)
    backend.send(b"12345")
    gateway.network.pump()
    assert gateway.logs == []
    client.close()
    gateway.network.pump()
    backend.close()
    gateway.network.pump()

    (record,) = gateway.logs
    assert (record["status_code"], record["reason"], record["bytes_sent"]) == (101, None, 5)
    gateway.check_quiet()


@pytest.mark.parametrize("first", ["client", "backend"])
def test_each_half_closes_alone(gateway: Harness, first: str) -> None:
    """The other direction goes on; when both are closed, so are the connections."""
    ends: dict[str, Any] = dict(zip(("client", "backend"), tunnel(gateway), strict=True))
    one = ends.pop(first)
    (other,) = ends.values()
    one.half_close()
    gateway.network.pump()
    assert other.end_of_input
    other.send(b"still here")
    gateway.network.pump()
    assert one.received.endswith(b"still here")
    other.half_close()
    gateway.network.pump()

    assert one.end_of_input
    gateway.check_quiet()
    assert not gateway.gateway.site.channels


@pytest.mark.parametrize("first", ["client", "backend"])
@pytest.mark.parametrize("how", ["reset", "close"])
def test_the_end_of_one_is_the_end_of_the_other(gateway: Harness, first: str, how: str) -> None:
    """Reset, or closed by a peer that closes in return."""
    client, backend = tunnel(gateway)
    client.half_open = backend.half_open = False
    getattr(client if first == "client" else backend, how)()
    gateway.network.pump()

    assert client.closed is not None
    assert backend.closed is not None
    gateway.check_quiet()


@pytest.mark.parametrize("slow", ["client", "backend"])
def test_a_slow_end_pauses_the_other(gateway: Harness, slow: str) -> None:
    """Whoever sends keeps what is not read."""
    client, backend = tunnel(gateway)
    reader, writer = (client, backend) if slow == "client" else (backend, client)
    reader.stop_reading()
    for _ in range(100):
        writer.send(b"x" * 50_000)
        gateway.network.pump()

    assert writer.unread > 5_000_000 - 4 * WIRE - QUEUE
    reader.read_on()
    gateway.network.pump()
    assert len(after_head(reader.received)) == 5_000_000


def test_a_slow_client_pauses_from_the_first_octet(gateway: Harness) -> None:
    """Also for what came with the 101."""
    backend = gateway.backend("orders")
    backend.answers(SWITCH + b"x" * 5_000_000)
    client = gateway.client()
    client.stop_reading()
    gateway.send(ASK, client)

    assert backend.connection.unread > 5_000_000 - 4 * WIRE - QUEUE


def test_the_end_waits_for_what_was_written(gateway: Harness) -> None:
    """The backend closes with octets under way to a slow client: all of them arrive first."""
    client, backend = tunnel(gateway)
    client.stop_reading()
    backend.send(b"x" * 200_000)
    backend.close()
    gateway.network.pump()
    client.read_on()
    gateway.network.pump()

    assert len(after_head(client.received)) == 200_000
    assert client.end_of_input


def test_a_tunnel_has_no_timeouts(gateway: Harness) -> None:
    """It may be silent for hours."""
    client, backend = tunnel(gateway)
    gateway.advance(600)
    gateway.send(b"ping", client)

    assert backend.received.endswith(b"ping")


def test_a_tunnel_that_is_closed_one_way_may_not_be_silent_for_ever(gateway: Harness) -> None:
    """A client that has sent FIN may have gone: `client_idle` without an octet ends both connections."""
    client, backend = tunnel(gateway)
    client.half_close()
    gateway.network.pump()
    for _ in range(3):
        gateway.advance(70)
        backend.send(b"x")
        gateway.network.pump()
    assert client.received.endswith(b"xxx")
    gateway.advance(76)
    backend.close()
    gateway.network.pump()

    assert not gateway.gateway.site.channels
    assert client.closed is not None
    gateway.check_quiet()


def test_a_client_may_close_its_half_before_the_101(gateway: Harness) -> None:
    """The backend hears of it once it has changed protocols."""
    gateway.backend("orders").stall()
    client = gateway.send(ASK + b"all I have to say")
    client.half_open = True
    client.half_close()
    gateway.network.pump()
    backend = gateway.backend("orders").connection
    backend.half_open = True
    backend.send(SWITCH + b"hello")
    gateway.network.pump()

    assert after_head(backend.received) == b"all I have to say"
    assert backend.end_of_input
    assert after_head(client.received) == b"hello"
    backend.close()
    gateway.network.pump()
    assert client.end_of_input
    assert not gateway.gateway.site.channels


def test_a_backend_may_decline(gateway: Harness) -> None:
    """An ordinary answer; what the client sent behind its request is then the next request."""
    backend = gateway.backend("orders")
    backend.answers(ok(b"no"), ok(b"next"))
    client = gateway.send(ASK + GET)
    gateway.send(GET, client)

    assert [response.body for response in client.responses()] == [b"no", b"next", b"next"]
    assert len(backend.connections) == 1


def test_a_backend_may_decline_later(gateway: Harness) -> None:
    """The next request came before the answer, in several reads."""
    backend = gateway.backend("orders")
    backend.stall()
    client = gateway.send(ASK)
    for start in range(0, len(GET), 9):
        gateway.send(GET[start : start + 9], client)
    backend.answer = lambda asked: ok(b"next")
    backend.connection.send(ok(b"no"))
    gateway.network.pump()

    assert [response.body for response in client.responses()] == [b"no", b"next"]


def test_a_protocol_that_nobody_asked_for(gateway: Harness) -> None:
    """502."""
    gateway.backend("orders").answers(SWITCH)

    assert gateway.get("/orders/7").status == 502


@pytest.mark.parametrize("how", ["reset", "close"])
def test_a_client_that_leaves_before_the_101(gateway: Harness, how: str) -> None:
    """The attempt is ended; a 101 that comes then is nobody's."""
    gateway.backend("orders").stall()
    client = gateway.send(ASK)
    getattr(client, how)()
    gateway.network.pump()
    gateway.advance(2.2)

    assert gateway.backend("orders").connection.closed is not None
    assert gateway.last_log["status_code"] == 499


class Waits:
    """A step that looks at heads for as long as the test says."""

    name = "waits"

    def __init__(self) -> None:
        self.waiting: list[Deferred[None]] = []

    def on_response(self, exchange: Exchange) -> Deferred[None]:
        self.waiting.append(Deferred())
        return self.waiting[-1]


def test_octets_wait_while_a_step_looks_at_the_101(gateway: Harness) -> None:
    """None is lost, and none is read before its time."""
    step = Waits()
    gateway.insert("/orders/chat", step)
    client, backend = tunnel(gateway, early=b"early", greeting=b"hel")
    backend.send(b"lo")
    gateway.network.pump()
    assert client.received == b""
    step.waiting[0].callback(None)
    gateway.network.pump()

    assert after_head(client.received) == b"hello"
    assert after_head(backend.received) == b"early"


def test_a_client_that_leaves_while_a_step_looks_at_the_101(gateway: Harness) -> None:
    """The step is cancelled, and the connection to the backend closed."""
    step = Waits()
    gateway.insert("/orders/chat", step)
    client, backend = tunnel(gateway)
    client.reset()
    gateway.network.pump()

    assert step.waiting[0].called
    assert backend.closed is not None
    assert gateway.last_log["status_code"] in (101, 499)


def test_a_reload_leaves_tunnels_alone(gateway: Harness) -> None:
    """Also when their backend is gone from the configuration."""
    client, backend = tunnel(gateway)
    gateway.backend("others")
    gateway.apply(
        upstreams=[gateway.upstream("others")], routes=[{"name": "others", "path": "/*", "upstream": "others"}]
    )
    gateway.send(b"ping", client)
    backend.send(b"pong")
    gateway.network.pump()

    assert backend.received.endswith(b"ping")
    assert client.received.endswith(b"pong")
    assert gateway.get("/x").status == 200
    client.reset()
    gateway.network.pump()
    assert backend.end_of_input
    assert not gateway.gateway.foundation.pool._leaving


POLICY = b"\x88\x08\x03\xf0cut it"
FRAME = b"\x82\x7e\x01\x00" + b"x" * 256


class Closer:
    """A step that keeps tunnels, to close them when a rule of access is no longer kept."""

    name = "closer"

    def __init__(self, at_once: bool = False) -> None:
        self.at_once = at_once
        self.tunnels: list[Tunnel] = []

    def on_response(self, exchange: Exchange) -> None:
        assert exchange.response is not None
        assert exchange.response.tunnel is not None
        self.tunnels.append(exchange.response.tunnel)
        if self.at_once:
            self.tunnels[0].close(1008, "cut it")


def check_closed(gateway: Harness, client: FakeClient, backend: BackendConnection) -> None:
    """It is over on both sides, with one record."""
    client.close()
    backend.close()
    gateway.network.pump()
    assert client.end_of_input
    assert backend.end_of_input
    assert [record["status_code"] for record in gateway.logs] == [101]
    assert not gateway.gateway.site.channels
    gateway.check_quiet()


def test_a_step_may_close_a_websocket(gateway: Harness) -> None:
    """The client is told the code and the reason; the backend is let go; the client's own goodbye resets nothing."""
    step = Closer()
    gateway.insert("/orders/chat", step)
    client, backend = tunnel(gateway, greeting=FRAME)
    step.tunnels[0].close(1008, "cut it")
    step.tunnels[0].close(1008, "cut it")
    gateway.network.pump()

    assert after_head(client.received) == FRAME + POLICY
    assert client.end_of_input
    assert backend.end_of_input
    gateway.send(b"\x88\x82abcd\x62\x8b", client)
    check_closed(gateway, client, backend)


PING = b"\x89\x84abcd\x02\x02\x02\x02"  # of a client, so masked


def goodbye(octets: bytes) -> bytes:
    """Code and reason of the one masked close frame that these octets are."""
    size = octets[1] & 0x7F
    assert (octets[0], octets[1] & 0x80, len(octets)) == (0x88, 0x80, 6 + size)
    return bytes(octet ^ octets[2 + place % 4] for place, octet in enumerate(octets[6:]))


def test_its_backend_is_told_as_its_client_would(gateway: Harness) -> None:
    """Masked (RFC 6455 section 5.1), once, with the code and the reason, and behind what the client has sent."""
    step = Closer()
    gateway.insert("/orders/chat", step)
    client, backend = tunnel(gateway, greeting=FRAME[:100])
    gateway.send(PING, client)
    step.tunnels[0].close(1008, "cut it")
    gateway.send(PING, client)
    assert after_head(backend.received) == PING + PING
    backend.send(FRAME[100:])
    gateway.network.pump()

    assert goodbye(after_head(backend.received).removeprefix(PING + PING)) == POLICY[2:]
    check_closed(gateway, client, backend)


def test_its_backend_is_told_also_where_the_client_takes_nothing(gateway: Harness) -> None:
    """The frame for the client is never complete, those of the client are."""
    step = Closer()
    gateway.insert("/orders/chat", step)
    _, backend = tunnel(gateway, greeting=FRAME[:100])
    step.tunnels[0].close(1008, "cut it")
    gateway.advance(60)

    assert goodbye(after_head(backend.received)) == POLICY[2:]


@pytest.mark.parametrize("sent", [PING + PING[:3], PING[:1], b"\x82\xfe\x01\x00abcd" + b"x" * 255, b"\x88\x80abcd"])
def test_its_backend_is_told_nothing_within_a_frame_or_after_a_goodbye(gateway: Harness, sent: bytes) -> None:
    """It would be taken for content, or is none of the protocol."""
    step = Closer()
    gateway.insert("/orders/chat", step)
    client, backend = tunnel(gateway, greeting=FRAME)
    gateway.send(sent, client)
    step.tunnels[0].close(1008, "cut it")
    gateway.network.pump()

    assert after_head(backend.received) == sent
    check_closed(gateway, client, backend)


def test_a_websocket_is_closed_at_the_end_of_a_frame(gateway: Harness) -> None:
    """The rest of the frame is let pass, and nothing of the next one."""
    step = Closer()
    gateway.insert("/orders/chat", step)
    client, backend = tunnel(gateway, greeting=FRAME[:100])
    step.tunnels[0].close(1008, "cut it")
    gateway.network.pump()
    assert after_head(client.received) == FRAME[:100]
    backend.send(FRAME[100:] + FRAME)
    gateway.network.pump()

    assert after_head(client.received) == FRAME + POLICY
    check_closed(gateway, client, backend)


def test_the_end_of_a_frame_is_not_waited_for_long(gateway: Harness) -> None:
    """A backend that never completes it keeps nobody connected; what the client sends does not put it off."""
    step = Closer()
    gateway.insert("/orders/chat", step)
    client, _ = tunnel(gateway, greeting=FRAME[:100])
    step.tunnels[0].close(1008, "cut it")
    for _ in range(3):
        gateway.advance(4)
        gateway.send(b"\x89\x80abcd", client)

    assert client.closed is not None
    assert not gateway.gateway.site.channels


def test_a_tunnel_of_another_protocol_is_closed(gateway: Harness) -> None:
    """Nothing is said: it is not known how."""
    step = Closer()
    gateway.insert("/orders/chat", step)
    gateway.backend("orders").answers(SWITCH.replace(b"websocket", b"echo"))
    client = gateway.send(ASK.replace(b"websocket", b"echo"))
    step.tunnels[0].close(1008, "cut it")
    gateway.network.pump()

    assert after_head(client.received) == b""
    assert client.closed is not None
    gateway.check_quiet()


def test_a_websocket_may_be_closed_before_it_begins(gateway: Harness) -> None:
    """A rule fails while the steps look at the 101: the client hears of it as soon as it can be told."""
    gateway.insert("/orders/chat", Closer(at_once=True))
    client, backend = tunnel(gateway)

    assert client.received.startswith(b"HTTP/1.1 101 ")
    assert after_head(client.received) == POLICY
    check_closed(gateway, client, backend)


def test_a_step_cannot_change_protocols(gateway: Harness) -> None:
    """A 101 without a backend's connection behind it is an error of the step."""

    class Says101:
        name = "says_101"

        def on_request(self, exchange: Exchange) -> Response:
            return Response(101)

    gateway.insert("/orders/chat", Says101())

    assert gateway.get("/orders/chat").status == 500
