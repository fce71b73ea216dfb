"""What a protocol over TLS asks of its connection besides writing: who is there, and what the socket below knows.

Inherited by `gateway.transport.memory_tls.MemoryTLS`.

Tests: `tests/transport/test_memory_tls.py::test_what_is_the_transport_s_is_asked_there`.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any, Final

from OpenSSL import SSL, crypto

FAILURES: Final = (ssl.SSLError, SSL.Error)
"""What goes wrong in a session, by the library that serves it."""


class SecureTransport:
    """A transport by TLS.

    Attributes:
        transport: Below; None before there is a connection.
        asked_name: The name that a client has asked the server for; empty for none.
    """

    __slots__ = ("_session", "asked_name", "transport")

    def __init__(self) -> None:
        self.transport: Any = None
        self.asked_name = b""
        self._session: Any = None

    def getPeerCertificate(self) -> Any:
        """Return the other end's certificate as pyOpenSSL has it; see `ISSLTransport`."""
        found = None if self._session is None else self._session.getpeercert(True)
        return None if found is None else crypto.load_certificate(crypto.FILETYPE_ASN1, found)

    @property
    def negotiatedProtocol(self) -> bytes | None:  # the interface's
        """The protocol that ALPN has found; see `INegotiated`."""
        found: str | None = None if self._session is None else self._session.selected_alpn_protocol()
        return None if found is None else found.encode("ascii")

    def getHandle(self) -> Any:  # noqa: N802  # Twisted's name
        """Return the session, of the library that serves it; see `ISystemHandle`."""
        return getattr(self._session, "connection", self._session)

    def write(self, data: bytes) -> None:
        """Encrypt and send; see `ITransport.write`."""
        raise NotImplementedError

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """Encrypt and send the pieces as one; see `ITransport.writeSequence`."""
        self.write(b"".join(iovec))

    def pauseProducing(self) -> None:
        """Read no more; see `IPushProducer`."""
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """Read on; see `IPushProducer`."""
        self.transport.resumeProducing()

    def __getattr__(self, name: str) -> Any:
        # Addresses and options are the transport's. A slot without a value must not ask for itself.
        if name == "transport":
            raise AttributeError(name)
        return getattr(self.transport, name)
