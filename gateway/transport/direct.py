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
from errno import EWOULDBLOCK
from typing import TYPE_CHECKING, Any

from twisted.internet import tcp
from twisted.internet.address import UNIXAddress
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST

USUAL = 64 * 1024
"""Octets that a read has room for."""

LARGE = 127 * 1024
"""The same, where the last one had as much as it could: a large body takes 0.6 of the processor's time (D-264).

Just below what glibc maps for each allocation anew (128 KiB): above that each read would cost a page fault for 4 KiB.
"""

FEW = 16 * 1024
"""A read of less than this was not of a large body."""

if TYPE_CHECKING:
    from twisted.python.failure import Failure

    # A mixin for either; the base is named only for the type checker.
    _Base = tcp.Connection
else:
    _Base = object


class WriteAtOnce(_Base):
    """Put before `tcp.Server` or `tcp.Client`; every promise of `ITransport` stays.

    `_direct` is the one question that the hot path asks about the state of the
    connection: true while it is open both ways, in the clear, and not fed by
    a pull producer. Whatever ends one of these clears it, and writes then take
    Twisted's own way, which is right in every state.

    Python's part of a write, without the system call, is 0.2 µs this way and
    1.2 µs in stock Twisted; asking the eight attributes that `_direct` stands
    for would take 0.3 µs (CPython 3.11).
    """

    _direct = False
    _room = USUAL

    def write(self, data: bytes) -> None:
        """Send now what the kernel takes, queue the rest; see `ITransport.write`."""
        if not self._direct or self._tempDataBuffer or self.dataBuffer or data.__class__ is not bytes or not data:
            super().write(data)
            return
        try:
            sent = self.socket.send(data)
        except OSError:
            # No room (EAGAIN, ENOBUFS), or the connection is gone (EPIPE, ECONNRESET). Nobody expects an exception
            # or a connectionLost from inside write: queued, the reactor meets the same error and tells of it.
            sent = 0
        if sent == len(data):
            return
        # The state that FileDescriptor.doWrite leaves after a partial send: the whole, and where to go on in it.
        # So a large body is never copied, here or there.
        self.dataBuffer = data
        self.offset = sent
        self._maybePauseProducer()
        self.startWriting()

    def doRead(self) -> Any:
        """Read once and hand it on; see `tcp.Connection.doRead`, whose two calls are one here."""
        try:
            data = self.socket.recv(self._room)
        except OSError as error:
            return None if error.args[0] == EWOULDBLOCK else CONNECTION_LOST
        size = len(data)
        if size >= USUAL:
            self._room = LARGE
        elif size < FEW:
            if not data:
                return CONNECTION_DONE
            self._room = USUAL
        self.protocol.dataReceived(data)
        return None

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """Send the pieces as one; see `ITransport.writeSequence`."""
        if not self._direct:
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
        self._direct = True

    def loseConnection(self) -> None:
        """Close when the queue is empty; see `ITransport.loseConnection`."""
        self._direct = False
        super().loseConnection()

    def loseWriteConnection(self) -> None:
        """Close our half when the queue is empty; see `IHalfCloseableDescriptor`."""
        self._direct = False
        super().loseWriteConnection()

    def abortConnection(self) -> None:
        """Reset the connection and drop the queue; see `ITCPTransport.abortConnection`."""
        self._direct = False
        super().abortConnection()

    def connectionLost(self, reason: Failure) -> None:
        """The reactor found the connection gone."""
        self._direct = False
        super().connectionLost(reason)

    def startTLS(self, ctx: Any, normal: bool = True) -> None:
        """Go over to TLS in place; see `ITLSTransport.startTLS`. The gateway itself uses `transport.tls`."""
        self._direct = False
        super().startTLS(ctx, normal)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Couple a producer to the queue; see `IConsumer.registerProducer`."""
        if not streaming:
            # A pull producer is asked for more by doWrite, which runs only for what was queued.
            self._direct = False
        super().registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """Let the producer go; see `IConsumer.unregisterProducer`."""
        super().unregisterProducer()
        self._direct = bool(
            self.connected
            and not self.disconnecting
            and not self._writeDisconnecting
            and not self._writeDisconnected
            and not self._aborting
            and not self.TLS
        )


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
