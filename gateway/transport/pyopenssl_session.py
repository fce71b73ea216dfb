"""A session of pyOpenSSL that is driven as one of the standard library's `ssl` is, by `gateway.transport.memory_tls`.

For listeners that ask clients for certificates (D-258). It costs two thirds of what Twisted's protocol makes of the
same session: nothing is asked of OpenSSL that would end in an exception, because the records that come are counted.
"""

from __future__ import annotations

import ssl
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

OVERHEAD: Final = 256
"""More than a record adds to its payload in any version and cipher that we allow."""

RECORD: Final = 2**14

MESSAGES: Final = 2**16
"""Room for what OpenSSL says of its own accord: handshakes, alerts."""


class Incoming:
    """What has come and was not read; counts whole records.

    Attributes:
        pending: Octets of records that are there from the first to the last and were not read, or more: one that
            carries nothing for us is read with the one behind it. What is no whole record cannot be read yet.
    """

    __slots__ = ("_connection", "_header", "_missing", "_sizes", "pending")

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._sizes: list[int] = []
        self._header = b""  # the beginning of one, of a record
        self._missing = 0
        self.pending = 0

    def write(self, data: bytes) -> None:
        """Take what has come."""
        self._connection.bio_write(data)
        at, size = 0, len(data)
        while at < size:
            if self._missing:
                taken = min(self._missing, size - at)
                self._missing -= taken
                at += taken
                if not self._missing:
                    self.pending += self._sizes[-1]
                continue
            header = self._header + data[at : at + 5 - len(self._header)]
            at += len(header) - len(self._header)
            self._header = header
            if len(header) == 5:
                self._header = b""
                self._missing = header[3] << 8 | header[4]
                self._sizes.append(self._missing + 5)
                if not self._missing:
                    self.pending += 5

    def was_read(self) -> None:
        """A record at least was read."""
        if self._sizes and self.pending:
            self.pending -= self._sizes.pop(0)

    def is_empty(self) -> None:
        """Every whole record was read."""
        self.pending = 0
        self._sizes = self._sizes[-1:] if self._missing else []


class Outgoing:
    """What OpenSSL has for the other end.

    Attributes:
        pending: Octets that it has at most.
    """

    __slots__ = ("_connection", "pending")

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.pending = 0

    def read(self) -> bytes:
        """Take all of it; empty for nothing."""
        pieces: list[bytes] = []
        size, self.pending = self.pending, 0
        while True:
            try:
                piece: bytes = self._connection.bio_read(size)
            except SSL.WantReadError:
                break
            if len(piece) < size and not pieces:
                return piece
            pieces.append(piece)
        return b"".join(pieces)


class PyOpenSSLSession:
    """One session, with the methods of `ssl.SSLObject` that are used.

    Attributes:
        connection: pyOpenSSL's.
        incoming: What has come.
        outgoing: What is to be sent.
    """

    __slots__ = ("connection", "incoming", "outgoing")

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.incoming = Incoming(connection)
        self.outgoing = Outgoing(connection)

    def do_handshake(self) -> None:
        """Go on with the handshake."""
        self.outgoing.pending += MESSAGES
        try:
            self.connection.do_handshake()
        except SSL.WantReadError:
            self.incoming.is_empty()
            raise ssl.SSLWantReadError from None

    def read(self, size: int) -> bytes:
        """Read from one record; empty where the other end has said `close_notify`."""
        try:
            data: bytes = self.connection.recv(size)
        except SSL.WantReadError:
            self.incoming.is_empty()
            # There was a record that was not for us: OpenSSL may have answered it.
            self.outgoing.pending += MESSAGES
            raise ssl.SSLWantReadError from None
        except SSL.ZeroReturnError:
            return b""
        except SSL.Error:
            self.outgoing.pending += MESSAGES
            raise
        self.incoming.was_read()
        return data

    def write(self, data: Any) -> int:
        """Encrypt, a record at most."""
        self.outgoing.pending += min(len(data), RECORD) + OVERHEAD
        try:
            sent: int = self.connection.send(data)
        except SSL.WantReadError:
            self.outgoing.pending += MESSAGES
            raise ssl.SSLWantReadError from None
        return sent

    def unwrap(self) -> None:
        """Say `close_notify`; raises unless the other end has said it too."""
        self.outgoing.pending += MESSAGES
        if not self.connection.shutdown():
            raise ssl.SSLWantReadError

    def getpeercert(self, binary: bool) -> bytes | None:
        """Return the other end's certificate (DER)."""
        found = self.connection.get_peer_certificate(as_cryptography=True)
        encoded: bytes | None = None if found is None else found.public_bytes(Encoding.DER)
        return encoded

    def selected_alpn_protocol(self) -> str | None:
        """Return what ALPN has found."""
        return self.connection.get_alpn_proto_negotiated().decode("ascii") or None
