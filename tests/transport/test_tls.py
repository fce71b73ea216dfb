from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from gateway.dialling.tls import Unverified
from gateway.listening.certificates import CertificateStore
from gateway.transport.tls import FLUSH, RECORD, over_tls
from tests.pki import Authority


class Keeper(Protocol):
    """Keeps what it gets."""

    def __init__(self) -> None:
        self.received = b""

    def dataReceived(self, data: bytes) -> None:
        self.received += data


class Pair:
    """A TLS client and server, with the wire between them in the test's hands."""

    def __init__(self, place: Path) -> None:
        Authority().write_identity(place / "a.pem", "a.example")
        self.clock = Clock()
        self.client, self.client_wire = self._end(Unverified("a.example", None), client=True)
        self.server, self.server_wire = self._end(CertificateStore([place]), client=False)

    def _end(self, creator: Any, *, client: bool) -> tuple[Any, StringTransport]:
        factory = Factory.forProtocol(Keeper)
        protocol = over_tls(creator, factory, self.clock, client=client).buildProtocol(None)
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


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """A connection before its handshake."""
    return Pair(tmp_path)


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
