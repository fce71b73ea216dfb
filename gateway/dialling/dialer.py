"""Open a connection to a backend: its addresses, each a moment after the one before, TLS up, all within one time.

Asked by the pool in `gateway.upstream` when no kept-alive connection is free.
Nothing of a request is sent here: whatever fails may be tried elsewhere.
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

from gateway.dialling.tls import HandshakeFailed
from gateway.transport.direct import DirectClient
from gateway.transport.tls import over_tls

MakeProtocol = Callable[[], IProtocol]

STAGGER = 0.25
"""Seconds after which the next address is tried beside those before it (RFC 8305 section 5)."""


class Dialer(Protocol):
    """Opens connections; the sockets of `SocketDialer`, or the memory of a test."""

    def dial(
        self, host: str, port: int, tls: IOpenSSLClientConnectionCreator | None, make: MakeProtocol, timeout: float
    ) -> Deferred[IProtocol]:
        """Connect, and shake hands where there is TLS.

        Args:
            host: A name or an address.
            port: TCP port.
            tls: From `gateway.dialling.tls`; None in the clear.
            make: Makes the protocol; called once the connection can be used.
            timeout: Seconds for all of it: the name, every address, the handshake.

        Returns:
            The protocol, connected. Fails with what `gateway.dialling.failures` has in its table; cancelled, it
            leaves nothing open.
        """


class Resolving(Protocol):
    """What a dialer asks for addresses; see `gateway.dialling.resolver`."""

    def resolve(self, host: str) -> Deferred[list[str]]: ...


class SocketDialer:
    """Dials over TCP.

    Args:
        reactor: The real one.
        resolver: Gives the addresses of names.
    """

    def __init__(self, reactor: Any, resolver: Resolving) -> None:
        self._reactor = reactor
        self._resolver = resolver
        self._turns: dict[str, int] = {}

    def dial(
        self, host: str, port: int, tls: IOpenSSLClientConnectionCreator | None, make: MakeProtocol, timeout: float
    ) -> Deferred[IProtocol]:
        """See `Dialer.dial`. Each call for a host begins with the next of its addresses."""
        turn = self._turns[host] = self._turns.get(host, -1) + 1
        dial = _Dial(self._reactor, lambda done: _Attempt(self._reactor, port, tls, make, done), timeout, turn)
        return dial.begin(self._resolver.resolve(host))


class _Dial:
    """One call of `dial`: first the name, then its addresses, each a moment after the one before (RFC 8305).

    Those that were begun go on side by side, and the first that succeeds is used: an address that swallows packets
    costs `STAGGER` seconds, not a share of the whole time. One that fails lets the next begin at once.
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
        """Go on when the name is resolved."""
        self._resolving = resolving
        resolving.addCallbacks(self._resolved, self._fail)
        return self._done

    def succeeded(self, attempt: _Attempt, protocol: IProtocol) -> None:
        """A connection can be used; the others are given up."""
        self._attempts.remove(attempt)
        self._stop()
        self._done.callback(protocol)

    def failed(self, attempt: _Attempt, failure: Failure) -> None:
        """One address did not work: on to the next; with none left, wait for those that were begun."""
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
        # Also what the resolver says when we cancel it, and then nobody waits any longer.
        if not self._over:
            self._stop()
            self._done.errback(failure)

    def _stop(self) -> None:
        """Leave nothing under way."""
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
    """One address: from the first packet to a connection that can be used."""

    noisy = False

    def __init__(
        self, reactor: Any, port: int, tls: IOpenSSLClientConnectionCreator | None, make: MakeProtocol, dial: _Dial
    ) -> None:
        self._reactor = reactor
        self._port = port
        self._tls = tls
        self._make = make
        self._dial: _Dial | None = dial
        self._connector: _Connector | None = None

    def connect(self, address: str) -> None:
        """Start; `failed` or `succeeded` of the dial tells the end."""
        factory: Any = self if self._tls is None else over_tls(self._tls, self, self._reactor, client=True)
        try:
            self._connector = _Connector(address, self._port, factory, self, self._reactor)
            self._connector.connect()
        except OSError:
            # An address with a scope that this machine does not have.
            self.failed(Failure())

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Make the protocol, or with TLS one that waits for the handshake."""
        return self._make() if self._tls is None else _Handshake(self)

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        """No TCP connection."""
        self.failed(reason)

    def connected(self, protocol: IProtocol) -> None:
        """TCP is up, and the protocol has its transport."""
        if self._tls is None:
            self.succeeded(protocol)

    def shaken(self, transport: Any) -> None:
        """TLS is up: from here on, the protocol itself speaks."""
        if self._dial is None:
            return
        protocol = self._make()
        transport.wrappedProtocol = protocol
        protocol.makeConnection(transport)
        self.succeeded(protocol)

    def succeeded(self, protocol: IProtocol) -> None:
        """Hand over, and be done."""
        dial, self._dial, self._connector = self._dial, None, None
        if dial is not None:
            dial.succeeded(self, protocol)

    def failed(self, reason: Failure) -> None:
        """Tell the dial, and be done."""
        dial, self._dial, self._connector = self._dial, None, None
        if dial is not None:
            dial.failed(self, reason)

    def give_up(self) -> None:
        """Close whatever there is; the dial hears no more."""
        connector, self._connector, self._dial = self._connector, None, None
        if connector is not None:
            connector.give_up()


class _Connector(Connector):
    """Twisted's connector, with a transport that writes at once and tells when it is up."""

    def __init__(self, host: str, port: int, factory: Any, attempt: _Attempt, reactor: Any) -> None:
        # No timeout of its own: the dial's covers the handshake as well.
        super().__init__(host, port, factory, None, None, reactor)  # type: ignore[arg-type]  # None is meant for it
        self.attempt = attempt

    def _makeTransport(self) -> DirectClient:  # noqa: N802  # Twisted's name
        return _Client(self.host, self.port, self.bindAddress, self, self.reactor)

    def give_up(self) -> None:
        if self.state == "connecting":
            self.stopConnecting()
        elif self.state == "connected" and self.transport is not None:
            self.transport.abortConnection()


class _Client(DirectClient):
    """Tells its attempt that the protocol has been connected, for no protocol needs to be wrapped for that."""

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
        """The handshake did not end well."""
        if reason.check(ConnectionClosed):
            reason = Failure(HandshakeFailed(f"connection closed during the TLS handshake: {reason.value}"))
        self._attempt.failed(reason)
