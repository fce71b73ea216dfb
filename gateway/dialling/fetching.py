"""Ask another server something small, within one time and one size.

Used for key sets, introspection, forward authentication and HTTP health
checks: treq (`gateway.dialling.plain`) over Twisted's client over the gateway's
own dialer (`gateway.dialling.client`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from OpenSSL import SSL
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
from gateway.dialling.plain import PlainAgent, ask
from gateway.dialling.tls import HandshakeFailed
from gateway.headers import Headers

MOST_AT_ONCE = 100
"""Questions to one server that are under way, each on a connection of its own."""
MOST_WAITING = 1_000
"""Questions that wait for their turn; a server that says nothing keeps no more exchanges than both together (D-99)."""

MOST_IDLE = 10
"""Connections kept for the next request, and for how many seconds."""
IDLE = 30.0

AGAIN, ANOTHER = 60.0, 1.0
"""Seconds until the same failure is told again, and until another one is: being down must not fill the log."""
MOST_TOLD = 16
"""Causes of failures that are remembered for that."""

_log = Logger()

_NOT_IN_FIELDS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
"""RFC 9110 section 5.5. Fields of an answer may go on to a backend or a client; Twisted takes out line ends only."""


class FetchFailed(Exception):
    """There is no whole answer: no connection, none in time, too long, or not HTTP; the words are for the log."""


class NotConnected(FetchFailed):
    """There is no connection. Its `__cause__` is what the dialer failed with."""


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
        glance: An answer is looked at and not used: no connection is kept for the next, what is longer than `most`
            is cut off there, and content may end with the connection (which may also have broken).
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
        self._pool = HTTPConnectionPool(reactor, persistent=not glance)
        self._pool.maxPersistentPerHost = MOST_IDLE
        self._pool.cachedConnectionTimeout = IDLE  # type: ignore[assignment]  # seconds, and whole ones only by habit
        self._pool.retryAutomatically = False  # it would ask again for GET only
        self._agent = make_agent(reactor, dialer, tls, timeout, most, self._pool)
        self._places = DeferredSemaphore(MOST_AT_ONCE)
        self._told: dict[str, float] = {}
        self._another = 0.0

    def stopService(self) -> Deferred[Any]:
        """Close what is kept; fires when it is closed."""
        super().stopService()
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
        """Tell the log of a question without an answer."""
        now, cause = self._reactor.seconds(), str(error)
        if now < self._told.get(cause, self._another):
            return
        if len(self._told) >= MOST_TOLD:
            self._told.clear()
        self._told[cause], self._another = now + AGAIN, now + ANOTHER
        _log.warn(
            "{what} at {url} failed: {cause}", what=what, url=without_credentials(url.decode("latin-1")), cause=cause
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
            # What is asked may be asked again, and a kept-alive connection that has just died is no answer.
            return await self._once(method, url, headers, body)
        except _Broken as error:
            raise FetchFailed(f"the connection broke: {error}") from None

    async def _once(self, method: bytes, url: bytes, headers: TwistedHeaders, body: bytes | None) -> Fetched:
        plain = PlainAgent(self._agent)
        try:
            response = await ask(plain, self._reactor, method, url, headers, body)
        except (RequestTransmissionFailed, ResponseNeverReceived, RequestNotSent) as error:
            if any(reason.check(CancelledError) for reason in getattr(error, "reasons", ())):
                raise CancelledError from None
            raise _Broken(_words(error)) from None
        except (ConnectError, DNSLookupError, SSL.Error, VerifyError, HandshakeFailed) as error:
            raise NotConnected(f"no connection: {type(error).__name__}") from error
        except (ResponseFailed, ParseError) as error:
            raise FetchFailed(f"it is not HTTP: {_words(error)}") from None
        except ValueError:  # hyperlink's and idna's, and what is not ASCII
            raise FetchFailed("it has no URL that can be asked") from None
        gathering = _Gathering(self._most, self._glance)
        response.deliverBody(gathering)
        content = await gathering.done
        if any(_NOT_IN_FIELDS.search(value) for _, value in plain.fields):
            raise FetchFailed("a field of the answer has a control character")
        return Fetched(response.code, Headers(plain.fields), content)


class _Broken(Exception):
    """The connection ended before the answer began: a kept-alive one, probably."""


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
    """Reads an answer's content, within its bound; see `Fetcher` for a glance."""

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
        # Before the connection ends, which would look like a fault of the server.
        done.errback(CancelledError())
        self._stop()

    def _stop(self) -> None:
        assert self.transport is not None
        self.transport.loseConnection()
