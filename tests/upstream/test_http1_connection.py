"""One connection to a backend, between an attempt and a transport that the test holds."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from gateway.body import HIGH_WATER, Body
from gateway.errors import BackendProtocolError, BackendReset, BackendTimeout, GatewayError, ReusedConnectionLost
from gateway.exchange import Downstream, Exchange
from gateway.headers import Headers
from gateway.http.fields import request_filter
from gateway.message import OpenTunnel, Request, Response, TunnelEnd
from gateway.peer import Forwarding, Peer
from gateway.transport.deadlines import NEVER
from gateway.upstream.contract import Hearer
from gateway.upstream.http1_connection import CLOSE, Http1Connection
from tests.upstream.conftest import Bench

HEAD = b"GET / HTTP/1.1\r\nHost: orders:80\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: orders:80\r\n%b\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"


class Direct(Forwarding):
    """A client of whom nothing is told."""

    def client_address(self, headers: Headers) -> str:
        return ""

    def encode(self, headers: Headers, host: bytes, version: bytes = b"1.1") -> bytes:
        return b""


class Asked(Hearer):
    """An attempt that keeps what it is told (`gateway.forwarding.attempt.Attempt`)."""

    def __init__(self, bench: Bench, request: Request) -> None:
        self.exchange = Exchange(request, Downstream(), Peer("", Direct()), 0.0, NEVER)
        self.deadline = 30.0
        self.passes = request_filter(frozenset())
        self.fresh = False
        self.bench = bench
        self.request = request
        self.told: list[str] = []
        self.response: Response | None = None
        self.error: GatewayError | None = None
        self.body: Body | None = None

    def interim(self, status: int, reason: bytes, headers: Headers) -> None:
        self.told.append(f"interim {status}")

    def answered(self, response: Response) -> None:
        self.told.append("answered")
        self.response = response

    def switched(self, response: Response, end: OpenTunnel) -> None:
        self.told.append("switched")
        self.response = response
        self.end = end

    def finished(self, status: int) -> float:
        self.told.append("finished")
        return self.bench.seconds

    def failed(self, error: GatewayError, body: Body | None) -> None:
        self.told.append("failed")
        self.error, self.body = error, body

    def next_deadline(self) -> float:
        return self.bench.seconds + 5.0

    def out_of_time(self) -> None:
        self.told.append("out of time")


class Line:
    """A connection that was lent, and who has it."""

    def __init__(self, bench: Bench, used: bool = False) -> None:
        self.bench = bench
        waiter = bench.wait()
        bench.connect()
        assert waiter.got is not None
        self.connection: Http1Connection = waiter.got
        self.end_of_tunnel: OpenTunnel
        if used:
            self.connection.uses = 1

    @property
    def transport(self) -> StringTransport:
        transport: Any = self.connection.transport
        assert isinstance(transport, StringTransport)
        return transport

    def send(self, method: bytes = b"GET", body: Body | None = None, upgrade: bytes | None = None) -> Asked:
        asked = Asked(self.bench, Request(method, b"/", Headers(), body=body, upgrade=upgrade))
        self.connection.send(asked)
        return asked

    def read(self, *reads: bytes) -> None:
        for data in reads:
            self.connection.dataReceived(data)

    def end(self, why: type[Exception] = ConnectionDone) -> None:
        self.connection.connectionLost(Failure(why()))


@pytest.fixture
def line(bench: Bench) -> Line:
    """A fresh connection."""
    return Line(bench)


def test_an_answer_in_one_read(line: Line) -> None:
    """The connection is free before its answer is delivered: what that begins may have it."""
    asked = line.send()
    line.read(OK)

    assert line.transport.value() == HEAD
    assert asked.told == ["finished", "answered"]
    assert line.bench.figures() == (1, 0, 0, 0)


def test_an_answer_in_parts(line: Line) -> None:
    """The head first, the end once."""
    asked = line.send()
    line.read(OK[:10], OK[10:-1])
    assert asked.told == ["answered"]
    line.read(OK[-1:])

    assert asked.told == ["answered", "finished"]
    assert asked.response is not None
    body = asked.response.body
    assert isinstance(body, Body)
    assert (body.take(), body.ended) == (b"ok", True)


def test_interim_answers_come_first(line: Line) -> None:
    """Also in the same read."""
    asked = line.send()
    line.read(b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK)

    assert asked.told == ["interim 103", "finished", "answered"]


@pytest.mark.parametrize(
    ("used", "reads", "error"),
    [
        (False, [], BackendReset),
        (True, [], ReusedConnectionLost),
        (True, [b"H"], BackendReset),
        (True, [OK[:-1]], BackendReset),
    ],
)
@pytest.mark.parametrize("why", [ConnectionDone, ConnectionLost])
def test_the_end_before_the_end(
    bench: Bench, used: bool, reads: list[bytes], error: type[GatewayError], why: type[Exception]
) -> None:
    """Only a used connection that said nothing may have been lost in the keep-alive race."""
    line = Line(bench, used)
    asked = line.send()
    line.read(*reads)
    line.end(why)

    assert type(asked.error) is error
    assert (asked.body is not None) == (reads == [OK[:-1]])
    assert bench.figures() == (0, 0, 0, 0)
    assert len(bench.deadlines) == 0


@pytest.mark.parametrize(
    ("cause", "told"), [(ssl.SSLError(1, "certificate required"), True), (ConnectionLost(), False)]
)
def test_an_alert_of_tls_is_the_cause(line: Line, cause: Exception, told: bool) -> None:
    """A backend that misses our certificate says so after the handshake: the log can name it, the client gets 502."""
    asked = line.send()
    line.connection.connectionLost(Failure(cause))

    assert type(asked.error) is BackendReset
    assert asked.error.__cause__ is (cause if told else None)


def test_losing_it_twice_is_losing_it_once(line: Line) -> None:
    """FIN, and then the end of our own half."""
    asked = line.send()
    line.connection.readConnectionLost()
    line.end()

    assert asked.told == ["failed"]
    assert len(line.bench.deadlines) == 0


def test_what_nobody_asked_for_ends_it(line: Line) -> None:
    """While it is idle."""
    line.send()
    line.read(OK, OK)

    assert line.transport.disconnecting
    assert line.bench.figures() == (0, 0, 0, 0)


def test_a_broken_answer_ends_it(line: Line) -> None:
    """At once; what was under way fails."""
    asked = line.send()
    line.read(b"SSH-2.0\r\n")

    assert isinstance(asked.error, BackendProtocolError)
    assert line.transport.disconnected


def test_out_of_time(line: Line) -> None:
    """The attempt decides; then the connection is no use any more."""
    asked = line.send()
    line.bench.pass_time(29.9)
    assert asked.told == []
    line.bench.pass_time(0.2)
    assert asked.told == ["out of time"]
    line.connection.time_out(BackendTimeout())

    assert asked.told == ["out of time", "failed"]
    assert line.transport.disconnected


def test_a_close_has_an_end(line: Line) -> None:
    """What was written may never be read: it is reset then."""
    line.connection.close()
    assert line.transport.disconnecting
    assert not line.transport.disconnected
    line.bench.pass_time(CLOSE)

    assert line.transport.disconnected


class TestRequestBody:
    """Content goes out as it comes."""

    def test_what_is_there_goes_with_the_head(self, line: Line) -> None:
        """In one write; a complete one ends there."""
        body = Body(length=3)
        body.push(b"abc")
        body.end()
        line.send(b"POST", body)

        assert line.transport.value() == POST % b"Content-Length: 3" + b"abc"

    def test_an_unknown_length_goes_in_chunks(self, line: Line) -> None:
        """With its trailers."""
        body = Body()
        body.push(b"abc")
        line.send(b"POST", body)
        body.push(b"de")
        body.end(Headers([(b"X-Sum", b"1")]))

        content = b"3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n"
        assert line.transport.value() == POST % b"Transfer-Encoding: chunked" + content

    def test_the_time_for_the_answer_begins_with_its_end(self, line: Line) -> None:
        """Until then it is the client who is waited for; a backend that takes nothing has as long as an answer."""
        body = Body(length=3)
        line.send(b"POST", body)
        assert line.connection.deadline == NEVER
        line.connection.pauseProducing()
        assert line.connection.deadline == 5.0
        line.connection.resumeProducing()
        assert line.connection.deadline == NEVER
        body.push(b"abc")
        body.end()

        assert line.connection.deadline == 5.0

    def test_an_answer_that_has_begun_does_not_make_the_backend_wait_for_itself(self, line: Line) -> None:
        """While content is to come it is the client's turn, also where the head of the answer is there already."""
        body = Body(length=3)
        asked = line.send(b"POST", body)
        line.read(OK[:-1])
        assert asked.told == ["answered"]
        assert line.connection.deadline == NEVER
        line.connection.pauseProducing()
        assert line.connection.deadline == 5.0
        line.connection.resumeProducing()
        line.bench.pass_time(1e6)
        assert asked.told == ["answered"]
        body.push(b"abc")
        body.end()

        assert line.connection.deadline == 1e6 + 5.0

    def test_an_answer_before_its_end_ends_the_connection(self, line: Line) -> None:
        """In the middle of a request there is no place for the next one."""
        body = Body(length=3)
        asked = line.send(b"POST", body)
        line.read(OK)
        body.push(b"abc")

        assert asked.told == ["finished", "answered"]
        assert line.transport.disconnecting
        assert line.transport.value() == POST % b"Content-Length: 3"

    def test_one_that_fails_ends_the_connection(self, line: Line) -> None:
        """Before it is sent, or while it is."""
        failed = Body(length=3)
        failed.fail()
        line.send(b"POST", failed)
        assert line.transport.disconnected
        other = Line(line.bench)
        body = Body(length=3)
        other.send(b"POST", body)
        body.fail()

        assert other.transport.disconnected


class Source:
    """Who reads the client."""

    def __init__(self) -> None:
        self.paused = False

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def body_over_limit(self, body: Body) -> None:
        """There is none."""


def test_a_slow_backend_pauses_who_sends(line: Line) -> None:
    """From the first write on."""
    source = Source()
    body = Body(source, length=HIGH_WATER * 2)
    body.push(b"x" * HIGH_WATER)
    full = line.transport
    full.write = lambda data: line.connection.pauseProducing()  # type: ignore[method-assign]
    line.send(b"POST", body)
    assert source.paused
    line.connection.resumeProducing()

    assert not source.paused


def test_a_slow_reader_pauses_the_connection(line: Line) -> None:
    """And is not taken for a slow backend."""
    asked = line.send()
    line.read(OK[:-1])
    assert asked.response is not None
    body = asked.response.body
    assert isinstance(body, Body)
    body.pause()
    assert line.transport.producerState == "paused"
    assert line.connection.deadline == NEVER
    body.resume()

    assert line.transport.producerState == "producing"
    assert line.connection.deadline == 5.0


def test_a_reader_that_is_slow_while_a_part_is_read(line: Line) -> None:
    """What the part itself causes is not undone when it has been read."""
    line.send()
    line.read(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * HIGH_WATER)

    assert line.transport.producerState == "paused"
    assert line.connection.deadline == NEVER


def test_the_next_one_does_not_find_it_paused(line: Line) -> None:
    """The reader was slow when the end came."""
    waiting = [line.bench.wait() for _ in range(2)]
    line.bench.refuse()
    asked = line.send()
    line.read(OK[:-1])
    assert asked.response is not None
    assert isinstance(asked.response.body, Body)
    asked.response.body.pause()
    line.read(OK[-1:])

    assert line.connection in [waiter.got for waiter in waiting]
    assert line.transport.producerState == "producing"


class OtherEnd(TunnelEnd):
    """The other end of a tunnel."""

    def __init__(self) -> None:
        self.data = b""
        self.told: list[str] = []

    def tunnel_received(self, data: bytes) -> None:
        self.data += data

    def tunnel_half_closed(self) -> None:
        self.told.append("half-closed")

    def tunnel_lost(self) -> None:
        self.told.append("lost")

    def pause_reading(self) -> None:
        self.told.append("pause")

    def resume_reading(self) -> None:
        self.told.append("resume")


class TestTunnel:
    """After a 101."""

    @pytest.fixture
    def peer(self, line: Line) -> OtherEnd:
        """A joined end."""
        asked = line.send(upgrade=b"x")
        line.read(SWITCH + b"early")
        assert asked.told == ["switched"]
        assert line.transport.producerState == "paused"  # nothing is read before there is someone to have it
        peer = OtherEnd()
        asked.end.join(peer)
        line.end_of_tunnel = asked.end
        line.transport.clear()
        return peer

    def test_octets_pass(self, line: Line, peer: OtherEnd) -> None:
        """The early ones first."""
        line.read(b" bird")
        line.end_of_tunnel.tunnel_received(b"back")

        assert (peer.data, line.transport.value()) == (b"early bird", b"back")
        assert line.transport.producerState == "producing"

    def test_it_is_busy_and_has_no_deadline(self, line: Line, peer: OtherEnd) -> None:
        """It counts against the cap."""
        line.bench.pass_time(1e6)

        assert peer.told == []
        assert line.bench.figures() == (0, 1, 0, 0)

    def test_pressure_passes(self, line: Line, peer: OtherEnd) -> None:
        """Both ways."""
        line.connection.pauseProducing()
        line.connection.resumeProducing()
        line.connection.pause_reading()

        assert peer.told == ["pause", "resume"]
        assert line.transport.producerState == "paused"

    def test_the_end_passes(self, line: Line, peer: OtherEnd) -> None:
        """Once."""
        line.end()

        assert peer.told == ["lost"]
        assert line.bench.figures() == (0, 0, 0, 0)

    def test_the_peers_end_closes_it(self, line: Line, peer: OtherEnd) -> None:
        """What was written still goes."""
        line.end_of_tunnel.tunnel_lost()

        assert line.transport.disconnecting
        assert line.bench.figures() == (0, 0, 0, 0)


def test_an_aborted_attempt_hears_nothing_more(line: Line) -> None:
    """Who gave it up knows."""
    asked = line.send()
    line.connection.abort()
    line.end(ConnectionLost)

    assert asked.told == []
    assert line.transport.disconnected
