"""Connections in memory: two transports, back to back, under a virtual clock.

They keep the promises of Twisted's TCP transports that the gateway relies on:
order, back-pressure, half-close, a last write before a close, and that nothing
is called back from inside a call.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost, ConnectionRefusedError, TimeoutError
from twisted.internet.interfaces import IConsumer, IHalfCloseableProtocol, IProtocol, IPushProducer, ITCPTransport
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

BUFFER = 64 * 1024
"""Octets that may be under way before the writer's producer is paused, as in Twisted's transports."""


@implementer(ITCPTransport, IConsumer, IPushProducer)
class MemoryTransport:
    """One end of a connection in memory."""

    def __init__(self, network: MemoryNetwork, host: IPv4Address, peer: IPv4Address) -> None:
        self.network = network
        self.protocol: Any = None
        self.other: MemoryTransport
        self.connected = True
        self.disconnecting = False
        self.paused = False
        self.written = 0
        self._host = host
        self._peer = peer
        self._incoming: deque[bytes] = deque()
        self._incoming_size = 0
        self._end: type[Exception] | None = None
        self._producer: Any = None
        self._producer_paused = False
        self._write_closed = False

    # ITransport

    def write(self, data: bytes) -> None:
        if not isinstance(data, bytes):
            raise TypeError(f"Data must be bytes, not {type(data).__name__}")
        if not self.connected or self.disconnecting or self._write_closed or not data:
            return
        self.written += len(data)
        self.other._incoming.append(data)
        self.other._incoming_size += len(data)
        if self.other._incoming_size > BUFFER and self._producer is not None and not self._producer_paused:
            self._producer_paused = True
            self._producer.pauseProducing()
        self.network.wake()

    def writeSequence(self, data: Any) -> None:  # noqa: N802 - Twisted's name
        for part in data:
            self.write(part)

    def loseConnection(self) -> None:  # noqa: N802 - Twisted's name
        if self.connected and not self.disconnecting:
            self.disconnecting = True
            self.network.wake()

    def abortConnection(self) -> None:  # noqa: N802 - Twisted's name
        if self.connected:
            self.network.later(lambda: self.lose(ConnectionAborted))
            self.other._end = ConnectionLost
            self.other._incoming.clear()
            self.network.wake()

    def loseWriteConnection(self) -> None:  # noqa: N802 - Twisted's name
        if self.connected and not self._write_closed:
            self._write_closed = True
            self.network.wake()

    def getPeer(self) -> IPv4Address:  # noqa: N802 - Twisted's name
        return self._peer

    def getHost(self) -> IPv4Address:  # noqa: N802 - Twisted's name
        return self._host

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: N802 - Twisted's name
        """There is no delay here."""

    def getTcpNoDelay(self) -> bool:  # noqa: N802 - Twisted's name
        return True

    def setTcpKeepAlive(self, enabled: bool) -> None:  # noqa: N802 - Twisted's name
        """Nothing dies unseen here."""

    def getTcpKeepAlive(self) -> bool:  # noqa: N802 - Twisted's name
        return True

    # IConsumer, IPushProducer

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: N802 - Twisted's name
        if self._producer is not None:
            raise RuntimeError("a producer is registered already")
        self._producer = producer

    def unregisterProducer(self) -> None:  # noqa: N802 - Twisted's name
        self._producer = None
        self._producer_paused = False

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        self.paused = True

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        if self.connected and not self.disconnecting:
            self.paused = False
            self.network.wake()

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        self.loseConnection()

    # Called by the network.

    def step(self) -> bool:
        """Deliver one thing that is due here; returns whether there was one."""
        if not self.connected:
            return False
        if self._incoming and not self.paused and not self.disconnecting:
            data = self._incoming.popleft()
            self._incoming_size -= len(data)
            self.other._drained(self._incoming_size)
            self.protocol.dataReceived(data)
            return True
        if self.disconnecting:
            # Everything written is in the other's queue: closing now loses nothing of it.
            self._incoming.clear()
            self.lose(ConnectionDone)
            self.other._end = self.other._end or ConnectionDone
            return True
        if self._end is not None and (not self._incoming or self._end is not ConnectionDone) and not self.paused:
            self.lose(self._end)
            return True
        if self.other._write_closed and not self._incoming and not self.paused:
            self.other._write_closed = False
            if IHalfCloseableProtocol.providedBy(self.protocol):
                self.protocol.readConnectionLost()
            else:
                self.loseConnection()
            return True
        return False

    def lose(self, why: type[Exception]) -> None:
        """The connection is over at this end."""
        if not self.connected:
            return
        self.connected = False
        self.network.transports.discard(self)
        if self._producer is not None:
            self._producer.stopProducing()
        self.protocol.connectionLost(Failure(why()))

    def _drained(self, left: int) -> None:
        if left <= BUFFER // 2 and self._producer_paused and self._producer is not None:
            self._producer_paused = False
            self._producer.resumeProducing()


Accept = Callable[[], IProtocol]


class MemoryNetwork:
    """Listening addresses and the connections to them (`gateway.upstream.dialer.Dialer`).

    Args:
        clock: Moves when the test says so.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.transports: set[MemoryTransport] = set()
        self.dials = 0
        self._servers: dict[tuple[str, int], Accept | None] = {}
        self._later: deque[Callable[[], None]] = deque()
        self._pumping = False
        self._next_port = 40000

    def listen(self, host: str, port: int, accept: Accept | None) -> None:
        """Accept connections to an address; None swallows attempts to connect without an answer."""
        self._servers[host, port] = accept

    def close(self, host: str, port: int) -> None:
        """Accept no more: connecting is refused."""
        self._servers.pop((host, port), None)

    def connect(self, client: Any, server: Any, address: str = "192.0.2.1", at: tuple[str, int] = ("127.0.0.1", 80)) -> None:
        """Join two protocols."""
        self._next_port += 1
        here, there = IPv4Address("TCP", address, self._next_port), IPv4Address("TCP", *at)
        one, two = MemoryTransport(self, here, there), MemoryTransport(self, there, here)
        one.other, two.other = two, one
        one.protocol, two.protocol = client, server
        self.transports |= {one, two}
        server.makeConnection(two)
        client.makeConnection(one)
        self.wake()

    def dial(self, host: str, port: int, tls: Any, make: Accept, timeout: float) -> Deferred[IProtocol]:
        """Connect as `gateway.upstream.dialer.SocketDialer` does, to what listens here."""
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
            protocol = make()
            self.connect(protocol, accept(), at=(host, port))
            done.callback(protocol)

        self.later(attempt)
        return done

    def later(self, call: Callable[[], None]) -> None:
        """Call when what runs now has returned."""
        self._later.append(call)
        self.wake()

    def wake(self) -> None:
        """There may be something to deliver."""

    def pump(self, most: int = 1_000_000) -> None:
        """Deliver until all is quiet.

        Raises:
            RuntimeError: It never is.
        """
        if self._pumping:
            return
        self._pumping = True
        try:
            for _ in range(most):
                self.clock.advance(0)
                if self._later:
                    self._later.popleft()()
                elif not any([transport.step() for transport in sorted(self.transports, key=id)]):
                    return
            raise RuntimeError("the network does not come to rest")
        finally:
            self._pumping = False
