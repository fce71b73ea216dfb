"""Open a connection to a server: resolve its name, try its addresses, shake hands; all within one timeout.

Asked by the pool in `gateway.upstream` when no kept-alive connection is free.
No part of a request is sent here: an exchange whose dial fails may be tried on
another backend.

# Note [A dial]
`_Dial` is *resolving* until the name's addresses are known, then *trying* them,
then *over*: by the first connection that can be used, when the last address has
failed, by its timeout, or because the caller cancelled it. Each address is an
`_Attempt`, which is *connecting* until TCP is up, with TLS *shaking hands* until
the handshake is done, and then *over* (`_dial` is None): it succeeded, failed or
was given up, and tells the dial of the first two. When the dial is over it gives
up every attempt that is not.
"""

# mypy: allow-untyped-calls
# (Twisted's connector and transport carry no types.)

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionClosed, TimeoutError  # noqa: A004  # Twisted's name for it
from twisted.internet.interfaces import IAddress, IHandshakeListener, IOpenSSLClientConnectionCreator, IProtocol
from twisted.internet.protocol import ClientFactory, connectionDone
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.tcp import Connector
from twisted.python.failure import Failure
from zope.interface import implementer

from gateway.dialling.sending_first import SendingFirst
from gateway.dialling.tls_errors import HandshakeFailed
from gateway.transport.direct import DirectClient, DirectUnixClient

MakeProtocol = Callable[[], IProtocol]

STAGGER = 0.25
"""Seconds after which the next address is tried beside those that were begun before (RFC 8305 section 5)."""


class Dialer(Protocol):
    """Opens connections: `SocketDialer` does over TCP and to UNIX sockets, the harness of the tests in memory."""

    def dial(
        self,
        host: str,
        port: int,
        tls: IOpenSSLClientConnectionCreator | None,
        make: MakeProtocol,
        timeout: float,
        first: bytes = b"",
    ) -> Deferred[IProtocol]:
        """Connect, and shake hands where there is TLS.

        Args:
            host: A name, an address, or the path of a UNIX socket.
            port: TCP port; 0 for a socket.
            tls: From `gateway.dialling.tls`; None for no TLS.
            make: Makes the protocol; called once the connection can be used.
            timeout: Seconds for everything: the name, every address, the handshake.
            first: What is sent before anything else, TLS included.

        Returns:
            Fires with the connected protocol. Fails with an error of the table in `gateway.dialling.failures`; when it
            is cancelled no connection stays open.
        """


class Resolving(Protocol):
    """Resolves names for a dialer; see `gateway.dialling.resolver`."""

    def resolve(self, host: str) -> Deferred[list[str]]: ...


class SocketDialer:
    """Dials over TCP, and to UNIX sockets.

    Args:
        reactor: One that has sockets.
        resolver: Resolves names.
    """

    def __init__(self, reactor: Any, resolver: Resolving) -> None:
        self._reactor = reactor
        self._resolver = resolver
        self._turns: dict[str, int] = {}

    def dial(
        self,
        host: str,
        port: int,
        tls: IOpenSSLClientConnectionCreator | None,
        make: MakeProtocol,
        timeout: float,
        first: bytes = b"",
    ) -> Deferred[IProtocol]:
        """See `Dialer.dial`. Calls for one host begin with each of its addresses by turns."""
        turn = self._turns[host] = self._turns.get(host, -1) + 1
        dial = _Dial(self._reactor, lambda done: _Attempt(self._reactor, port, tls, make, first, done), timeout, turn)
        return dial.begin(self._resolver.resolve(host))


class OneServer:
    """Dials one server, whatever host it is asked for: for a client that has to be given a URL.

    Args:
        dialer: Opens the connections.
        host: Of the server, or the path of its socket.
        port: Of the server.
        first: What each connection begins with.
    """

    def __init__(self, dialer: Dialer, host: str, port: int, first: bytes = b"") -> None:
        self._dialer = dialer
        self._host = host
        self._port = port
        self._first = first

    def dial(
        self,
        host: str,
        port: int,
        tls: IOpenSSLClientConnectionCreator | None,
        make: MakeProtocol,
        timeout: float,
        first: bytes = b"",
    ) -> Deferred[IProtocol]:
        """See `Dialer.dial`."""
        return self._dialer.dial(self._host, self._port, tls, make, timeout, self._first + first)


class _Dial:
    """One call of `dial`; see Note [A dial].

    The next address is tried `STAGGER` seconds after the one before (RFC 8305), or at once when that one fails. All go
    on side by side, and the first that succeeds is used. So an address that swallows packets costs `STAGGER` seconds,
    not a share of the timeout (D-87).
    """

    def __init__(self, reactor: Any, attempt: Callable[[_Dial], _Attempt], timeout: float, turn: int) -> None:
        self._reactor = reactor
        self._make_attempt = attempt
        self._turn = turn
        self._addresses: list[str] = []
        self._timer = reactor.callLater(timeout, self._out_of_time)
        self._stagger: Any = None
        self._resolving: Deferred[list[str]] | None = None
        self._attempts: list[_Attempt] = []
        self._done: Deferred[IProtocol] = Deferred(lambda _: self._stop())
        self._over = False

    def begin(self, resolving: Deferred[list[str]]) -> Deferred[IProtocol]:
        """Wait for the addresses of the name, then try them."""
        self._resolving = resolving
        resolving.addCallbacks(self._resolved, self._fail)
        return self._done

    def succeeded(self, attempt: _Attempt, protocol: IProtocol) -> None:
        """Use the connection of an attempt, and give up the other attempts."""
        self._attempts.remove(attempt)
        self._stop()
        self._done.callback(protocol)

    def failed(self, attempt: _Attempt, failure: Failure) -> None:
        """Try the next address after one has failed; with none left, wait for the attempts that are under way."""
        self._attempts.remove(attempt)
        if self._addresses:
            self._next()
        elif not self._attempts:
            self._fail(failure)

    def _resolved(self, addresses: list[str]) -> None:
        first = self._turn % len(addresses)
        self._addresses = addresses[first:] + addresses[:first]
        self._next()

    def _next(self) -> None:
        self._stop_stagger()
        address = self._addresses.pop(0)
        if self._addresses:
            self._stagger = self._reactor.callLater(STAGGER, self._next)
        attempt = self._make_attempt(self)
        self._attempts.append(attempt)
        attempt.connect(address)

    def _out_of_time(self) -> None:
        self._fail(Failure(TimeoutError()))

    def _fail(self, failure: Failure) -> None:
        # The resolver also fails when `_stop` cancels it: the dial is over by then, and has fired.
        if not self._over:
            self._stop()
            self._done.errback(failure)

    def _stop(self) -> None:
        """End the dial: stop the timers, the attempts and the resolving."""
        self._over = True
        self._stop_stagger()
        if self._timer.active():
            self._timer.cancel()
        attempts, self._attempts = self._attempts, []
        for attempt in attempts:
            attempt.give_up()
        if self._resolving is not None:
            self._resolving.cancel()

    def _stop_stagger(self) -> None:
        if self._stagger is not None and self._stagger.active():
            self._stagger.cancel()
        self._stagger = None


class _Attempt(ClientFactory):
    """A connection to one address, until it can be used; see Note [A dial]."""

    noisy = False

    def __init__(
        self,
        reactor: Any,
        port: int,
        tls: IOpenSSLClientConnectionCreator | None,
        make: MakeProtocol,
        first: bytes,
        dial: _Dial,
    ) -> None:
        self._reactor = reactor
        self._port = port
        self._tls = tls
        self._make = make
        self._first = first
        self._dial: _Dial | None = dial
        self._connector: _Connector | None = None

    def connect(self, address: str) -> None:
        """Begin; `succeeded` or `failed` of the dial is called at the end, unless `give_up` is called first."""
        factory: Any = self
        if self._tls is not None:
            from gateway.transport.tls import over_tls  # there since `client_tls_options`

            factory = over_tls(self._tls, self, self._reactor, client=True)
        if self._first:
            factory = SendingFirst(self._first, factory)
        try:
            self._connector = _Connector(address, self._port, factory, self, self._reactor)
            self._connector.connect()
        except OSError:
            # Raised for an IPv6 address with a scope (an interface) that this machine does not have.
            self.failed(Failure())

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Make the protocol, or with TLS one that waits for the handshake."""
        return self._make() if self._tls is None else _Handshake(self)

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        """Fail: there is no TCP connection."""
        self.failed(reason)

    def connected(self, protocol: IProtocol) -> None:
        """Succeed without TLS: TCP is up, and the protocol has its transport."""
        if self._tls is None:
            self.succeeded(protocol)

    def shaken(self, transport: Any) -> None:
        """Succeed with TLS: the handshake is done, so put the protocol in the place of `_Handshake`."""
        if self._dial is None:
            return
        protocol = self._make()
        transport.wrappedProtocol = protocol
        protocol.makeConnection(transport)
        self.succeeded(protocol)

    def succeeded(self, protocol: IProtocol) -> None:
        """Hand the protocol to the dial; the attempt is over."""
        dial, self._dial, self._connector = self._dial, None, None
        if dial is not None:
            dial.succeeded(self, protocol)

    def failed(self, reason: Failure) -> None:
        """Tell the dial of a failure; the attempt is over."""
        dial, self._dial, self._connector = self._dial, None, None
        if dial is not None:
            dial.failed(self, reason)

    def give_up(self) -> None:
        """Close the connection, or stop connecting; the dial is not told."""
        connector, self._connector, self._dial = self._connector, None, None
        if connector is not None:
            connector.give_up()


class _Connector(Connector):
    """Twisted's connector, with a transport that writes at once and tells the attempt when TCP is up."""

    def __init__(self, host: str, port: int, factory: Any, attempt: _Attempt, reactor: Any) -> None:
        # No timeout for TCP alone: the dial's covers the handshake as well.
        super().__init__(host, port, factory, None, None, reactor)  # type: ignore[arg-type]  # None is meant for it
        self.attempt = attempt

    def _makeTransport(self) -> Any:  # noqa: N802  # Twisted's name
        if self.host.startswith("/"):
            return _UnixClient(self.host, self, self.reactor)
        return _Client(self.host, self.port, self.bindAddress, self, self.reactor)

    def give_up(self) -> None:
        if self.state == "connecting":
            self.stopConnecting()
        elif self.state == "connected" and self.transport is not None:
            self.transport.abortConnection()


class _Client(DirectClient):
    """A transport that tells its attempt when the protocol is connected, so that no protocol has to be wrapped."""

    def is_up(self) -> None:
        self.connector.attempt.connected(self.protocol)


class _UnixClient(DirectUnixClient):
    """The same at a UNIX socket."""

    def is_up(self) -> None:
        self.connector.attempt.connected(self.protocol)


@implementer(IHandshakeListener)
class _Handshake(TwistedProtocol):
    """Stands in for the protocol until TLS is up."""

    def __init__(self, attempt: _Attempt) -> None:
        self._attempt = attempt

    def handshakeCompleted(self) -> None:
        """See `IHandshakeListener`."""
        self._attempt.shaken(self.transport)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Fail: the connection ended before the handshake did."""
        if reason.check(ConnectionClosed):
            reason = Failure(HandshakeFailed(f"connection closed during the TLS handshake: {reason.value}"))
        self._attempt.failed(reason)
