"""Ask another server something small, within one time and one size.

Used by introspection and forward authentication. Twisted's `Agent` over the
gateway's own dialer (its names, its TLS, its kept-alive connections), and not
treq: that keeps the cookies of one answer for the next request, which here is
another caller's, and unpacks gzip before its size can be bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from OpenSSL import SSL
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.error import ConnectError, DNSLookupError, VerifyError
from twisted.internet.interfaces import (
    IConsumer,
    IOpenSSLClientConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web._newclient import ParseError, RequestNotSent
from twisted.web.client import (
    URI,
    Agent,
    HTTPConnectionPool,
    RequestTransmissionFailed,
    ResponseDone,
    ResponseFailed,
    ResponseNeverReceived,
)
from twisted.web.http_headers import Headers as TwistedHeaders
from twisted.web.iweb import IAgentEndpointFactory, IBodyProducer
from zope.interface import implementer

from gateway.config.texts import without_credentials
from gateway.dialling.dialer import Dialer
from gateway.dialling.tls import HandshakeFailed
from gateway.headers import Headers

MOST_IDLE = 10
"""Connections kept for the next request, and for how many seconds."""
IDLE = 30.0

AGAIN, ANOTHER = 60.0, 1.0
"""Seconds until the same failure is told again, and until another one is: being down must not fill the log."""

_log = Logger()

_NOT_IN_FIELDS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
"""RFC 9110 section 5.5. Fields of an answer may go on to a backend or a client; Twisted takes out line ends only."""


class FetchFailed(Exception):
    """There is no whole answer: no connection, none in time, too long, or not HTTP; the words are for the log."""


class Fetched(NamedTuple):
    """An answer, read to its end."""

    status: int
    headers: Headers
    body: bytes


class Fetcher(Service):
    """Asks one server.

    Args:
        reactor: Keeps time.
        dialer: Opens connections.
        tls: For an https URL.
        timeout: Seconds for everything.
        most: Octets of an answer's content.
    """

    def __init__(
        self,
        reactor: Any,
        dialer: Dialer,
        tls: IOpenSSLClientConnectionCreator | None,
        timeout: float,
        most: int,
    ) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self._most = most
        self._pool = HTTPConnectionPool(reactor)
        self._pool.maxPersistentPerHost = MOST_IDLE
        self._pool.cachedConnectionTimeout = IDLE  # type: ignore[assignment]  # seconds, and whole ones only by habit
        self._pool.retryAutomatically = False  # it would ask again for GET only
        self._agent = Agent.usingEndpointFactory(reactor, _Endpoints(dialer, tls, timeout), self._pool)
        self._told = ""
        self._again = self._another = 0.0

    def stopService(self) -> Deferred[Any]:
        """Close what is kept; fires when it is closed."""
        super().stopService()
        closed: Deferred[Any] = self._pool.closeCachedConnections()
        return closed

    def fetch(
        self, method: bytes, url: bytes, fields: Iterable[tuple[bytes, bytes]], body: bytes | None = None
    ) -> Deferred[Fetched]:
        """Make a request and read the answer; redirects are not followed. Fails with `FetchFailed`."""
        headers = TwistedHeaders()
        for name, value in fields:
            headers.addRawHeader(name, value)
        asking = ensureDeferred(self._twice(method, url, headers, body))
        return asking.addTimeout(self._timeout, self._reactor, _too_late)

    def complain(self, what: str, url: bytes, error: FetchFailed) -> None:
        """Tell the log of a question without an answer."""
        now, cause = self._reactor.seconds(), str(error)
        if now >= (self._again if cause == self._told else self._another):
            self._told, self._again, self._another = cause, now + AGAIN, now + ANOTHER
            _log.warn(
                "{what} at {url} failed: {cause}",
                what=what,
                url=without_credentials(url.decode("latin-1")),
                cause=cause,
            )

    async def _twice(self, method: bytes, url: bytes, headers: TwistedHeaders, body: bytes | None) -> Fetched:
        try:
            return await self._once(method, url, headers, body)
        except _Broken:
            # What is asked may be asked again, and a kept-alive connection that has just died is no answer.
            try:
                return await self._once(method, url, headers, body)
            except _Broken as error:
                raise FetchFailed(f"the connection broke: {error}") from None

    async def _once(self, method: bytes, url: bytes, headers: TwistedHeaders, body: bytes | None) -> Fetched:
        producer = None if body is None else _Content(body)
        try:
            response: Any = await self._agent.request(method, url, headers.copy(), producer)
        except (RequestTransmissionFailed, ResponseNeverReceived, RequestNotSent) as error:
            if any(reason.check(CancelledError) for reason in getattr(error, "reasons", ())):
                raise CancelledError from None
            raise _Broken(_words(error)) from None
        except (ConnectError, DNSLookupError, SSL.Error, VerifyError, HandshakeFailed) as error:
            raise FetchFailed(f"no connection: {type(error).__name__}") from None
        except (ResponseFailed, ParseError) as error:
            raise FetchFailed(f"it is not HTTP: {_words(error)}") from None
        gathering = _Gathering(self._most)
        response.deliverBody(gathering)
        content = await gathering.done
        fields = [(name, value) for name, values in response.headers.getAllRawHeaders() for value in values]
        if any(_NOT_IN_FIELDS.search(value) for _, value in fields):
            raise FetchFailed("a field of the answer has a control character")
        return Fetched(response.code, Headers(fields), content)


class _Broken(Exception):
    """The connection ended before the answer began: a kept-alive one, probably."""


def _too_late(result: Any, timeout: float) -> Any:
    if isinstance(result, Failure):
        raise FetchFailed(f"no whole answer in {timeout:g} s")
    return result


def _words(error: Exception) -> str:
    reasons = [reason.type.__name__ for reason in getattr(error, "reasons", ())]
    return ", ".join(reasons) or type(error).__name__


class _Gathering(Protocol):
    """Reads an answer's content, within its bound."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._chunks: list[bytes] = []
        self._size = 0
        self.done: Deferred[bytes] = Deferred(self._cancelled)

    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        if self._size <= self._most:
            self._chunks.append(data)
        elif not self.done.called:
            self._stop()
            self.done.errback(FetchFailed(f"the answer is longer than {self._most} octets"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.done.called:
            return
        if reason.check(ResponseDone):
            self.done.callback(b"".join(self._chunks))
        else:
            self.done.errback(FetchFailed("the answer was cut off"))

    def _cancelled(self, done: Deferred[bytes]) -> None:
        # Before the connection ends, which would look like a fault of the server.
        done.errback(CancelledError())
        self._stop()

    def _stop(self) -> None:
        assert self.transport is not None
        self.transport.loseConnection()


@implementer(IBodyProducer)
class _Content:
    """The content of a request, in one piece."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        done: Deferred[None] = Deferred()
        consumer.write(self._body)
        done.callback(None)
        return done

    def pauseProducing(self) -> None: ...

    def resumeProducing(self) -> None: ...

    def stopProducing(self) -> None: ...


@implementer(IAgentEndpointFactory)
class _Endpoints:
    def __init__(self, dialer: Dialer, tls: IOpenSSLClientConnectionCreator | None, timeout: float) -> None:
        self._dialer = dialer
        self._tls = tls
        self._timeout = timeout

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:  # noqa: N802  # Twisted's name
        return _Endpoint(self._dialer, uri, self._tls, self._timeout)


@implementer(IStreamClientEndpoint)
class _Endpoint:
    """Where the dialer connects to."""

    def __init__(self, dialer: Dialer, uri: URI, tls: IOpenSSLClientConnectionCreator | None, timeout: float) -> None:
        self._dialer = dialer
        self._uri = uri
        self._tls = tls
        self._timeout = timeout

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        def make() -> IProtocol:
            protocol = factory.buildProtocol(None)  # type: ignore[arg-type]  # it does not look
            assert protocol is not None
            return protocol

        host = self._uri.host.decode().strip("[]")
        return self._dialer.dial(host, self._uri.port, self._tls, make, self._timeout)
