"""Twisted's HTTP client over the gateway's own dialer, with bounds that Twisted's does not have.

Used by `gateway.dialling.fetching` for requests that are not exchanges. The
dialer resolves names and does TLS. Twisted's client bounds neither the length
of an answer's head nor the time that a closed TLS connection waits for its
peer; `_Bounded` stands between the client and the connection and bounds both.

Tests: `tests/dialling/test_fetching.py`.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IOpenSSLClientConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import URI, Agent, HTTPConnectionPool
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from gateway.dialling.dialer import Dialer

MOST_HEAD = 64 * 1024
"""Most octets of the head of an answer."""
FRAMING = 8
"""How many times as long as its content an answer may be on the wire: a chunk of one octet takes six."""


class AnswerTooLong(Exception):
    """An answer has more octets on the wire than it may have."""


def make_agent(
    reactor: Any,
    dialer: Dialer,
    tls: IOpenSSLClientConnectionCreator | None,
    timeout: float,
    most: int,
    pool: HTTPConnectionPool,
) -> Agent:
    """Make Twisted's client for one server.

    Args:
        reactor: For the timers.
        dialer: Opens connections.
        tls: Makes the TLS connections; None for an http URL.
        timeout: Seconds for opening a connection.
        most: Octets of an answer's content that the caller uses; the bound on what is read follows from it.
        pool: Keeps connections, or none.
    """
    endpoints = _Endpoints(dialer, tls, timeout, MOST_HEAD + FRAMING * most)
    agent: Agent = Agent.usingEndpointFactory(reactor, endpoints, pool)
    return agent


@implementer(IAgentEndpointFactory)
class _Endpoints:
    """Makes endpoints for Twisted's client; see `make_agent`. `bound` is in octets of a whole answer, with its head."""

    def __init__(self, dialer: Dialer, tls: IOpenSSLClientConnectionCreator | None, timeout: float, bound: int) -> None:
        self.dialer = dialer
        self.tls = tls
        self.timeout = timeout
        self.bound = bound

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:  # noqa: N802  # Twisted's name
        return _Endpoint(self, uri)


@implementer(IStreamClientEndpoint)
class _Endpoint:
    """Connects to one server, by the dialer."""

    def __init__(self, settings: _Endpoints, uri: URI) -> None:
        self._settings = settings
        self._host = uri.host.decode().strip("[]")
        self._port = uri.port

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803  # Twisted's name
        settings = self._settings

        def make() -> IProtocol:
            address: IAddress = None  # type: ignore[assignment]  # Twisted's factory does not use it
            return _Bounded(protocolFactory.buildProtocol(address), settings.bound)

        def client(connected: Any) -> IProtocol:
            made: IProtocol = connected.client
            return made

        dialling = settings.dialer.dial(self._host, self._port, settings.tls, make, settings.timeout)
        # Twisted's pool gets its own protocol; the octets that come in pass through `_Bounded` before that.
        return dialling.addCallback(client)


class _Bounded(Protocol):
    """Hands a connection on to Twisted's client protocol, as long as an answer keeps to its bound.

    Args:
        client: Twisted's protocol.
        bound: Most octets of an answer with its head.
    """

    def __init__(self, client: Any, bound: int) -> None:
        self.client = client
        self._bound = bound
        self._received = 0
        self._too_long = False

    def connectionMade(self) -> None:
        self.client.makeConnection(_Aborting(self.transport))

    def dataReceived(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > self._bound:
            self._end()
            return
        self.client.dataReceived(data)
        if self._received > MOST_HEAD and self._in_head():
            self._end()
            return
        if self.client.state == "QUIESCENT":  # the answer is over, and the connection is kept
            self._received = 0

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.client.connectionLost(Failure(AnswerTooLong()) if self._too_long else reason)

    def _in_head(self) -> bool:
        """Whether the head of the answer is still to be completed (`twisted.web._newclient.HTTPParser`)."""
        parser = getattr(self.client, "_parser", None)
        return parser is not None and parser.state in ("STATUS", "HEADER")

    def _end(self) -> None:
        self._too_long = True
        self.transport.abortConnection()  # type: ignore[union-attr]


class _Aborting:
    """A transport that is reset where Twisted's client would close it.

    The request has been sent by then. Over TLS Twisted would wait for the peer's `close_notify` before it closes the
    socket, and a silent server would keep it open for ever.
    """

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def loseConnection(self) -> None:  # Twisted's name
        self._transport.abortConnection()
