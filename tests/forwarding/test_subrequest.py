"""Exchanges that the gateway begins itself: what the asker is told, in which order, and what is bounded."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.body import HIGH_WATER, Body
from gateway.errors import BackendReset, BackendTimeout, ClientAborted, GatewayError, InternalError, ShuttingDown
from gateway.exchange import Exchange
from gateway.forwarding.subrequest import Failed, Subrequest, fail
from gateway.headers import Headers
from gateway.memory.backend import ok
from gateway.message import Request, Response
from gateway.peer import Peer
from gateway.testing import Harness


class Asks:
    """An asker that takes the answer's body only when it is told to."""

    def __init__(self, gateway: Harness | None = None, **settings: Any) -> None:
        self.gateway = gateway or Harness("orders", **settings)
        self.told: list[str] = []
        self.response: Response | None = None
        self.failure: GatewayError | None = None
        self.read = b""
        root, site = self.gateway.gateway.root, self.gateway.gateway.site
        self.peer = Peer("192.0.2.1", site.forwarding("192.0.2.1", False))
        self.subrequest = Subrequest(site, self, root.render_exchange, root.finish)

    def ask(self, method: bytes = b"GET", body: Body | None = None, target: bytes = b"/orders/7") -> None:
        self.subrequest.ask(Request(method, target, Headers(), b"h", body=body), self.peer, 30.0)
        self.gateway.network.pump()

    @property
    def body(self) -> Body:
        assert self.response is not None
        assert isinstance(self.response.body, Body)
        return self.response.body

    def take(self) -> None:
        self.read += self.body.take()
        self.body.attach(self)
        self.gateway.network.pump()

    # gateway.forwarding.subrequest.Asker

    def subrequest_answered(self, response: Response) -> None:
        self.told.append("answered")
        self.response = response

    def subrequest_failed(self, error: GatewayError) -> None:
        self.told.append("failed")
        self.failure = error

    def subrequest_over(self) -> None:
        self.told.append("over")

    # gateway.body.BodySink

    def body_received(self, data: bytes) -> None:
        self.read += data

    def body_ended(self, trailers: Headers | None) -> None:
        self.told.append("end")

    def body_failed(self) -> None:
        self.told.append("broken")


def test_the_answer_streams() -> None:
    """The head, then each chunk; the exchange is over once, with the last octet."""
    asks = Asks()
    backend = asks.gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Kind: a\r\n\r\nab")
    asks.ask()
    assert asks.told == ["answered"]
    assert asks.response is not None
    assert (asks.response.status, asks.response.length) == (200, 6)
    assert asks.response.headers.get(b"x-kind") == b"a"
    asks.take()
    assert asks.read == b"ab"
    backend.connection.send(b"cdef")
    asks.gateway.network.pump()

    assert asks.read == b"abcdef"
    assert asks.told == ["answered", "over", "end"]
    assert asks.gateway.last_log["bytes_sent"] == 6
    asks.gateway.check_quiet()


def test_an_answer_that_came_whole_is_over_before_it_is_read() -> None:
    """The exchange has given its place back; the asker reads the rest when it likes."""
    asks = Asks()
    asks.gateway.backend("orders").answers(ok(b"seven"))
    asks.ask()

    assert asks.told == ["over", "answered"]
    asks.gateway.check_quiet()
    assert asks.response is not None
    assert asks.response.body == b"seven"


def test_what_the_asker_does_not_take_pauses_the_backend() -> None:
    """At most the bound and one read wait; the backend goes on when there is room."""
    asks = Asks()
    backend = asks.gateway.backend("orders")
    most = 40 * HIGH_WATER
    backend.answers(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % most)
    asks.ask()
    for _ in range(40):
        backend.connection.send(b"x" * HIGH_WATER)
        asks.gateway.network.pump()
    waiting = asks.body.received
    assert HIGH_WATER <= waiting <= 3 * HIGH_WATER
    asks.take()

    assert len(asks.read) == most
    assert asks.told == ["answered", "over", "end"]
    asks.gateway.check_quiet()


def test_content_goes_with_back_pressure() -> None:
    """A body that is still coming is sent as it comes."""
    asks = Asks()
    backend = asks.gateway.backend("orders")
    body = Body()
    backend.answers(ok(b"taken"))
    asks.ask(b"POST", body)
    body.push(b"abc")
    body.end()
    asks.gateway.network.pump()

    assert backend.connection.received.endswith(b"3\r\nabc\r\n0\r\n\r\n")
    assert asks.response is not None
    assert asks.response.body == b"taken"


def test_an_asker_that_cancels_hears_only_that_it_is_over() -> None:
    """Before the head or within the body: the attempt ends, and the request's body fails."""
    for first in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"):
        asks = Asks()
        backend = asks.gateway.backend("orders")
        if first:
            backend.answers(first)
        else:
            backend.stall()
        asks.ask()
        asks.told.clear()
        asks.subrequest.cancel()
        asks.subrequest.cancel()
        asks.gateway.network.pump()

        assert asks.told == ["over"]
        assert backend.connection.closed is not None
        assert isinstance(asks.subrequest.error, ClientAborted)
        asks.gateway.check_quiet()


def test_a_backend_that_breaks_off_breaks_the_body_off() -> None:
    """The asker can tell that the body is not complete, and why."""
    asks = Asks()
    backend = asks.gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")
    asks.ask()
    asks.take()
    backend.connection.reset()
    asks.gateway.network.pump()

    assert asks.told == ["answered", "over", "broken"]
    assert isinstance(asks.subrequest.error, BackendReset)
    asks.gateway.check_quiet()


def test_it_has_a_deadline_before_the_head_and_within_the_body() -> None:
    """504 in place of an answer; later, an asker that takes nothing for too long is broken off."""
    asks = Asks()
    asks.gateway.backend("orders").stall()
    asks.ask()
    asks.gateway.advance(31)
    assert asks.response is not None
    assert asks.response.status == 504
    assert isinstance(asks.subrequest.error, BackendTimeout)
    asks.gateway.check_quiet()

    asks = Asks()
    backend = asks.gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (9 * HIGH_WATER) + b"x" * 2 * HIGH_WATER)
    asks.ask()
    asks.gateway.advance(31)

    assert asks.body.failed
    asks.gateway.check_quiet()


def test_the_end_of_a_drain_ends_it() -> None:
    """It is waited for like a client's exchange, and the asker is told why it ended."""
    asks = Asks()
    asks.gateway.backend("orders").stall()
    asks.ask()
    site = asks.gateway.gateway.site
    drained = site.drain()
    assert not drained.called
    assert not site.drained
    site.abort()
    asks.gateway.network.pump()

    assert drained.called
    assert site.drained
    assert isinstance(asks.failure, ShuttingDown)
    assert asks.told == ["over", "failed"]


def test_a_chain_may_hand_the_error_itself_over() -> None:
    """In place of the response that a client would get."""
    asks = Asks()
    error = InternalError()
    exchange = Exchange(Request(b"GET", b"/", Headers()), asks.subrequest, asks.peer, 0.0, 0.0)
    response = fail(exchange, error)

    assert isinstance(response, Failed)
    assert response.error is error


def test_no_tunnel_comes_of_it() -> None:
    """A step that answers with 101 makes an internal error."""

    class Switches:
        name = "switches"

        def on_request(self, exchange: Exchange) -> Response:
            return Response(101)

    asks = Asks()
    asks.gateway.insert("/orders/7", Switches())
    asks.ask()

    assert asks.response is not None
    assert asks.response.status == 500
    asks.gateway.check_quiet()


@pytest.mark.parametrize("method", [b"HEAD", b"GET"])
def test_an_answer_without_content_has_no_body(method: bytes) -> None:
    """An answer to HEAD, and a 204."""
    asks = Asks()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" if method == b"HEAD" else b"HTTP/1.1 204 No Content\r\n\r\n"
    asks.gateway.backend("orders").answers(head)
    asks.ask(method)

    assert asks.response is not None
    assert asks.response.body is None
    assert asks.told == ["over", "answered"]


def test_a_limit_on_the_answer_breaks_it_off() -> None:
    """The asker sets it on the body that it gets."""
    asks = Asks()
    backend = asks.gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    asks.ask()
    asks.body.limit = 4
    asks.take()
    backend.connection.send(b"5\r\nabcde\r\n")
    asks.gateway.network.pump()

    assert asks.told == ["answered", "over", "broken"]
    assert backend.connection.closed is not None
    asks.gateway.check_quiet()
