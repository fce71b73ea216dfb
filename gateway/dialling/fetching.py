"""Make a small HTTP request to another server, with a bound on the time and on the answer's length.

Used for key sets, introspection, forward authentication and HTTP health
checks. The layers below are treq (`gateway.dialling.plain`), Twisted's client
(`gateway.dialling.client`) and the gateway's own dialer.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable
from typing import Any, NamedTuple

from OpenSSL import SSL
from service_identity.exceptions import CertificateError, VerificationError
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore, ensureDeferred, fail
from twisted.internet.error import ConnectError, DNSLookupError, VerifyError
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web._newclient import ParseError, RequestNotSent
from twisted.web.client import (
    HTTPConnectionPool,
    RequestTransmissionFailed,
    ResponseDone,
    ResponseFailed,
    ResponseNeverReceived,
)
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers as TwistedHeaders

from gateway.config.texts import without_credentials
from gateway.dialling.client import AnswerTooLong, make_agent
from gateway.dialling.dialer import Dialer
from gateway.dialling.failures import words
from gateway.dialling.tls_errors import HandshakeFailed
from gateway.headers import Headers

_NOT_CONNECTED = (
    ConnectError,
    DNSLookupError,
    SSL.Error,
    ssl.SSLError,
    VerificationError,
    CertificateError,
    VerifyError,
    HandshakeFailed,
)

MOST_AT_ONCE = 100
"""Most requests to one server that are under way, each on a connection of its own."""
MOST_WAITING = 1_000
"""Most requests that wait for their turn; a silent server holds no more exchanges than both together (D-99)."""

MOST_IDLE = 10
"""Connections kept for the next request, and for how many seconds."""
IDLE = 30.0

AGAIN, ANOTHER = 60.0, 1.0
"""Seconds until the same cause of failure is logged again, and until another one is: an outage must not fill logs."""
MOST_TOLD = 16
"""Most causes that are remembered for that."""

_log = Logger()

_NOT_IN_FIELDS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
"""Octets that no field may have (RFC 9110 section 5.5). Fields of an answer may go on to a backend or a client, and
Twisted takes out line ends only."""


class FetchFailed(Exception):
    """There is no whole answer: no connection, a timeout, too long, or not HTTP; the text is for the log."""


class NotConnected(FetchFailed):
    """There is no connection; `__cause__` is what the dialer failed with."""


class Fetched(NamedTuple):
    """An answer, read to its end."""

    status: int
    headers: Headers
    body: bytes


class Fetcher(Service):
    """Makes requests to one server.

    Args:
        reactor: For the timers.
        dialer: Opens connections.
        tls: Makes the TLS connections; None for an http URL.
        timeout: Seconds for one request, with its wait for a turn.
        most: Most octets of an answer's content.
        glance: Whether the answer is only looked at, as health checks do: no connection is kept, longer content is cut
            off at `most` and is no failure, and content may end where the connection does, even if that broke.
    """

    def __init__(
        self,
        reactor: Any,
        dialer: Dialer,
        tls: IOpenSSLClientConnectionCreator | None,
        timeout: float,
        most: int,
        *,
        glance: bool = False,
    ) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self._most = most
        self._glance = glance
        self._pool = _Kept(reactor, persistent=not glance)
        self._pool.maxPersistentPerHost = MOST_IDLE
        self._pool.cachedConnectionTimeout = IDLE  # type: ignore[assignment]  # seconds, and whole ones only by habit
        self._pool.retryAutomatically = False  # Twisted would repeat GET only; `_ask` repeats every method
        self._agent = make_agent(reactor, dialer, tls, timeout, most, self._pool)
        self._places = DeferredSemaphore(MOST_AT_ONCE)
        self._told: dict[str, float] = {}
        self._another = 0.0

    def stopService(self) -> Deferred[Any]:
        """Close the connections that are kept; fires when they are closed."""
        super().stopService()
        self._pool.closed = True
        closed: Deferred[Any] = self._pool.closeCachedConnections()
        return closed

    def fetch(
        self, method: bytes, url: bytes, fields: Iterable[tuple[bytes, bytes]], body: bytes | None = None
    ) -> Deferred[Fetched]:
        """Make a request and read the answer; redirects are not followed. Fails with `FetchFailed`."""
        if len(self._places.waiting) >= MOST_WAITING:
            return fail(FetchFailed(f"{MOST_AT_ONCE + MOST_WAITING} questions are under way or wait already"))
        headers = TwistedHeaders()
        for name, value in fields:
            headers.addRawHeader(name, value)
        asking = ensureDeferred(self._in_turn(method, url, headers, body))
        return asking.addTimeout(self._timeout, self._reactor, _too_late)

    def complain(self, what: str, url: bytes, error: FetchFailed) -> None:
        """Log a request that failed, but not each one: see `AGAIN` and `ANOTHER`."""
        now, cause = self._reactor.seconds(), str(error)
        if now < self._told.get(cause, self._another):
            return
        if len(self._told) >= MOST_TOLD:
            self._told.clear()
        self._told[cause], self._another = now + AGAIN, now + ANOTHER
        _log.warn(
            "{what} at {url} failed: {cause}",
            what=what,
            url=without_credentials(url.decode("latin-1")),
            cause=cause,
            event="authority.failed",
        )

    async def _in_turn(self, method: bytes, url: bytes, headers: TwistedHeaders, body: bytes | None) -> Fetched:
        await self._places.acquire()
        try:
            return await self._ask(method, url, headers, body)
        finally:
            self._places.release()

    async def _ask(self, method: bytes, url: bytes, headers: TwistedHeaders, body: bytes | None) -> Fetched:
        try:
            return await self._once(method, url, headers, body)
        except _Broken as error:
            if self._glance:
                raise FetchFailed(f"the connection broke: {error}") from None
        try:
            # All requests made here may be repeated, and most likely a kept-alive connection has just died.
            return await self._once(method, url, headers, body)
        except _Broken as error:
            raise FetchFailed(f"the connection broke: {error}") from None

    async def _once(self, method: bytes, url: bytes, headers: TwistedHeaders, body: bytes | None) -> Fetched:
        from gateway.dialling.plain import PlainAgent, ask  # loads treq: most gateways ask nobody

        plain = PlainAgent(self._agent)
        try:
            response = await ask(plain, self._reactor, method, url, headers, body)
        except (RequestTransmissionFailed, ResponseNeverReceived, RequestNotSent) as error:
            if any(reason.check(CancelledError) for reason in getattr(error, "reasons", ())):
                raise CancelledError from None
            raise _Broken(_words(error)) from None
        except _NOT_CONNECTED as error:
            raise NotConnected(f"no connection: {words(error).rstrip('.')}") from error
        except (ResponseFailed, ParseError) as error:
            raise FetchFailed(f"it is not HTTP: {_words(error)}") from None
        except ValueError:  # raised by hyperlink and idna, and for a URL that is not ASCII
            raise FetchFailed("it has no URL that can be asked") from None
        gathering = _Gathering(self._most, self._glance)
        response.deliverBody(gathering)
        content = await gathering.done
        if any(_NOT_IN_FIELDS.search(value) for _, value in plain.fields):
            raise FetchFailed("a field of the answer has a control character")
        return Fetched(response.code, Headers(plain.fields), content)


class _Kept(HTTPConnectionPool):
    """Connections that are kept for the next request, until nobody makes any more.

    A connection comes back a moment after who asked has its answer, and may have stopped the fetcher by then.
    """

    closed = False

    def _putConnection(self, key: Any, connection: Any) -> None:  # noqa: N802  # Twisted's name
        if self.closed:
            connection.transport.loseConnection()
        else:
            super()._putConnection(key, connection)


class _Broken(Exception):
    """The connection ended before the answer began; probably one that was kept alive."""


def _too_late(result: Any, timeout: float) -> Any:
    if isinstance(result, Failure):
        raise FetchFailed(f"no whole answer in {timeout:g} s")
    return result


def _words(error: Exception) -> str:
    reasons = getattr(error, "reasons", ())
    if any(reason.check(AnswerTooLong) for reason in reasons):
        return "the head of the answer is too long"
    return ", ".join(reason.type.__name__ for reason in reasons) or type(error).__name__


class _Gathering(Protocol):
    """Reads an answer's content up to a bound; `Fetcher` says what `glance` is."""

    def __init__(self, most: int, glance: bool) -> None:
        self._most = most
        self._glance = glance
        self._chunks: list[bytes] = []
        self._size = 0
        self.done: Deferred[bytes] = Deferred(self._cancelled)

    def dataReceived(self, data: bytes) -> None:
        if self.done.called:
            return
        self._chunks.append(data)
        self._size += len(data)
        if self._size <= self._most:
            return
        self._stop()
        if self._glance:
            self.done.callback(b"".join(self._chunks)[: self._most])
        else:
            self.done.errback(FetchFailed(f"the answer is longer than {self._most} octets"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.done.called:
            return
        if reason.check(ResponseDone) or (self._glance and reason.check(PotentialDataLoss)):
            self.done.callback(b"".join(self._chunks))
        else:
            self.done.errback(FetchFailed("the answer was cut off"))

    def _cancelled(self, done: Deferred[bytes]) -> None:
        # Fire before the connection ends: `connectionLost` would report a fault of the server.
        done.errback(CancelledError())
        self._stop()

    def _stop(self) -> None:
        assert self.transport is not None
        self.transport.loseConnection()
