"""Client certificates and the principals that they stand for.

Layer 2. The handshake has verified that a certificate comes from an authority
of the listener (`clientCA`); this module only reads its names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography import x509
from cryptography.x509.oid import NameOID

from gateway.errors import CredentialInvalid
from gateway.http.spiffe import claims_to_be_one, is_spiffe_id
from gateway.principal import Principal


@dataclass(frozen=True, slots=True)
class Client:
    """What the configuration says of certificates with one name.

    Attributes:
        name: The name; with `*` at its end, all names that begin with the text before it.
        user: The user that they stand for; empty for the name in the certificate.
        roles: The caller's roles.
        scopes: The caller's scopes.
    """

    name: str
    user: str = ""
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()

    def matches(self, name: str) -> bool:
        """Whether this entry is for a name in a certificate."""
        if self.name.endswith("*"):
            # RFC 3986 section 5.2.4: where dot segments are resolved, `shop/../admin` is a name outside `shop/`.
            return name.startswith(self.name[:-1]) and not _dots_in(name)
        return name == self.name


_dots_in = re.compile(r"(?:^|[/\\])(?:\.|%2e){1,2}(?:[/\\]|$)|%2f|%5c", re.IGNORECASE).search


class CertificateRules:
    """Makes principals of certificates.

    Args:
        kind: Which name of a certificate is read, one of `NAMES`; there is no second choice (D-63).
        clients: Entries for some names; the first that matches counts.
        listed_only: Whether names without an entry are refused.
    """

    def __init__(self, kind: str, clients: Sequence[Client] = (), listed_only: bool = False) -> None:
        self._name = NAMES[kind]
        self._clients = tuple(clients)
        self._others = None if listed_only else Client("*")

    def principal(self, der: bytes, now: float) -> Principal:
        """Return the principal that a certificate stands for.

        Args:
            der: The certificate, verified in the handshake.
            now: Unix seconds; a certificate may expire while its connection is open.

        Raises:
            CredentialInvalid: It has expired, has no such name, or no entry.
        """
        try:
            certificate = x509.load_der_x509_certificate(der)
            name = self._name(certificate)
        except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
            raise CredentialInvalid("a certificate that cannot be read") from None
        expires = certificate.not_valid_after_utc.timestamp()
        if not name:
            raise CredentialInvalid("a certificate without one name of the kind that counts")
        if expires <= now:
            raise CredentialInvalid(f"the certificate of {name} has expired")
        client = next((client for client in self._clients if client.matches(name)), self._others)
        if client is None:
            raise CredentialInvalid(f"{name} is not among auth.mtls.clients")
        return Principal(
            client.user or name,
            client.roles,
            client.scopes,
            method="mtls",
            token_id=sha256(der).hexdigest(),  # its fingerprint, which can be put on the deny-list
            expires=expires,
        )


def _alternatives(certificate: x509.Certificate, kind: type[x509.GeneralName]) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [name.value for name in names if isinstance(name, kind)]


def _uri(certificate: x509.Certificate) -> str:
    # A certificate with several URIs counts as one with none: SPIFFE X.509-SVID section 2 allows one, and a backend
    # could read another of them.
    names = _alternatives(certificate, x509.UniformResourceIdentifier)
    if len(names) != 1 or (claims_to_be_one(names[0]) and not is_spiffe_id(names[0])):
        return ""
    return names[0]


def _dns(certificate: x509.Certificate) -> str:
    names = _alternatives(certificate, x509.DNSName)
    return names[0].lower() if names else ""


def _email(certificate: x509.Certificate) -> str:
    names = _alternatives(certificate, x509.RFC822Name)
    return names[0] if names else ""


def _common_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 else ""


def _subject(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string()


NAMES: dict[str, Callable[[x509.Certificate], str]] = {
    "san_uri": _uri,
    "san_dns": _dns,
    "san_email": _email,
    "cn": _common_name,
    "subject": _subject,
}
"""The function that reads the name of each kind; it returns an empty text where there is none, or several."""
