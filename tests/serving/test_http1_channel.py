"""A client's connection, in what `tests/flow` does not show from outside."""

from __future__ import annotations

import pytest
from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol, IPushProducer
from zope.interface.verify import verifyObject

from gateway.memory.backend import ok
from gateway.serving.http1_channel import Http1Channel
from gateway.testing import Harness

GET = b"GET /orders/7 HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.fixture
def gateway() -> Harness:
    """In front of one backend."""
    return Harness("orders")


@pytest.mark.parametrize(
    ("request_", "status", "closes"),
    [
        (GET, 200, False),
        (GET.replace(b"1.1", b"1.0"), 200, True),
        (GET.replace(b"1.1\r\n", b"1.0\r\nConnection: keep-alive\r\n"), 200, False),
        (GET.replace(b"Host", b"Connection: close\r\nHost"), 200, True),
        (GET.replace(b"orders", b"nowhere"), 404, False),
        (b"X\r\n\r\n", 400, True),
    ],
)
def test_whether_the_connection_goes_on(gateway: Harness, request_: bytes, status: int, closes: bool) -> None:
    """As the answer says, and the client's version and wish."""
    client = gateway.send(request_)

    (response,) = client.responses()
    assert (response.status, client.closed is not None) == (status, closes)
    assert (response.headers.get(b"Connection") == b"close") == closes


def test_what_twisted_asks_of_a_protocol_is_declared(gateway: Harness) -> None:
    """From outside: the class inherits from nothing but the gateway's own, so that it can be compiled."""
    gateway.client()
    (channel,) = gateway.gateway.site.channels
    for interface in (IProtocol, IHalfCloseableProtocol, IPushProducer):
        assert verifyObject(interface, channel)
    assert {base.__module__.partition(".")[0] for base in Http1Channel.__mro__} == {"gateway", "builtins"}
    assert not hasattr(channel, "__dict__")


def test_an_answer_that_was_made_for_someone_who_has_left(gateway: Harness) -> None:
    """Nothing is written, and nothing fails."""
    gateway.backend("orders").stall()
    client = gateway.send(GET)
    (channel,) = gateway.gateway.site.channels
    assert isinstance(channel, Http1Channel)
    exchange = channel.life.exchange
    assert exchange is not None
    client.reset()
    gateway.network.pump()
    channel.send_response(exchange)
    channel.abort(exchange)

    assert client.received == b""
    gateway.check_quiet()


def test_interim_answers_stop_with_the_answer(gateway: Harness) -> None:
    """A 1xx behind a head would be read as content."""
    gateway.backend("orders").answers(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
    client = gateway.send(GET)
    (channel,) = gateway.gateway.site.channels
    assert isinstance(channel, Http1Channel)
    exchange = channel.life.exchange
    assert exchange is not None
    channel.send_interim(exchange, 103, b"", exchange.request.headers)
    gateway.network.pump()

    assert b"103" not in client.received


def test_many_answers_in_one_loop_need_no_stack(gateway: Harness) -> None:
    """Thousands of requests in one read, each answered at once: they are taken one after the other."""
    client = gateway.send(b"GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n" * 3000)

    assert client.received.count(b"HTTP/1.1 404 ") == 3000


def test_the_time_of_a_head_begins_with_its_first_octet(gateway: Harness) -> None:
    """Not with the connection: an idle one has the whole of it still."""
    client = gateway.send(GET)
    gateway.advance(70)
    gateway.send(GET[:5], client)
    gateway.advance(9)
    gateway.send(GET[5:], client)

    assert [response.status for response in client.responses()] == [200, 200]


def test_a_closed_connection_serves_nothing(gateway: Harness) -> None:
    """What comes while it closes is not looked at."""
    client = gateway.send(GET.replace(b"Host", b"Connection: close\r\nHost") + GET)

    assert len(client.responses()) == 1
    assert len(gateway.backend("orders").requests) == 1


def test_shutting_ends_what_is_under_way(gateway: Harness) -> None:
    """With the reason that it had."""
    gateway.backend("orders").stall()
    client = gateway.send(GET)
    (channel,) = gateway.gateway.site.channels
    channel.shut()
    gateway.network.pump()

    assert client.closed is not None
    assert gateway.last_log["reason"] == "shutdown"
    gateway.check_quiet()


def test_answers_keep_their_fields_and_order(gateway: Harness) -> None:
    """Repeated ones too."""
    fields = ((b"Set-Cookie", b"a=1"), (b"X-b", b"2"), (b"Set-Cookie", b"c=3"))
    gateway.backend("orders").answers(ok(b"ok", *fields))
    response = gateway.get("/orders/7")

    assert list(response.headers)[:3] == list(fields)
