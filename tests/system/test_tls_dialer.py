"""Connections to backends on real sockets, in the clear and through TLS."""

# mypy: allow-untyped-calls
# (Twisted's reactors and protocols carry few types.)

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL
from service_identity.exceptions import VerificationError
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectionRefusedError, TimeoutError  # noqa: A004
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from gateway.dialling.dialer import SocketDialer
from gateway.dialling.failures import failure_to_error
from gateway.dialling.tls import client_tls_options
from gateway.dialling.tls_errors import HandshakeFailed
from gateway.errors import BackendTLSFailed
from gateway.listening.certificates import CertificateStore
from gateway.listening.endpoints import listen
from gateway.listening.introduced import Introduced
from gateway.listening.introductions import Introduction
from gateway.listening.peers import ends as listening_ends
from gateway.listening.peers import peer_certificate
from gateway.peer import Ends
from gateway.transport.direct import DirectClient
from gateway.transport.proxy_greeting import Version, greeting
from tests.pki import Authority, subject
from tests.system.private_reactor import PrivateReactor, private_reactor


class Backend(Protocol):
    """Sends back what it gets."""

    def connectionMade(self) -> None:
        self.factory.open.append(self)

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)  # type: ignore[union-attr]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.factory.open.remove(self)


class BackendFactory(Factory):
    """Knows its connections."""

    noisy = False
    protocol = Backend

    def __init__(self) -> None:
        self.open: list[Any] = []


class Caller(Protocol):
    """Speaks as soon as it is connected."""

    def __init__(self) -> None:
        self.received = b""
        self.lost: Failure | None = None

    def connectionMade(self) -> None:
        self.transport.write(b"hello")  # type: ignore[union-attr]

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = reason


class Names:
    """A resolver with a table."""

    def __init__(self) -> None:
        self.table: dict[str, list[str]] = {}

    def resolve(self, host: str) -> Deferred[list[str]]:
        return succeed(self.table.get(host, [host]))


@dataclass
class Settings:
    """The `tls` block at its defaults."""

    ca: Path | None = None
    server_name: str | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    verify: bool = True


class World:
    """A backend with certificates, and a dialer."""

    def __init__(self, reactor: PrivateReactor, place: Path, library: str) -> None:
        self.reactor = reactor
        self.library = library
        self.place = place
        self.authority = Authority()
        self.ca = self.authority.write(place / "ca.pem")
        self.names = Names()
        self.dialer = SocketDialer(reactor, self.names)
        self.backend = BackendFactory()

    def listen(self, *names: str, more: str = "", interface: str = "127.0.0.1", common: str = "") -> int:
        """Start the backend, with TLS if it has names; gives its port."""
        description = f"tcp:0:interface={interface}"
        if names or common:
            identity = self.authority.write_identity(self.place / "server.pem", *names, common=common)
            description = f"sni:0:interface={interface}:certificates={identity}{more}"
        listening = self.reactor.result(listen(self.reactor, description, self.backend))
        port: int = listening.port.getHost().port  # type: ignore[attr-defined]
        return port

    def tls(self, name: str, settings: Settings | None = None) -> Any:
        """How the backend is spoken to: by `ssl`, or by pyOpenSSL as where `ssl` cannot."""
        made: Any = client_tls_options(name, settings)
        if self.library == "pyOpenSSL":
            made.sessions = None
        else:
            assert made.sessions is not None
        return made

    def listen_by_twisted(self, *names: str) -> int:
        """Start the backend on Twisted's own TLS, whose pyOpenSSL tells which name a client has asked for."""
        identity = self.authority.write_identity(self.place / "server.pem", *names)
        server = TLSMemoryBIOFactory(CertificateStore([identity]), False, self.backend, clock=self.reactor)
        port: int = self.reactor.listenTCP(0, server, interface="127.0.0.1").getHost().port
        return port

    def dial(
        self, host: str, port: int, tls: Any = None, timeout: float = 5, make: Callable[[], IProtocol] = Caller
    ) -> Caller:
        protocol: Any = self.reactor.result(self.dialer.dial(host, port, tls, make, timeout))
        return protocol  # type: ignore[no-any-return]

    def echoes(self, caller: Caller) -> None:
        """Whether what the caller sends first comes back."""
        self.reactor.until(lambda: caller.received == b"hello")


@pytest.fixture(params=["ssl", "pyOpenSSL"])
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """On a reactor of its own."""
    with private_reactor() as reactor:
        yield World(reactor, tmp_path, request.param)


def test_a_connection_in_the_clear(world: World) -> None:
    """The protocol is on a transport that writes at once."""
    caller = world.dial("127.0.0.1", world.listen())

    assert isinstance(caller.transport, DirectClient)
    world.echoes(caller)


class Hall:
    """Lets everybody introduce clients, and notes what is refused (`gateway.listening.introductions.Reception`)."""

    def __init__(self) -> None:
        self.waiting: list[Introduction] = []
        self.closed: list[str] = []

    def admits(self, peer: str) -> bool:
        return True

    def begun(self, connection: Introduction) -> float:
        self.waiting.append(connection)
        return 0.0

    def over(self, connection: Introduction) -> None:
        self.waiting.remove(connection)

    def refused(self, peer: str, cause: str, why: str) -> None:
        self.closed.append(f"{peer} {cause}: {why}")


@pytest.mark.parametrize("names", [(), ("127.0.0.1",)])
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_what_is_sent_first_comes_before_everything(world: World, names: tuple[str, ...], version: Version) -> None:
    """A PROXY header, read at a port before TLS; who is there is asked of the transport, and told by the header."""
    hall, factory = Hall(), world.backend
    world.backend = Introduced(factory, hall, Introduction)  # type: ignore[assignment]
    port = world.listen(*names)
    tls = trusting(world, "127.0.0.1") if names else None
    ends = Ends("203.0.113.7", 40000, "198.51.100.1", 443)
    dialled = world.dialer.dial("127.0.0.1", port, tls, Caller, 5, greeting(version, ends))
    caller: Any = world.reactor.result(dialled)
    world.echoes(caller)

    (served,) = factory.open
    assert listening_ends(served.transport) == ends
    assert caller.transport.getPeer().host == "127.0.0.1"
    assert (hall.waiting, hall.closed) == ([], [])
    caller.transport.loseConnection()
    world.reactor.until(lambda: caller.lost is not None)


def test_what_comes_in_time_but_is_no_header_is_closed(world: World) -> None:
    """By a reset, before anything is made for it."""
    hall, factory = Hall(), world.backend
    world.backend = Introduced(factory, hall, Introduction)  # type: ignore[assignment]
    caller = world.dial("127.0.0.1", world.listen())
    world.reactor.until(lambda: caller.lost is not None)

    assert hall.closed == ["127.0.0.1 invalid: no PROXY header came first"]
    assert (hall.waiting, factory.open) == ([], [])


def test_version_6(world: World) -> None:
    """By an address, or a name that has one."""
    port = world.listen(interface="\\:\\:1")
    world.names.table["b.example"] = ["::1"]

    world.echoes(world.dial("::1", port))
    world.echoes(world.dial("b.example", port))


def test_a_refused_address_is_passed_over(world: World) -> None:
    """The next one is tried at once."""
    port = world.listen()
    world.names.table["b.example"] = ["127.0.0.2", "127.0.0.1"]

    world.echoes(world.dial("b.example", port))


def test_addresses_take_turns(world: World) -> None:
    """Each dial for a name begins with the next one, whatever is dialed between."""
    port = world.listen(interface="0.0.0.0")
    world.names.table["b.example"] = ["127.0.0.1", "127.0.0.2"]
    peers = []
    for _ in range(4):
        peers.append(world.dial("b.example", port).transport.getPeer().host)  # type: ignore[union-attr]
        world.dial("127.0.0.1", port)

    assert peers == ["127.0.0.1", "127.0.0.2"] * 2


def test_a_refusal_is_told_unchanged(world: World) -> None:
    """Nothing listens on the port."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    with pytest.raises(ConnectionRefusedError):
        world.dial("127.0.0.1", port)


def trusting(world: World, name: str = "b.example", **more: Any) -> Any:
    """TLS that trusts the backend's authority."""
    return world.tls(name, Settings(ca=world.ca, **more))


def test_a_connection_through_tls(world: World) -> None:
    """When it is handed over it is verified, and HTTP/1.1 is agreed on."""
    caller = world.dial("127.0.0.1", world.listen("b.example"), trusting(world))

    assert caller.transport.negotiatedProtocol == b"http/1.1"  # type: ignore[union-attr]
    world.echoes(caller)


def test_an_address_is_verified_as_an_address(world: World) -> None:
    """RFC 9110 section 4.3.5: among the certificate's addresses; it is never sent as a name."""
    port = world.listen("127.0.0.1")

    world.echoes(world.dial("127.0.0.1", port, trusting(world, "127.0.0.1")))
    with pytest.raises(VerificationError):
        world.dial("127.0.0.1", port, trusting(world, "127.0.0.2"))


def refused(world: World, port: int, tls: Any) -> Exception:
    """Dial, and return the failure; no protocol was made, and no connection is open."""
    made: list[Any] = []

    def make() -> IProtocol:
        made.append(Caller())
        protocol: IProtocol = made[-1]
        return protocol

    with pytest.raises(Exception) as raised:  # whichever it is, the caller looks
        world.dial("127.0.0.1", port, tls, make=make)
    assert made == []
    assert type(failure_to_error(Failure(raised.value))) is BackendTLSFailed
    world.reactor.until(lambda: not world.backend.open)
    return raised.value


def test_another_name_is_refused(world: World) -> None:
    """The certificate is valid, for another name."""
    assert isinstance(refused(world, world.listen("other.example"), trusting(world)), VerificationError)


def test_another_authority_is_refused(world: World) -> None:
    """The certificate's authority is neither in the system's trust store nor the one that `ca` names."""
    port = world.listen("b.example")
    stranger = Authority("Test CA").write(world.place / "stranger.pem")

    for settings in (None, Settings(ca=stranger)):
        assert isinstance(refused(world, port, world.tls("b.example", settings)), (SSL.Error, ssl.SSLError))


def test_a_certificate_without_a_name_is_refused(world: World) -> None:
    """Its authority is trusted, and it is for nobody: not for everybody."""
    port = world.listen(common="b.example")

    refused(world, port, trusting(world))


def test_the_server_name_stands_in_for_the_host(world: World) -> None:
    """For SNI and for verification."""
    port = world.listen_by_twisted("inner.example")

    world.echoes(world.dial("127.0.0.1", port, trusting(world, "b.example", server_name="inner.example")))
    server = world.backend.open[0].transport.getHandle()
    assert server.get_servername() == b"inner.example"


def test_no_verification_where_it_is_turned_off(world: World) -> None:
    """Any certificate is accepted, and the name is sent all the same."""
    port = world.listen_by_twisted("other.example")

    world.echoes(world.dial("127.0.0.1", port, world.tls("b.example", Settings(verify=False))))
    assert world.backend.open[0].transport.getHandle().get_servername() == b"b.example"


@pytest.mark.parametrize("verify", [True, False])
def test_the_client_certificate_is_shown(world: World, verify: bool) -> None:
    """Mutual TLS with a backend."""
    identity = world.authority.write_identity(world.place / "client.pem", common="gateway")
    port = world.listen("b.example", more=f":clientCA={world.ca}")
    tls = trusting(world, client_cert=identity, verify=verify)

    world.echoes(world.dial("127.0.0.1", port, tls))
    assert subject(peer_certificate(world.backend.open[0].transport)) == "CN=gateway"


def test_a_backend_without_tls_is_a_failed_handshake(world: World) -> None:
    """An `https://` URL on a port that speaks in the clear."""
    refused(world, world.listen(), trusting(world))


def test_a_close_during_the_handshake_is_a_failed_handshake(world: World) -> None:
    """It must not look like a connection that was lost after a request."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dialed = world.dialer.dial("127.0.0.1", listener.getsockname()[1], trusting(world), Caller, 5)
        world.reactor.turns()
        listener.accept()[0].close()

        with pytest.raises(HandshakeFailed):
            world.reactor.result(dialed)


def test_a_silent_handshake_is_a_timeout(world: World) -> None:
    """The timeout covers everything; the connection is closed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dialed = world.dialer.dial("127.0.0.1", listener.getsockname()[1], trusting(world), Caller, 0.05)

        with pytest.raises(TimeoutError):
            world.reactor.result(dialed)
        world.reactor.turns()
        assert world.reactor.watched() == set()


@pytest.mark.parametrize(("secure", "turns"), [(False, 0), (True, 0), (True, 5)])
def test_cancelling_leaves_nothing_open(world: World, secure: bool, turns: int) -> None:
    """Before the connection, or in its handshake."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        tls = trusting(world) if secure else None
        dialed = world.dialer.dial("127.0.0.1", listener.getsockname()[1], tls, Caller, 5)
        world.reactor.turns(turns)

        dialed.cancel()

        with pytest.raises(CancelledError):
            world.reactor.result(dialed)
        world.reactor.turns()
        assert world.reactor.watched() == set()
