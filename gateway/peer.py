"""Who is at the other end of a client's connection.

Layer 0. Made once a connection by `gateway.serving.connection`, and shared by its exchanges.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from mypy_extensions import mypyc_attr

from gateway.headers import Headers


class Ends(NamedTuple):
    """The two ends of a client's connection, as addresses and ports; empty and 0 where they are not known.

    Attributes:
        source: The client's address.
        source_port: Its port.
        destination: The address that it connected to.
        destination_port: The port there.
    """

    source: str
    source_port: int
    destination: str
    destination_port: int


@mypyc_attr(allow_interpreted_subclasses=True)
class Forwarding:
    """What is believed of a peer: whose word it passes on, and what backends are told of the client.

    A base class, so that each call goes through a table and not through a look-up by name.
    """

    __slots__ = ()

    def client_address(self, headers: Headers) -> str:
        """Return the client's address: the peer's, or what a trusted peer says."""
        raise NotImplementedError

    def scheme(self, headers: Headers) -> bytes:
        """Return the scheme that the client used."""
        raise NotImplementedError

    def believed(self, headers: Headers) -> Headers:
        """Return a request's fields without those that such a peer is not believed."""
        raise NotImplementedError

    def encode(self, headers: Headers, host: bytes, version: bytes = b"1.1") -> bytes:
        """Return the forwarding field lines for a backend, each ended by CRLF."""
        raise NotImplementedError


class Readers(NamedTuple):
    """What reads from a transport what few ask for; the same for all connections.

    Attributes:
        certificate: The certificate of the peer (DER), verified in the handshake; None without one, or without TLS.
        chain: The whole chain that was verified, the peer's own first.
        ends: The ends of the connection.
    """

    certificate: Callable[[Any], bytes | None]
    chain: Callable[[Any], tuple[bytes, ...]]
    ends: Callable[[Any], Ends | None]


class Peer:
    """The other end of a connection: a client, or the proxy before it.

    Args:
        address: As text; empty where the socket has none.
        forwarding: What backends are told of it.
        secure: Whether the connection is over TLS.
        transport: Of the connection.
        readers: Read from the transport; certificate and chain are read once at most. None where there is none.

    Attributes:
        address: As given.
        forwarding: As given.
        secure: As given.
    """

    __slots__ = ("_certificate", "_chain", "_readers", "_transport", "_unread", "address", "forwarding", "secure")

    def __init__(
        self,
        address: str,
        forwarding: Forwarding,
        secure: bool = False,
        transport: Any = None,
        readers: Readers | None = None,
    ) -> None:
        self.address = address
        self.forwarding = forwarding
        self.secure = secure
        self._transport = transport
        self._readers = readers
        self._unread = readers is not None
        self._certificate: bytes | None = None
        self._chain: tuple[bytes, ...] | None = None

    def certificate(self) -> bytes | None:
        """Return the peer's certificate (DER); None without one, or without TLS."""
        if self._unread and self._readers is not None:
            self._unread = False
            self._certificate = self._readers.certificate(self._transport)
        return self._certificate

    def chain(self) -> tuple[bytes, ...]:
        """Return the peer's certificate and those above it, up to the root; where they are not known, its own only."""
        if self._chain is None:
            certificate = self.certificate()
            readers = self._readers
            found = () if readers is None or certificate is None else readers.chain(self._transport)
            self._chain = found or (() if certificate is None else (certificate,))
        return self._chain

    def ends(self) -> Ends | None:
        """Return the ends of the connection; None where it has none that have addresses."""
        return None if self._readers is None else self._readers.ends(self._transport)
