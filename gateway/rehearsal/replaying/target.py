"""A real server that the requests of a log are sent to, and what it answers.

Twisted's own HTTP/1.1 client, on connections that are kept; redirects are answers. Of content only a digest is kept, so
that an answer may have any length.

Tests: `tests/system/test_replay.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as LateError
from twisted.internet.error import ConnectError
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool, ResponseDone, ResponseFailed
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse

from gateway.recorded.request import Recorded
from gateway.rehearsal.replaying.answered import Answered, kept

PATIENCE: Final = 60.0
"""Seconds for an answer, to the end of its content."""

_SHORT: Final = 64 * 1024
"""Octets of content in which the id of the exchange is looked for: no page that tells of an error is longer."""

_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding"})
"""Fields that are about the connection."""


class Target:
    """One server.

    Args:
        reactor: Which connects.
        url: Where it is: `https://staging.example.com`; a path goes before those of the log.
        fields: What is sent with each request, beside what the log has.
        forwarded: Whether it is told the addresses of the log in `X-Forwarded-For`.
        at_once: Connections that are kept.

    Raises:
        ValueError: The URL is none.
    """

    def __init__(
        self, reactor: Any, url: str, fields: Sequence[tuple[str, str]] = (), forwarded: bool = False, at_once: int = 1
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"expected a URL such as http://127.0.0.1:8080, found {url!r}")
        self._base = url.rstrip("/").encode()
        self._reactor = reactor
        self._fields = fields
        self._forwarded = forwarded
        self._pool = HTTPConnectionPool(reactor)
        self._pool.maxPersistentPerHost = at_once
        # A server may close a connection that is kept just when a request is sent on it: one of HTTP/1.0 closes after
        # each answer. Twisted's pool then sends the request once more, on a new connection, where its method is
        # idempotent and nothing of an answer has come (RFC 9112 section 9.3.1): else that would look like a difference.
        self._pool.retryAutomatically = True
        self._agent = Agent(reactor, connectTimeout=PATIENCE, pool=self._pool)

    async def ask(self, request: Recorded) -> Answered:
        """Send a request; one that is not answered has the status 0, and the reason."""
        headers = Headers()
        if request.host:
            headers.addRawHeader(b"Host", request.host.encode())
        if self._forwarded and request.client:
            headers.addRawHeader(b"X-Forwarded-For", request.client.encode())
        own = {name.lower() for name, _ in self._fields}
        for name, value in (*(one for one in request.headers if one[0].lower() not in own), *self._fields):
            headers.addRawHeader(name.encode(), value.encode("utf-8", "replace"))
        try:
            asking = self._agent.request(request.method.encode(), self._base + request.target.encode(), headers)
        except ValueError:
            return Answered(left_out="its target has octets that no client may send")
        late = self._reactor.callLater(PATIENCE, asking.cancel)
        try:
            response: IResponse = await asking
            names = response.headers.getRawHeaders(b"x-request-id") or [b""]
            digest = _Digest(names[0])
            response.deliverBody(digest)
            late.cancel()
            late = self._reactor.callLater(PATIENCE, digest.give_up)
            content = await digest.done
        except (ConnectError, ResponseFailed, LateError, CancelledError, OSError) as error:
            return Answered(reason=_words(error))
        finally:
            if late.active():
                late.cancel()
        return Answered(response.code, fields=_compared(response.headers), body=content)

    async def close(self) -> None:
        """Close the connections that are kept."""
        await self._pool.closeCachedConnections()


class _Digest(Protocol):
    """Reads content, and keeps nothing of it but its digest.

    Args:
        own: The id of the exchange, which is in pages that tell of errors: without it the same page is the same.
    """

    def __init__(self, own: bytes) -> None:
        self._own = own
        self._digest = sha256()
        self._short: bytes | None = b""
        self.done: Deferred[str] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self._digest.update(data)
        if self._short is not None:
            self._short = self._short + data if len(self._short) + len(data) <= _SHORT else None

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.done.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            digest = self._digest
            if self._own and self._short is not None:
                digest = sha256(self._short.replace(self._own, b""))
            self.done.callback(digest.hexdigest())
        else:
            self.done.errback(reason)

    def give_up(self) -> None:
        """Stop reading: it takes too long."""
        if not self.done.called:
            self.done.errback(LateError())
            self.transport.loseConnection()  # type: ignore[union-attr]  # content is being delivered


def _words(error: Exception) -> str:
    if isinstance(error, CancelledError | LateError):
        return f"nothing for {PATIENCE:.0f} s"
    if isinstance(error, ResponseFailed):
        error = error.reasons[-1].value
    return str(error).rstrip(".") or type(error).__name__


def _compared(headers: Headers) -> tuple[tuple[str, str], ...]:
    found = []
    for name, values in headers.getAllRawHeaders():
        lower = name.decode("latin-1").lower()
        for value in values:
            counted = kept(lower, value.decode("latin-1"))
            if counted is not None and lower not in _HOP:
                found.append((lower, counted))
    return tuple(sorted(found))
