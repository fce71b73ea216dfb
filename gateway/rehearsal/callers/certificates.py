"""Certificates of callers that are made up: shown on a connection, as if a handshake had verified them.

Whom a certificate stands for is found by the gateway, as ever: `sub` is the name in it, of the kind that
`auth.mtls.user` asks for, and roles and scopes are those of `auth.mtls.clients`.

Tests: `tests/rehearsal/callers/test_certificates.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from gateway.config.schema.mtls import Mtls

LIFETIME: Final = timedelta(hours=1)
"""How long a certificate is good for."""

_ALTERNATIVES: Final[Mapping[str, Callable[[str], x509.GeneralName]]] = {
    "san_uri": x509.UniformResourceIdentifier,
    "san_dns": x509.DNSName,
    "san_email": x509.RFC822Name,
}


class CannotCertify(ValueError):
    """No certificate can be made for a caller; the words are for people."""


class ShownCertificate:
    """A certificate as transports give it (pyOpenSSL's `X509`, as far as it is asked)."""

    def __init__(self, certificate: x509.Certificate) -> None:
        self._certificate = certificate

    def to_cryptography(self) -> x509.Certificate:
        """Return it in the words of `cryptography`."""
        return self._certificate


def certify(claims: Mapping[str, Any], mtls: Mtls, now: float) -> ShownCertificate:
    """Make the certificate of a caller.

    Args:
        claims: The caller's; `sub` is the name.
        mtls: Which name of certificates counts.
        now: Unix seconds; it is good from a minute before.

    Raises:
        CannotCertify: There is no such name, or certificates are looked for in lists of those that are revoked.
    """
    if mtls.crl:
        raise CannotCertify("`auth.mtls.crl` has no list of whoever would issue a certificate that is made up")
    name = claims.get("sub")
    if not isinstance(name, str) or not name:
        raise CannotCertify("`claims` have no `sub`, the name in the certificate")
    begins = datetime.fromtimestamp(now, UTC) - timedelta(minutes=1)
    try:
        subject, alternative = _names(mtls.user, name)
        builder = (
            x509.CertificateBuilder(subject, subject, _key().public_key(), x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(begins + LIFETIME)
        )
        if alternative is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        return ShownCertificate(builder.sign(_key(), SHA256()))
    except ValueError as error:
        raise CannotCertify(f"`sub` is no name for a certificate (`auth.mtls.user: {mtls.user}`): {error}") from None


def _names(kind: str, name: str) -> tuple[x509.Name, x509.GeneralName | None]:
    if kind == "subject":
        return x509.Name.from_rfc4514_string(name), None
    if kind == "cn":
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), None
    return x509.Name([]), _ALTERNATIVES[kind](name)


@cache
def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())
