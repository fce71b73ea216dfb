"""Which hosts a connection over TLS is for, by each library that serves it; with real handshakes, in memory."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from gateway.errors import Misdirected
from gateway.http.forwarded import ForwardedRules, NetworkSet, PeerForwarding
from gateway.listening.certificates import CertificateStore, ClientAuth
from gateway.listening.coverage import asked_name, expect_covered, is_covered
from gateway.listening.single_certificate import SingleCertificate, _Listener
from gateway.peer import Peer
from gateway.transport.tls import over_tls
from tests.pki import Authority

pytestmark = pytest.mark.filterwarnings(
    "ignore:Passing pyOpenSSL:DeprecationWarning", "ignore:Passing method to twisted:DeprecationWarning"
)


def single(file: Path, ca: Path) -> SingleCertificate:
    """What `ssl:` makes."""
    return _single(f"ssl:443:privateKey={file}")


def by_twisted(file: Path, ca: Path) -> SingleCertificate:
    """What `ssl:` makes for what only Twisted can do."""
    return _single(f"ssl:443:privateKey={file}:sslmethod=TLSv1_2_METHOD")


def store(file: Path, ca: Path) -> CertificateStore:
    """What `sni:` makes."""
    return CertificateStore([file])


def asking(file: Path, ca: Path) -> CertificateStore:
    """What `sni:` makes where clients are asked for certificates."""
    return CertificateStore([file], client_ca=ca, client_auth=ClientAuth.REQUEST)


def _single(description: str) -> SingleCertificate:
    reactor = _Listener()
    serverFromString(reactor, description).listen(Factory())
    return SingleCertificate(description, reactor.made, ())


def connected(creator: Any, name: str | None) -> Any:
    """Return the server's transport, after a handshake with a client that takes any certificate."""
    server = over_tls(creator, Factory.forProtocol(Protocol), Clock(), client=False).buildProtocol(None)
    wire = StringTransport()
    server.makeConnection(wire)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=name)
    for _ in range(4):
        with contextlib.suppress(ssl.SSLWantReadError):
            client.do_handshake()
        said = outgoing.read()
        if said:
            server.dataReceived(said)
        incoming.write(wire.value())
        wire.clear()
    assert client.version()
    return server


@pytest.mark.parametrize("kind", [single, by_twisted, store, asking])
@pytest.mark.parametrize(
    ("name", "host", "covered"),
    [
        ("a.test", b"a.test", True),
        ("a.test", b"a.test:8443", True),
        ("A.test", b"a.test.", True),
        ("a.test", b"x.b.test", True),
        ("a.test", b"b.test", False),
        ("a.test", b"y.x.b.test", False),
        ("a.test", b"*.b.test", True),
        ("a.test", b"192.0.2.1", True),
        ("a.test", b"[2001:db8::1]:443", True),
        ("a.test", b"192.0.2.2", False),
        ("a.test", b"c.test", False),
        ("a.test", b"", False),
        ("c.test", b"c.test", True),
        ("c.test", b"a.test", True),
        (None, b"192.0.2.2:8443", True),
        (None, b"[2001:db8::2]", True),
        (None, b"a.test", True),
        (None, b"c.test", False),
    ],
)
def test_a_connection_is_for_what_was_asked_and_what_was_shown(
    tmp_path: Path, kind: Callable[[Path, Path], Any], name: str | None, host: bytes, covered: bool
) -> None:
    """Names with one label for a wildcard, addresses; who connected to an address may ask for any."""
    authority = Authority()
    file = authority.write_identity(tmp_path / "shown.pem", "a.test", "*.b.test", "192.0.2.1", "2001:db8::1")
    transport = connected(kind(file, authority.write(tmp_path / "ca.crt")), name)

    assert asked_name(transport) == (name or "").encode()
    assert is_covered(transport, host) is covered


def test_who_asks_elsewhere_is_sent_away(tmp_path: Path) -> None:
    """Unless it is a trusted proxy, or in the clear."""
    transport = connected(single(Authority().write_identity(tmp_path / "shown.pem", "a.test"), tmp_path), "a.test")
    rules = ForwardedRules(NetworkSet(["192.0.2.9"]))
    stranger, proxy = (PeerForwarding(rules, address, b"https") for address in ("192.0.2.1", "192.0.2.9"))

    expect_covered(Peer("192.0.2.1", stranger, secure=True), transport, b"a.test")
    expect_covered(Peer("192.0.2.1", stranger, secure=False), object(), b"c.test")
    expect_covered(Peer("192.0.2.9", proxy, secure=True), transport, b"c.test")
    with pytest.raises(Misdirected, match=r"not for c\.test"):
        expect_covered(Peer("192.0.2.1", stranger, secure=True), transport, b"c.test:8443")
