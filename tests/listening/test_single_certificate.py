"""The certificate of an `ssl:` endpoint, over a handshake in memory."""

from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from OpenSSL import SSL, crypto
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.ssl import CertificateOptions

from gateway.listening.single_certificate import SingleCertificate, _Listener
from gateway.transport.sessions import OneContext
from tests.pki import END, Authority, key_pem, pem

# Of RFC 3526 section 3, as `openssl genpkey -genparam -algorithm DH -pkeyopt group:modp_2048` writes them.
DH_PARAMETERS = """\
-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEA///////////JD9qiIWjCNMTGYouA3BzRKQJOCIpnzHQCC76mOxOb
IlFKCHmONATd75UZs806QxswKwpt8l8UN0/hNW1tUcJF5IW1dmJefsb0TELppjft
awv/XLb0Brft7jhr+1qJn6WunyQRfEsf5kkoZlHs5Fs9wgB8uKFjvwWY2kg2HFXT
mmkWP6j9JM9fg2VdI9yjrZYcYvNWIIVSu57VKQdwlpZtZww1Tkq8mATxdGwIyhgh
fDKQXkYuNs474553LBgOhgObJ4Oi7Aeij7XFXfBvTFLJ3ivL9pVYFxg5lUl86pVq
5RXSJhiY+gUQFXKOWoqsqmj//////////wIBAg==
-----END DH PARAMETERS-----
"""

pytestmark = pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")


def single(description: str) -> SingleCertificate:
    """What a port would be opened with."""
    reactor = _Listener()
    serverFromString(reactor, description).listen(Factory())
    return SingleCertificate(description, reactor.made, (b"http/1.1",))


class ByPyOpenSSL:
    """A server as Twisted's TLS protocol would be one."""

    def __init__(self, certificate: SingleCertificate) -> None:
        self._connection = certificate.serverConnectionForTLS(None)
        self._connection.set_accept_state()

    def answer(self, sent: bytes) -> bytes:
        """What it says to what a client has said."""
        self._connection.bio_write(sent)
        with suppress(SSL.WantReadError):
            self._connection.do_handshake()
        return self._connection.bio_read(65536)


class BySSL:
    """A server as `MemoryTLS` is one."""

    def __init__(self, certificate: SingleCertificate) -> None:
        sessions = certificate.sessions
        assert isinstance(sessions, OneContext)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._session = sessions.context(b"").wrap_bio(self._incoming, self._outgoing, server_side=True)

    def answer(self, sent: bytes) -> bytes:
        """What it says to what a client has said."""
        self._incoming.write(sent)
        with suppress(ssl.SSLWantReadError):
            self._session.do_handshake()
        return self._outgoing.read()


def shown(description: str) -> list[x509.Certificate]:
    """The certificates that a client is shown, the same ones by both libraries."""
    certificate = single(description)
    chains = []
    for server in (ByPyOpenSSL(certificate), BySSL(certificate)):
        client = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
        client.set_connect_state()
        with pytest.raises(SSL.WantReadError):
            client.do_handshake()
        client.bio_write(server.answer(client.bio_read(65536)))
        client.do_handshake()
        chains.append([each.to_cryptography() for each in client.get_peer_cert_chain() or []])
    assert chains[0] == chains[1]
    return chains[0]


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


def test_its_name_and_end_are_known(tmp_path: Path, root: Authority) -> None:
    """For the metric; the context of another endpoint need not tell."""
    file = root.write_identity(tmp_path / "all.pem", "example.com")

    assert single(f"ssl:443:privateKey={file}").shown == [("example.com", END.timestamp())]


def test_one_file_for_all(tmp_path: Path, between: Authority) -> None:
    """The key among them."""
    file = between.write_identity(tmp_path / "all.pem", "example.com", chain=[between])

    assert len(shown(f"ssl:443:privateKey={file}")) == 2


def test_a_chain_in_a_file_of_its_own_is_sent_once(tmp_path: Path, between: Authority) -> None:
    """Although it stands in the file of the certificate as well."""
    file = between.write_identity(tmp_path / "all.pem", "example.com", chain=[between])
    (tmp_path / "chain.pem").write_bytes(pem(between.certificate))

    assert len(shown(f"ssl:443:privateKey={file}:extraCertChain={tmp_path}/chain.pem")) == 2


@pytest.mark.filterwarnings("ignore:Passing method to twisted:DeprecationWarning")
@pytest.mark.parametrize("more", [":sslmethod=TLSv1_2_METHOD", ":dhParameters={place}/dh.pem"])
def test_what_only_pyopenssl_can_be_told(tmp_path: Path, root: Authority, more: str) -> None:
    """A method, parameters for the exchange of keys: `ssl` would pass them over."""
    file = root.write_identity(tmp_path / "all.pem", "example.com")
    (tmp_path / "dh.pem").write_text(DH_PARAMETERS)

    assert single(f"ssl:443:privateKey={file}").sessions is not None
    assert single(f"ssl:443:privateKey={file}{more.format(place=tmp_path)}").sessions is None


def test_the_context_of_another_endpoint_is_its_own(tmp_path: Path, root: Authority) -> None:
    """A plugin's may ask clients for certificates, or have callbacks: it is used as it is."""
    certificate, key = root.issue("example.com")
    trusted = [crypto.X509.from_cryptography(root.certificate)]
    options: Any = CertificateOptions
    asks = options(privateKey=key, certificate=certificate, verify=True, caCerts=trusted)
    made = SingleCertificate("theirs:443", asks, ())

    assert made.sessions is None
    assert made.serverConnectionForTLS(None).get_context().get_verify_mode() & SSL.VERIFY_PEER
