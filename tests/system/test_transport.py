"""The promises of ITransport, on Twisted's transports and on those that write at once."""

# mypy: allow-untyped-calls
# (Twisted's reactors and protocols carry few types.)

from __future__ import annotations

import os
import random
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from twisted.internet import tcp
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol, IPullProducer, IPushProducer
from twisted.internet.protocol import ClientFactory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from gateway.transport.direct import DirectClient, DirectServer
from tests.system.private_reactor import PrivateReactor, private_reactor

LARGE = 20 * 2**20
"""More bytes than the buffers of a loopback connection hold."""


@implementer(IHalfCloseableProtocol)
class Recorder(Protocol):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.received = b""
        self.lost: Failure | None = None
        self.read_closed = False

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def readConnectionLost(self) -> None:
        self.read_closed = True
        assert self.transport is not None
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        pass

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        assert self.lost is None, "lost twice"
        self.lost = reason


class Line:
    """A connected transport, its protocol, and the socket at the other end."""

    def __init__(self, reactor: PrivateReactor, protocol: Recorder, peer: socket.socket) -> None:
        self.reactor = reactor
        self.protocol = protocol
        self.peer = peer
        self.transport: Any = protocol.transport

    def read_all(self) -> bytes:
        """Read at the other end until it is closed, while the reactor turns."""
        self.peer.setblocking(False)
        pieces: list[bytes] = []

        def ended() -> bool:
            try:
                piece = self.peer.recv(2**20)
            except BlockingIOError:
                return False
            pieces.append(piece)
            return not piece

        self.reactor.until(ended)
        return b"".join(pieces)

    def read(self, size: int) -> bytes:
        """Read so many bytes at the other end, while the reactor turns."""
        self.peer.setblocking(False)
        got = bytearray()

        def enough() -> bool:
            try:
                got.extend(self.peer.recv(size - len(got)))
            except BlockingIOError:
                return False
            return len(got) >= size

        self.reactor.until(enough)
        return bytes(got)

    def reset_by_peer(self) -> None:
        """Close the other end so that we are sent a RST."""
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.peer.close()


class FakePort:
    """What a server transport asks of its port."""

    _realPortNumber = 0  # noqa: N815  # Twisted's name


def server(kind: Callable[..., Any]) -> Callable[[PrivateReactor], Line]:
    """Make a line with an accepted connection."""

    def make(reactor: PrivateReactor) -> Line:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            peer = socket.create_connection(listener.getsockname())
            accepted, address = listener.accept()
        protocol = Recorder()
        protocol.makeConnection(kind(accepted, protocol, address, FakePort(), 0, reactor))
        return Line(reactor, protocol, peer)

    return make


def client(kind: Callable[..., Any]) -> Callable[[PrivateReactor], Line]:
    """Make a line with a connection that we opened."""

    class Connector(tcp.Connector):
        def _makeTransport(self) -> Any:  # noqa: N802  # Twisted's name
            return kind(self.host, self.port, self.bindAddress, self, self.reactor)

    def make(reactor: PrivateReactor) -> Line:
        protocol = Recorder()
        factory = ClientFactory()
        factory.noisy = False
        factory.buildProtocol = lambda addr: protocol  # type: ignore[method-assign]
        with socket.create_server(("127.0.0.1", 0)) as listener:
            Connector("127.0.0.1", listener.getsockname()[1], factory, 5, None, reactor).connect()
            reactor.until(lambda: protocol.transport)
            peer, _ = listener.accept()
        return Line(reactor, protocol, peer)

    return make


KINDS = {
    "stock server": server(tcp.Server),
    "direct server": server(DirectServer),
    "stock client": client(tcp.Client),
    "direct client": client(DirectClient),
}


@pytest.fixture
def reactor() -> Iterator[PrivateReactor]:
    """A reactor of the test's own."""
    with private_reactor() as reactor:
        yield reactor


@pytest.fixture(params=KINDS)
def line(request: pytest.FixtureRequest, reactor: PrivateReactor) -> Iterator[Line]:
    """A line of each kind."""
    made = KINDS[request.param](reactor)
    yield made
    made.peer.close()


@pytest.fixture(params=[kind for kind in KINDS if "direct" in kind])
def direct(request: pytest.FixtureRequest, reactor: PrivateReactor) -> Iterator[Line]:
    """A line of each of our kinds."""
    made = KINDS[request.param](reactor)
    yield made
    made.peer.close()


def test_a_write_has_left_when_it_returns(direct: Line) -> None:
    """The reactor need not turn, and is not asked to watch for writability."""
    direct.transport.write(b"now")

    assert direct.peer.recv(10) == b"now"
    assert direct.transport not in direct.reactor.getWriters()


@pytest.mark.parametrize("seed", range(5))
def test_bytes_arrive_complete_and_in_order(line: Line, seed: int) -> None:
    """Whatever the sizes of the writes, and however the reader dawdles."""
    chance = random.Random(seed)
    sent = b""
    got = b""
    line.peer.setblocking(False)
    for _ in range(200):
        pieces = [chance.randbytes(chance.choice((0, 1, 300, 70_000))) for _ in range(chance.randrange(1, 4))]
        if chance.random() < 0.3:
            line.transport.writeSequence(pieces)
        else:
            for piece in pieces:
                line.transport.write(piece)
        sent += b"".join(pieces)
        if chance.random() < 0.2:
            line.reactor.turns(1)
        if chance.random() < 0.2:
            with suppress(BlockingIOError):
                got += line.peer.recv(100_000)
    line.transport.loseConnection()

    assert got + line.read_all() == sent


def test_what_the_kernel_does_not_take_is_sent_later_and_once(line: Line) -> None:
    """One write larger than all buffers; the next one queues behind it."""
    large = os.urandom(LARGE)
    line.transport.write(large)
    line.transport.write(b"behind")
    line.transport.loseConnection()

    assert line.read_all() == large + b"behind"


@pytest.mark.parametrize("wrong", ["text", bytearray(b"bytes"), memoryview(b"bytes"), None])
def test_only_bytes_are_taken(line: Line, wrong: Any) -> None:
    """A mistake is told to the one who made it, and nothing of it is sent."""
    with pytest.raises(TypeError):
        line.transport.write(wrong)
    with pytest.raises(TypeError):
        line.transport.writeSequence([b"good", wrong])

    line.transport.loseConnection()
    assert line.read_all() == b""


def test_an_empty_write_is_no_write(line: Line) -> None:
    """It neither wakes the reactor nor ends anything."""
    line.transport.write(b"")
    line.transport.writeSequence([])

    assert line.transport not in line.reactor.getWriters()
    line.transport.write(b"after")
    assert line.read(5) == b"after"


def test_lose_connection_waits_for_the_last_byte(line: Line) -> None:
    """And the protocol is told that it is done, not lost."""
    line.transport.write(b"x" * LARGE)
    line.transport.loseConnection()

    assert len(line.read_all()) == LARGE
    line.reactor.until(lambda: line.protocol.lost)
    assert line.protocol.lost is not None
    assert line.protocol.lost.check(ConnectionDone)


def test_lose_connection_on_an_empty_queue_closes(line: Line) -> None:
    """Also where nothing had to be queued for it."""
    line.transport.write(b"last")
    line.transport.loseConnection()

    assert line.read_all() == b"last"
    line.reactor.until(lambda: line.protocol.lost)


def test_abort_drops_the_queue_and_resets(line: Line) -> None:
    """The peer gets a reset; what is written after the abort never leaves."""
    line.transport.abortConnection()
    line.transport.write(b"too late")

    line.reactor.until(lambda: line.protocol.lost)
    with pytest.raises(ConnectionResetError):
        line.peer.recv(10)
    assert line.protocol.lost is not None
    assert line.protocol.lost.check(ConnectionAborted)


def test_half_close_sends_what_is_queued_and_still_reads(line: Line) -> None:
    """`loseWriteConnection`: the peer sees the end of ours, and may go on talking."""
    line.transport.write(b"x" * LARGE)
    line.transport.loseWriteConnection()

    assert len(line.read_all()) == LARGE
    line.peer.setblocking(True)
    line.peer.sendall(b"answer")
    line.reactor.until(lambda: line.protocol.received == b"answer")
    assert line.protocol.lost is None


def test_a_write_after_half_close_goes_nowhere(line: Line) -> None:
    """It is dropped, as on any transport whose write side is closed."""
    line.transport.loseWriteConnection()
    assert line.read_all() == b""

    line.transport.write(b"more")

    line.reactor.turns()
    assert line.transport not in line.reactor.getWriters()


def test_a_reset_is_told_by_the_reactor_not_by_write(line: Line) -> None:
    """Writing to a connection that is gone neither raises nor calls connectionLost from inside."""
    line.reset_by_peer()

    for _ in range(3):
        line.transport.write(b"into the void")
        assert line.protocol.lost is None

    line.reactor.until(lambda: line.protocol.lost)
    assert line.protocol.lost is not None
    assert line.protocol.lost.check(ConnectionLost)


def test_writing_after_the_connection_is_lost_is_harmless(line: Line) -> None:
    """A protocol that has not heard yet may write on."""
    line.reset_by_peer()
    line.reactor.until(lambda: line.protocol.lost)

    line.transport.write(b"late")
    line.transport.writeSequence([b"later"])
    line.transport.loseConnection()

    assert line.transport not in line.reactor.getWriters()


@implementer(IPushProducer)
class Pusher:
    """Writes as fast as it may, up to `total` bytes."""

    def __init__(self, line: Line, total: int) -> None:
        self.line = line
        self.left = total
        self.paused = False
        self.pauses = 0
        self.stopped = False

    def produce(self) -> None:
        while self.left and not self.paused and not self.stopped:
            self.left -= 10_000
            self.line.transport.write(b"p" * 10_000)

    def pauseProducing(self) -> None:
        self.paused = True
        self.pauses += 1

    def resumeProducing(self) -> None:
        self.paused = False
        self.produce()

    def stopProducing(self) -> None:
        self.stopped = True


def test_a_push_producer_is_paused_and_resumed(line: Line) -> None:
    """Paused while the peer does not read, with little more than the buffer queued; then all arrives."""
    pusher = Pusher(line, LARGE - LARGE % 10_000)
    total = pusher.left
    line.transport.registerProducer(pusher, True)
    pusher.produce()
    line.reactor.turns(20)  # the kernel takes more in each turn, until it is full

    assert pusher.paused
    assert pusher.left
    queued = len(line.transport.dataBuffer) - line.transport.offset + line.transport._tempDataLen
    assert queued <= line.transport.bufferSize + 10_000

    assert len(line.read(total)) == total
    assert not pusher.paused
    line.transport.unregisterProducer()


@pytest.mark.parametrize(("left_already", "pauses"), [(0, 1), (20_000, 0)])
def test_a_producer_is_not_paused_for_what_has_left(direct: Line, left_already: int, pauses: int) -> None:
    """Of a large write that is half sent, only the other half counts."""
    pusher = Pusher(direct, 10_000)
    direct.transport.registerProducer(pusher, True)
    # As doWrite leaves it after a partial send.
    direct.transport._line.direct = False
    direct.transport.dataBuffer = b"x" * direct.transport.bufferSize
    direct.transport.offset = left_already

    pusher.produce()

    assert pusher.pauses == pauses


def test_a_pull_producer_is_asked_until_it_is_done(line: Line) -> None:
    """One chunk per call, as IPullProducer has it, although each could leave at once."""

    @implementer(IPullProducer)
    class Puller:
        left = 50

        def resumeProducing(self) -> None:
            self.left -= 1
            line.transport.write(b"%02d" % self.left)
            if not self.left:
                line.transport.unregisterProducer()
                line.transport.loseConnection()

        def stopProducing(self) -> None:
            pass

    line.transport.registerProducer(Puller(), False)

    assert line.read_all() == b"".join(b"%02d" % number for number in range(49, -1, -1))


def test_writes_are_at_once_again_after_a_pull_producer(direct: Line) -> None:
    """It changes the way of writing only while it is registered."""

    @implementer(IPullProducer)
    class Silent:
        def resumeProducing(self) -> None:
            pass

        def stopProducing(self) -> None:
            pass

    direct.transport.registerProducer(Silent(), False)
    direct.transport.unregisterProducer()

    direct.transport.write(b"now")
    assert direct.peer.recv(10) == b"now"


def test_a_producer_is_stopped_when_the_connection_is_lost(line: Line) -> None:
    """Nobody produces for a connection that is gone."""
    pusher = Pusher(line, LARGE)
    line.transport.registerProducer(pusher, True)
    line.reset_by_peer()

    line.reactor.until(lambda: line.protocol.lost)

    assert pusher.stopped


def test_unregistering_while_disconnecting_does_not_write_at_once(direct: Line) -> None:
    """What comes after `loseConnection` keeps behind what is queued."""
    direct.transport.write(b"x" * LARGE)
    pusher = Pusher(direct, 0)
    direct.transport.registerProducer(pusher, True)
    direct.transport.loseConnection()
    direct.transport.unregisterProducer()

    assert not direct.transport._line.direct
    assert len(direct.read_all()) == LARGE


def test_the_end_of_the_peer_is_told(line: Line) -> None:
    """Reading is Twisted's own: data first, then the end."""
    line.peer.sendall(b"bye")
    line.peer.shutdown(socket.SHUT_WR)

    line.reactor.until(lambda: line.protocol.lost)

    assert line.protocol.received == b"bye"
    assert line.protocol.read_closed


def test_a_client_has_no_delay_and_probes_the_peer(reactor: PrivateReactor) -> None:
    """TCP_NODELAY and SO_KEEPALIVE are set on connections that we open."""
    line = KINDS["direct client"](reactor)

    assert line.transport.getTcpNoDelay()
    assert line.transport.getTcpKeepAlive()
    line.peer.close()
