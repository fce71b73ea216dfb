"""Body filters that steps hang on exchanges, between a client and a backend."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from gateway.body import HIGH_WATER
from gateway.errors import RequestTooLarge
from gateway.exchange import Exchange
from gateway.filters import BodyFilter, Recording, filter_request, filter_response
from gateway.memory.backend import ok
from gateway.testing import Harness

POST = b"POST /orders/7 HTTP/1.1\r\nHost: gateway.test\r\n"
GET = b"GET /orders/7 HTTP/1.1\r\nHost: gateway.test\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Twice(BodyFilter):
    """Puts out each chunk twice, and one more at the end."""

    def chunk(self, data: bytes) -> Iterable[bytes]:
        return (data, data)

    def end(self) -> Iterable[bytes]:
        return (b"!",)


class Fails(BodyFilter):
    """Fails at an octet."""

    def __init__(self, error: type[Exception] = ValueError) -> None:
        self.error = error

    def chunk(self, data: bytes) -> Iterator[bytes]:
        yield data
        if b"?" in data:
            raise self.error("a fault of the filter")


class Much(BodyFilter):
    """Makes 4 MiB of each octet."""

    def chunk(self, data: bytes) -> Iterator[bytes]:
        for octet in data:
            for _ in range(64):
                yield bytes((octet,)) * HIGH_WATER


class Hang:
    """A step that hangs filters."""

    name = "hang"

    def __init__(
        self, request: Callable[[], BodyFilter] | None = None, response: Callable[[], BodyFilter] | None = None
    ) -> None:
        self._request = request
        self._response = response
        self.errors: list[str] = []

    def on_request(self, exchange: Exchange) -> None:
        if self._request is not None:
            filter_request(exchange, self._request())

    def on_response(self, exchange: Exchange) -> None:
        if self._response is not None:
            filter_response(exchange, self._response())

    def on_finish(self, exchange: Exchange) -> None:
        self.errors.append("" if exchange.error is None else exchange.error.reason)


def say(gateway: Harness, data: bytes) -> None:
    """Let the backend send something, and the gateway read it."""
    gateway.backend("orders").connection.send(data)
    gateway.network.pump()


# -- the answer


def test_an_answer_that_is_here_is_filtered_at_once(gateway: Harness) -> None:
    """Content-Length is that of the filtered content."""
    gateway.backend("orders").answers(ok(b"ab"))
    gateway.insert("/orders/7", Hang(response=Twice))
    response = gateway.get("/orders/7")
    assert (response.body, response.headers.get(b"Content-Length")) == (b"abab!", b"5")


@pytest.mark.parametrize("first", [CHUNKED, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"])
def test_an_answer_that_streams_is_filtered_chunk_by_chunk(gateway: Harness, first: bytes) -> None:
    """Each chunk goes on at once; at the end the backend's connection goes back to the pool."""
    backend = gateway.backend("orders")
    backend.stall()
    gateway.insert("/orders/7", Hang(response=Twice))
    client = gateway.send(GET)
    say(gateway, first)
    for part in (b"a", b"b"):
        say(gateway, b"1\r\n" + part + b"\r\n" if first is CHUNKED else part)
        assert part + b"\r\n" in client.received
    if first is CHUNKED:
        say(gateway, b"0\r\n\r\n")
    (response,) = client.responses(b"GET")
    assert (response.body, response.headers.get(b"Content-Length")) == (b"aabb!", None)
    gateway.send(GET, client)
    assert len(backend.connections) == 1


def test_the_length_of_an_answer_to_head_is_not_known(gateway: Harness) -> None:
    """Unless the filter keeps it."""
    gateway.backend("orders").answers(ok(b"ab"), ok(b"ab"))
    gateway.insert("/orders/7", Hang(response=lambda: Recording(10)))
    head = GET.replace(b"GET", b"HEAD")
    assert gateway.send(head).responses(b"HEAD")[0].headers.get(b"Content-Length") == b"2"
    gateway.insert("/orders/7", Hang(response=Twice))
    assert gateway.send(head).responses(b"HEAD")[0].headers.get(b"Content-Length") is None


def test_a_client_that_reads_slowly_stops_the_backend_through_the_filter(gateway: Harness) -> None:
    """And lets it go on."""
    backend = gateway.backend("orders")
    backend.stall()
    gateway.insert("/orders/7", Hang(response=Twice))
    client = gateway.client()
    client.stop_reading()
    gateway.send(GET, client)
    say(gateway, b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n")
    for _ in range(20):
        say(gateway, b"x" * 100_000)
    assert backend.connection.unread > 1_000_000
    client.read_on()
    gateway.advance(1)
    (response,) = client.responses(b"GET")
    assert len(response.body) == 4_000_001


@pytest.mark.parametrize("begun", [True, False])
def test_a_filter_that_fails_on_an_answer_breaks_it_off(gateway: Harness, begun: bool) -> None:
    """500 where no head has gone out; else the client's connection is cut. The backend is not blamed."""
    backend = gateway.backend("orders")
    backend.stall()
    hang = Hang(response=Fails)
    gateway.insert("/orders/7", hang)
    client = gateway.send(GET)
    if begun:
        say(gateway, CHUNKED + b"1\r\na\r\n")
        assert client.received.endswith(b"1\r\na\r\n")
    with capturedLogs() as events:
        say(gateway, b"1\r\n?\r\n" if begun else CHUNKED + b"1\r\n?\r\n")
    assert [str(event["log_failure"].value) for event in events if "log_failure" in event] == ["a fault of the filter"]
    if begun:
        assert client.closed
        assert not client.received.endswith(b"0\r\n\r\n")
    else:
        assert [one.status for one in client.responses(b"GET")] == [500]
    gateway.advance(1)
    assert backend.connection.closed
    assert hang.errors == ["internal"]


def test_a_filter_that_fails_while_another_step_looks_at_the_head_is_a_500(gateway: Harness) -> None:
    """Since no head has gone out."""
    backend = gateway.backend("orders")
    backend.stall()
    waiting: Deferred[None] = Deferred()

    class Slow:
        name = "slow"

        def on_response(self, exchange: Exchange) -> Deferred[None] | None:
            return waiting if exchange.error is None else None

    gateway.insert("/orders/7", Slow(), Hang(response=Fails))
    client = gateway.send(GET)
    say(gateway, CHUNKED + b"1\r\na\r\n")
    with capturedLogs():
        say(gateway, b"1\r\n?\r\n")
    assert [one.status for one in client.responses(b"GET")] == [500]


@pytest.mark.parametrize("slow", [False, True])
def test_what_a_filter_makes_of_little_goes_behind_the_head(gateway: Harness, slow: bool) -> None:
    """Before the head is out it may make more than may wait; a client that does not read stops it."""
    gateway.backend("orders").stall()
    gateway.insert("/orders/7", Hang(response=Much))
    client = gateway.client()
    if slow:
        client.stop_reading()
    gateway.send(GET, client)
    say(gateway, CHUNKED + b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n")
    if slow:
        gateway.advance(1)
        assert client.received == b""
        client.read_on()
    gateway.advance(1)
    assert client.responses(b"GET")[0].body == 64 * HIGH_WATER * b"a" + 64 * HIGH_WATER * b"b"


# -- the request


@pytest.mark.parametrize("framing", [b"Content-Length: 4", b"Transfer-Encoding: chunked"])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_request_goes_on_as_it_is_filtered(gateway: Harness, framing: bytes, at_once: bool) -> None:
    """Chunked, since its length is not known; the log has the length that the client sent."""
    backend = gateway.backend("orders")
    gateway.insert("/orders/7", Hang(request=Twice))
    parts = [b"ab", b"cd"]
    data = b"".join(b"2\r\n%b\r\n" % part for part in parts) + b"0\r\n\r\n" if b"chunked" in framing else b"abcd"
    reads = [POST + framing + b"\r\n\r\n", data[:-1], data[-1:]]
    client = gateway.client()
    for read in [b"".join(reads)] if at_once else reads:
        gateway.send(read, client)
    (response,) = client.responses(b"POST")
    assert response.status == 200
    assert sorted(backend.last.body) == sorted(b"ababcdcd!")
    assert backend.last.headers.get(b"Transfer-Encoding") == b"chunked"
    assert gateway.last_log["bytes_received"] == 4


def test_a_backend_that_reads_slowly_stops_the_client_through_the_filter(gateway: Harness) -> None:
    """What waits is bounded."""
    backend = gateway.backend("orders")
    gateway.insert("/orders/7", Hang(request=Twice))
    client = gateway.send(POST + b"Content-Length: 2000000\r\n\r\n")
    gateway.network.pump()
    backend.connection.stop_reading()
    for _ in range(20):
        gateway.send(b"x" * 100_000, client)
    assert client.unread > 1_000_000
    backend.connection.read_on()
    gateway.advance(1)
    assert len(backend.last.body) == 4_000_001
    assert [one.status for one in client.responses(b"POST")] == [200]


def test_a_client_that_has_sent_all_is_not_slow_while_the_filter_waits(make: Callable[..., Harness]) -> None:
    """The backend is slow to take what the filter makes: the client gets no 408 for that."""
    gateway = make("orders", timeouts={"client_body": 2})
    backend = gateway.backend("orders")
    gateway.insert("/orders/7", Hang(request=Much))
    client = gateway.send(POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
    backend.connection.stop_reading()
    gateway.advance(1)
    gateway.send(b"1\r\nb\r\n0\r\n\r\n", client)
    gateway.advance(10)
    assert client.responses(b"POST") == []
    backend.connection.read_on()
    gateway.advance(1)
    assert [one.status for one in client.responses(b"POST")] == [200]
    assert len(backend.last.body) == 128 * HIGH_WATER


@pytest.mark.parametrize(("error", "status"), [(ValueError, 500), (RequestTooLarge, 413)])
@pytest.mark.parametrize("sent", [True, False])
def test_a_filter_that_fails_on_a_request_answers(
    gateway: Harness, error: type[Exception], status: int, sent: bool
) -> None:
    """With the status of the error; the backend, which did not get the whole request, is not blamed."""
    backend = gateway.backend("orders")
    gateway.insert("/orders/7", Hang(request=lambda: Fails(error)))
    client = gateway.send(POST + b"Transfer-Encoding: chunked\r\n\r\n" + (b"1\r\na\r\n" if sent else b""))
    with capturedLogs():
        gateway.send(b"1\r\n?\r\n", client)
    assert [one.status for one in client.responses(b"POST")] == [status]
    gateway.advance(40)
    assert not backend.last.complete
    assert backend.connection.closed


def test_a_limit_on_the_request_counts_what_the_client_sends(make: Callable[..., Harness]) -> None:
    """The filter may make more of it; with too much the client gets 413."""
    gateway = make("orders", limits={"request_body": 6})
    gateway.insert("/orders/7", Hang(request=Twice))
    chunk = b"3\r\nabc\r\n"
    client = gateway.send(POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 2 + b"0\r\n\r\n")
    assert [one.status for one in client.responses(b"POST")] == [200]
    client = gateway.send(POST + b"Transfer-Encoding: chunked\r\n\r\n")
    for _ in range(3):
        gateway.send(chunk, client)
    assert [one.status for one in client.responses(b"POST")] == [413]


def test_a_request_is_sent_again_as_it_was_filtered(make: Callable[..., Harness]) -> None:
    """The filter runs once."""
    gateway = make(
        "orders",
        routes=[
            {"name": "orders", "path": "/orders/*", "upstream": "orders", "retry": {"on": [503]}},
        ],
    )
    backend = gateway.backend("orders")
    backend.answers(ok(status=b"503 Service Unavailable"), ok())
    gateway.insert("/orders/7", Hang(request=Twice))
    client = gateway.send(POST.replace(b"POST", b"PUT") + b"Content-Length: 2\r\n\r\nab")
    gateway.advance(5)
    assert [one.status for one in client.responses(b"PUT")] == [200]
    assert [asked.body for asked in backend.requests] == [b"abab!", b"abab!"]


def test_a_client_that_goes_ends_what_is_filtered(gateway: Harness) -> None:
    """In both directions."""
    backend = gateway.backend("orders")
    hang = Hang(Twice, Twice)
    gateway.insert("/orders/7", hang)
    client = gateway.send(POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
    say(gateway, CHUNKED + b"1\r\na\r\n")
    client.reset()
    gateway.advance(1)
    assert hang.errors == ["request.aborted"]
    assert backend.connection.closed


def test_a_backend_that_breaks_off_breaks_off_the_client_through_the_filter(gateway: Harness) -> None:
    """No silent truncation."""
    backend = gateway.backend("orders")
    backend.stall()
    hang = Hang(response=Twice)
    gateway.insert("/orders/7", hang)
    client = gateway.send(GET)
    say(gateway, CHUNKED + b"1\r\na\r\n")
    backend.connection.reset()
    gateway.advance(1)
    assert client.closed
    assert not client.received.endswith(b"0\r\n\r\n")
    assert b"!" not in client.received
    assert hang.errors == ["upstream.reset"]


def test_a_long_body_waits_behind_the_filter_while_a_step_looks_at_the_head(gateway: Harness) -> None:
    """It is more than may wait: the rest comes when the head is out, and nothing is lost."""
    backend = gateway.backend("orders")
    backend.stall()
    waiting: Deferred[None] = Deferred()

    class Slow:
        name = "slow"

        def on_response(self, exchange: Exchange) -> Deferred[None]:
            return waiting

    gateway.insert("/orders/7", Slow(), Hang(response=Twice))
    client = gateway.send(GET)
    content = b"x" * (4 * HIGH_WATER)
    say(gateway, CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content))
    gateway.advance(1)
    waiting.callback(None)
    gateway.advance(1)
    assert client.responses(b"GET")[0].body == 2 * content + b"!"
