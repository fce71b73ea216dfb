"""Ports that a parent opens for its workers: bound and listening, and never read.

Made by `gateway.processes.sockets`. What is bound is bound by the same code as in a process of its own
(`gateway.listening.endpoints`), so what is wrong is said in the same words.

# Note [A queue for each worker]
The kernel shares connections out among the sockets of one address that have SO_REUSEPORT, each with a queue of its own.
Otherwise whichever worker looks first takes all that wait, and keep-alive keeps it so: of 64 connections one of two
workers had all. A queue stays open as long as the parent does: connections in the queue of a socket that is closed are
reset. The first socket is bound without that option and gets it afterwards: otherwise a second gateway that is started
by mistake would get half of the connections, where it has to fail. The others are bound, and the worker that gets one
listens: until then the kernel gives it no connection, which in an upgrade would have to wait for the worker's start.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any
from weakref import WeakSet

from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.logger import Logger

from gateway.listening.endpoints import HTTP11, ListeningReactor, open_on
from gateway.listening.listeners import OpenPort
from gateway.transport.inherited import Inherited
from gateway.transport.port import ConnectionLimit, GatewayPort

_log = Logger()


class _Bound(socket.socket):
    """A socket that is bound, and whose listening is left to another process: Note [A queue for each worker]."""

    def listen(self, backlog: int = 0) -> None:
        """Do nothing."""


class AnotherQueue(GatewayPort):
    """One more socket of an address that has one."""

    def createInternetSocket(self) -> socket.socket:  # noqa: N802  # Twisted's name
        """Make it."""
        skt = super().createInternetSocket()
        skt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        return _Bound(skt.family, skt.type, skt.proto, skt.detach())


class HoldingReactor(ListeningReactor):
    """A reactor whose ports are only held.

    Attributes:
        queues: For how many workers there is to be one.
        held: Every port.
    """

    queues = 1
    held: WeakSet[Any]

    def _opened(self, opened_for: tuple[str, int], factory: IProtocolFactory, queue: int) -> list[GatewayPort]:
        opened = super()._opened(opened_for, factory, queue)
        interface, address = opened_for[0], opened[0].getHost()
        if self.queues > 1 or len(opened) > 1:
            for each in opened:
                each.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        while len(opened) < self.queues:
            another = AnotherQueue(address.port, factory, queue, interface, self._reactor)
            try:
                self._start(another)
            except CannotListenError as error:  # the first is of another user, who had the right to open it
                words = "{endpoint} has {count} queues for {wanted} workers, which share them: {error}"
                facts = {"count": len(opened), "wanted": self.queues, "error": error.socketError}
                _log.warn(words, endpoint=self.description, **facts)
                break
            opened.append(another)
        return opened

    def _start(self, port: Any) -> IListeningPort:
        started = super()._start(port)
        port.stopReading()
        self.held.add(port)
        return started

    def _ports(self) -> Iterable[Any]:
        return list(self.held)


def holding(queues: int, inherited: Inherited) -> OpenPort:
    """Return what opens ports for so many workers.

    Args:
        queues: How many workers there are.
        inherited: Sockets that this process was started with.
    """
    held: WeakSet[Any] = WeakSet()

    def hold(reactor: Any, endpoint: str, factory: IProtocolFactory, limit: ConnectionLimit) -> Deferred[Any]:
        holder = HoldingReactor(reactor, endpoint, limit, HTTP11, None, inherited)
        holder.queues, holder.held = queues, held
        return Deferred.fromCoroutine(open_on(holder, factory))

    return hold
