"""Listeners on real sockets: ports, room, certificates by name, client certificates, reload."""

# mypy: allow-untyped-calls
# (Twisted's reactors and protocols carry few types.)

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.protocol import Factory, Protocol

from gateway.listening.endpoints import ListenFailed, Listening, listen
from gateway.listening.peers import peer_certificate
from gateway.transport.port import ConnectionLimit
from tests.pki import Authority, key_pem, pem, subject
from tests.system.private_reactor import PrivateReactor, private_reactor


class Echo(Protocol):
    """Says back what it hears."""

    def connectionMade(self) -> None:
        self.factory.open.append(self)

    def dataReceived(self, data: bytes) -> None:
        self.factory.heard += data
        self.transport.write(data)  # type: ignore[union-attr]


class EchoFactory(Factory):
    """Knows its connections."""

    noisy = False
    protocol = Echo

    def __init__(self) -> None:
        self.open: list[Any] = []
        self.heard = b""


class Door:
    """Opens listeners, and clients to them."""

    def __init__(self, reactor: PrivateReactor, cleanup: ExitStack) -> None:
        self.reactor = reactor
        self.factory = EchoFactory()
        self._cleanup = cleanup

    def open(self, description: str, limit: ConnectionLimit | None = None) -> Listening:
        return self.reactor.result(listen(self.reactor, description, self.factory, limit))

    def connect(self, listening: Listening) -> socket.socket:
        """Connect; the kernel does it, whether anybody accepts or not."""
        address: Any = listening.port.getHost()
        client = self._cleanup.enter_context(socket.create_connection((address.host, address.port)))
        client.setblocking(False)
        return client

    def secure(self, listening: Listening, context: ssl.SSLContext, name: str | None = None) -> ssl.SSLSocket:
        """Connect and shake hands."""
        plain = self.connect(listening)
        client = self._cleanup.enter_context(
            context.wrap_socket(plain, server_hostname=name, do_handshake_on_connect=False)
        )
        self._turn_for(client.do_handshake)
        return client

    def says(self, client: socket.socket, words: bytes = b"hello") -> bytes:
        """Send, and give what comes back."""
        client.send(words)
        return self.hears(client)

    def hears(self, client: socket.socket) -> bytes:
        heard: bytes = self._turn_for(lambda: client.recv(100))
        return heard

    def _turn_for(self, call: Any) -> Any:
        result: list[Any] = []

        def done() -> bool:
            with suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                result.append(call())
            return bool(result)

        self.reactor.until(done)
        return result[0]


@pytest.fixture
def door() -> Iterator[Door]:
    """On a reactor of its own."""
    with private_reactor() as reactor, ExitStack() as cleanup:
        yield Door(reactor, cleanup)


@pytest.fixture
def authority() -> Authority:
    """Who issues the certificates."""
    return Authority()


def trusting(authority: Authority) -> ssl.SSLContext:
    """A client's settings."""
    context = ssl.create_default_context(cadata=pem(authority.certificate).decode())
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # our certificates name no key identifiers
    return context


def shown(client: ssl.SSLSocket) -> str:
    """The common name of the server's certificate."""
    certificate: Any = client.getpeercert()
    (((_, common),),) = certificate["subject"]
    return str(common)


def test_a_port_serves_and_says_where(door: Door) -> None:
    """Port 0 is told as what it became."""
    listening = door.open("tcp:0:interface=127.0.0.1")

    assert door.says(door.connect(listening)) == b"hello"
    port = listening.port.getHost().port  # type: ignore[attr-defined]
    assert listening.describe() == f"tcp 127.0.0.1:{port}"


def test_what_is_accepted_has_no_delay_and_probes(door: Door) -> None:
    """TCP_NODELAY and SO_KEEPALIVE come from the listening socket."""
    door.connect(door.open("tcp:0:interface=127.0.0.1"))
    door.reactor.until(lambda: door.factory.open)

    transport = door.factory.open[0].transport
    assert transport.getTcpNoDelay()
    assert transport.getTcpKeepAlive()


def test_a_burst_finds_a_long_queue(door: Door) -> None:
    """Twisted's 50 become 4096 (or what the system allows); another figure stays."""
    assert door.open("tcp:0:interface=127.0.0.1").port.backlog == 4096  # type: ignore[attr-defined]
    assert door.open("tcp:0:interface=127.0.0.1:backlog=7").port.backlog == 7  # type: ignore[attr-defined]


def test_a_taken_port_is_told(door: Door) -> None:
    """In one line."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        description = f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1"
        with pytest.raises(ListenFailed) as raised:
            door.open(description)

    assert str(raised.value) == f"cannot listen on {description}: address already in use"


def test_version_6(door: Door) -> None:
    """By `tcp6:`, or an interface with colons."""
    listening = door.open("tcp6:0:interface=\\:\\:1")

    assert door.says(door.connect(listening)) == b"hello"
    assert listening.describe().startswith("tcp6 [::1]:")


def test_a_unix_socket(door: Door, tmp_path: Path) -> None:
    """Counts in the limit as well."""
    limit = ConnectionLimit(5)
    listening = door.open(f"unix:{tmp_path}/s", limit)
    client = socket.socket(socket.AF_UNIX)
    client.connect(f"{tmp_path}/s")
    client.setblocking(False)

    assert door.says(client) == b"hello"
    assert listening.describe() == f"unix {tmp_path}/s"
    assert limit.held == 1
    client.close()
    door.reactor.until(lambda: not limit.held)


def test_past_the_limit_connections_wait_in_the_backlog(door: Door) -> None:
    """Exactly as many are held as may be; one that waits is served when another goes."""
    limit = ConnectionLimit(2)
    listening = door.open("tcp:0:interface=127.0.0.1", limit)
    clients = [door.connect(listening) for _ in range(4)]
    door.reactor.turns(20)
    assert limit.held == len(door.factory.open) == 2

    clients[2].send(b"waiting")
    clients[0].close()

    assert door.hears(clients[2]) == b"waiting"
    assert limit.held == 2


def test_two_ports_share_the_limit(door: Door) -> None:
    """It is the gateway's, not a port's; both begin to read again."""
    limit = ConnectionLimit(1)
    first = door.open("tcp:0:interface=127.0.0.1", limit)
    second = door.open("tcp:0:interface=127.0.0.1", limit)
    held = door.connect(first)
    door.reactor.until(lambda: limit.held)
    waiting = [door.connect(first), door.connect(second)]
    door.reactor.turns(20)
    assert limit.held == 1

    for client in waiting:
        client.send(b"me")
    held.close()
    door.reactor.until(lambda: len(door.factory.open) == 2)
    door.factory.open[1].transport.loseConnection()
    door.reactor.until(lambda: len(door.factory.open) == 3)

    assert limit.held == 1


def test_an_aborted_connection_gives_its_place_back(door: Door) -> None:
    """Whichever way it ends."""
    limit = ConnectionLimit(1)
    door.connect(door.open("tcp:0:interface=127.0.0.1", limit))
    door.reactor.until(lambda: limit.held)

    door.factory.open[0].transport.abortConnection()

    door.reactor.until(lambda: not limit.held)


def test_a_closed_port_keeps_what_it_accepted(door: Door) -> None:
    """New clients are refused, old ones served."""
    listening = door.open("tcp:0:interface=127.0.0.1")
    client = door.connect(listening)
    door.says(client)
    port: int = listening.port.getHost().port  # type: ignore[attr-defined]

    door.reactor.result(Deferred.fromCoroutine(listening.stop_accepting()))

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    assert door.says(client) == b"hello"


def test_room_after_the_port_was_closed_is_no_error(door: Door) -> None:
    """A port that waited for room stays closed."""
    limit = ConnectionLimit(1)
    listening = door.open("tcp:0:interface=127.0.0.1", limit)
    client = door.connect(listening)
    door.reactor.until(lambda: limit.held)
    door.reactor.turns()
    listening.port.stopListening()
    door.reactor.turns()

    client.close()
    door.reactor.until(lambda: not limit.held)

    assert listening.port not in door.reactor.getReaders()


def test_the_stock_endpoint_for_tls(door: Door, authority: Authority, tmp_path: Path) -> None:
    """`ssl:` as Twisted has it: TLS 1.2 and later, HTTP/1.1 by ALPN."""
    certificate, key = authority.issue("a.example")
    (tmp_path / "cert.pem").write_bytes(pem(certificate))
    (tmp_path / "key.pem").write_bytes(key_pem(key))
    listening = door.open(f"ssl:0:privateKey={tmp_path}/key.pem:certKey={tmp_path}/cert.pem:interface=127.0.0.1")
    context = trusting(authority)
    context.set_alpn_protocols(["h2", "http/1.1"])

    client = door.secure(listening, context, "a.example")

    assert client.selected_alpn_protocol() == "http/1.1"
    assert door.says(client) == b"hello"


def test_a_wrong_key_is_told_at_start(door: Door, authority: Authority, tmp_path: Path) -> None:
    """Not at the first handshake."""
    (tmp_path / "cert.pem").write_bytes(pem(authority.issue("a.example")[0]))
    (tmp_path / "key.pem").write_bytes(key_pem(authority.issue("a.example")[1]))

    with pytest.raises(ListenFailed, match="do not match"):
        door.open(f"ssl:0:privateKey={tmp_path}/key.pem:certKey={tmp_path}/cert.pem:interface=127.0.0.1")


def sni(place: Path, more: str = "") -> str:
    """An endpoint on a directory of certificates."""
    return f"sni:0:certificates={place}:interface=127.0.0.1{more}"


def old(version: ssl.TLSVersion, authority: Authority) -> ssl.SSLContext:
    """A client that knows no better."""
    context = trusting(authority)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = version
    context.maximum_version = version
    return context


@pytest.mark.parametrize("kind", ["ssl", "sni"])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_nothing_older_than_tls_1_2(door: Door, authority: Authority, tmp_path: Path, kind: str) -> None:
    """By either endpoint."""
    authority.write_identity(tmp_path / "a.pem", "a.example")
    listening = door.open(sni(tmp_path) if kind == "sni" else f"ssl:0:privateKey={tmp_path}/a.pem:interface=127.0.0.1")

    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        door.secure(listening, old(ssl.TLSVersion.TLSv1_1, authority), "a.example")
    newer = door.secure(listening, old(ssl.TLSVersion.TLSv1_2, authority), "a.example")
    assert newer.version() == "TLSv1.2"


def test_the_minimum_can_be_raised(door: Door, authority: Authority, tmp_path: Path) -> None:
    """To TLS 1.3."""
    authority.write_identity(tmp_path / "a.pem", "a.example")
    listening = door.open(sni(tmp_path, ":minTLS=1.3"))

    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        door.secure(listening, old(ssl.TLSVersion.TLSv1_2, authority), "a.example")
    assert door.secure(listening, trusting(authority), "a.example").version() == "TLSv1.3"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_certificate_for_every_name(
    door: Door, authority: Authority, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    """Exact before wildcard; the rest get the default, and see that it is not theirs."""
    authority.write_identity(tmp_path / "1.pem", "a.example", common="default")
    authority.write_identity(tmp_path / "2.pem", "*.b.example", common="wild")
    authority.write_identity(tmp_path / "3.pem", "www.b.example", common="exact")
    listening = door.open(sni(tmp_path))
    context = old(version, authority)

    for name, common in (("a.example", "default"), ("x.b.example", "wild"), ("www.b.example", "exact")):
        client = door.secure(listening, context, name)
        assert shown(client) == common
        assert door.says(client) == b"hello"
    with pytest.raises(ssl.SSLCertVerificationError, match=r"[Hh]ostname"):
        door.secure(listening, context, "c.example")


def test_the_default_can_be_named(door: Door, authority: Authority, tmp_path: Path) -> None:
    """For clients that ask for no name."""
    authority.write_identity(tmp_path / "1.pem", "a.example", common="first")
    authority.write_identity(tmp_path / "2.pem", "b.example", common="named")
    listening = door.open(sni(tmp_path, ":default=b.example"))
    context = trusting(authority)
    context.check_hostname = False

    assert shown(door.secure(listening, context)) == "named"


def test_the_chain_is_sent(door: Door, authority: Authority, tmp_path: Path) -> None:
    """A client that knows only the root can follow it."""
    middle = Authority("Middle", parent=authority)
    middle.write_identity(tmp_path / "a.pem", "a.example", chain=[middle])

    client = door.secure(door.open(sni(tmp_path)), trusting(authority), "a.example")

    assert shown(client) == "a.example"


@pytest.mark.parametrize(("offered", "chosen"), [(["http/1.1"], "http/1.1"), (["h2"], None), ([], None)])
def test_alpn(door: Door, authority: Authority, tmp_path: Path, offered: list[str], chosen: str | None) -> None:
    """HTTP/1.1 where it is offered; a client with nothing in common is served without."""
    authority.write_identity(tmp_path / "a.pem", "a.example")
    context = trusting(authority)
    if offered:
        context.set_alpn_protocols(offered)

    client = door.secure(door.open(sni(tmp_path)), context, "a.example")

    assert client.selected_alpn_protocol() == chosen
    assert door.says(client) == b"hello"


def test_another_string_may_have_the_same_address(door: Door, authority: Authority, tmp_path: Path) -> None:
    """From cleartext to TLS on one port: who is connected stays, and nobody is refused meanwhile."""
    file = authority.write_identity(tmp_path / "a.pem", "a.example")
    limit = ConnectionLimit()
    before = door.open("tcp:0:interface=127.0.0.1", limit)
    early = door.connect(before)
    assert door.says(early) == b"hello"
    port = before.port.getHost().port  # type: ignore[attr-defined]
    with pytest.raises(ListenFailed, match="in use"):
        door.open(f"sni:{port}:certificates={file}:interface=127.0.0.1", limit)

    before.leave(True)
    after = door.open(f"sni:{port}:certificates={file}:interface=127.0.0.1", limit)
    with pytest.raises(ListenFailed, match="in use"):
        door.open(f"tcp:{port}:interface=127.0.0.1:backlog=7", limit)  # one has it already
    ensureDeferred(before.stop_accepting())

    assert shown(door.secure(after, trusting(authority), "a.example")) == "a.example"
    assert door.says(early) == b"hello"


def test_a_renewed_certificate_is_shown_after_reload(door: Door, authority: Authority, tmp_path: Path) -> None:
    """To new connections; an open one goes on, and a mistake changes nothing."""
    authority.write_identity(tmp_path / "a.pem", "a.example", common="old")
    listening = door.open(sni(tmp_path))
    before = door.secure(listening, trusting(authority), "a.example")
    authority.write_identity(tmp_path / "a.pem", "a.example", common="new")
    assert shown(door.secure(listening, trusting(authority), "a.example")) == "old"

    for use in listening.read_again():
        use()

    assert shown(door.secure(listening, trusting(authority), "a.example")) == "new"
    assert door.says(before) == b"hello"


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")
def test_so_is_that_of_an_ssl_endpoint(door: Door, authority: Authority, tmp_path: Path) -> None:
    """Twisted's own string; ALPN is as it was."""
    file = authority.write_identity(tmp_path / "a.pem", "a.example", common="old")
    listening = door.open(f"ssl:0:privateKey={file}:interface=127.0.0.1")
    before = door.secure(listening, trusting(authority), "a.example")
    authority.write_identity(file, "a.example", common="new")
    uses = listening.read_again()
    assert shown(door.secure(listening, trusting(authority), "a.example")) == "old"

    for use in uses:
        use()

    context = trusting(authority)
    context.set_alpn_protocols(["h2", "http/1.1"])
    after = door.secure(listening, context, "a.example")
    assert (shown(after), after.selected_alpn_protocol()) == ("new", "http/1.1")
    assert door.says(before) == b"hello"


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")
def test_a_certificate_that_went_bad_is_told_with_its_listener(
    door: Door, authority: Authority, tmp_path: Path
) -> None:
    """And the one in use stays."""
    file = authority.write_identity(tmp_path / "a.pem", "a.example", common="old")
    listening = door.open(f"ssl:0:privateKey={file}:interface=127.0.0.1")
    file.unlink()

    with pytest.raises(ListenFailed, match=r"cannot listen on ssl:0:.*a\.pem: no such file"):
        listening.read_again()

    assert shown(door.secure(listening, trusting(authority), "a.example")) == "old"


def with_identity(context: ssl.SSLContext, path: Path) -> ssl.SSLContext:
    """A client that can show a certificate."""
    context.load_cert_chain(path)
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("name", ["a.example", "b.example"])
def test_client_certificates_are_required(
    door: Door, authority: Authority, tmp_path: Path, version: ssl.TLSVersion, name: str
) -> None:
    """None, or one from elsewhere, does not come in, whichever name is asked for; ours does, and we know who it is."""
    place = tmp_path / "live"
    authority.write_identity(place / "a.pem", "a.example")
    authority.write_identity(place / "b.pem", "b.example")
    clients = Authority("Clients")
    clients.write(tmp_path / "clients.pem")
    ours = clients.write_identity(tmp_path / "ours.pem", common="orders")
    stranger = Authority("Clients").write_identity(tmp_path / "stranger.pem", common="orders")
    listening = door.open(sni(place, f":clientCA={tmp_path}/clients.pem"))

    for context in (old(version, authority), with_identity(old(version, authority), stranger)):
        # TLS 1.3: the client is done before the server says no.
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            door.says(door.secure(listening, context, name))
    assert door.factory.heard == b""

    assert door.says(door.secure(listening, with_identity(old(version, authority), ours), name)) == b"hello"
    assert subject(peer_certificate(door.factory.open[-1].transport)) == "CN=orders"


def test_client_certificates_can_be_asked_for_only(door: Door, authority: Authority, tmp_path: Path) -> None:
    """`request`: who has none comes in without a name; a wrong one is still refused."""
    place = tmp_path / "live"
    authority.write_identity(place / "a.pem", "a.example")
    authority.write(tmp_path / "ca.pem")
    stranger = Authority().write_identity(tmp_path / "stranger.pem", common="orders")
    listening = door.open(sni(place, f":clientCA={tmp_path}/ca.pem:clientAuth=request"))

    assert door.says(door.secure(listening, trusting(authority), "a.example")) == b"hello"
    assert subject(peer_certificate(door.factory.open[-1].transport)) is None
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        door.says(door.secure(listening, with_identity(trusting(authority), stranger), "a.example"))


def test_a_session_is_resumed(door: Door, authority: Authority, tmp_path: Path) -> None:
    """By ticket: the second handshake costs no signature."""
    authority.write_identity(tmp_path / "a.pem", "a.example")
    listening = door.open(sni(tmp_path))
    context = trusting(authority)
    first = door.secure(listening, context, "a.example")
    door.says(first)

    again = context.wrap_socket(
        door.connect(listening), server_hostname="a.example", do_handshake_on_connect=False, session=first.session
    )
    door._turn_for(again.do_handshake)

    assert again.session_reused
    again.close()


def test_large_answers_through_tls(door: Door, authority: Authority, tmp_path: Path) -> None:
    """More than the kernel takes at once, to a client that reads late."""
    authority.write_identity(tmp_path / "a.pem", "a.example")
    client = door.secure(door.open(sni(tmp_path)), trusting(authority), "a.example")
    door.says(client)
    large = bytes(number % 251 for number in range(10 * 2**20))
    door.factory.open[0].transport.write(large)
    door.factory.open[0].transport.loseConnection()
    got = bytearray()

    def all_there() -> bool:
        with suppress(ssl.SSLWantReadError):
            while piece := client.recv(2**16):
                got.extend(piece)
        return len(got) >= len(large)

    door.reactor.until(all_there)
    assert bytes(got) == large
