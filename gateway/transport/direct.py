"""Transports that hand bytes to the socket at once and queue only what the kernel did not take.

Used by `gateway.transport.port` for accepted connections and by
`gateway.dialling.dialer` for the ones we open. Stock Twisted queues every
write, asks epoll for writability, sends and unsubscribes again: 11 µs more per
write (`performance.md`). `tests/system/test_transport.py` holds both kinds
to the same facts.

What it uses of Twisted's private parts is in `tests/transport/test_private_parts.py`.
"""

# mypy: allow-untyped-calls
# (Twisted's own methods, called through super(), carry no types.)

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from twisted.internet import tcp
from twisted.internet.address import UNIXAddress

from gateway.transport.line import Line

if TYPE_CHECKING:
    from twisted.python.failure import Failure

    # A mixin for either; the base is named only for the type checker.
    _Base = tcp.Connection
else:
    _Base = object


class WriteAtOnce(_Base):
    """Put before `tcp.Server` or `tcp.Client`; every promise of `ITransport` stays.

    While the connection is open, `write` and `doRead` are those of its `Line`, as attributes of the instance. The line
    asks one question about the state of the connection, `direct`: true while it is open both ways, in the clear,
    nothing waits, and it is not fed by a pull producer. Whatever ends one of these clears it, and writes then take
    Twisted's own way, which is right in every state.
    """

    _line: Line | None = None

    def write_later(self, data: bytes) -> None:
        """Write as Twisted does: queue it, and wait for writability."""
        super().write(data)

    def send_rest(self, data: bytes, sent: int) -> None:
        """Queue what is left of a write of which the kernel took the beginning; nothing is queued before it.

        Args:
            data: All that was to be written.
            sent: How much of it has left.
        """
        # The state that FileDescriptor.doWrite leaves after a partial send: the whole, and where to go on in it.
        # So a large body is never copied, here or there.
        self.dataBuffer = data
        self.offset = sent
        self._maybePauseProducer()
        self.startWriting()

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """Send the pieces as one; see `ITransport.writeSequence`."""
        if self._line is None or not self._line.direct:
            super().writeSequence(iovec)
            return
        pieces = list(iovec)
        for piece in pieces:
            if not isinstance(piece, bytes):
                raise TypeError("Data must be bytes")
        self.write(b"".join(pieces))

    def _isSendBufferFull(self) -> bool:  # noqa: N802  # Twisted's name
        # Twisted counts what has already left `dataBuffer` as well, and would pause a producer for it.
        return len(self.dataBuffer) - self.offset + self._tempDataLen > self.bufferSize

    def _opened(self) -> None:
        """Begin to write at once: the connection is up."""
        line = self._line = Line(self, self.socket)
        self.write = line.write  # type: ignore[method-assign]
        self.doRead = line.read  # type: ignore[method-assign]

    def _may_be_direct(self) -> None:
        """Write at once again, if nothing forbids it any more."""
        if self._line is not None:
            self._line.direct = bool(
                self.connected
                and not self.disconnecting
                and not self._writeDisconnecting
                and not self._writeDisconnected
                and not self._aborting
                and not self.TLS
                and not self.dataBuffer
                and not self._tempDataBuffer
                and (self.producer is None or self.streamingProducer)
            )

    def _not_direct(self) -> None:
        if self._line is not None:
            self._line.direct = False

    def stopWriting(self) -> None:  # noqa: N802  # Twisted's name
        """Ask no more whether the socket is writable: most often because the queue is empty."""
        super().stopWriting()
        self._may_be_direct()

    def loseConnection(self) -> None:
        """Close when the queue is empty; see `ITransport.loseConnection`."""
        self._not_direct()
        super().loseConnection()

    def loseWriteConnection(self) -> None:
        """Close our half when the queue is empty; see `IHalfCloseableDescriptor`."""
        self._not_direct()
        super().loseWriteConnection()

    def abortConnection(self) -> None:
        """Reset the connection and drop the queue; see `ITCPTransport.abortConnection`."""
        super().abortConnection()
        self._not_direct()

    def connectionLost(self, reason: Failure) -> None:
        """The reactor found the connection gone: the methods are Twisted's again, and nobody keeps the line alive."""
        self._not_direct()
        self._line = None
        self.__dict__.pop("write", None)
        self.__dict__.pop("doRead", None)
        super().connectionLost(reason)

    def startTLS(self, ctx: Any, normal: bool = True) -> None:
        """Go over to TLS in place; see `ITLSTransport.startTLS`. The gateway itself uses `transport.tls`."""
        self._not_direct()
        super().startTLS(ctx, normal)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Couple a producer to the queue; see `IConsumer.registerProducer`."""
        if not streaming:
            # A pull producer is asked for more by doWrite, which runs only for what was queued.
            self._not_direct()
        super().registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """Let the producer go; see `IConsumer.unregisterProducer`."""
        super().unregisterProducer()
        self._may_be_direct()


class DirectServer(WriteAtOnce, tcp.Server):
    """An accepted connection that writes at once."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._opened()


if TYPE_CHECKING:
    # A mixin again.
    class _Client(WriteAtOnce, tcp.BaseClient): ...
else:
    _Client = WriteAtOnce


class _Opened(_Client):
    """A connection we open that writes at once."""

    def _connectDone(self) -> None:  # noqa: N802  # Twisted's name
        self._opened()
        super()._connectDone()
        self.is_up()

    def is_up(self) -> None:
        """The connection is open, and its protocol has been told; for subclasses."""


class DirectClient(_Opened, tcp.Client):
    """A TCP connection we open, without Nagle's delay and with keep-alive probes."""

    def createInternetSocket(self) -> socket.socket:  # noqa: N802  # Twisted's name
        """Make the socket; set here, before connecting, the options need no check of the connection's state."""
        skt: socket.socket = super().createInternetSocket()
        skt.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        skt.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return skt


class DirectUnixClient(_Opened, tcp.BaseClient):
    """A connection we open to a UNIX socket. Not Twisted's own, whose queue can carry file descriptors.

    Args:
        path: Of the socket.
        connector: Hears of failures.
        reactor: One that has sockets.
    """

    addressFamily = socket.AF_UNIX  # noqa: N815  # Twisted's name
    socketType = socket.SOCK_STREAM  # noqa: N815  # Twisted's name

    def __init__(self, path: str, connector: Any, reactor: Any) -> None:
        self.connector = connector
        self.addr: str = path
        self.realAddress: Any = path  # what the socket connects to
        self._finishInit(self.doConnect, self.createInternetSocket(), None, reactor)

    def getPeer(self) -> UNIXAddress:
        """Return the address of the socket."""
        return UNIXAddress(self.addr)

    def getHost(self) -> UNIXAddress:
        """Return the address of our end: it has none."""
        return UNIXAddress(None)
