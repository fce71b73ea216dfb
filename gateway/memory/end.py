"""One end of a connection in memory, as a test holds it: it says when to send, to read and to break off."""

from __future__ import annotations

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer


@implementer(IHalfCloseableProtocol)
class End(Protocol):
    """Keeps every octet that comes.

    Attributes:
        closed: Why the connection ended, None while it is open.
        end_of_input: The gateway closed its half.
        half_open: Go on when the gateway has closed its half; by default it is closed in return.
    """

    def __init__(self) -> None:
        self.closed: Failure | None = None
        self.end_of_input = False
        self.half_open = False
        self._received = bytearray()

    @property
    def received(self) -> bytes:
        """Return every octet that came on it."""
        return bytes(self._received)

    @received.setter
    def received(self, octets: bytes) -> None:
        self._received = bytearray(octets)

    @property
    def unread(self) -> int:
        """Octets that the gateway has not read from it."""
        return self.transport.unread  # type: ignore[union-attr, no-any-return]

    def dataReceived(self, data: bytes) -> None:
        self._received += data

    def readConnectionLost(self) -> None:
        self.end_of_input = True
        if not self.half_open:
            self.close()

    def writeConnectionLost(self) -> None:
        """Our half is closed."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.closed = reason

    def send(self, data: bytes) -> None:
        """Write octets."""
        self.transport.write(data)  # type: ignore[union-attr]

    def close(self) -> None:
        """Close in good order."""
        self.transport.loseConnection()  # type: ignore[union-attr]

    def half_close(self) -> None:
        """Send no more."""
        self.transport.loseWriteConnection()  # type: ignore[union-attr]

    def reset(self) -> None:
        """Break off."""
        self.transport.abortConnection()  # type: ignore[union-attr]

    def stop_reading(self) -> None:
        """Let what comes wait on the wire."""
        self.transport.pauseProducing()  # type: ignore[union-attr]

    def read_on(self) -> None:
        """Read again."""
        self.transport.resumeProducing()  # type: ignore[union-attr]
