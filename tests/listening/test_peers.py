"""What a connection knows of its client; real handshakes: `tests/system/test_crl.py`."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import crypto
from twisted.internet.address import IPv4Address, UNIXAddress

from gateway.listening.peers import READERS, ends, peer_certificate, peer_chain
from gateway.peer import Ends
from tests.pki import Authority, subject


class Peer:
    """A transport with a client's certificate, or without."""

    def __init__(self, certificate: Any) -> None:
        self._certificate = certificate

    def getPeerCertificate(self) -> Any:
        return self._certificate


def test_the_subject_of_a_client() -> None:
    """As RFC 4514 writes it."""
    certificate, _ = Authority().issue(common="orders, ltd")

    assert subject(peer_certificate(Peer(crypto.X509.from_cryptography(certificate)))) == "CN=orders\\, ltd"


@pytest.mark.parametrize("transport", [Peer(None), object()])
def test_no_certificate_no_subject(transport: object) -> None:
    """Nor without TLS."""
    assert subject(peer_certificate(transport)) is None


class Handshake:
    """A connection whose handshake has verified a chain, or none."""

    def __init__(self, chain: Any) -> None:
        self._chain = chain

    def getHandle(self) -> Any:  # noqa: N802  # Twisted's name
        return self

    def get_verified_chain(self, as_cryptography: bool) -> Any:
        assert as_cryptography
        return self._chain


def test_the_chain_of_a_client() -> None:
    """Its own certificate first."""
    authority = Authority()
    chain = [authority.issue("a.example")[0], authority.certificate]

    assert peer_chain(Handshake(chain)) == tuple(each.public_bytes(Encoding.DER) for each in chain)


@pytest.mark.parametrize("transport", [Handshake(None), object()])
def test_no_chain(transport: object) -> None:
    """Without TLS or certificate, and where a session was resumed."""
    assert peer_chain(transport) == ()


class Connected:
    """A transport between two addresses."""

    def __init__(self, peer: Any, host: Any) -> None:
        self.getPeer = lambda: peer
        self.getHost = lambda: host


def test_the_ends_of_a_connection() -> None:
    """None at a UNIX socket, which has no addresses."""
    client, here = IPv4Address("TCP", "192.0.2.7", 40000), IPv4Address("TCP", "198.51.100.1", 443)

    assert ends(Connected(client, here)) == Ends("192.0.2.7", 40000, "198.51.100.1", 443)
    assert READERS.ends(Connected(client, here)) == Ends("192.0.2.7", 40000, "198.51.100.1", 443)
    assert ends(Connected(UNIXAddress(None), UNIXAddress(b"/run/g.sock"))) is None
    assert ends(Connected(client, UNIXAddress(b"/run/g.sock"))) is None
