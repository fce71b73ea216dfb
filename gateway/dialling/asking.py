"""`treq` over the gateway's own dialer, for plugins: any server, by `http` and `https`.

What `gateway.dialling.fetching` does for the gateway's own questions has bounds on everything; a plugin's author wants
the client that the documentation of treq tells of. So this one follows redirects, keeps no cookies, and bounds what a
server may send at once by what the author reads. It uses the reactor that it was given, and connects as backends are
connected to: names by our resolver, certificates checked against the system's authorities.

Tests: `tests/flow/test_plugin_life.py::test_services`.
"""

from __future__ import annotations

from typing import Any

from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IOpenSSLClientConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.web.client import URI, Agent, HTTPConnectionPool
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from gateway.dialling.dialer import Dialer
from gateway.dialling.tls import client_tls_options
from gateway.http.remembered import remembered

CONNECT = 10.0
"""Seconds for opening a connection, with the look-up of the name and the handshake."""

IDLE, MOST_IDLE = 30.0, 10
"""Seconds that a connection is kept for the next request, and how many of one server are."""

TIMEOUT = 30.0
"""Seconds for an answer, where the caller names no other time: a request that never ends must not be the default."""


class Client(HTTPClient):
    """treq's client, on the reactor and the dialer of the gateway.

    Args:
        reactor: For the timers.
        dialer: Opens connections.
    """

    def __init__(self, reactor: Any, dialer: Dialer) -> None:
        self._reactor = reactor
        self._pool = HTTPConnectionPool(reactor)
        self._pool.maxPersistentPerHost = MOST_IDLE
        self._pool.cachedConnectionTimeout = IDLE  # type: ignore[assignment]  # seconds, and whole ones only by habit
        self._pool.retryAutomatically = False  # Twisted would send a DELETE twice
        super().__init__(Agent.usingEndpointFactory(reactor, _Endpoints(dialer), self._pool), cookiejar=_no_cookies())

    def request(self, method: str, url: Any, **more: Any) -> Deferred[Any]:
        """Make a request, as treq has it."""
        more.setdefault("timeout", TIMEOUT)
        more["reactor"] = self._reactor  # treq would take the global one
        asking: Deferred[Any] = super().request(method, url, **more)
        return asking

    def close(self) -> Deferred[Any]:
        """Close the connections that are kept."""
        closing: Deferred[Any] = self._pool.closeCachedConnections()
        return closing


def _no_cookies() -> Any:
    """Return a jar that stays empty: one client serves requests of everybody."""
    from gateway.dialling.plain import NO_COOKIES

    return NO_COOKIES


def _make_creator(host: bytes) -> IOpenSSLClientConnectionCreator:
    return client_tls_options(host.decode(), None, alpn=(b"http/1.1",))


_creator = remembered(_make_creator, most=64, longest=255)  # a plugin may ask whatever host its clients name


@implementer(IAgentEndpointFactory)
class _Endpoints:
    """Makes endpoints for Twisted's client."""

    def __init__(self, dialer: Dialer) -> None:
        self.dialer = dialer

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:  # noqa: N802  # Twisted's name
        return _Endpoint(self.dialer, uri)


@implementer(IStreamClientEndpoint)
class _Endpoint:
    """Connects to one server, by the dialer."""

    def __init__(self, dialer: Dialer, uri: URI) -> None:
        self._dialer = dialer
        self._host = uri.host.strip(b"[]")
        self._port = uri.port
        self._secure = uri.scheme == b"https"

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803  # Twisted's name
        address: IAddress = None  # type: ignore[assignment]  # Twisted's factory does not use it
        tls = _creator(self._host) if self._secure else None

        def make() -> IProtocol:
            made = protocolFactory.buildProtocol(address)
            assert made is not None  # Twisted's client always makes one
            return made

        return self._dialer.dial(self._host.decode(), self._port, tls, make, CONNECT)
