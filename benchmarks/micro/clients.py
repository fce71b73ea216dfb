"""The clients' ends in memory: in the clear, or over TLS with what they send encrypted beforehand."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address


class Wire:
    """The transport of one connection: takes what is written and does nothing with it.

    Attributes:
        write: Called by the protocol, with bytes.
        received: What was written, until somebody clears it.
        closed: The protocol closed the connection.
    """

    __slots__ = ("closed", "disconnecting", "received", "write")

    def __init__(self, write: Any = None) -> None:
        self.received: list[bytes] = []
        self.write = write or self.received.append
        self.closed = False
        self.disconnecting = False

    def writeSequence(self, pieces: Any) -> None:
        self.write(b"".join(pieces))

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", "192.0.2.1", 50000)

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "192.0.2.2", 8080)

    def loseConnection(self) -> None:
        self.closed = True

    abortConnection = loseWriteConnection = loseConnection

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Never full: nobody has to wait."""

    def unregisterProducer(self) -> None:
        """Never full."""

    def pauseProducing(self) -> None:
        """Nothing comes by itself."""

    resumeProducing = stopProducing = pauseProducing

    def setTcpNoDelay(self, enabled: bool) -> None:
        """There is no delay."""

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Nobody dies unseen."""


class Client:
    """A client in the clear."""

    def __init__(self, protocol: Any) -> None:
        self.wire = Wire()
        self.receive = protocol.dataReceived
        protocol.makeConnection(self.wire)

    def sent(self, data: bytes) -> bytes:
        """Return what goes over the wire for these octets."""
        return data

    def take(self) -> bytes:
        """Return what came, in the clear, and forget it."""
        data = b"".join(self.wire.received)
        self.wire.received.clear()
        return data


class TLSClient(Client):
    """A client that has shaken hands."""

    def __init__(self, protocol: Any, certificate: Path) -> None:
        super().__init__(protocol)
        context = ssl.create_default_context(cafile=str(certificate))
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")
        for _ in range(10):
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self.receive(self._outgoing.read())
                self._incoming.write(super().take())
                continue
            self.receive(self._outgoing.read())
            return
        raise RuntimeError("the handshake does not end")

    def sent(self, data: bytes) -> bytes:
        self._tls.write(data)
        return self._outgoing.read()

    def take(self) -> bytes:
        self._incoming.write(super().take())
        pieces = []
        while True:
            try:
                pieces.append(self._tls.read(65536))
            except ssl.SSLWantReadError:
                return b"".join(pieces)
