"""The client's end of an exchange (`gateway.exchange.Downstream`): one suite, on each implementation."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.testing import StringTransport
from twisted.web.server import Site

from gateway.body import Body
from gateway.errors import GatewayError
from gateway.exchange import Exchange
from gateway.forwarding.subrequest import Subrequest
from gateway.headers import Headers
from gateway.memory.backend import ok
from gateway.message import Request, Response
from gateway.peer import Peer
from gateway.serving.gateway_tree import GatewayTree
from gateway.testing import Harness
from tests.http2.client import Http2Answer, Http2Client

GET = b"GET /orders/7 HTTP/1.1\r\nHost: h\r\n\r\n"


class Keeps:
    """A step that keeps exchanges, for the suite to ask their client's end things itself."""

    name = "keeps"

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []

    def on_request(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)


class OwnPort:
    """A connection to the gateway's own port: `gateway.serving.http1_channel.Http1Channel`."""

    def __init__(self) -> None:
        self.gateway = Harness("orders")
        self.client = self.gateway.client()

    def send(self, data: bytes) -> None:
        self.gateway.send(data, self.client)

    @property
    def received(self) -> bytes:
        return self.client.received

    @property
    def cut(self) -> bool:
        """Whether the gateway has ended the connection."""
        return self.client.closed is not None

    def leave(self) -> None:
        self.client.reset()
        self.gateway.network.pump()


class OneStream:
    """A stream of a connection of HTTP/2: `gateway.serving.http2_stream.Http2Stream`; another goes on beside it."""

    def __init__(self) -> None:
        self.gateway = Harness("orders")
        self.client = Http2Client()
        self.gateway.memory.accept(self.client, "192.0.2.1")
        self.answer = Http2Answer(0)

    def send(self, data: bytes) -> None:
        method, target, _ = data.decode().split(" ", 2)
        self.answer = self.client.request(method, target)
        self.gateway.network.pump()

    @property
    def received(self) -> bytes:
        """As HTTP/1.1 would have it."""
        answer = self.answer
        if not answer.status:
            return b""
        return b"HTTP/1.1 %d \r\n%b\r\n%b" % (answer.status, answer.headers.encode(), answer.body)

    @property
    def cut(self) -> bool:
        """Whether the gateway has ended the stream, or the connection."""
        return self.answer.reset is not None or self.client.closed is not None

    def leave(self) -> None:
        self.client.cancel(self.answer)
        self.gateway.network.pump()


class StockSite:
    """A connection to a stock site: `gateway.serving.stock.StockClient`."""

    def __init__(self) -> None:
        self.gateway = Harness("orders")
        self.transport = StringTransport()
        self.channel = Site(GatewayTree(self.gateway.gateway.site), reactor=self.gateway.clock).buildProtocol(None)
        self.channel.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        self.channel.dataReceived(data)
        self.gateway.network.pump()

    @property
    def received(self) -> bytes:
        data: bytes = self.transport.value()
        return data

    @property
    def cut(self) -> bool:
        """Whether the gateway has ended the connection."""
        return self.transport.disconnecting

    def leave(self) -> None:
        from twisted.internet.error import ConnectionLost
        from twisted.python.failure import Failure

        self.channel.connectionLost(Failure(ConnectionLost()))
        self.gateway.network.pump()


class Asked:
    """An asker without a client: `gateway.forwarding.subrequest.Subrequest`; notes what a client would see."""

    def __init__(self) -> None:
        self.gateway = Harness("orders")
        self.received = b""
        self.cut = False
        root, site = self.gateway.gateway.root, self.gateway.gateway.site
        self.peer = Peer("192.0.2.1", site.forwarding("192.0.2.1", False))
        self.subrequest = Subrequest(site, self, root.render_exchange, root.finish)

    def send(self, data: bytes) -> None:
        method, target, _ = data.split(b" ", 2)
        self.subrequest.ask(Request(method, target, Headers(), b"h"), self.peer, 30.0)
        self.gateway.network.pump()

    def leave(self) -> None:
        self.subrequest.cancel()
        self.gateway.network.pump()

    # gateway.forwarding.subrequest.Asker

    def subrequest_answered(self, response: Response) -> None:
        self.received += b"HTTP/1.1 %d \r\n%b\r\n" % (response.status, response.headers.encode())
        body = response.body
        if isinstance(body, Body):
            self.received += body.take()
            body.attach(self)
        else:
            self.received += body or b""

    def subrequest_failed(self, error: GatewayError) -> None:
        self.cut = True

    def subrequest_over(self) -> None:
        pass

    # gateway.body.BodySink

    def body_received(self, data: bytes) -> None:
        self.received += data

    def body_ended(self, trailers: Headers | None) -> None:
        pass

    def body_failed(self) -> None:
        self.cut = True


@pytest.fixture(params=[OwnPort, OneStream, StockSite, Asked])
def end(request: pytest.FixtureRequest) -> Any:
    """A client of one kind, and the step that keeps its exchanges."""
    end = request.param()
    end.step = Keeps()
    end.gateway.insert("/orders/7", end.step)
    return end


def test_a_response_goes_out_with_its_head_and_body(end: Any) -> None:
    """And the exchange is over: finished once, with its octets."""
    end.gateway.backend("orders").answers(ok(b"seven"))
    end.send(GET)
    (exchange,) = end.step.exchanges

    assert end.received.startswith(b"HTTP/1.1 200 ")
    assert end.received.endswith(b"\r\n\r\nseven")
    assert exchange.bytes_sent == 5
    assert exchange.finished
    assert len(end.gateway.logs) == 1


def test_a_body_goes_out_as_it_comes(end: Any) -> None:
    """Part by part; its end is the end of the exchange."""
    backend = end.gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
    end.send(GET)
    assert end.received.endswith(b"ab")
    assert end.gateway.logs == []
    backend.connection.send(b"cd")
    end.gateway.network.pump()

    assert end.received.endswith(b"abcd")
    assert len(end.gateway.logs) == 1


def test_abort_breaks_off(end: Any) -> None:
    """Before the head or within the body: nothing more comes, the backend is let go, one record."""
    backend = end.gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
    end.send(GET)
    (exchange,) = end.step.exchanges
    exchange.downstream.abort(exchange)
    exchange.downstream.abort(exchange)
    end.gateway.network.pump()

    assert end.cut
    assert backend.connection.closed is not None
    assert len(end.gateway.logs) == 1
    end.gateway.check_quiet()


def test_a_second_response_breaks_off(end: Any) -> None:
    """A head is out already: there is no way back."""
    end.gateway.backend("orders").answers(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
    end.send(GET)
    (exchange,) = end.step.exchanges
    exchange.downstream.send_response(exchange)
    end.gateway.network.pump()

    assert end.received.endswith(b"ab")
    assert end.cut


def test_who_has_left_is_sent_nothing(end: Any) -> None:
    """What is still said to its end is dropped, and nothing fails."""
    end.gateway.backend("orders").stall()
    end.send(GET)
    (exchange,) = end.step.exchanges
    end.leave()
    before = end.received
    exchange.downstream.send_interim(exchange, 103, b"", Headers())
    exchange.downstream.send_response(exchange)
    exchange.downstream.abort(exchange)

    assert end.received == before
    assert [record["status_code"] for record in end.gateway.logs] == [499]
    end.gateway.check_quiet()


def test_an_interim_response_never_ends_the_exchange(end: Any) -> None:
    """It is passed on or dropped; the answer comes all the same."""
    end.gateway.backend("orders").answers(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok(b"seven"))
    end.send(GET)

    assert end.received.endswith(b"seven")
    assert b"HTTP/1.1 200 " in end.received


def test_a_part_is_never_taken_for_the_whole(end: Any) -> None:
    """A backend that breaks off within the body breaks the client's end off."""
    backend = end.gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
    end.send(GET)
    assert not end.cut
    backend.connection.reset()
    end.gateway.network.pump()

    assert end.cut
    assert end.gateway.last_log["reason"] == "upstream.reset"
    end.gateway.check_quiet()


def test_an_exchange_that_is_out_of_time_is_answered(end: Any) -> None:
    """504: nothing of an answer is out yet."""
    end.gateway.backend("orders").stall()
    end.send(GET)
    end.gateway.advance(31)

    assert end.received.startswith(b"HTTP/1.1 504 ")
    assert [record["status_code"] for record in end.gateway.logs] == [504]
    end.gateway.check_quiet()


def test_an_answer_that_stands_still_is_broken_off(end: Any) -> None:
    """A backend that begins and says no more does not hold anybody for ever."""
    end.gateway.backend("orders").answers(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
    end.send(GET)
    end.gateway.advance(62)

    assert end.cut
    assert len(end.gateway.logs) == 1
    end.gateway.check_quiet()


def test_a_drain_waits_and_then_ends_it(end: Any) -> None:
    """The site knows of the exchange, whichever end it has."""
    end.gateway.backend("orders").stall()
    end.send(GET)
    site = end.gateway.gateway.site
    drained = site.drain()
    assert not drained.called
    site.abort()
    end.gateway.network.pump()

    assert drained.called
    assert end.cut
    assert end.gateway.last_log["reason"] == "shutdown"
    end.gateway.check_quiet()


def test_an_answer_to_head_has_no_content(end: Any) -> None:
    """Whatever a step puts there."""

    class Answers:
        name = "answers"

        def on_request(self, exchange: Exchange) -> Response:
            return Response(200, body=b"never sent")

    end.gateway.insert("/orders/7", Answers())
    end.send(GET.replace(b"GET", b"HEAD"))

    assert end.received.startswith(b"HTTP/1.1 200 ")
    assert end.received.endswith(b"\r\n\r\n")
    assert end.step.exchanges[0].bytes_sent == 0
    end.gateway.check_quiet()


def test_no_step_can_change_the_protocol(end: Any) -> None:
    """A 101 without a backend's end behind it is a fault of the gateway's."""

    class Switches:
        name = "switches"

        def on_request(self, exchange: Exchange) -> Response:
            return Response(101)

    end.gateway.insert("/orders/7", Switches())
    end.send(GET)

    assert end.received.startswith(b"HTTP/1.1 500 ")
    end.gateway.check_quiet()
