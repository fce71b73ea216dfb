"""Follow an answer of another server that does not end: line by line, with bounds.

For watches of registries (`gateway.discovery`). treq over Twisted's client and the gateway's own dialer, as in
`gateway.dialling.fetching`, whose requests end. A stream ends by itself after `MOST` octets: who follows it asks again
from where it is, as after any end.

Tests: `tests/dialling/test_streaming.py`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any, Final

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web._newclient import ParseError, RequestNotSent
from twisted.web.client import (
    HTTPConnectionPool,
    RequestTransmissionFailed,
    ResponseDone,
    ResponseFailed,
    ResponseNeverReceived,
)
from twisted.web.http_headers import Headers as TwistedHeaders

from gateway.dialling.client import make_agent
from gateway.dialling.dialer import Dialer
from gateway.dialling.fetching import _NOT_CONNECTED, FetchFailed, NotConnected

MOST: Final = 4 * 1024 * 1024
"""Octets of a stream's content (on the wire eight times as many), from which it is ended."""
QUEUE: Final = 100
"""Lines that wait for who follows, from which the server is held back."""


class Streamer(Service):
    """Opens streams of one server.

    Args:
        reactor: For the timers.
        dialer: Opens connections.
        tls: Makes the TLS connections; None for an http URL.
        timeout: Seconds until the answer's head is there.
        longest: Octets of a line.
    """

    def __init__(
        self,
        reactor: Any,
        dialer: Dialer,
        tls: IOpenSSLClientConnectionCreator | None,
        timeout: float,
        longest: int,
    ) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self._longest = longest
        pool = HTTPConnectionPool(reactor, persistent=False)
        pool.retryAutomatically = False
        self._agent = make_agent(reactor, dialer, tls, timeout, MOST, pool)

    def open(
        self, method: bytes, url: bytes, fields: Iterable[tuple[bytes, bytes]], body: bytes | None = None
    ) -> Deferred[Stream]:
        """Ask, and return what the answer is read by; its status may be any. Fails with `FetchFailed`."""
        headers = TwistedHeaders()
        for name, value in fields:
            headers.addRawHeader(name, value)
        opening = ensureDeferred(self._open(method, url, headers, body))
        return opening.addTimeout(self._timeout, self._reactor, _too_late)

    async def _open(self, method: bytes, url: bytes, headers: TwistedHeaders, body: bytes | None) -> Stream:
        from gateway.dialling.plain import PlainAgent, ask  # loads treq

        try:
            response = await ask(PlainAgent(self._agent), self._reactor, method, url, headers, body)
        except _NOT_CONNECTED as error:
            raise NotConnected(f"no connection: {type(error).__name__}") from error
        except (RequestTransmissionFailed, ResponseNeverReceived, RequestNotSent, ResponseFailed, ParseError) as error:
            if any(reason.check(CancelledError) for reason in getattr(error, "reasons", ())):
                raise CancelledError from None  # nobody wants it any more: that is no failure of the server
            raise FetchFailed(f"there is no answer: {type(error).__name__}") from None
        except ValueError:
            raise FetchFailed("it has no URL that can be asked") from None
        stream = Stream(response.code, self._longest)
        response.deliverBody(stream)
        return stream


class Stream(Protocol):
    """The lines of an answer, read one at a time.

    Args:
        status: Of the answer.
        longest: Octets of a line.

    Attributes:
        status: Of the answer.
    """

    def __init__(self, status: int, longest: int) -> None:
        self.status = status
        self._longest = longest
        self._lines: deque[bytes] = deque()
        self._rest = bytearray()
        self._ended: FetchFailed | bool = False
        self._waiter: Deferred[None] | None = None
        self._paused = False

    async def line(self) -> bytes | None:
        """Return the next line without its end, also the last one that has none; None when the answer is over.

        Raises:
            FetchFailed: A line is too long, or the connection broke.
        """
        while not self._lines:
            if self._ended is True and self._rest:
                rest = bytes(self._rest)
                self._rest.clear()
                return rest
            if self._ended:
                if isinstance(self._ended, FetchFailed):
                    raise self._ended
                return None
            self._resume()
            self._waiter = Deferred()
            try:
                await self._waiter
            finally:
                self._waiter = None
        found = self._lines.popleft()
        if not self._lines:
            self._resume()
        return found

    def close(self) -> None:
        """Ask for no more."""
        if not self._ended:
            self._end(FetchFailed("it was closed"))
            self.transport.loseConnection()  # type: ignore[union-attr]  # `_Aborting` resets it

    def dataReceived(self, data: bytes) -> None:
        if self._ended:
            return
        self._rest += data
        lines: list[bytearray] = []
        if b"\n" in data:
            *lines, self._rest = self._rest.split(b"\n")
        if max(map(len, [*lines, self._rest])) > self._longest:
            self._end(FetchFailed(f"a line of the answer is longer than {self._longest} octets"))
            self.transport.loseConnection()  # type: ignore[union-attr]
            return
        self._lines.extend(bytes(line) for line in lines if line.strip())
        if len(self._lines) > QUEUE and not self._paused:
            self._paused = True
            self.transport.pauseProducing()  # type: ignore[union-attr]
        self._wake()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self._ended:
            self._end(True if reason.check(ResponseDone) else FetchFailed("the connection broke"))

    def _end(self, how: FetchFailed | bool) -> None:
        self._ended = how
        self._wake()

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            self.transport.resumeProducing()  # type: ignore[union-attr]

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.called:
            waiter.callback(None)


def _too_late(result: Any, timeout: float) -> Any:
    if isinstance(result, Failure):
        raise FetchFailed(f"no answer in {timeout:g} s")
    return result
