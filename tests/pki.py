"""A certificate authority of the tests' own; nothing it makes expires soon.

Keys are on P-256: made in a millisecond.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

BEGIN = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
END = datetime.datetime(2090, 1, 1, tzinfo=datetime.UTC)

Key = ec.EllipticCurvePrivateKey


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _alternative(name: str) -> x509.GeneralName:
    if "://" in name:
        return x509.UniformResourceIdentifier(name)
    if "@" in name:
        return x509.RFC822Name(name)
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def pem(certificate: x509.Certificate) -> bytes:
    """Write a certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def subject(der: bytes | None) -> str | None:
    """Give the subject of a certificate, as RFC 4514 writes it; None for none."""
    return None if der is None else x509.load_der_x509_certificate(der).subject.rfc4514_string()


def key_pem(key: Key, password: bytes | None = None) -> bytes:
    """Write a key as PEM."""
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        encryption = serialization.BestAvailableEncryption(password)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def _signs_certificates() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )


class Authority:
    """Issues certificates; itself signed by `parent`, or a root."""

    def __init__(self, name: str = "Test CA", parent: Authority | None = None) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _name(name)
        issuer = parent or self
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(issuer.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(BEGIN)
            .not_valid_after(END)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            # Python 3.13 verifies strictly (RFC 5280 sections 4.2.1.1 to 4.2.1.3).
            .add_extension(_signs_certificates(), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
            .sign(issuer.key, hashes.SHA256())
        )

    def issue(
        self, *names: str, common: str = "", key: Key | None = None, until: datetime.datetime = END
    ) -> tuple[x509.Certificate, Key]:
        """Make a certificate for DNS names and addresses, and a key unless one is given."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(common or names[0]))
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(BEGIN)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(each) for each in names]), False)
        return builder.sign(self.key, hashes.SHA256()), key

    def revoke(
        self,
        *certificates: x509.Certificate,
        since: datetime.datetime = BEGIN,
        until: datetime.datetime = END,
        extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
    ) -> x509.CertificateRevocationList:
        """Make a list of revoked certificates."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.name).last_update(since).next_update(until)
        for certificate in certificates:
            serial = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number)
            builder = builder.add_revoked_certificate(serial.revocation_date(BEGIN).build())
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256())

    def write_list(self, path: Path, *certificates: x509.Certificate, until: datetime.datetime = END) -> Path:
        """Put a list of revoked certificates in a file, as PEM."""
        path.write_bytes(self.revoke(*certificates, until=until).public_bytes(serialization.Encoding.PEM))
        return path

    def write(self, path: Path) -> Path:
        """Put our own certificate in a file, for those who are to trust us."""
        path.write_bytes(pem(self.certificate))
        return path

    def write_identity(
        self, path: Path, *names: str, common: str = "", chain: Sequence[Authority] = (), key: Key | None = None
    ) -> Path:
        """Put a new certificate, the certificates of `chain` and the key in one file."""
        certificate, key = self.issue(*names, common=common, key=key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join([pem(certificate), *(pem(each.certificate) for each in chain), key_pem(key)]))
        return path
