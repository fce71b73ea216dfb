"""TLS over any transport: the same facts for `ssl` and for pyOpenSSL, over a wire in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import INegotiated, ISSLTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from gateway.dialling.sessions import Sessions
from gateway.dialling.tls import Unverified
from gateway.listening.certificates import CertificateStore, ClientAuth
from gateway.transport.memory_tls import MemoryTLS
from gateway.transport.pyopenssl_sessions import PyOpenSSLSessions
from gateway.transport.records import FLUSH, RECORD, UNASKED
from gateway.transport.tls import DirectTLS, over_tls
from tests.pki import Authority
from tests.transport.producing import Producer
from tests.transport.renegotiating import Renegotiating
from tests.transport.test_client_hello import REFUSED, offering


class Keeper(Protocol):
    """Keeps what it gets."""

    def __init__(self) -> None:
        self.received = b""
        self.lost: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        assert self.lost is None, "lost twice"
        self.lost = reason


class Pair:
    """A TLS client and server, with the wire between them in the test's hands."""

    def __init__(self, place: Path, kind: type, library: str = "ssl", version: Any = None) -> None:
        authority = Authority()
        authority.write_identity(place / "a.pem", "a.example")
        self.clock = Clock()
        asked: dict[str, Any] = {}
        if library == "pyOpenSSL":
            asked = {"client_ca": authority.write(place / "authority"), "client_auth": ClientAuth.REQUEST}
        store = CertificateStore([place], alpn=[b"http/1.1"], **asked)
        creator = Unverified("a.example", None)
        if kind is DirectTLS:
            store.sessions = creator.sessions = None
        assert isinstance(store.sessions, PyOpenSSLSessions) is (library == "pyOpenSSL")
        if version is not None:
            assert isinstance(creator.sessions, Sessions)
            creator.sessions._made.maximum_version = version
        self.client, self.client_wire = self._end(creator, client=True)
        self.server, self.server_wire = self._end(store, client=False)
        assert isinstance(self.server, kind)
        assert isinstance(self.client, kind)

    def _end(self, creator: Any, *, client: bool) -> tuple[Any, StringTransport]:
        protocol = over_tls(creator, Factory.forProtocol(Keeper), self.clock, client=client).buildProtocol(None)
        wire = StringTransport()
        protocol.makeConnection(wire)
        return protocol, wire

    def carry(self) -> None:
        """Carry what was sent either way until both are silent."""
        while self.client_wire.value() or self.server_wire.value():
            for wire, other in ((self.client_wire, self.server), (self.server_wire, self.client)):
                sent = wire.value()
                wire.clear()
                if sent:
                    other.dataReceived(sent)


@pytest.fixture(params=["ssl", "pyOpenSSL", "Twisted"])
def pair(tmp_path: Path, request: pytest.FixtureRequest) -> Pair:
    """A connection before its handshake: our transport on `ssl`, on pyOpenSSL at the server, and Twisted's protocol."""
    return Pair(tmp_path, DirectTLS if request.param == "Twisted" else MemoryTLS, request.param)


@pytest.mark.parametrize("size", [1, RECORD, RECORD + 1, 100_000, FLUSH, 3 * FLUSH + 17])
def test_all_bytes_arrive(pair: Pair, size: int) -> None:
    """Whatever the number of records and flushes."""
    pair.carry()
    sent = bytes(number % 251 for number in range(size))

    pair.server.write(sent)
    pair.carry()

    assert pair.client.wrappedProtocol.received == sent


def test_a_write_leaves_at_once_and_together(pair: Pair) -> None:
    """No turn of the reactor, and one write below for several records."""
    pair.carry()
    writes: list[bytes] = []
    pair.server.transport.write = writes.append

    pair.server.write(b"x" * 100_000)

    assert len(writes) == 1
    assert len(writes[0]) > 100_000
    assert not pair.clock.getDelayedCalls()


def test_what_is_written_before_the_handshake_follows_it(pair: Pair) -> None:
    """Large or small, in order."""
    large = b"l" * 100_000
    pair.client.write(b"first")
    pair.client.write(large)
    pair.client.write(b"last")

    pair.carry()

    assert pair.server.wrappedProtocol.received == b"first" + large + b"last"


def test_losing_the_connection_waits_for_the_last_record(pair: Pair) -> None:
    """And the close is announced, so that nobody takes a cut for an end."""
    pair.carry()
    pair.server.write(b"x" * 200_000)
    pair.server.loseConnection()
    pair.carry()

    assert len(pair.client.wrappedProtocol.received) == 200_000
    assert pair.server_wire.disconnecting


def test_a_write_after_the_loss_is_harmless(pair: Pair) -> None:
    """Large writes too."""
    pair.carry()
    pair.server.loseConnection()
    pair.carry()

    pair.server.write(b"x" * 100_000)

    assert pair.server_wire.value() == b""


def test_it_says_that_it_is_secure(pair: Pair) -> None:
    """`ISSLTransport` is how Twisted asks."""
    assert ISSLTransport.providedBy(pair.server)
    assert INegotiated.providedBy(pair.server)


def test_only_bytes_are_taken(pair: Pair) -> None:
    """A mistake is told to the one who made it."""
    pair.carry()
    nothing: Any = None

    with pytest.raises(TypeError):
        pair.server.write(nothing)


def test_a_write_of_many_pieces_is_one(pair: Pair) -> None:
    """Of a head and a body, say."""
    pair.carry()

    pair.server.writeSequence([b"a", b"b" * 20_000, b""])
    pair.carry()

    assert pair.client.wrappedProtocol.received == b"a" + b"b" * 20_000


def test_an_announced_end_is_done(pair: Pair) -> None:
    """`close_notify` is answered, and the transport closed."""
    pair.carry()
    pair.client.write(b"bye")
    pair.client.loseConnection()
    pair.carry()
    server = pair.server.wrappedProtocol
    assert pair.server_wire.disconnecting

    pair.server.connectionLost(Failure(ConnectionDone()))

    assert server.received == b"bye"
    assert server.lost.check(ConnectionDone)


def test_an_end_that_was_not_announced_is_a_loss(pair: Pair) -> None:
    """Whoever cuts a connection can not pass it off as an end."""
    pair.carry()
    server = pair.server.wrappedProtocol

    pair.server.connectionLost(Failure(ConnectionDone()))

    assert server.lost.check(ConnectionLost)


def test_octets_that_are_no_tls_end_it(pair: Pair) -> None:
    """Before the handshake; nothing in the clear is said to who speaks no HTTP."""
    pair.server.dataReceived(b"SSH-2.0-OpenSSH_9.2\r\n")

    assert pair.server_wire.disconnecting
    assert pair.server.wrappedProtocol.received == b""
    assert b"HTTP" not in pair.server_wire.value()


@pytest.mark.parametrize("method", [b"GET", b"DELETE", b"OPTIONS"])
def test_who_speaks_http_in_the_clear_is_told(pair: Pair, method: bytes) -> None:
    """With `http://` in place of `https://` a client gets 400, which says so; the protocol inside hears nothing."""
    pair.server.dataReceived(method + b" / HTTP/1.1\r\n\r\n")
    server = pair.server.wrappedProtocol

    assert pair.server_wire.value().startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"\r\n\r\nThis port speaks HTTPS" in pair.server_wire.value()
    assert pair.server_wire.disconnecting
    pair.server.dataReceived(b"GET / HTTP/1.1\r\n\r\n")
    assert pair.server_wire.value().count(b"400") == 1
    pair.server.connectionLost(Failure(ConnectionDone()))
    assert server.received == b""
    assert server.lost is not None


def test_who_wants_a_dear_handshake_is_refused(pair: Pair) -> None:
    """A key exchange in a finite field of 8192 bits: by an alert, and before OpenSSL has seen any of it."""
    sent = offering([0x17, 0x104], [0x104])
    if isinstance(pair.server, MemoryTLS):  # Twisted's has what came first alone looked at
        pair.server.dataReceived(sent[:100])
        sent = sent[100:]
    assert pair.server_wire.value() == b""
    pair.server.dataReceived(sent)

    assert pair.server_wire.value() == REFUSED
    assert pair.server_wire.disconnecting
    assert pair.server.wrappedProtocol.received == b""


def test_an_answer_in_the_clear_is_never_for_a_server(pair: Pair) -> None:
    """We are the client: what comes in the place of its first message is no TLS, whatever it looks like."""
    pair.client_wire.clear()
    pair.client.dataReceived(b"GET / HTTP/1.1\r\n\r\n")

    assert b"HTTP/1.1 400" not in pair.client_wire.value()
    assert pair.client_wire.disconnecting


def test_octets_that_are_no_record_end_it_later(pair: Pair) -> None:
    """After the handshake: nothing of them is handed on, and the other end is told by an alert."""
    pair.carry()

    pair.server.dataReceived(b"\x17\x03\x03\x00\x20" + b"x" * 32)

    assert pair.server.wrappedProtocol.received == b""
    assert pair.server_wire.disconnecting
    assert pair.server_wire.value() != b""


def test_who_produces_before_the_handshake_waits_for_it(pair: Pair) -> None:
    """From the first octet that cannot be sent; and again while the transport below is full."""
    pusher = Producer()
    pair.server.registerProducer(pusher, True)
    pair.server.write(b"early")
    assert pusher.events == ["pause"]

    pair.carry()
    assert pusher.events == ["pause", "resume"]
    assert pair.client.wrappedProtocol.received == b"early"

    below: Any = pair.server_wire.producer
    below.pauseProducing()
    below.resumeProducing()
    assert pusher.events == ["pause", "resume"] * 2


def test_losing_the_connection_waits_for_the_producer(pair: Pair) -> None:
    """What it still writes is sent."""
    pair.carry()
    pair.server.registerProducer(Producer(), True)
    pair.server.loseConnection()
    pair.server.write(b"last")
    pair.carry()
    assert not pair.server_wire.disconnecting

    pair.server.unregisterProducer()
    pair.carry()

    assert pair.client.wrappedProtocol.received == b"last"
    assert pair.server_wire.disconnecting


def test_what_comes_a_byte_at_a_time(pair: Pair) -> None:
    """The handshake too."""
    for _ in range(12):
        for wire, other in ((pair.client_wire, pair.server), (pair.server_wire, pair.client)):
            sent = wire.value()
            wire.clear()
            for number in range(len(sent)):
                other.dataReceived(sent[number : number + 1])
        if not pair.client_wire.value() and not pair.server_wire.value():
            break
    pair.client.write(b"hello")
    pair.carry()

    assert pair.server.wrappedProtocol.received == b"hello"


def test_a_protocol_may_close_from_inside(pair: Pair) -> None:
    """With further records behind the one that made it close."""
    pair.carry()
    server = pair.server.wrappedProtocol
    server.dataReceived = lambda data: pair.server.loseConnection()
    pair.client.write(b"one")
    pair.client.write(b"two")
    pair.carry()

    assert pair.client_wire.disconnecting
    assert pair.server_wire.disconnecting


def test_an_abort_says_no_goodbye(pair: Pair) -> None:
    """What was cut must not look whole: no `close_notify` is sent."""
    pair.carry()
    pair.server.write(b"half of it")
    pair.carry()

    pair.server.abortConnection()

    assert pair.server_wire.value() == b""
    assert pair.server_wire.disconnected
    assert pair.client.wrappedProtocol.received == b"half of it"


def test_who_wants_to_shake_hands_again_and_again_is_cut(pair: Pair) -> None:
    """Each attempt is refused by an alert; a client that reads none of them does not fill our memory with them."""
    client = Renegotiating()
    client.shake_hands(pair.server, pair.server_wire)
    pair.server.dataReceived(client.attempt())
    assert pair.server_wire.value()[:1] == b"\x15"
    alert = len(pair.server_wire.value())

    for _ in range(5_000):
        if pair.server_wire.disconnected:
            break
        pair.server.dataReceived(client.attempt())

    assert pair.server_wire.disconnected
    assert UNASKED - 2**15 < len(pair.server_wire.value()) <= UNASKED
    assert alert < 100


def test_writes_are_not_counted_among_the_answers(pair: Pair) -> None:
    """Neither are those made while something is received."""
    pair.carry()
    pair.server.wrappedProtocol.dataReceived = lambda _: pair.server.write(b"x" * UNASKED)

    for _ in range(3):
        pair.client.write(b"more")
        pair.carry()

    assert len(pair.client.wrappedProtocol.received) == 3 * UNASKED
    assert not pair.server_wire.disconnected
