"""Addresses in memory, the connections to them, and the turns in which they move.

Takes the place of `gateway.dialling.dialer.SocketDialer`. Nothing happens by itself: `pump` lets
everything happen that is due, in one order, or in one that is drawn by chance.

# Note [Turns]
In the one order, each end at which something is due has its turn, the oldest first; one that is woken by an older end
has its own in the same turn. Ends at which nothing is due are not asked: of a thousand connections few are in use.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import (
    ConnectionRefusedError,  # noqa: A004  # Twisted's name for it
    TimeoutError,  # noqa: A004  # Twisted's name for it
)
from twisted.internet.interfaces import IProtocol, ISSLTransport
from twisted.internet.task import Clock
from zope.interface import directlyProvides, providedBy

from gateway.memory.transport import MemoryTransport

Accept = Callable[[], IProtocol | None]
"""Makes the protocol of the end that is connected to; None refuses the connection."""


class MemoryNetwork:
    """Listening addresses and the connections to them (`gateway.dialling.dialer.Dialer`).

    Args:
        clock: Moves when the test says so.
        chance: Where given, what is due happens in an order that is drawn from it, and reads are cut anywhere.

    Attributes:
        transports: The ends that are connected.
        dials: Connections asked for so far.
        dialling: What the connection that a server is asked to accept is for, while it is asked; else None.
    """

    def __init__(self, clock: Clock, chance: random.Random | None = None) -> None:
        self.clock = clock
        self.random = chance
        self.transports: dict[MemoryTransport, None] = {}
        self.dials = 0
        self.dialling: IProtocol | None = None
        self._servers: dict[tuple[str, int], Accept | None] = {}
        self._later: deque[Callable[[], None]] = deque()
        self._pumping = False
        self._next_port = 40000
        # Note [Turns]: ends that are woken for the next turn, those of the turn under way, and how far that has come.
        self._woken: list[tuple[int, MemoryTransport]] = []
        self._turn: list[tuple[int, MemoryTransport]] = []
        self._from, self._to = 0, 0
        self._made = 0

    def listen(self, host: str, port: int, accept: Accept | None) -> None:
        """Accept connections to an address; None swallows attempts to connect without an answer."""
        self._servers[host, port] = accept

    def close(self, host: str, port: int) -> None:
        """Accept no more: connecting is refused."""
        self._servers.pop((host, port), None)

    def connect(
        self,
        client: Any,
        server: Any,
        address: str = "192.0.2.1",
        at: tuple[str, int] = ("127.0.0.1", 80),
        first: bytes = b"",
        secure: bool = False,
        certificate: Any = None,
    ) -> None:
        """Join two protocols; what comes first is sent before the client knows.

        Args:
            client: The protocol that has asked for it.
            server: The other one.
            address: The client's.
            at: The server's address and port.
            first: Octets.
            secure: Whether the server takes it for a connection with TLS.
            certificate: The client's, as pyOpenSSL has it.
        """
        self._next_port += 1
        here, there = IPv4Address("TCP", address, self._next_port), IPv4Address("TCP", *at)
        self._made += 2
        one = MemoryTransport(here, there, self.random, self._gone, self._wake, self._made - 1)
        two = MemoryTransport(there, here, self.random, self._gone, self._wake, self._made)
        one.other, two.other = two, one
        two.certificate = certificate
        if secure:
            directlyProvides(two, ISSLTransport, *providedBy(two))
        one.protocol, two.protocol = client, server
        self.transports[one] = self.transports[two] = None
        server.makeConnection(two)
        if first:
            one.write(first)
        client.makeConnection(one)

    def dial(
        self, host: str, port: int, tls: Any, make: Callable[[], IProtocol], timeout: float, first: bytes = b""
    ) -> Deferred[IProtocol]:
        """Connect as `gateway.dialling.dialer.SocketDialer` does, to what listens here."""
        self.dials += 1
        done: Deferred[IProtocol] = Deferred()

        def attempt() -> None:
            if done.called:
                return
            if (host, port) not in self._servers:
                done.errback(ConnectionRefusedError())
                return
            accept = self._servers[host, port]
            if accept is None:
                timer = self.clock.callLater(timeout, done.errback, TimeoutError())

                def over(result: Any) -> Any:
                    if timer.active():
                        timer.cancel()
                    return result

                done.addBoth(over)
                return
            protocol = self.dialling = make()
            try:
                server = accept()
            finally:
                self.dialling = None
            if server is None:
                done.errback(ConnectionRefusedError())
                return
            self.connect(protocol, server, at=(host, port), first=first)
            done.callback(protocol)

        self._later.append(attempt)
        return done

    def soon(self, call: Callable[[], None]) -> None:
        """Call when the network moves on, as a reactor does at the end of its turn."""
        self._later.append(call)

    def pump(self, most: int = 1_000_000) -> None:
        """Let everything that is due happen, until all is quiet.

        Raises:
            RuntimeError: It never is.
        """
        if self._pumping:
            return
        self._pumping = True
        try:
            for _ in range(most):
                if not self.turn():
                    return
            raise RuntimeError("the network does not come to rest")
        finally:
            self._pumping = False

    def turn(self) -> bool:
        """Let one thing that is due happen at each end; returns whether there was one."""
        self.clock.advance(0)
        if self.random is not None:
            transports = list(self.transports)
            self.random.shuffle(transports)
            if self._later and self.random.random() < 0.5:
                self._later.popleft()()
                return True
            # One thing a turn, so that any order can come about.
            return any(transport.step() for transport in transports) or self._run_later()
        return self._run_later() or self._step_all()

    def _step_all(self) -> bool:
        """Let one thing happen at each end where something is due: Note [Turns]."""
        turn = self._turn = self._woken
        self._woken = []
        self._to = self._made
        heapify(turn)
        done = False
        try:
            while turn:
                self._from, transport = heappop(turn)
                transport.awake = False
                if transport.step():
                    done = True
                    transport.wake()  # there may be more
        finally:
            self._from = self._to
            self._woken += turn  # what is left where a protocol has raised
        return done

    def _wake(self, transport: MemoryTransport) -> None:
        """Give an end its turn: in the one under way if that has not come as far, else in the next."""
        if self.random is not None:
            return  # all are asked
        if self._from < transport.number <= self._to:
            heappush(self._turn, (transport.number, transport))
        else:
            self._woken.append((transport.number, transport))

    def _gone(self, transport: MemoryTransport) -> None:
        self.transports.pop(transport, None)

    def _run_later(self) -> bool:
        if not self._later:
            return False
        self._later.popleft()()
        return True
