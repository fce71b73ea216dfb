"""Sessions with a server, over a wire in memory."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from service_identity.exceptions import CertificateError, VerificationError
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from gateway.dialling.sessions import RESUMED_FOR, Sessions, sessions_with
from gateway.dialling.tls import Unverified
from gateway.listening.certificates import CertificateStore
from gateway.transport.memory_tls import MemoryTLS
from gateway.transport.tls import over_tls
from tests.pki import Authority
from tests.transport.test_tls import Keeper


class Server:
    """A server with a certificate, and connections to it."""

    def __init__(self, place: Path, *names: str, common: str = "") -> None:
        self.authority = Authority()
        self.clock = Clock()
        self.place = place
        self.ends: list[Any] = []
        self.authority.write_identity(place / "a.pem", *names, common=common)
        self.factory = over_tls(CertificateStore([place]), Factory.forProtocol(Keeper), self.clock, client=False)

    def trusted(self, name: str, **more: Any) -> Sessions:
        """Sessions with it, as a backend with `ca` has them."""
        made = sessions_with(name, [self.authority.certificate], None, [], verify=True)
        assert made is not None
        return made

    def connect(self, made: Sessions) -> tuple[Any, Any]:
        """Shake hands; gives the client's end, and its protocol."""
        protocol = Keeper()
        client = MemoryTLS(made, protocol, self.clock)
        server = self.factory.buildProtocol(None)
        self.ends.append(server)
        self.wires = StringTransport(), StringTransport()
        client.makeConnection(self.wires[0])
        server.makeConnection(self.wires[1])
        while self.wires[0].value() or self.wires[1].value():
            for wire, other in zip(self.wires, (server, client), strict=True):
                sent = wire.value()
                wire.clear()
                if sent and not wire.disconnected:
                    other.dataReceived(sent)
        return client, protocol


@pytest.mark.parametrize(
    ("certificate", "asked"), [("a.example", "a.example"), ("*.b.example", "c.b.example"), ("::1", "::1")]
)
def test_the_name_that_was_meant(tmp_path: Path, certificate: str, asked: str) -> None:
    """As `service-identity` reads RFC 9525; an address is one."""
    server = Server(tmp_path, certificate)

    client, _ = server.connect(server.trusted(asked))

    assert client.getHandle().version() == "TLSv1.3"
    assert not server.wires[0].disconnected


@pytest.mark.parametrize(
    ("certificate", "asked", "expected"),
    [
        ("a.example", "b.example", VerificationError),
        ("*.example.com", "a.b.example.com", VerificationError),
        ("127.0.0.1", "127.0.0.2", VerificationError),
        ("", "a.example", CertificateError),
        ("*.example", "b.example", CertificateError),
    ],
)
def test_another_one_is_refused_before_anything_is_sent(
    tmp_path: Path, certificate: str, asked: str, expected: type[Exception]
) -> None:
    """A name in the subject alone is none."""
    server = Server(tmp_path, *filter(None, [certificate]), common=asked)

    client, protocol = server.connect(server.trusted(asked))
    assert server.wires[0].disconnected
    client.write(b"GET / HTTP/1.1")
    client.connectionLost(Failure(ConnectionAborted()))

    assert protocol.lost.check(expected)
    assert server.wires[0].value() == b""


def test_a_session_is_taken_up_again(tmp_path: Path) -> None:
    """By the next connection, once; the name is looked for as ever."""
    server = Server(tmp_path, "a.example")
    made = server.trusted("a.example")

    reused = []
    for _ in range(3):
        client, _ = server.connect(made)
        reused.append(client.getHandle().session_reused)
        client.connectionLost(Failure(ConnectionDone()))
    first, second = server.connect(made)[0], server.connect(made)[0]

    assert reused == [False, True, True]
    assert [first.getHandle().session_reused, second.getHandle().session_reused] == [True, False]


def test_not_for_ever(tmp_path: Path) -> None:
    """A certificate that was good an hour ago has to be shown again, however often the session was resumed."""
    server = Server(tmp_path, "a.example")
    made = server.trusted("a.example")

    reused = []
    for _ in range(4):
        client, _ = server.connect(made)
        reused.append(client.getHandle().session_reused)
        client.connectionLost(Failure(ConnectionDone()))
        server.clock.advance(RESUMED_FOR * 0.4)

    assert reused == [False, True, True, False]


def test_a_session_of_a_server_that_was_refused_is_not_kept(tmp_path: Path) -> None:
    """Nor of one whose handshake did not end."""
    server = Server(tmp_path, "b.example")
    made = server.trusted("a.example")

    for _ in range(2):
        client, protocol = server.connect(made)
        session = client.getHandle()
        client.connectionLost(Failure(ConnectionAborted()))
        assert not session.session_reused
        assert protocol.lost.check(VerificationError)


@pytest.mark.parametrize(("announced", "expected"), [(True, ConnectionDone), (False, ConnectionLost)])
def test_an_end_that_the_server_has_not_announced_is_a_loss(
    tmp_path: Path, announced: bool, expected: type[Exception]
) -> None:
    """An answer that ends with its connection was cut short, for all we know."""
    server = Server(tmp_path, "a.example")
    client, protocol = server.connect(server.trusted("a.example"))
    server.ends[-1].write(b"half of it")
    if announced:
        server.ends[-1].loseConnection()
    client.dataReceived(server.wires[1].value())

    client.connectionLost(Failure(ConnectionDone()))

    assert protocol.received == b"half of it"
    assert protocol.lost.check(expected)


def test_no_name_is_sent_for_an_address(tmp_path: Path) -> None:
    """RFC 6066 section 3."""
    server = Server(tmp_path, "127.0.0.1", "a.example")

    assert b"127.0.0.1" not in first_message(server.trusted("127.0.0.1"))
    assert b"a.example" in first_message(server.trusted("a.example"))
    assert b"xn--mller-kva.example" in first_message(server.trusted("müller.example"))


@pytest.mark.parametrize("name", [".example", "a..example", "l" * 64 + ".example"])
def test_a_name_that_ssl_cannot_ask_for(name: str) -> None:
    """It is told before anything is dialled, and pyOpenSSL asks for it: only where any certificate will do."""
    with pytest.raises(ValueError, match=r"(?i)label|hostname|encod"):
        sessions_with(name, None, None, [], verify=False)

    assert Unverified(name, None).sessions is None


def first_message(made: Sessions) -> bytes:
    """What a client sends first."""
    session, _, outgoing = made.begin(0.0)
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    sent: bytes = outgoing.read()
    return sent


def test_a_python_without_the_system_s_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    """pyOpenSSL, which looks in more places, has to do it; unless the environment names them."""
    none: Any = None
    nowhere = ssl.get_default_verify_paths()._replace(cafile=none, capath=none)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)

    assert sessions_with("a.example", None, None, [], verify=True) is None
    assert sessions_with("a.example", None, None, [], verify=False) is not None
    monkeypatch.setenv("SSL_CERT_DIR", "/nowhere")
    assert sessions_with("a.example", None, None, [], verify=True) is not None
