"""What a scanner of TLS looks for, tried on both libraries: every cipher that OpenSSL has, in memory."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from OpenSSL import SSL
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import CertificateOptions
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from gateway.listening.certificates import CertificateStore
from gateway.listening.hardening import CIPHERS
from gateway.listening.single_certificate import SingleCertificate, _Listener
from gateway.transport.tls import over_tls
from tests.pki import Authority

pytestmark = pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")

GOOD = {
    *("ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    *("ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305"),
}


def single(file: Path) -> SingleCertificate:
    """What `ssl:` makes."""
    description = f"ssl:443:privateKey={file}"
    reactor = _Listener()
    serverFromString(reactor, description).listen(Factory())
    return SingleCertificate(description, reactor.made, ())


def store(file: Path) -> CertificateStore:
    """What `sni:` makes."""
    return CertificateStore([file])


def anything(name: str) -> ssl.SSLContext:
    """A client of TLS 1.2 that would take one cipher, however weak."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{name}:@SECLEVEL=0")
    return context


def ciphers_of_tls_1_2() -> list[str]:
    """All that this OpenSSL has, the anonymous and the empty among them."""
    return [
        each["name"]
        for each in anything("ALL:COMPLEMENTOFALL").get_ciphers()
        if not each["name"].startswith("TLS_") and "PSK" not in each["name"] and "SRP" not in each["name"]
    ]


def accepted(creator: Any, context: ssl.SSLContext) -> bool:
    """Whether a handshake comes to its end."""
    server = over_tls(creator, Factory.forProtocol(Protocol), Clock(), client=False).buildProtocol(None)
    wire = StringTransport()
    server.makeConnection(wire)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing)
    for _ in range(3):
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            server.dataReceived(outgoing.read())
            incoming.write(wire.value())
            wire.clear()
        except ssl.SSLError:
            return False
        else:
            return True
    raise AssertionError("the handshake has no end")


@pytest.mark.parametrize("library", ["ssl", "pyOpenSSL"])
@pytest.mark.parametrize("make", [single, store])
@pytest.mark.parametrize("kind", ["EC", "RSA"])
def test_every_cipher_of_tls_1_2_is_a_good_one(tmp_path: Path, make: Any, kind: str, library: str) -> None:
    """Forward secrecy and a tag of whole length; with a certificate of either kind."""
    key: Any = rsa.generate_private_key(65537, 2048) if kind == "RSA" else None
    creator = make(Authority().write_identity(tmp_path / "a.pem", "a.example", key=key))
    if library == "pyOpenSSL":
        creator.sessions = None
    names = ciphers_of_tls_1_2()

    taken = {name for name in names if accepted(creator, anything(name))}

    assert len(names) > len(GOOD)
    assert taken == {name for name in GOOD if f"-{kind}" in name}


def test_they_are_of_twisted_s() -> None:
    """In its order: nothing is added."""
    context = CertificateOptions().getContext()
    ours = SSL.Context(SSL.TLS_METHOD)
    ours.set_cipher_list(CIPHERS)
    theirs = SSL.Connection(context, None).get_cipher_list()

    names = SSL.Connection(ours, None).get_cipher_list()
    assert names == [each for each in theirs if each in names]


def test_renegotiation_is_refused(tmp_path: Path) -> None:
    """A client that asks for it is left without an answer but an alert, and served on."""
    creator = store(Authority().write_identity(tmp_path / "a.pem", "a.example"))
    server = over_tls(creator, Factory.forProtocol(Protocol), Clock(), client=False).buildProtocol(None)
    wire = StringTransport()
    server.makeConnection(wire)
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_options(SSL.OP_NO_TLSv1_3)
    client = SSL.Connection(context, None)
    client.set_connect_state()

    def answered() -> None:
        """The client says what it has to say, and hears the answer."""
        with pytest.raises(SSL.WantReadError):
            client.do_handshake()
        server.dataReceived(client.bio_read(65536))
        client.bio_write(wire.value())
        wire.clear()

    answered()
    answered()
    client.do_handshake()
    assert client.get_protocol_version_name() == "TLSv1.2"

    assert client.renegotiate()
    answered()
    with pytest.raises(SSL.Error, match="no renegotiation"):
        client.do_handshake()
    assert not wire.disconnecting
