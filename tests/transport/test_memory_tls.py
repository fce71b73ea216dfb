"""What is `MemoryTLS`'s own; what it shares with Twisted's TLS is in `test_tls.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from gateway.transport.memory_tls import MemoryTLS
from gateway.transport.records import FIRST, IDLE, RECORD, SEGMENT
from gateway.transport.sessions import ServerSessions, Standard
from gateway.transport.tls import OverTLS
from tests.transport.test_tls import Pair


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """A connection before its handshake."""
    return Pair(tmp_path, MemoryTLS)


def records(sent: bytes) -> list[int]:
    """Sizes of the records in what was sent, without what TLS 1.3 adds to each (17 octets)."""
    sizes, at = [], 0
    while at < len(sent):
        size = int.from_bytes(sent[at + 3 : at + 5], "big")
        sizes.append(size - 17)
        at += 5 + size
    return sizes


def test_a_burst_begins_with_records_of_a_segment(pair: Pair) -> None:
    """The client can read what has come; later ones are whole, and after a pause they begin anew."""
    pair.carry()

    pair.server.write(b"x" * 100_000)
    first = records(pair.server_wire.value())
    pair.carry()
    pair.server.write(b"x" * 40_000)
    second = records(pair.server_wire.value())
    pair.carry()
    pair.clock.advance(IDLE + 0.1)
    pair.server.write(b"x" * 40_000)
    third = records(pair.server_wire.value())

    assert first[: FIRST + 1] == [SEGMENT] * FIRST + [RECORD]
    assert sum(first) == 100_000
    assert second == [RECORD, RECORD, 40_000 - 2 * RECORD]
    assert third[:FIRST] == [SEGMENT] * FIRST


def test_an_abort_says_no_goodbye(pair: Pair) -> None:
    """What was cut must not look whole: the other end sees no `close_notify`."""
    pair.carry()
    pair.server.write(b"half of it")
    pair.carry()

    pair.server.abortConnection()
    pair.server.write(b"more")
    pair.client.write(b"unheard")
    pair.carry()

    assert pair.server_wire.value() == b""
    assert pair.server.wrappedProtocol.received == b""
    assert pair.server_wire.disconnected
    lost = pair.server.wrappedProtocol
    pair.server.connectionLost(Failure(ConnectionAborted()))
    assert lost.lost.check(ConnectionAborted)


def test_a_close_before_the_handshake_is_an_abort(pair: Pair) -> None:
    """There is nobody to say goodbye to, and nothing to wait for."""
    pair.server.loseConnection()

    assert pair.server_wire.disconnected


def test_what_is_the_transport_s_is_asked_there(pair: Pair) -> None:
    """Addresses, pauses; and of TLS nothing is known before the handshake."""
    assert pair.server.getPeer() is pair.server_wire.getPeer() or pair.server.getPeer() == pair.server_wire.getPeer()
    assert pair.server.getPeerCertificate() is None
    assert pair.server.negotiatedProtocol is None
    pair.server.pauseProducing()
    assert pair.server_wire.producerState == "paused"
    pair.server.resumeProducing()
    assert pair.server_wire.producerState == "producing"
    with pytest.raises(AttributeError):
        pair.server.nothingOfTheKind  # noqa: B018

    pair.carry()
    assert pair.server.negotiatedProtocol == b"http/1.1"
    assert pair.server.getPeerCertificate() is None
    assert pair.server.getHandle().version() == "TLSv1.3"


def test_there_is_no_session_before_the_first_message_is_whole(pair: Pair) -> None:
    """Who connects and says nothing takes no 20 kB."""
    sent = pair.client_wire.value()

    pair.server.dataReceived(sent[:-1])
    assert pair.server.getHandle() is None
    pair.server.dataReceived(sent[-1:])

    assert pair.server.getHandle() is not None


def test_a_large_read_is_decrypted_in_pieces(pair: Pair) -> None:
    """All of it arrives, and OpenSSL never holds more than two records: that room it would keep."""
    pair.carry()
    content = bytes(range(256)) * 500
    pair.client.write(content)
    sent = pair.client_wire.value()
    held: list[int] = []
    protocol, incoming = pair.server.wrappedProtocol, pair.server._incoming
    receive = protocol.dataReceived

    def watched(data: bytes) -> None:
        held.append(incoming.pending)
        receive(data)

    protocol.dataReceived = watched
    pair.server.dataReceived(sent)

    assert protocol.received == content
    assert len(sent) > 127_000 > 2 * RECORD >= max(held) + RECORD


def test_a_large_read_ends_where_its_reader_closes(pair: Pair) -> None:
    """Nothing of it is heard after an abort."""
    pair.carry()
    pair.client.write(b"x" * 100_000)
    heard: list[bytes] = []

    def abort(data: bytes) -> None:
        heard.append(data)
        pair.server.abortConnection()

    pair.server.wrappedProtocol.dataReceived = abort
    pair.server.dataReceived(pair.client_wire.value())

    assert len(heard) == 1
    assert pair.server_wire.disconnected


def test_it_is_lost_once(pair: Pair) -> None:
    """Twisted's transports may say so twice."""
    pair.carry()

    pair.server.connectionLost(Failure(ConnectionAborted()))
    pair.server.connectionLost(Failure(ConnectionAborted()))
    pair.server.write(b"late")
    pair.server.loseConnection()

    assert pair.server_wire.value() == b""


def test_a_producer_of_a_lost_connection_is_stopped(pair: Pair) -> None:
    """It is not even registered."""
    pair.carry()
    pair.server.connectionLost(Failure(ConnectionAborted()))
    stopped: list[str] = []

    class Late:
        @staticmethod
        def stopProducing() -> None:
            stopped.append("stopped")

    pair.server.registerProducer(Late(), True)

    assert stopped == ["stopped"]


def test_a_pull_producer_is_asked(pair: Pair) -> None:
    """Until it lets go; then the connection may close."""
    pair.carry()

    class Puller:
        left = 3

        def resumeProducing(self) -> None:
            self.left -= 1
            pair.server.write(b"%d" % self.left)
            if not self.left:
                pair.server.unregisterProducer()
                pair.server.loseConnection()

        def stopProducing(self) -> None:
            """It is done."""

    pair.server.registerProducer(Puller(), False)
    pair.clock.pump([1] * 5)
    pair.carry()

    assert pair.client.wrappedProtocol.received == b"210"
    assert pair.server_wire.disconnecting


def test_a_protocol_that_fails_leaves_the_connection_usable(pair: Pair) -> None:
    """The exception is for who called: the reactor, which closes the transport."""
    pair.carry()
    server = pair.server.wrappedProtocol

    def fail(data: bytes) -> None:
        raise ValueError("broken")

    server.dataReceived = fail
    pair.client.write(b"x")
    sent = pair.client_wire.value()
    pair.client_wire.clear()
    with pytest.raises(ValueError, match="broken"):
        pair.server.dataReceived(sent)

    pair.server.loseConnection()
    assert pair.server_wire.value() != b""


@implementer(IOpenSSLServerConnectionCreator)
class Creator(Standard):
    """Has sessions that are never begun."""

    sessions = ServerSessions()

    def serverConnectionForTLS(self, protocol: Any) -> Any:
        raise NotImplementedError


def test_the_factory_may_build_nothing() -> None:
    """As any factory may refuse a connection."""

    class Refusing(Factory):
        def buildProtocol(self, addr: Any) -> None:
            """Refuse."""

    factory: Any = Refusing()
    clock: Any = Clock()

    assert OverTLS(Creator(), factory, clock, client=False).buildProtocol(None) is None
