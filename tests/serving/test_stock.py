"""The gateway's tree in a stock `twisted.web.server.Site`, over memory: streaming, limits and the log as ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.testing import StringTransport
from twisted.web.resource import Resource
from twisted.web.server import Site

from gateway.memory.backend import ok
from gateway.serving.gateway_tree import GatewayTree
from gateway.testing import Harness

GET = b"GET /orders/7 HTTP/1.1\r\nHost: h\r\n\r\n"


class Page(Resource):
    """A page of the application's own."""

    isLeaf = True

    def render_GET(self, request: Any) -> bytes:
        return b"my own"


class Application:
    """An application's site with the gateway's tree in it, and one client."""

    def __init__(self, **settings: Any) -> None:
        self.gateway = Harness("orders", **settings)
        root = Resource()
        root.putChild(b"own", Page())
        root.putChild(b"orders", GatewayTree(self.gateway.gateway.site))
        self.site = Site(root, reactor=self.gateway.clock)
        self.transport = StringTransport()
        self.channel = self.site.buildProtocol(None)
        self.channel.makeConnection(self.transport)

    def send(self, data: bytes) -> bytes:
        """Send, and return what came since the last time."""
        self.transport.clear()
        self.channel.dataReceived(data)
        self.gateway.network.pump()
        return self.received

    @property
    def received(self) -> bytes:
        """What came since the last time."""
        data: bytes = self.transport.value()
        return data


def test_a_route_answers_beside_pages_of_the_applications_own() -> None:
    """Each by its path, on one connection; the route's exchange is logged and counted like any other."""
    application = Application()
    application.gateway.backend("orders").answers(ok(b"seven"))
    assert application.send(b"GET /own HTTP/1.1\r\nHost: h\r\n\r\n").endswith(b"my own")
    answer = application.send(GET)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"seven")
    assert b"x-request-id: " in answer.lower()
    assert application.gateway.backend("orders").requests[0].target == b"/orders/7"
    (record,) = application.gateway.logs
    assert (record["status_code"], record["bytes_sent"], record["route"]) == (200, 5, "orders")
    assert application.gateway.gateway.root.in_flight == 0
    application.gateway.check_quiet()


def test_an_answer_streams_with_back_pressure() -> None:
    """Parts go out as they come; a client that reads nothing pauses the backend."""
    application = Application()
    backend = application.gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nab")
    assert application.send(GET).endswith(b"\r\n\r\nab")
    assert application.transport.producer is not None
    application.transport.producer.pauseProducing()
    backend.connection.send(b"cd")
    application.gateway.network.pump()
    assert application.received.endswith(b"ab")
    application.transport.producer.resumeProducing()
    backend.connection.send(b"ef")
    application.gateway.network.pump()

    assert application.received.endswith(b"abcdef")
    assert application.gateway.logs[0]["bytes_sent"] == 6
    application.gateway.check_quiet()


def test_content_goes_on() -> None:
    """In chunks or not: the backend has it with its length."""
    application = Application()
    application.gateway.backend("orders").answers(ok(b"taken"))
    head = b"POST /orders/7 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert application.send(head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").endswith(b"taken")

    assert application.gateway.backend("orders").connection.received.endswith(b"\r\n\r\nabcde")


def test_limits_hold() -> None:
    """A rate limit, an own error: in the gateway's words."""
    application = Application(
        routes=[
            {
                "name": "orders",
                "path": "/orders/*",
                "upstream": "orders",
                "rate_limit": {"rate": "1/min", "scope": "ip"},
            }
        ]
    )
    assert application.send(GET).startswith(b"HTTP/1.1 200 ")
    answer = application.send(GET)

    assert answer.startswith(b"HTTP/1.1 429 ")
    assert b"application/problem+json" in answer


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /orders/7 HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"GET /orders/7 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"BAN /orders/7 HTTP/1.1\r\nHost: h\r\n\r\n", 501),
    ],
)
def test_a_stock_request_is_held_to_our_rules(request_: bytes, status: int) -> None:
    """What Twisted takes and we do not is refused, and logged."""
    application = Application()

    assert application.send(request_).startswith(b"HTTP/1.1 %d " % status)
    assert application.gateway.backend("orders").requests == []
    assert [record["status_code"] for record in application.gateway.logs] == [status]


def test_a_refused_request_gets_the_page_that_it_accepts(tmp_path: Path) -> None:
    """What is known of it is its path and `Accept`."""
    page = tmp_path / "page.html"
    page.write_text("page ${status}")
    application = Application(error_pages={"4xx": str(page)})

    answer = application.send(b"GET /orders/x HTTP/1.1\r\nHost: h\r\nHost: i\r\nAccept: text/html\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.endswith(b"\r\n\r\npage 400")


def test_a_long_fixed_answer_comes_whole() -> None:
    """Piece by piece."""
    text = "0123456789" * 30_000
    application = Application(routes=[{"path": "/orders/*", "respond": {"body": text}}])

    answer = application.send(GET)

    assert b"content-length: 300000\r\n" in answer.lower()
    assert answer.endswith(b"\r\n\r\n" + text.encode())


def test_a_client_that_goes_ends_the_attempt() -> None:
    """The backend's connection is let go, and the log says who left."""
    application = Application()
    application.gateway.backend("orders").stall()
    application.send(GET)
    application.channel.connectionLost(_lost())
    application.gateway.network.pump()

    assert application.gateway.backend("orders").connection.closed is not None
    assert application.gateway.last_log["status_code"] == 499
    application.gateway.check_quiet()


def test_a_backend_that_breaks_off_breaks_off_the_client() -> None:
    """No answer is completed that was not complete."""
    application = Application()
    backend = application.gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
    application.send(GET)
    backend.connection.reset()
    application.gateway.network.pump()

    assert not application.received.endswith(b"0\r\n\r\n")
    assert application.transport.disconnecting
    application.gateway.check_quiet()


def test_a_backend_that_says_nothing_is_a_504() -> None:
    """The exchange is watched like those of the gateway's own connections."""
    application = Application()
    application.gateway.backend("orders").stall()
    application.send(GET)
    application.gateway.advance(31)

    assert application.received.startswith(b"HTTP/1.1 504 ")
    application.gateway.check_quiet()


def test_an_answer_to_head_has_its_length_and_no_content() -> None:
    """As on the gateway's own connections."""
    application = Application()
    application.gateway.backend("orders").answers(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
    answer = application.send(GET.replace(b"GET", b"HEAD"))

    assert b"content-length: 5\r\n" in answer.lower()
    assert answer.endswith(b"\r\n\r\n")


def test_the_end_of_a_drain_ends_it() -> None:
    """An exchange is waited for, and broken off when time is up."""
    application = Application()
    application.gateway.backend("orders").stall()
    application.send(GET)
    drained = application.gateway.gateway.site.drain()
    assert not drained.called
    application.gateway.gateway.site.abort()
    application.gateway.network.pump()

    assert drained.called
    assert application.transport.disconnecting


def _lost() -> Any:
    from twisted.internet.error import ConnectionLost
    from twisted.python.failure import Failure

    return Failure(ConnectionLost())
