"""TLS towards a server: the authorities that are trusted, and the certificate that the gateway shows.

Built once per backend when a snapshot is built, so that a wrong file is found
then. OpenSSL reads the system's trust store (5 ms, where no `ca` is given) at
the first handshake; later handshakes use the same context.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol
from weakref import ref

from cryptography import x509
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
from twisted.python.failure import Failure
from zope.interface import implementer

from gateway.config.regular import read_regular
from gateway.dialling.resolver import is_literal
from gateway.dialling.sessions import check_name, sessions_with
from gateway.dialling.tls_errors import TLSSettingsError
from gateway.http.idn import to_ascii
from gateway.transport import pem
from gateway.transport.sessions import ClientSessions, Standard, say_that_it_is_slower

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
    import gateway.transport.tls  # noqa: F401  # loaded now, and not while a request waits for the connection

    name = (settings.server_name if settings is not None else None) or hostname
    identity = _identity(settings) if settings is not None else None
    if settings is not None and not settings.verify:
        return Unverified(name, identity, alpn)
    authorities = _authorities(Path(settings.ca)) if settings is not None and settings.ca else None
    try:
        return Verified(name, identity, alpn, authorities)
    except ValueError as error:
        key = "server_name" if settings is not None and settings.server_name else ""
        raise TLSSettingsError(f"server name {name!r}: {error}", key) from None


def files_digest(settings: TLSSettings) -> bytes:
    """Return a digest of the content of the files; it changes when a certificate is renewed (D-13).

    Raises:
        TLSSettingsError: A file is missing.
    """
    named = {"ca": settings.ca, "client_cert": settings.client_cert, "client_key": settings.client_key}
    return sha256(b"".join(sha256(_read(Path(file), key)).digest() for key, file in named.items() if file)).digest()


@implementer(IOpenSSLClientConnectionCreator)
class _Server(Standard):
    """Makes connections to one server: its sessions by `ssl` when the first is dialled, or pyOpenSSL's."""

    def __init__(
        self,
        name: str,
        identity: PrivateCertificate | None,
        alpn: Sequence[bytes],
        authorities: Sequence[x509.Certificate] | None,
        *,
        verify: bool,
    ) -> None:
        own: Any = None
        if identity is not None:
            own = (identity.privateKey.original.to_cryptography_key(), (identity.original.to_cryptography(),))
        self._make = partial(sessions_with, name, authorities, own, tuple(alpn), verify=verify)

    @cached_property
    def sessions(self) -> ClientSessions | None:  # type: ignore[override]  # assigned at the first look
        """See `Standard`."""
        try:
            return self._make()
        except (ssl.SSLError, ValueError) as error:
            say_that_it_is_slower(error)
            return None

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:  # noqa: N803  # the interface's
        """Make the connection object for a handshake; see `IOpenSSLClientConnectionCreator`."""
        raise NotImplementedError


class Verified(_Server):
    """Accepts certificates of the authorities that are trusted, for the name that was meant.

    Raises:
        ValueError: It is no name.
    """

    def __init__(
        self,
        name: str,
        identity: PrivateCertificate | None,
        alpn: Sequence[bytes] = ALPN,
        authorities: Sequence[x509.Certificate] | None = None,
    ) -> None:
        super().__init__(name, identity, alpn, authorities, verify=True)
        trusted = None
        if authorities is not None:
            trusted = trustRootFromCertificates(
                [Certificate(crypto.X509.from_cryptography(each)) for each in authorities]
            )
        self._creator = optionsForClientTLS(
            name, trustRoot=trusted, clientCertificate=identity, acceptableProtocols=list(alpn)
        )
        self._name = name if is_literal(name) else to_ascii(name)

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:  # noqa: N803  # the interface's
        """Make the connection object for a handshake; see `IOpenSSLClientConnectionCreator`.

        Twisted's own look at the name lets a certificate pass that `service-identity` cannot compare with it, such as
        one without any name (D-254): ours is in its place.
        """
        made: SSL.Connection = self._creator.clientConnectionForTLS(tlsProtocol)
        protocol, name = (
            ref(tlsProtocol),
            self._name,
        )  # weakly: OpenSSL keeps the callback, and the protocol the connection

        def right_name(_: Any, certificate: crypto.X509, error: int, depth: int, right: int) -> bool:
            if depth or not right:
                return bool(right)
            try:
                check_name(certificate.to_cryptography(), name)
            except Exception:  # noqa: BLE001  # whatever is wrong with it; pyOpenSSL would swallow the exception
                waiting = protocol()
                if waiting is not None:
                    waiting.failVerification(Failure())
                return False
            return True

        made.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, right_name)
        return made


class Unverified(_Server):
    """Accepts any certificate; made for `verify: false` only."""

    def __init__(self, name: str, identity: PrivateCertificate | None, alpn: Sequence[bytes] = ALPN) -> None:
        super().__init__(name, identity, alpn, None, verify=False)
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
            raise TLSSettingsError("client_key without client_cert", "client_key")
        return None
    # One file may hold both the certificate and the key.
    certificate, key = Path(settings.client_cert), Path(settings.client_key or settings.client_cert)
    try:
        loaded: PrivateCertificate = PrivateCertificate.loadPEM(
            _read(certificate, "client_cert") + b"\n" + _read(key, "client_key")
        )
    except (crypto.Error, SSL.Error, VerifyError, ValueError, TypeError) as error:
        words = f"{certificate} and {key} are no certificate with its key: {_why(error)}"
        raise TLSSettingsError(words, "client_cert") from None
    return loaded


def _authorities(path: Path) -> list[x509.Certificate]:
    try:
        found = pem.certificates(_read(path, "ca"))
    except ValueError as error:
        raise TLSSettingsError(f"{path}: not a certificate: {_why(error)}", "ca") from None
    if not found:
        raise TLSSettingsError(f"{path}: no certificate in it", "ca")
    return found


def _read(path: Path, key: str) -> bytes:
    try:
        return read_regular(path)
    except OSError as error:
        raise TLSSettingsError(f"cannot read {path}: {(error.strerror or str(error)).lower()}", key) from None


def _why(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0] or type(error).__name__
