"""Connections in memory: two transports, back to back, under a virtual clock.

They keep the promises of Twisted's TCP transports that the gateway relies on,
and their traps: order, back-pressure, half-close, a last write before a close,
a reset that takes with it what was not read, a paused reader that notices
nothing, and that nothing but a producer is called back from inside a call.
`tests/testing/test_network.py` and `tests/system/test_transport.py` hold both
to the same facts.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import (
    ConnectionAborted,
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,  # noqa: A004  # Twisted's name for it
    TimeoutError,  # noqa: A004  # Twisted's name for it
)
from twisted.internet.interfaces import IConsumer, IHalfCloseableProtocol, IProtocol, IPushProducer, ITCPTransport
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

WIRE = 64 * 1024
"""Octets under way to a reader, as the kernel's buffers would hold them."""
QUEUE = 64 * 1024
"""Octets that wait for the wire before the writer's producer is paused, as in Twisted's transports."""


class End(Enum):
    """What comes after the last octet."""

    FIN = "fin"
    RESET = "reset"


@implementer(ITCPTransport, IConsumer, IPushProducer)
class MemoryTransport:
    """One end of a connection in memory.

    Attributes:
        queued: Octets that the wire has not taken.
        most_queued: The largest that `queued` ever was.
        written: Octets written.
    """

    def __init__(self, network: MemoryNetwork, host: IPv4Address, peer: IPv4Address) -> None:
        self.network = network
        self.protocol: Any = None
        self.other: MemoryTransport
        self.connected = True
        self.disconnecting = False
        self.queued = 0
        self.most_queued = 0
        self.written = 0
        self._host = host
        self._peer = peer
        self._queue: deque[memoryview] = deque()
        self._wire: deque[memoryview] = deque()
        self._on_wire = 0
        self._end: End | None = None
        self._reading = True
        self._fin_read = False
        self._writing = False
        self._aborting = False
        self._half_closing = False
        self._write_closed = False
        self._producer: Any = None
        self._producer_paused = False

    # ITransport

    def write(self, data: bytes) -> None:
        if not isinstance(data, bytes):
            raise TypeError(f"Data must be bytes, not {type(data).__name__}")
        if not self.connected or self._aborting or self._write_closed or not data:
            return
        self.written += len(data)
        self._queue.append(memoryview(data))
        self.queued += len(data)
        self._flush()
        if self._queue:
            self._writing = True
            self.most_queued = max(self.most_queued, self.queued)
            if self.queued > QUEUE and self._producer is not None and not self._producer_paused:
                self._producer_paused = True
                self._producer.pauseProducing()

    def writeSequence(self, data: Any) -> None:
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        if not self.connected or self.disconnecting or self._aborting:
            return
        self._reading = False
        self.disconnecting = True
        self._writing = True

    def abortConnection(self) -> None:
        if self.connected and not self._aborting:
            self._aborting = True
            self._reading = False
            self.other._arrive(End.RESET)

    def loseWriteConnection(self) -> None:
        if self.connected and not self._write_closed:
            self._half_closing = True
            self._writing = True

    def getPeer(self) -> IPv4Address:
        return self._peer

    def getHost(self) -> IPv4Address:
        return self._host

    def setTcpNoDelay(self, enabled: bool) -> None:
        """There is no delay here."""

    def getTcpNoDelay(self) -> bool:  # noqa: N802  # Twisted's name
        return True

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Nothing dies unseen here."""

    def getTcpKeepAlive(self) -> bool:  # noqa: N802  # Twisted's name
        return True

    # IConsumer, IPushProducer

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        if self._producer is not None:
            raise RuntimeError("a producer is registered already")
        if not self.connected:
            producer.stopProducing()
            return
        self._producer = producer
        self._producer_paused = False

    def unregisterProducer(self) -> None:
        self._producer = None
        self._producer_paused = False
        if self.connected and self.disconnecting:
            self._writing = True

    def pauseProducing(self) -> None:
        self._reading = False

    def resumeProducing(self) -> None:
        # After a FIN as well: Twisted reads the end again, and tells of it again.
        if self.connected and not self.disconnecting and not self._aborting:
            self._reading = True

    def stopProducing(self) -> None:
        self.loseConnection()

    @property
    def reading(self) -> bool:
        """Whether octets that come are delivered."""
        return self._reading

    @property
    def unread(self) -> int:
        """Octets written here that the other end has not read."""
        return self.queued + self.other._on_wire

    # Called by the network.

    def step(self) -> bool:
        """Do one thing that is due here; returns whether there was one."""
        if not self.connected:
            return False
        if self._aborting:
            self._lose(ConnectionAborted)
            return True
        # A reader that has had the FIN gets it again, whatever came after it (Linux, tcp_recvmsg).
        if self._end is End.RESET and (self._writing or (self._reading and not self._fin_read)):
            self._lose(ConnectionLost)
            return True
        return self._read() or self._write()

    def _read(self) -> bool:
        if not self._reading:
            return False
        if self._wire:
            data = self._wire.popleft()
            chance = self.network.random
            if chance is not None and len(data) > 1 and chance.random() < 0.5:
                cut = chance.randrange(1, len(data))
                self._wire.appendleft(data[cut:])
                data = data[:cut]
            self._on_wire -= len(data)
            self.protocol.dataReceived(bytes(data))
            return True
        if self._end is None:
            return False
        self._reading = False
        self._fin_read = True
        if IHalfCloseableProtocol.providedBy(self.protocol):
            self.protocol.readConnectionLost()
        else:
            self._lose(ConnectionDone)
        return True

    def _write(self) -> bool:
        if not self._writing:
            return False
        moved = self._flush()
        if self._queue:
            return moved
        self._writing = False
        if self._producer is not None and self._producer_paused:
            # As in Twisted, whether or not a close is due: nobody asks again until something is written.
            self._producer_paused = False
            self._producer.resumeProducing()
        elif self.disconnecting:
            self._lose(ConnectionDone)
        elif self._half_closing and not self._write_closed:
            self._write_closed = True
            self.other._arrive(End.FIN)
            if IHalfCloseableProtocol.providedBy(self.protocol):
                self.protocol.writeConnectionLost()
        return True

    def _flush(self) -> bool:
        """Let the wire take what it has room for; returns whether it took something."""
        other = self.other
        moved = False
        if self._end is End.RESET:
            return False  # the kernel says so at the next turn
        while self._queue and (other._on_wire < WIRE or not other.connected):
            data = self._queue.popleft()
            room = len(data) if not other.connected else WIRE - other._on_wire
            if len(data) > room:
                self._queue.appendleft(data[room:])
                data = data[:room]
            self.queued -= len(data)
            moved = True
            if other.connected:
                other._wire.append(data)
                other._on_wire += len(data)
            else:
                self._arrive(End.RESET)  # nobody is there any more
        return moved

    def _arrive(self, end: End) -> None:
        if self.connected and self._end is not End.RESET:
            self._end = end
            if end is End.RESET:
                self._wire.clear()
                self._on_wire = 0

    def _lose(self, why: type[Exception]) -> None:
        self.connected = False
        self._reading = self._writing = False
        self.network.transports.pop(self, None)
        if why is ConnectionDone:
            # What nobody has read makes a kernel answer with a reset.
            self.other._arrive(End.RESET if self._wire else End.FIN)
        self._queue.clear()
        self.queued = 0
        if self._producer is not None:
            producer, self._producer = self._producer, None
            producer.stopProducing()
        self.protocol.connectionLost(Failure(why()))


Accept = Callable[[], IProtocol]


class MemoryNetwork:
    """Listening addresses and the connections to them (`gateway.dialling.dialer.Dialer`).

    Args:
        clock: Moves when the test says so.
        chance: Where given, what is due happens in an order that is drawn from it, and reads are cut anywhere.

    Attributes:
        transports: The ends that are connected.
        dials: Connections asked for so far.
    """

    def __init__(self, clock: Clock, chance: random.Random | None = None) -> None:
        self.clock = clock
        self.random = chance
        self.transports: dict[MemoryTransport, None] = {}
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

    def connect(
        self, client: Any, server: Any, address: str = "192.0.2.1", at: tuple[str, int] = ("127.0.0.1", 80)
    ) -> None:
        """Join two protocols."""
        self._next_port += 1
        here, there = IPv4Address("TCP", address, self._next_port), IPv4Address("TCP", *at)
        one, two = MemoryTransport(self, here, there), MemoryTransport(self, there, here)
        one.other, two.other = two, one
        one.protocol, two.protocol = client, server
        self.transports[one] = self.transports[two] = None
        server.makeConnection(two)
        client.makeConnection(one)

    def dial(self, host: str, port: int, tls: Any, make: Accept, timeout: float) -> Deferred[IProtocol]:
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
            protocol = make()
            self.connect(protocol, accept(), at=(host, port))
            done.callback(protocol)

        self._later.append(attempt)
        return done

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
        transports = list(self.transports)
        if self.random is not None:
            self.random.shuffle(transports)
            if self._later and self.random.random() < 0.5:
                self._later.popleft()()
                return True
            # One thing a turn, so that any order can come about.
            return any(transport.step() for transport in transports) or self._run_later()
        if self._run_later():
            return True
        done = [transport.step() for transport in transports]  # each of them, not only the first
        return any(done)

    def _run_later(self) -> bool:
        if not self._later:
            return False
        self._later.popleft()()
        return True
