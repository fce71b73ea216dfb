"""Listening sockets that make direct transports and hold back when the gateway is full.

Made by `gateway.listening.endpoints`; those at UNIX sockets are in
`gateway.transport.unix_port`. Past `limits.connections` new connections are not
refused: they wait in the kernel's backlog, in order, and the port reads again
when one that is held has gone.

What it uses of Twisted's private parts is in `tests/transport/test_private_parts.py`.
"""

# mypy: allow-untyped-calls
# (Twisted's own methods, called through super(), carry no types.)

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet import tcp
from twisted.internet.main import CONNECTION_DONE
from twisted.python.failure import Failure

from gateway.transport.direct import DirectServer
from gateway.transport.shortage import PORT_LOGGER

if TYPE_CHECKING:
    from twisted.internet.interfaces import IProtocolFactory

_DONE = Failure(CONNECTION_DONE)

BACKLOG = 4096
"""Connections that may wait to be accepted; the kernel lowers it to `net.core.somaxconn`."""

TWISTED_BACKLOG = 50
"""What an endpoint string without `backlog=` asks for: too few for a burst of clients."""


class ConnectionLimit:
    """Counts the connections held by all ports of a gateway.

    Args:
        most: Held at once; 0 for no limit.
    """

    def __init__(self, most: int = 0) -> None:
        self._most = most
        self._waiting: list[Callable[[], None]] = []
        self.held = 0

    def room(self) -> int:
        """How many more may be accepted; never negative."""
        if not self._most:
            return sys.maxsize
        return max(0, self._most - self.held)

    def resize(self, most: int) -> None:
        """Apply a new limit. A lower one closes nothing: it holds back until enough have gone."""
        self._most = most
        self._tell()

    def when_room(self, call: Callable[[], None]) -> None:
        """Call once, as soon as there is room."""
        self._waiting.append(call)
        self._tell()

    def enter(self) -> None:
        """One was accepted."""
        self.held += 1

    def leave(self) -> None:
        """One is gone."""
        self.held -= 1
        if self._waiting:
            self._tell()

    def _tell(self) -> None:
        if self._waiting and self.room():
            waiting, self._waiting = self._waiting, []
            for call in waiting:
                call()


if TYPE_CHECKING:
    _Server = tcp.Server
else:
    _Server = object


class Held(_Server):
    """A server transport that counts in the limit of its port from accept to close."""

    server: Any

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._limit: ConnectionLimit | None = self.server.limit
        self.server.limit.enter()

    def connectionLost(self, reason: Failure) -> None:
        """Leave the limit when the socket is closed; Twisted may call this twice."""
        limit, self._limit = self._limit, None
        try:
            super().connectionLost(reason)
        finally:
            if limit is not None:
                limit.leave()


class HeldServer(Held, DirectServer):
    """An accepted TCP connection."""


if TYPE_CHECKING:
    _Port = tcp.Port
else:
    _Port = object


class Patient(_Port):
    """A port that accepts no more than there is room for.

    Attributes:
        limit: Says how much room there is.
        at_once: Most that it accepts in one turn: 1 where other processes accept at the same socket.
    """

    limit = ConnectionLimit()
    at_once = sys.maxsize
    _logger = PORT_LOGGER

    def doRead(self) -> None:
        """Accept what waits, up to the room that is left."""
        room = self.limit.room()
        if room:
            # Twisted raises and lowers this number by how busy the port is; ours is only a lid on one turn.
            self.numberAccepts = min(self.numberAccepts, room, self.at_once)
            super().doRead()
            room = self.limit.room()
        if not room:
            self.stopReading()
            self.limit.when_room(self._read_again)

    def _read_again(self) -> None:
        if self.connected and not self.disconnecting:
            self.startReading()


class GatewayPort(Patient, tcp.Port):
    """A TCP port whose connections write at once, without Nagle's delay and with keep-alive probes.

    Attributes:
        leaving: It is about to be closed: another port for the same address may have its socket.
        opened_for: Interface and port as they were asked for; None for a socket that was handed to us (systemd).
        beside: Ports on other sockets of the same address, each with a queue of its own (SO_REUSEPORT); they are
            closed with this one.
    """

    transport = HeldServer  # type: ignore[assignment]  # made with the same arguments
    leaving = False
    opened_for: tuple[str, int] | None = None
    beside: tuple[GatewayPort, ...] = ()

    @classmethod
    def adopt(cls, reactor: Any, descriptor: int, family: int, factory: IProtocolFactory) -> GatewayPort:
        """Make a port of a listening socket: a duplicate of the descriptor, which stays its owner's."""
        port: GatewayPort = cls._fromListeningDescriptor(reactor, descriptor, family, factory)
        return port

    def successor(self, factory: IProtocolFactory) -> GatewayPort:
        """Make a port on the same socket, so that nobody who connects meanwhile is turned away."""
        self.leaving = False
        self.let_go()
        return self.adopt(self.reactor, self.fileno(), self.addressFamily, factory)

    def let_go(self) -> None:
        """Leave the socket to another port, or process: shutting it down would end the other's listening too."""
        self._shouldShutdown = False
        for port in self.beside:
            port.let_go()

    def loseConnection(self, connDone: Any = _DONE) -> Any:  # noqa: N803  # Twisted's name
        """Close, a turn of the reactor later."""
        for port in self.beside:
            port.stopListening()
        return super().loseConnection(connDone)

    stopListening = loseConnection

    def accept_too(self, descriptor: int) -> GatewayPort:
        """Accept at a queue of another process as well, as long as that is not there; returns the port for it.

        One connection a turn: others may do the same. The descriptor stays its owner's.
        """
        factory: Any = self.factory
        another = self.adopt(self.reactor, descriptor, self.addressFamily, factory)
        another.limit, another.at_once, another.backlog = self.limit, 1, self.backlog
        another.called(self._type)
        another.startListening()
        another.socket.listen(self.backlog)  # it may be one whose process was never there
        self.beside = (*self.beside, another)
        return another

    def leave_off(self, another: GatewayPort) -> None:
        """Accept no more at one of them."""
        self.beside = tuple(port for port in self.beside if port is not another)
        another.stopListening()

    def called(self, kind: str) -> None:
        """Say in Twisted's own log lines what it listens for: `TLS` in place of `TCP`."""
        self._type = kind

    def createInternetSocket(self) -> socket.socket:  # noqa: N802  # Twisted's name
        """Make the listening socket; what is set on it before `listen` holds for all that it accepts."""
        skt: socket.socket = super().createInternetSocket()
        _set_options(skt)
        return skt

    def startListening(self) -> None:
        """Listen; a socket that was handed to us (systemd) gets the same options."""
        if self._preexistingSocket is not None:
            _set_options(self._preexistingSocket)
        super().startListening()


def _set_options(skt: socket.socket) -> None:
    # Inherited by accepted sockets (tcp(7)): two system calls less for every connection.
    skt.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    skt.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
