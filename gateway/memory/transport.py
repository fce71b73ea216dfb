"""One end of a connection in memory; `gateway.memory.network` makes two, back to back, and gives them their turns.

They keep the promises of Twisted's TCP transports that the gateway relies on,
and their traps: order, back-pressure, half-close, a last write before a close,
a reset that takes with it what was not read, a paused reader that notices
nothing, and that nothing but a producer is called back from inside a call.
`tests/memory/test_network.py` and `tests/system/test_transport.py` hold both
to the same facts.

Tests: `tests/memory/test_network.py`.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import (
    ConnectionAborted,
    ConnectionDone,
    ConnectionLost,
)
from twisted.internet.interfaces import IConsumer, IHalfCloseableProtocol, IPushProducer, ITCPTransport
from twisted.python.failure import Failure
from zope.interface import implementer

WIRE = 64 * 1024
"""Octets under way to a reader, as the kernel's buffers would hold them."""
QUEUE = 64 * 1024
"""Octets that wait for the wire before the writer's producer is paused, as in Twisted's transports."""


class Ending(Enum):
    """What comes after the last octet."""

    FIN = "fin"
    RESET = "reset"


@implementer(ITCPTransport, IConsumer, IPushProducer)
class MemoryTransport:
    """One end of a connection in memory.

    Args:
        host: This end.
        peer: The other end.
        chance: Where given, reads are cut anywhere.
        gone: Told when this end is connected no more.
        woken: Told when something may be due at an end where nothing was; until then `step` need not be called there.
        number: Of this end among all, in the order in which they were made.

    Attributes:
        queued: Octets that the wire has not taken.
        most_queued: The largest that `queued` ever was.
        written: Octets written.
        awake: Whether the network has been told, and has not looked since.
    """

    def __init__(
        self,
        host: IPv4Address,
        peer: IPv4Address,
        chance: random.Random | None,
        gone: Callable[[MemoryTransport], object],
        woken: Callable[[MemoryTransport], object],
        number: int,
    ) -> None:
        self.protocol: Any = None
        self.other: MemoryTransport
        self.connected = True
        self.disconnecting = False
        self.queued = 0
        self.most_queued = 0
        self.written = 0
        self._chance = chance
        self._gone = gone
        self._woken = woken
        self.number = number
        self.awake = False
        self._host = host
        self._peer = peer
        self._queue: deque[memoryview] = deque()
        self._wire: deque[memoryview] = deque()
        self._on_wire = 0
        self._end: Ending | None = None
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
            self.wake()
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
        self.wake()

    def abortConnection(self) -> None:
        if self.connected and not self._aborting:
            self._aborting = True
            self._reading = False
            self.wake()
            self.other._arrive(Ending.RESET)

    def loseWriteConnection(self) -> None:
        if self.connected and not self._write_closed:
            self._half_closing = True
            self._writing = True
            self.wake()

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

    # ISSLTransport, INegotiated: where `MemoryNetwork.connect` says that it is secure

    negotiatedProtocol: bytes | None = None  # Twisted's name

    certificate: Any = None

    def getPeerCertificate(self) -> Any:
        """Return the certificate that the other end has shown; None for none."""
        return self.certificate

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
            self.wake()

    def pauseProducing(self) -> None:
        self._reading = False

    def resumeProducing(self) -> None:
        # After a FIN as well: Twisted reads the end again, and tells of it again.
        if self.connected and not self.disconnecting and not self._aborting:
            self._reading = True
            self.wake()

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
        if not (self._wire or self._writing or self._end is not None or self._aborting) or not self.connected:
            return False  # nothing is due at nearly all of a thousand connections
        if self._aborting:
            self._lose(ConnectionAborted)
            return True
        # A reader that has had the FIN gets it again, whatever came after it (Linux, tcp_recvmsg).
        if self._end is Ending.RESET and (self._writing or (self._reading and not self._fin_read)):
            self._lose(ConnectionLost)
            return True
        return self._read() or self._write()

    def _read(self) -> bool:
        if not self._reading:
            return False
        if self._wire:
            data = self._wire.popleft()
            chance = self._chance
            if chance is not None and len(data) > 1 and chance.random() < 0.5:
                cut = chance.randrange(1, len(data))
                self._wire.appendleft(data[cut:])
                data = data[:cut]
            self._on_wire -= len(data)
            if self.other._writing:
                self.other.wake()  # there is room for what waits there
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
            self.other._arrive(Ending.FIN)
            if IHalfCloseableProtocol.providedBy(self.protocol):
                self.protocol.writeConnectionLost()
        return True

    def _flush(self) -> bool:
        """Let the wire take what it has room for; returns whether it took something."""
        other = self.other
        moved = False
        if self._end is Ending.RESET:
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
                other.wake()
            else:
                self._arrive(Ending.RESET)  # nobody is there any more
        return moved

    def _arrive(self, end: Ending) -> None:
        if self.connected and self._end is not Ending.RESET:
            self._end = end
            self.wake()
            if end is Ending.RESET:
                self._wire.clear()
                self._on_wire = 0

    def wake(self) -> None:
        """Tell the network that something may be due here."""
        if not self.awake:
            self.awake = True
            self._woken(self)

    def _lose(self, why: type[Exception]) -> None:
        self.connected = False
        self._reading = self._writing = False
        self._gone(self)
        if why is ConnectionDone:
            # What nobody has read makes a kernel answer with a reset.
            self.other._arrive(Ending.RESET if self._wire else Ending.FIN)
        self._queue.clear()
        self.queued = 0
        if self._producer is not None:
            producer, self._producer = self._producer, None
            producer.stopProducing()
        self.protocol.connectionLost(Failure(why()))
