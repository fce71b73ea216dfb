"""The certificate of an `ssl:` endpoint, over a handshake in memory."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from OpenSSL import SSL
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory

from gateway.listening.single_certificate import SingleCertificate, _Listener
from tests.pki import Authority, key_pem, pem

pytestmark = pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")


def shown(description: str) -> list[x509.Certificate]:
    """The certificates that a client is shown."""
    reactor = _Listener()
    serverFromString(reactor, description).listen(Factory())
    server = SingleCertificate(description, reactor.made, (b"http/1.1",)).serverConnectionForTLS(None)
    server.set_accept_state()
    client = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
    client.set_connect_state()
    for _ in range(4):
        for one, other in ((client, server), (server, client)):
            with suppress(SSL.WantReadError):
                one.do_handshake()
            with suppress(SSL.WantReadError):
                other.bio_write(one.bio_read(65536))
    return [each.to_cryptography() for each in client.get_peer_cert_chain() or []]


@pytest.fixture
def root() -> Authority:
    """An authority that clients may know."""
    return Authority("Root")


@pytest.fixture
def between(root: Authority) -> Authority:
    """One that they do not."""
    return Authority("Between", root)


def test_what_follows_the_certificate_in_its_file_is_sent(tmp_path: Path, root: Authority, between: Authority) -> None:
    """As certbot writes `fullchain.pem`; a root that stands there too is not."""
    certificate, key = between.issue("example.com")
    (tmp_path / "privkey.pem").write_bytes(key_pem(key))
    (tmp_path / "fullchain.pem").write_bytes(pem(certificate) + pem(between.certificate) + pem(root.certificate))

    chain = shown(f"ssl:443:privateKey={tmp_path}/privkey.pem:certKey={tmp_path}/fullchain.pem")

    assert chain == [certificate, between.certificate]


def test_one_file_for_all(tmp_path: Path, between: Authority) -> None:
    """The key among them."""
    file = between.write_identity(tmp_path / "all.pem", "example.com", chain=[between])

    assert len(shown(f"ssl:443:privateKey={file}")) == 2


def test_a_chain_in_a_file_of_its_own_is_sent_once(tmp_path: Path, between: Authority) -> None:
    """Although it stands in the file of the certificate as well."""
    file = between.write_identity(tmp_path / "all.pem", "example.com", chain=[between])
    (tmp_path / "chain.pem").write_bytes(pem(between.certificate))

    assert len(shown(f"ssl:443:privateKey={file}:extraCertChain={tmp_path}/chain.pem")) == 2
