from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from twisted.internet.ssl import CertificateOptions, TLSVersion

from gateway.transport import sessions
from gateway.transport.sessions import server_context
from tests.pki import BEGIN, END, Authority


def made(**more: Any) -> ssl.SSLContext:
    """A context like one of Twisted's."""
    certificate, key = Authority().issue("a.example")
    return server_context(CertificateOptions(**more).getContext(), key, [certificate], [b"http/1.1"])


def test_ciphers_are_twisted_s() -> None:
    """In their order: no CBC with SHA-1 before GCM, no 3DES, nothing without a certificate."""
    names = [each["name"] for each in made().get_ciphers() if not each["name"].startswith("TLS_")]
    theirs = SSL.Connection(CertificateOptions().getContext(), None).get_cipher_list()

    assert names
    assert names == [each for each in theirs if each in names]
    assert not [each for each in names if "DES" in each or "NULL" in each or "RC4" in each]


@pytest.mark.parametrize(("raised", "lowest"), [(None, "TLSv1_2"), (TLSVersion.TLSv1_3, "TLSv1_3")])
def test_the_lowest_version_is_twisted_s(raised: Any, lowest: str) -> None:
    """TLS 1.2, where nothing else is said."""
    assert made(raiseMinimumTo=raised).minimum_version.name == lowest


def test_what_a_client_could_make_dear_is_off() -> None:
    """Renegotiation, compression; and an end without `close_notify` is not taken for one."""
    options = made().options

    assert options & ssl.OP_NO_RENEGOTIATION
    assert options & ssl.OP_NO_COMPRESSION
    assert not options & ssl.OP_IGNORE_UNEXPECTED_EOF


def test_a_key_of_another_certificate_is_refused() -> None:
    """By OpenSSL."""
    authority = Authority()
    context = CertificateOptions().getContext()

    with pytest.raises(ssl.SSLError, match=r"(?i)mismatch"):
        server_context(context, authority.issue("a.example")[1], [authority.issue("a.example")[0]], [])


def test_the_key_stays_out_of_the_file_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where there are files in memory nothing is written to a directory; elsewhere nothing is left there."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    made()

    monkeypatch.setattr(sessions, "_PROC", str(tmp_path / "no-proc"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["P-384", "Ed25519", "RSA"],
)
def test_kinds_of_keys(key: Any) -> None:
    """All that authorities sign."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a.example")])
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, BEGIN, END)

    made = server_context(CertificateOptions().getContext(), key, [builder.sign(key, digest)], [])

    assert made.minimum_version is ssl.TLSVersion.TLSv1_2
