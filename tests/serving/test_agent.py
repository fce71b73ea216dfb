"""`ProxyAgent` keeps the promise of its interface: over memory, with Twisted's own wrappers around it and treq."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
import treq
from twisted.internet import defer
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.web.client import (
    ContentDecoderAgent,
    GzipDecoder,
    RedirectAgent,
    RequestGenerationFailed,
    ResponseDone,
    ResponseFailed,
    readBody,
)
from twisted.web.error import SchemeNotSupported
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IAgent, IBodyProducer, IClientRequest, IResponse
from zope.interface import implementer
from zope.interface.verify import verifyObject

from gateway.body import HIGH_WATER
from gateway.composition.agents import AgentLeaf, agent_route
from gateway.errors import (
    BackendReset,
    BackendTimeout,
    BreakerOpen,
    GatewayError,
    MalformedRequest,
    MethodUnknown,
    RequestTimeout,
    ShuttingDown,
)
from gateway.memory.backend import ok
from gateway.serving.agent import OtherUpstream, ProxyAgent, UnknownUpstream
from gateway.serving.agent_response import AnswerAborted
from gateway.testing import Harness

BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
URI = b"gateway://orders/orders/7"


class Application:
    """An application that holds an agent for one upstream."""

    def __init__(self, *backends: str, upstream: str = "orders", retry: Any = (), **settings: Any) -> None:
        self.gateway = Harness(*(backends or ("orders",)), **settings)
        parts = self.gateway.gateway
        leaf = AgentLeaf(agent_route(upstream, 30, {} if retry == () else retry), parts)
        self.agent = ProxyAgent(upstream, leaf.find, parts.site, self.gateway.clock, leaf.timeout)

    def ask(self, method: bytes = b"GET", uri: bytes = URI, *further: Any) -> Deferred[IResponse]:
        asked = self.agent.request(method, uri, *further)
        self.gateway.network.pump()
        return asked

    def answer(self, method: bytes = b"GET", uri: bytes = URI, *further: Any) -> Any:
        return now(self.ask(method, uri, *further))

    def failure(self, method: bytes = b"GET", uri: bytes = URI, *further: Any) -> BaseException:
        return failed(self.ask(method, uri, *further))


def now(waiting: Deferred[Any]) -> Any:
    """Return what a Deferred has fired with."""
    results: list[Any] = []
    waiting.addBoth(results.append)
    assert results, "it has not fired"
    if isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0]


def failed(waiting: Deferred[Any]) -> BaseException:
    """Return what a Deferred has failed with."""
    with pytest.raises(BaseException) as caught:
        now(waiting)
    return caught.value


class Reader(Protocol):
    """Takes a body, and notes what happened."""

    def __init__(self) -> None:
        self.data = b""
        self.lost: list[Any] = []

    def dataReceived(self, data: bytes) -> None:
        self.data += data

    def connectionLost(self, reason: Failure = None) -> None:  # type: ignore[assignment]
        self.lost.append(reason.value)


@implementer(IBodyProducer)
class Content:
    """A producer that writes when it is told to."""

    def __init__(self, length: object = UNKNOWN_LENGTH) -> None:
        self.length = length
        self.done: Deferred[None] = Deferred()
        self.calls: list[str] = []
        self.consumer: Any = None

    def startProducing(self, consumer: Any) -> Deferred[None]:
        self.calls.append("start")
        self.consumer = consumer
        return self.done

    def pauseProducing(self) -> None:
        self.calls.append("pause")

    def resumeProducing(self) -> None:
        self.calls.append("resume")

    def stopProducing(self) -> None:
        self.calls.append("stop")


def test_it_provides_what_it_says() -> None:
    """The agent, its answer, and the request in that."""
    application = Application()
    application.gateway.backend("orders").answers(ok(b"seven"))
    response = application.answer()

    assert verifyObject(IAgent, application.agent)
    assert verifyObject(IResponse, response)
    assert verifyObject(IClientRequest, response.request)
    assert (response.request.method, response.request.absoluteURI) == (b"GET", URI)


def test_an_answer_has_all_that_an_application_asks_for() -> None:
    """Code, phrase, fields, length, content."""
    application = Application()
    application.gateway.backend("orders").answers(
        b"HTTP/1.1 299 Half Done\r\nContent-Length: 5\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\nseven"
    )
    response = application.answer()

    assert (response.version, response.code, response.phrase) == ((b"HTTP", 1, 1), 299, b"Half Done")
    assert response.headers.getRawHeaders(b"set-cookie") == [b"a=1", b"b=2"]
    assert response.length == 5
    assert response.previousResponse is None
    assert now(readBody(response)) == b"seven"
    assert application.gateway.backend("orders").requests[0].target == b"/orders/7"
    application.gateway.check_quiet()


def test_what_is_sent_is_what_the_application_said() -> None:
    """Its fields, its Host or the backend's own; no word of a client, since there is none."""
    application = Application()
    backend = application.gateway.backend("orders")
    application.answer(b"GET", b"gateway://orders/a/../b?x=%2F", Headers({b"X-User-Id": [b"7"], b"Connection": [b"x"]}))
    application.answer(b"GET", b"gateway://Orders", Headers({b"Host": [b"shop.example"], b"X-Request-ID": [b"abc"]}))
    first, second = backend.requests

    assert first.target == b"/a/../b?x=%2F"
    assert first.headers.get(b"host") == b"127.0.0.1:9001"
    assert first.headers.get(b"x-user-id") == b"7"
    assert {b"via", b"x-forwarded-for", b"x-real-ip", b"forwarded", b"connection"}.isdisjoint(first.headers.index)
    assert (second.target, second.headers.get(b"host")) == (b"/", b"shop.example")
    assert second.headers.get(b"x-request-id") == b"abc"


@pytest.mark.parametrize(
    ("uri", "error", "words"),
    [
        (b"http://orders/7", SchemeNotSupported, "gateway://orders/"),
        (b"/orders/7", SchemeNotSupported, "gateway://orders/"),
        (b"gateway://users/7", OtherUpstream, "users"),
        (b"gateway://orders:80/7", OtherUpstream, "orders:80"),
        (b"gateway://me@orders/7", OtherUpstream, "me@orders"),
        (b"gateway://orders/a b", MalformedRequest, ""),
        (b"gateway://orders/a\r\nX: y", MalformedRequest, ""),
        ("gateway://orders/ä".encode(), MalformedRequest, ""),
    ],
)
def test_what_names_anything_else_is_refused(uri: bytes, error: type[Exception], words: str) -> None:
    """Each in words that say what was wanted; nothing is sent."""
    application = Application()
    failure = application.failure(b"GET", uri)

    assert isinstance(failure, error)
    assert words in str(failure)
    assert application.gateway.backend("orders").requests == []
    application.gateway.check_quiet()


def test_what_cannot_be_sent_is_refused() -> None:
    """A method that is not forwarded, a field that would be another, two hosts."""
    application = Application()

    assert isinstance(application.failure(b"CONNECT"), MethodUnknown)
    assert isinstance(application.failure(b"GET", URI, Headers({b"X": [b"a\0b"]})), MalformedRequest)
    assert isinstance(application.failure(b"GET", URI, Headers({b"Host": [b"a", b"b"]})), MalformedRequest)
    assert application.gateway.backend("orders").requests == []


def test_a_name_that_is_no_host_is_written_in_percents() -> None:
    """Upstreams are called anything."""
    upstreams = [{"name": "my orders", "backends": [{"url": "http://127.0.0.1:9001"}]}]
    application = Application(upstream="my orders", upstreams=upstreams, routes=[])

    assert application.answer(b"GET", b"gateway://my%20orders/7").code == 200


def test_the_answer_streams_with_back_pressure() -> None:
    """Before a protocol has it, and while the protocol pauses: no more waits than the bound and a read."""
    application = Application()
    backend = application.gateway.backend("orders")
    most = 20 * HIGH_WATER
    backend.answers(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % most)
    response = application.answer()
    for _ in range(20):
        backend.connection.send(b"x" * HIGH_WATER)
        application.gateway.network.pump()
    reader = Reader()
    response.deliverBody(reader)
    assert 0 < len(reader.data) <= 3 * HIGH_WATER
    transport: Any = reader.transport
    transport.pauseProducing()
    before = len(reader.data)
    application.gateway.network.pump()
    assert len(reader.data) <= before + 2 * HIGH_WATER
    transport.resumeProducing()
    application.gateway.network.pump()

    assert len(reader.data) == most
    assert [type(reason) for reason in reader.lost] == [ResponseDone]
    with pytest.raises(RuntimeError):
        response.deliverBody(Reader())
    application.gateway.check_quiet()


def test_a_protocol_may_close_its_transport() -> None:
    """The attempt ends; the protocol is told a turn later, as by a socket."""
    application = Application(retry=None)
    backend = application.gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")
    response = application.answer()
    reader = Reader()
    response.deliverBody(reader)
    transport: Any = reader.transport
    transport.loseConnection()
    transport.loseConnection()
    assert reader.lost == []
    application.gateway.network.pump()

    assert [type(reason) for reason in reader.lost] == [AnswerAborted]
    assert backend.connection.closed is not None
    assert application.gateway.last_log["reason"] == "request.aborted"
    application.gateway.check_quiet()


def test_cancelling_what_reads_a_body_ends_the_attempt() -> None:
    """`readBody` finds the transport's `abortConnection`."""
    application = Application(retry=None)
    backend = application.gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")
    reading = readBody(application.answer())
    reading.addTimeout(2, application.gateway.clock)
    application.gateway.clock.advance(2)
    application.gateway.network.pump()

    assert isinstance(failed(reading), defer.TimeoutError)
    assert backend.connection.closed is not None
    application.gateway.check_quiet()


def test_content_of_known_length_goes_with_its_length() -> None:
    """It is gathered before a connection is taken, as a client's is."""
    application = Application()
    backend = application.gateway.backend("orders")
    content = Content(5)
    asked = application.ask(b"POST", URI, None, content)
    content.consumer.write(b"abc")
    application.gateway.network.pump()
    assert backend.connections == []
    content.consumer.write(b"de")
    content.done.callback(None)
    application.gateway.network.pump()

    assert now(asked).code == 200
    assert b"Content-Length: 5\r\n" in backend.connection.received
    assert backend.connection.received.endswith(b"\r\n\r\nabcde")
    assert content.calls == ["start"]
    application.gateway.check_quiet()


def test_content_of_unknown_length_streams_with_back_pressure() -> None:
    """In chunks; a backend that does not read pauses the producer."""
    application = Application()
    backend = application.gateway.backend("orders")
    content = Content()
    asked = application.agent.request(b"POST", URI, None, content)
    content.consumer.write(b"x" * HIGH_WATER)  # nobody has a connection yet
    assert content.calls == ["start", "pause"]
    application.gateway.network.pump()
    assert content.calls == ["start", "pause", "resume"]
    content.consumer.write(b"y")
    content.done.callback(None)
    application.gateway.network.pump()

    assert now(asked).code == 200
    assert backend.connection.received.endswith(b"1\r\ny\r\n0\r\n\r\n")
    application.gateway.check_quiet()


@pytest.mark.parametrize(("wrote", "word"), [(b"ab", "less"), (b"abcdef", "more")])
def test_a_producer_that_breaks_its_word_fails_the_request(wrote: bytes, word: str) -> None:
    """No backend has a message that ends elsewhere than it said."""
    application = Application()
    content = Content(5)
    asked = application.ask(b"POST", URI, None, content)
    content.consumer.write(wrote)
    if word == "less":
        content.done.callback(None)
    application.gateway.network.pump()
    failure = failed(asked)

    assert isinstance(failure, RequestGenerationFailed)
    assert word in str(failure.args[0][0].value)
    assert content.calls == ["start", "stop"]
    assert application.gateway.backend("orders").connections == []
    application.gateway.check_quiet()


def test_a_producer_that_fails_fails_the_request() -> None:
    """Before the head of an answer and within its body."""
    application = Application()
    backend = application.gateway.backend("orders")
    content = Content()
    asked = application.ask(b"POST", URI, None, content)
    content.done.errback(OSError("the disk"))
    application.gateway.network.pump()
    failure = failed(asked)
    assert isinstance(failure, RequestGenerationFailed)
    assert failure.args[0][0].check(OSError)

    content = Content()
    backend.answer_head = lambda asked: b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"
    response = now(application.ask(b"POST", URI, None, content))
    reader = Reader()
    response.deliverBody(reader)
    content.done.errback(OSError("the disk"))
    application.gateway.network.pump()

    (reason,) = reader.lost
    assert isinstance(reason, ResponseFailed)
    assert reason.reasons[0].check(RequestGenerationFailed)
    application.gateway.check_quiet()


def test_an_early_answer_stops_the_producer() -> None:
    """Nobody wants the rest of the content."""
    application = Application()
    content = Content()
    application.gateway.backend("orders").answer_head = lambda asked: ok(b"enough")
    asked = application.ask(b"POST", URI, None, content)
    content.consumer.write(b"abc")
    application.gateway.network.pump()

    assert now(asked).code == 200
    assert content.calls == ["start", "stop"]
    content.consumer.write(b"late")
    application.gateway.check_quiet()


def test_to_cancel_ends_the_attempt() -> None:
    """So does treq's `timeout`, which cancels."""
    application = Application()
    backend = application.gateway.backend("orders")
    backend.stall()
    content = Content()
    asked = application.ask(b"POST", URI, None, content)
    asked.cancel()
    application.gateway.network.pump()
    assert isinstance(failed(asked), CancelledError)
    assert content.calls == ["start", "stop"]
    assert backend.connection.closed is not None
    clock: Any = application.gateway.clock
    answer = treq.get(URI.decode(), agent=application.agent, timeout=2, reactor=clock)
    application.gateway.network.pump()
    clock.advance(3)
    application.gateway.network.pump()

    assert isinstance(failed(answer), CancelledError)
    application.gateway.check_quiet()


def test_errors_are_the_gateways_own() -> None:
    """With a reason; within a body in Twisted's `ResponseFailed`."""
    application = Application()
    backend = application.gateway.backend("orders")
    backend.refuse_connections()
    asked = application.ask()
    application.gateway.advance(3)  # retries
    failure = failed(asked)
    assert isinstance(failure, GatewayError)
    assert (failure.reason, failure.status) == ("upstream.connect", 502)

    application = Application()
    backend = application.gateway.backend("orders")
    backend.stall()
    asked = application.ask()
    application.gateway.advance(31)
    assert isinstance(failed(asked), BackendTimeout)

    application = Application()
    backend = application.gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
    reading = readBody(application.answer())
    backend.connection.reset()
    application.gateway.network.pump()
    broken = failed(reading)

    assert isinstance(broken, ResponseFailed)
    assert broken.reasons[0].check(BackendReset)
    application.gateway.check_quiet()


def test_failed_attempts_are_made_again_elsewhere() -> None:
    """Balancing and retries: as `retry: {}` on a route, unless the agent says otherwise."""
    backends = [{"url": "http://127.0.0.1:9001"}, {"url": "http://127.0.0.1:9002"}]
    settings: dict[str, Any] = {"upstreams": [{"name": "orders", "backends": backends}], "routes": []}
    application = Application("one", "two", **settings)
    application.gateway.backend("one").answers(BUSY)
    codes = []
    for _ in range(4):
        asked = application.ask()
        application.gateway.advance(1)
        codes.append(now(asked).code)
    assert codes == [200] * 4
    assert application.gateway.metric("gateway_retries_total", route="gateway://orders", outcome="ok") > 0
    application.gateway.check_quiet()

    application = Application("one", "two", retry=None, **settings)
    application.gateway.backend("one").answers(BUSY)

    assert sorted(application.answer().code for _ in range(2)) == [200, 503]


def test_the_breaker_and_the_limit_of_the_upstream_hold() -> None:
    """What a route's exchanges did to it an agent's meet, and the other way round."""
    breaker = {"failure_threshold": 3, "timeout": "10s"}
    upstream = {"name": "orders", "backends": [{"url": "http://127.0.0.1:9001"}], "in_flight": 1}
    application = Application(retry=None, upstreams=[{**upstream, "circuit_breaker": breaker}])
    backend = application.gateway.backend("orders")
    backend.stall()
    asked = application.ask()
    assert application.gateway.get("/orders/7").status == 503  # one is in flight already
    asked.cancel()
    assert isinstance(failed(asked), CancelledError)
    application.gateway.network.pump()
    backend.refuse_connections()
    for _ in range(20):
        application.failure()
    failure = application.failure()
    assert isinstance(failure, BreakerOpen)

    assert application.gateway.get("/orders/7").headers.get(b"gateway-reason") == b"breaker.open"
    application.gateway.check_quiet()


def test_it_is_logged_and_counted_under_a_name_of_its_own() -> None:
    """A route `gateway://orders`: no client's figures are mixed with it."""
    application = Application()
    application.answer()
    (record,) = application.gateway.logs

    assert (record["route"], record["status_code"]) == ("gateway://orders", 200)
    assert record["request_id"]
    assert application.gateway.metric("gateway_requests_total", route="gateway://orders") == 1


def test_it_follows_the_configuration() -> None:
    """An agent that was obtained once asks the backends of the moment; without the upstream it says so."""
    application = Application("orders", "other")
    assert application.answer().code == 200
    backends = [{"url": "http://127.0.0.1:9002"}]
    application.gateway.apply(upstreams=[{"name": "orders", "backends": backends}], routes=[])
    assert application.answer().code == 200
    assert [len(application.gateway.backend(name).requests) for name in ("orders", "other")] == [1, 1]
    application.gateway.apply(upstreams=[{"name": "users", "backends": backends}])
    failure = application.failure()
    assert isinstance(failure, UnknownUpstream)
    assert "orders" in str(failure)
    application.gateway.apply(upstreams=[{"name": "orders", "backends": backends}])

    assert application.answer().code == 200
    application.gateway.check_quiet()


def test_a_drain_waits_for_it_and_then_takes_no_more() -> None:
    """What the application has begun is finished first."""
    application = Application(retry=None)
    backend = application.gateway.backend("orders")
    backend.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
    reading = readBody(application.answer())
    drained = application.gateway.gateway.site.drain()
    assert not drained.called
    backend.connection.send(b"cd")
    application.gateway.network.pump()

    assert now(reading) == b"abcd"
    assert drained.called
    assert isinstance(application.failure(), ShuttingDown)


def test_twisteds_wrappers_work_on_it() -> None:
    """Redirects, relative ones too, and contents that are packed."""
    application = Application()
    backend = application.gateway.backend("orders")
    agent = ContentDecoderAgent(RedirectAgent(application.agent), [(b"gzip", GzipDecoder)])
    packed = gzip.compress(b"seven")
    backend.answers(
        b"HTTP/1.1 302 Found\r\nLocation: 8?x=1\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /9\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(packed), packed),
    )
    asked = agent.request(b"GET", URI)
    application.gateway.network.pump()
    response = now(asked)

    assert now(readBody(response)) == b"seven"
    assert [request.target for request in backend.requests] == [b"/orders/7", b"/orders/8?x=1", b"/9"]
    assert response.previousResponse.code == 302
    assert response.previousResponse.previousResponse.code == 302


def test_a_redirect_to_elsewhere_does_not_lead_past_the_upstream() -> None:
    """A backend cannot send an application's request to another server."""
    application = Application()
    application.gateway.backend("orders").answers(
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9002/\r\nContent-Length: 0\r\n\r\n"
    )
    asked = RedirectAgent(application.agent).request(b"GET", URI)
    application.gateway.network.pump()

    assert isinstance(failed(asked), SchemeNotSupported)


def test_treq_works_on_it() -> None:
    """Its cookies, its parameters, its ways to read."""
    application = Application()
    application.gateway.backend("orders").answers(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n" + b'{"id": 7}'
    )
    asked = treq.get(URI.decode(), agent=application.agent, params={"x": "1"})
    application.gateway.network.pump()
    response = now(asked)

    assert now(response.json()) == {"id": 7}
    assert response.request.method == b"GET"
    assert application.gateway.backend("orders").requests[0].target == b"/orders/7?x=1"


@pytest.mark.parametrize("name", ["user_service", "A.b-c"])
def test_treq_asks_an_upstream_of_any_name(name: str) -> None:
    """By a URL without a host, where the name could be none."""
    application = Application(name, upstream=name)
    asked = treq.get("gateway:///orders/7", agent=application.agent, params={"x": "1"})
    application.gateway.network.pump()

    assert now(asked).code == 200
    assert application.gateway.backend(name).requests[0].target == b"/orders/7?x=1"


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_content_ends_at_once(status: int) -> None:
    """And HEAD shows how long it would have been."""
    application = Application()
    backend = application.gateway.backend("orders")
    backend.answers(b"HTTP/1.1 %d Nothing\r\n\r\n" % status)
    response = application.answer()
    assert response.length == 0
    assert now(readBody(response)) == b""
    backend.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
    response = application.answer(b"HEAD")

    assert response.headers.getRawHeaders(b"content-length") == [b"5"]
    assert now(readBody(response)) == b""


def test_a_connection_that_was_authenticated_for_one_request_goes_with_it() -> None:
    """To an NTLM backend each request of an application is a client of its own."""
    application = Application()
    backend = application.gateway.backend("orders")
    application.answer(b"GET", URI, Headers({b"Authorization": [b"NTLM abc"]}))

    assert backend.connection.closed is not None
    assert application.gateway.gateway.foundation.pool.pins == {}
    application.gateway.check_quiet()


@pytest.mark.parametrize("length", [UNKNOWN_LENGTH, 12, 12_000_000])
def test_an_upload_that_moves_is_not_cut(length: object) -> None:
    """The time for an answer counts from the last part of the content; a producer that stands still is cut."""
    application = Application()
    content = Content(length)
    part = b"x" if length is UNKNOWN_LENGTH else b"x" * (int(str(length)) // 12)
    asked = application.ask(b"PUT", URI, None, content)
    for _ in range(12):
        content.consumer.write(part)
        application.gateway.advance(10)
    content.done.callback(None)
    application.gateway.network.pump()
    assert now(asked).code == 200
    application.gateway.check_quiet()

    content = Content(length)
    asked = application.ask(b"PUT", URI, None, content)
    content.consumer.write(b"x")
    application.gateway.advance(31)
    failure = failed(asked)

    assert isinstance(failure, RequestTimeout)
    assert content.calls[-1] == "stop"
    application.gateway.check_quiet()
