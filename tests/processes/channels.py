"""Two ends of a channel in memory: what one says reaches the other in the next turn of a clock of the test's."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from gateway.processes.channel import Channel


class Wire:
    """The transport of one end.

    Args:
        clock: Delivers in its next turn.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.other: Channel
        self.open = True
        self.peer: Wire
        self.producer: Any = None

    def write(self, octets: bytes) -> None:
        """Send."""
        if self.open:
            self._clock.callLater(0, self._deliver, octets)

    def sendFileDescriptor(self, descriptor: int) -> None:  # noqa: N802  # Twisted's
        """Send a descriptor: it is the same process, so it is the same number."""
        self._clock.callLater(0, self.other.fileDescriptorReceived, descriptor)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Know whom to tell that the other end does not read."""
        self.producer = producer

    def loseConnection(self) -> None:
        """Close, after what was written."""
        self._clock.callLater(0, self.abortConnection)

    def abortConnection(self) -> None:
        """Close at once: both ends are told."""
        if self.open:
            self.open = self.peer.open = False
            for end in (self.peer.other, self.other):
                self._clock.callLater(0, end.connectionLost, Failure(ConnectionDone()))

    def _deliver(self, octets: bytes) -> None:
        if self.open:
            self.other.dataReceived(octets)


def channels(clock: Clock, names: tuple[str, str] = ("worker 1", "the parent")) -> tuple[Channel, Channel]:
    """Return the end of a parent (it speaks to `names[0]`) and that of a worker, connected with each other."""
    parent, worker = Channel(clock, names[0]), Channel(clock, names[1])
    wires = Wire(clock), Wire(clock)
    wires[0].other, wires[1].other = worker, parent
    wires[0].peer, wires[1].peer = wires[1], wires[0]
    parent.makeConnection(wires[0])
    worker.makeConnection(wires[1])
    return parent, worker
