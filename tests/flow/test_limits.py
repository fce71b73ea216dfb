"""How much of a request is taken, and what a client hears that sends more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.memory.backend import ok
from gateway.testing import Harness

Make = Callable[..., Harness]
POST = b"POST /orders/7 HTTP/1.1\r\nHost: h\r\n"
LIMIT = 1000


@pytest.fixture
def small(make: Make) -> Harness:
    """A gateway that takes 1000 octets of content."""
    return make("orders", limits={"request_body": LIMIT})


@pytest.mark.parametrize("size", [0, 1, LIMIT])
@pytest.mark.parametrize("chunked", [False, True])
def test_up_to_the_limit(small: Harness, size: int, chunked: bool) -> None:
    """Every octet of it passes."""
    content = b"x" * size
    framed = b"%x\r\n%b\r\n" % (size, content) if size else b""
    if chunked:
        client = small.send(POST + b"Transfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n")
    else:
        client = small.send(POST + b"Content-Length: %d\r\n\r\n" % size + content)

    assert client.responses()[0].status == 200
    assert small.backend("orders").last.body == content
    assert small.last_log["bytes_received"] == size


def test_a_length_over_the_limit_reaches_no_backend(small: Harness) -> None:
    """413 before any of the content."""
    client = small.send(POST + b"Content-Length: 1001\r\n\r\n")

    (response,) = client.responses()
    assert (response.status, response.headers.get(b"Gateway-Reason")) == (413, b"request.too_large")
    assert response.headers.get(b"Connection") == b"close"
    assert small.backend("orders").requests == []
    assert client.closed is not None


def test_chunks_over_the_limit_are_cut_off(small: Harness) -> None:
    """413 at the octet that is one too many; what the backend had begun to get is broken off."""
    client = small.send(POST + b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n" + b"x" * LIMIT + b"\r\n")
    backend = small.backend("orders")
    assert len(backend.last.body) == LIMIT
    small.send(b"1\r\ny\r\n", client)

    assert client.responses()[0].status == 413
    assert b"y" not in backend.last.body
    assert backend.connection.closed is not None
    assert not backend.last.complete
    assert small.last_log["reason"] == "request.too_large"


def test_chunks_over_the_limit_in_one_read(small: Harness) -> None:
    """With the head, and more behind."""
    client = small.send(POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"190\r\n" + b"x" * 400 + b"\r\n" + b"0\r\n\r\n")
    assert client.responses()[0].status == 200
    client = small.send(POST + b"Transfer-Encoding: chunked\r\n\r\n" + (b"190\r\n" + b"x" * 400 + b"\r\n") * 5)

    assert client.responses()[0].status == 413
    assert len(small.logs) == 2


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 3000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n2dc6c0\r\n"]
)
def test_a_client_that_is_still_sending_gets_its_answer(small: Harness, framing: bytes) -> None:
    """Its octets are read and dropped for a while: a reset would take the 413 with it."""
    client = small.client()
    client.half_open = True
    client.stop_reading()
    for part in [POST + framing, *[b"x" * 100_000] * 30]:
        small.send(part, client)
    assert client.unread == 0
    client.read_on()
    small.network.pump()

    assert client.responses()[0].status == 413
    assert client.end_of_input
    client.close()
    small.network.pump()
    assert not small.gateway.site.channels


def test_nobody_may_send_for_ever(small: Harness) -> None:
    """Neither octet by octet, nor by keeping silent."""
    dripping, silent = small.client(), small.client()
    for client in (dripping, silent):
        client.half_open = True
        small.send(POST + b"Content-Length: 1000000\r\n\r\n", client)
    for second in range(31):
        small.send(b"x", dripping)
        small.advance(1)
        if second == 6:
            assert len(small.gateway.site.channels) == 1

    assert not small.gateway.site.channels


def test_a_route_may_take_more(make: Make) -> None:
    """`request_body` of a route wins over `limits.request_body`; 0 is no limit."""
    gateway = make(
        "orders",
        limits={"request_body": 10},
        routes=[
            {"name": "large", "path": "/large", "upstream": "orders", "request_body": 0},
            {"name": "small", "path": "/*", "upstream": "orders"},
        ],
    )

    assert gateway.request("POST", "/large", body=b"x" * 100_000).status == 200
    assert gateway.request("POST", "/small", body=b"x" * 11).status == 413


def test_a_refused_request_leaves_the_connection_where_its_content_came(make: Make) -> None:
    """404 for a request that came whole: the next one is served."""
    gateway = make("orders")
    client = gateway.send(b"POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc")
    gateway.send(b"GET /orders/7 HTTP/1.1\r\nHost: h\r\n\r\n", client)

    assert [response.status for response in client.responses()] == [404, 200]


def test_content_that_is_expected_is_asked_for_by_the_backend(make: Make) -> None:
    """`Expect: 100-continue` crosses; the client sends once the backend wants it."""
    gateway = make("orders")
    client = gateway.send(POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    backend = gateway.backend("orders")
    assert backend.last.headers.get(b"Expect") == b"100-continue"
    assert client.received == b""
    backend.connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    gateway.network.pump()
    assert client.received == b"HTTP/1.1 100 Continue\r\n\r\n"
    gateway.send(b"abc", client)

    (response,) = client.responses()
    assert (response.interims, response.status, backend.last.body) == ([100], 200, b"abc")


def test_content_that_is_not_wanted_is_not_sent(small: Harness) -> None:
    """The final answer comes in place of 100; the connection cannot go on, as nobody knows what the client does."""
    backend = small.backend("orders")
    backend.answer_head = lambda asked: ok(b"no", status=b"417 Expectation Failed")
    client = small.send(POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    refused = small.send(POST + b"Expect: 100-continue\r\nContent-Length: 3000\r\n\r\n")

    assert [answer.status for one in (client, refused) for answer in one.responses()] == [417, 413]
    assert client.closed is not None
    assert refused.closed is not None


def test_no_more_exchanges_than_the_limit(make: Make) -> None:
    """503 with Retry-After past `limits.in_flight`, as an answer of its route; health is asked all the same."""
    gateway = make("orders", limits={"in_flight": 2}, rate_limits=[{"limit": 9, "window": "60s"}])
    gateway.backend("orders").stall()
    for _ in range(2):
        gateway.send(b"GET /orders/7 HTTP/1.1\r\nHost: h\r\n\r\n")
    response = gateway.get("/orders/7")

    assert (response.status, response.headers.get(b"Gateway-Reason")) == (503, b"limit.in_flight")
    assert response.headers.get(b"Retry-After") is not None
    assert response.headers.get(b"X-RateLimit-Limit") == b"9"
    assert gateway.last_log["route"] == "orders"
    assert gateway.get("/nowhere").status == 503
    assert gateway.get("/health").status == 200
    gateway.backend("orders").connection.send(ok())
    gateway.network.pump()
    assert len(gateway.backend("orders").requests) == 2
