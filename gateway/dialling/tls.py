"""TLS towards a server: the authorities that are trusted, and the certificate that the gateway shows.

Built once per backend when a snapshot is built, so that a wrong file is found
then. OpenSSL reads the system's trust store (5 ms, where no `ca` is given) at
the first handshake; later handshakes use the same context.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from OpenSSL import SSL, crypto
from twisted.internet.error import VerifyError
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    PrivateCertificate,
    optionsForClientTLS,
    trustRootFromCertificates,
)
from zope.interface import implementer

from gateway.dialling.resolver import is_literal
from gateway.transport import pem

ALPN = (b"http/1.1",)


class TLSSettings(Protocol):
    """The `tls` block of an upstream; paths are relative to the working directory."""

    @property
    def ca(self) -> Any: ...
    @property
    def server_name(self) -> str | None: ...
    @property
    def client_cert(self) -> Any: ...
    @property
    def client_key(self) -> Any: ...
    @property
    def verify(self) -> bool: ...


class TLSSettingsError(Exception):
    """The `tls` block of an upstream cannot be used; the text says which file and why."""


class HandshakeFailed(Exception):
    """The connection ended during the TLS handshake, without the peer saying why."""


def client_tls_options(
    hostname: str, settings: TLSSettings | None = None, alpn: Sequence[bytes] = ALPN
) -> IOpenSSLClientConnectionCreator:
    """Make the creator of the TLS connections to one backend; TLS 1.2 at least.

    Args:
        hostname: From the backend's URL. Sent as SNI and looked for in the certificate, unless `server_name` is set;
            an address is looked for among the certificate's addresses and never sent.
        settings: None for the system's trust store and no client certificate.
        alpn: Protocols that the gateway speaks, the preferred one first.

    Raises:
        TLSSettingsError: A file is missing or not what it should be.
    """
    name = (settings.server_name if settings is not None else None) or hostname
    identity = _identity(settings) if settings is not None else None
    if settings is not None and not settings.verify:
        return Unverified(name, identity, alpn)
    trust = trustRootFromCertificates(_authorities(Path(settings.ca))) if settings is not None and settings.ca else None
    try:
        creator: IOpenSSLClientConnectionCreator = optionsForClientTLS(
            name, trustRoot=trust, clientCertificate=identity, acceptableProtocols=list(alpn)
        )
    except ValueError as error:
        raise TLSSettingsError(f"server name {name!r}: {error}") from None
    return creator


def files_digest(settings: TLSSettings) -> bytes:
    """Return a digest of the content of the files; it changes when a certificate is renewed (D-13).

    Raises:
        TLSSettingsError: A file is missing.
    """
    names = filter(None, (settings.ca, settings.client_cert, settings.client_key))
    return sha256(b"".join(sha256(_read(Path(name))).digest() for name in names)).digest()


@implementer(IOpenSSLClientConnectionCreator)
class Unverified:
    """Accepts any certificate; made for `verify: false` only."""

    def __init__(self, name: str, identity: PrivateCertificate | None, alpn: Sequence[bytes] = ALPN) -> None:
        self._server_name = None if is_literal(name) else name.encode()
        self._options = CertificateOptions(
            privateKey=None if identity is None else identity.privateKey.original,
            certificate=None if identity is None else identity.original,
            acceptableProtocols=list(alpn),
        )

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:  # noqa: N803  # the interface's
        """Make the connection object for a handshake; see `IOpenSSLClientConnectionCreator`."""
        connection: SSL.Connection = self._options.clientConnectionForTLS(tlsProtocol)
        if self._server_name is not None:
            connection.set_tlsext_host_name(self._server_name)
        return connection


def _identity(settings: TLSSettings) -> PrivateCertificate | None:
    if not settings.client_cert:
        if settings.client_key:
            raise TLSSettingsError("client_key without client_cert")
        return None
    # One file may hold both the certificate and the key.
    certificate, key = Path(settings.client_cert), Path(settings.client_key or settings.client_cert)
    try:
        loaded: PrivateCertificate = PrivateCertificate.loadPEM(_read(certificate) + b"\n" + _read(key))
    except (crypto.Error, SSL.Error, VerifyError, ValueError, TypeError) as error:
        raise TLSSettingsError(f"{certificate} and {key} are no certificate with its key: {_why(error)}") from None
    return loaded


def _authorities(path: Path) -> list[Certificate]:
    try:
        found = pem.certificates(_read(path))
    except ValueError as error:
        raise TLSSettingsError(f"{path}: not a certificate: {_why(error)}") from None
    if not found:
        raise TLSSettingsError(f"{path}: no certificate in it")
    return [Certificate(crypto.X509.from_cryptography(each)) for each in found]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TLSSettingsError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None


def _why(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0] or type(error).__name__
