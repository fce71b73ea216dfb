"""Lists of revoked certificates (RFC 5280 section 5), and what they say of a client's.

Layer 2. Read by `gateway.composition.builders.mtls` for requests, and by `gateway.listening.certificates` for
handshakes.

# Note [What a list says, and what it does not]
The issuer of a client's own certificate must have a list that is valid now, or nothing is known of the certificate,
and it is refused (D-191). The issuers above it are asked only where they have a list: many a root publishes none. A
list that is about a part of the certificates, or about what has changed since another list, is refused with the
configuration, as is one that nobody in `clientCA` has signed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from math import inf
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MOST = 2_000
"""Most chains of which the verdict is remembered; looking one up in a long list takes milliseconds."""

_BEGIN = b"-----BEGIN X509 CRL-----"
_END = b"-----END X509 CRL-----"
_SAY_NOTHING_NEW = (x509.CRLNumber, x509.AuthorityKeyIdentifier, x509.IssuerAlternativeName, x509.FreshestCRL)

Chain = tuple[bytes, ...]
"""Certificates (DER): the client's own, then each one's issuer."""


class ListUnusable(ValueError):
    """A list cannot be used; the words say why."""


class Verdict(NamedTuple):
    """What is known of a client's certificate.

    Attributes:
        cause: Why it is refused, empty where it is not.
        since: Unix seconds; earlier than that nothing is known of it.
        until: Unix seconds; later than that nothing is known of it any more.
    """

    cause: str
    since: float = 0.0
    until: float = inf


def read_lists(content: bytes) -> list[x509.CertificateRevocationList]:
    """Read the lists of a file: one as DER, or any number as PEM.

    Raises:
        ListUnusable: There is none, or one of them cannot be understood.
    """
    begun = content.count(_BEGIN)
    try:
        if not begun:
            return [x509.load_der_x509_crl(content)]
        # A block without an end is one that is being written.
        if content.count(_END) != begun:
            raise ListUnusable("a list that is cut short")
        blocks = content.split(_BEGIN)[1:]
        return [x509.load_pem_x509_crl(_BEGIN + block.partition(_END)[0] + _END + b"\n") for block in blocks]
    except (ValueError, UnsupportedAlgorithm) as error:
        if isinstance(error, ListUnusable):
            raise
        raise ListUnusable("what is none" if begun else "neither PEM nor DER of one") from None


class CertificateLists:
    """The lists of the authorities that clients' certificates come from.

    Args:
        lists: As read; of several by one authority the newest counts.
        authorities: Who may sign them, and certificates.

    Raises:
        ListUnusable: None of the authorities has signed one, or it is of a kind that would leave something unsaid.
    """

    def __init__(
        self, lists: Iterable[x509.CertificateRevocationList], authorities: Sequence[x509.Certificate]
    ) -> None:
        self._authorities = tuple(authorities)
        self._by_issuer: dict[bytes, x509.CertificateRevocationList] = {}
        self._verdicts: OrderedDict[Chain, Verdict] = OrderedDict()
        for each in lists:
            self.add(each)

    def add(self, each: x509.CertificateRevocationList) -> None:
        """Take a further list, before the first verdict.

        Raises:
            ListUnusable: As for the others.
        """
        _check_whole(each)
        issuer = _identity(_signer(each, self._authorities))
        before = self._by_issuer.get(issuer)
        if before is None or before.last_update_utc <= each.last_update_utc:
            self._by_issuer[issuer] = each

    def verdict(self, chain: Chain) -> Verdict:
        """Return what is known of the first certificate of a chain."""
        found = self._verdicts.get(chain)
        if found is None:
            found = self._verdicts[chain] = self._look_up(chain)
            if len(self._verdicts) > MOST:
                self._verdicts.popitem(last=False)
        return found

    def times(self) -> dict[str, tuple[float, float]]:
        """Return from when until when each list is good (Unix seconds), by its issuer."""
        return {each.issuer.rfc4514_string(): (_since(each), _until(each)) for each in self._by_issuer.values()}

    def without(self) -> list[str]:
        """Return the authorities that have no list."""
        return [each.subject.rfc4514_string() for each in self._authorities if _identity(each) not in self._by_issuer]

    def of(self, authorities: Sequence[x509.Certificate]) -> list[x509.CertificateRevocationList]:
        """Return the lists of some of the authorities."""
        known = dict.fromkeys(map(_identity, authorities))
        return [self._by_issuer[one] for one in known if one in self._by_issuer]

    def _look_up(self, chain: Chain) -> Verdict:
        since, until = 0.0, inf
        try:
            certificates = [x509.load_der_x509_certificate(each) for each in chain]
        except ValueError:
            return Verdict("a certificate that cannot be read")
        for place, certificate in enumerate(certificates):
            if place and certificate.subject == certificate.issuer:
                break  # a root is trusted or not: no list is about it
            issuer = certificates[place + 1] if place + 1 < len(certificates) else self._issuer(certificate)
            found = None if issuer is None else self._by_issuer.get(_identity(issuer))
            if found is None:
                if not place:
                    return Verdict(f"no list says anything of certificates of {certificate.issuer.rfc4514_string()}")
                continue
            if found.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None:
                return Verdict(f"{certificate.subject.rfc4514_string()} is revoked")
            since, until = max(since, _since(found)), min(until, _until(found))
        return Verdict("", since, until)

    def _issuer(self, certificate: x509.Certificate) -> x509.Certificate | None:
        """Return the authority that signed a certificate whose chain is not known (a plugin's endpoint)."""
        for each in self._authorities:
            if each.subject == certificate.issuer:
                try:
                    certificate.verify_directly_issued_by(each)
                except (ValueError, TypeError, InvalidSignature):
                    continue
                return each
        return None


def _since(each: x509.CertificateRevocationList) -> float:
    return each.last_update_utc.timestamp()


def _until(each: x509.CertificateRevocationList) -> float:
    return inf if each.next_update_utc is None else each.next_update_utc.timestamp()


def _identity(authority: x509.Certificate) -> bytes:
    """Return what two certificates of one authority share: the name and the key."""
    key = authority.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return authority.subject.public_bytes() + key


def _check_whole(each: x509.CertificateRevocationList) -> None:
    name = each.issuer.rfc4514_string()
    try:
        extensions = list(each.extensions)
    except (ValueError, x509.DuplicateExtension):
        raise ListUnusable(f"a list of {name} with extensions that cannot be read") from None
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.DeltaCRLIndicator):
            raise ListUnusable(f"a delta list of {name}, which says only what has changed: name the whole one")
        if isinstance(value, x509.IssuingDistributionPoint):
            partial = (
                value.only_contains_user_certs,
                value.only_contains_ca_certs,
                value.only_contains_attribute_certs,
                value.indirect_crl,
                bool(value.only_some_reasons),
            )
            if any(partial):
                raise ListUnusable(f"a list of {name} that is about a part of its certificates")
        elif extension.critical and not isinstance(value, _SAY_NOTHING_NEW):
            raise ListUnusable(f"a list of {name} with an extension that is not known ({extension.oid.dotted_string})")


def _signer(each: x509.CertificateRevocationList, authorities: Sequence[x509.Certificate]) -> x509.Certificate:
    name = each.issuer.rfc4514_string()
    for authority in authorities:
        if authority.subject != each.issuer or not _has_signed(each, authority):
            continue
        try:
            usage = authority.extensions.get_extension_for_class(x509.KeyUsage).value
        except x509.ExtensionNotFound:
            return authority
        if not usage.crl_sign:
            raise ListUnusable(f"a list of {name}, whose certificate says that it signs no lists (keyUsage)")
        return authority
    raise ListUnusable(f"a list of {name}, which no authority in a listener's `clientCA` has signed")


def _has_signed(each: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    try:
        return each.is_signature_valid(authority.public_key())  # type: ignore[arg-type]  # other kinds of keys: TypeError
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return False
