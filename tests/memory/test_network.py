"""Connections in memory hold to the facts that `tests/system/test_transport.py` finds of real ones."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import (
    ConnectionAborted,
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,  # noqa: A004  # Twisted's name for it
    TimeoutError,  # noqa: A004  # Twisted's name for it
)
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from gateway.memory.network import MemoryNetwork
from gateway.memory.transport import QUEUE, WIRE

LARGE = 20 * WIRE


class Plain(Protocol):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.received = b""
        self.reads = 0
        self.lost: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        self.reads += 1

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        assert self.lost is None, "lost twice"
        self.lost = reason


@implementer(IHalfCloseableProtocol)
class Recorder(Plain):
    """Is told of halves."""

    def __init__(self) -> None:
        super().__init__()
        self.ends = 0
        self.write_closed = False

    def readConnectionLost(self) -> None:
        self.ends += 1

    def writeConnectionLost(self) -> None:
        self.write_closed = True


class Line:
    """Two ends."""

    def __init__(self, chance: random.Random | None = None, plain: bool = False) -> None:
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock, chance)
        self.one, self.two = self.ends(plain)
        self.network.connect(self.one, self.two)
        self.near: Any = self.one.transport
        self.far: Any = self.two.transport

    def ends(self, plain: bool) -> tuple[Any, Any]:
        return (Plain() if plain else Recorder()), Recorder()

    def two_lost(self) -> Failure | None:
        lost: Failure | None = self.two.lost
        return lost

    def pump(self) -> None:
        self.network.pump()


@pytest.fixture
def line() -> Line:
    """Between two protocols that know of halves."""
    return Line()


@given(st.integers(0, 2**32))
def test_octets_arrive_complete_and_in_order(seed: int) -> None:
    """Whatever the sizes, whoever dawdles, and wherever reads are cut."""
    chance = random.Random(seed)
    line = Line(random.Random(seed))
    sent = b""
    for _ in range(30):
        piece = chance.randbytes(chance.choice((0, 1, 300, 70_000)))
        line.near.write(piece)
        sent += piece
        chance.choice((line.far.pauseProducing, line.far.resumeProducing, line.network.turn))()
    line.near.loseConnection()
    line.far.resumeProducing()
    line.pump()

    assert line.two.received == sent
    assert line.two.ends == 1


def test_nothing_is_called_back_from_inside(line: Line) -> None:
    """A write delivers later."""
    line.near.write(b"later")
    assert line.two.received == b""
    line.pump()

    assert line.two.received == b"later"


@pytest.mark.parametrize("wrong", ["text", bytearray(b"x"), None])
def test_only_bytes_are_taken(line: Line, wrong: Any) -> None:
    """As anywhere."""
    with pytest.raises(TypeError):
        line.near.write(wrong)


class TestClosing:
    """`loseConnection`, `abortConnection`, `loseWriteConnection`."""

    def test_the_last_octet_goes_first(self, line: Line) -> None:
        """More than the wire holds; then both are told."""
        line.near.write(b"x" * LARGE)
        line.near.loseConnection()
        line.pump()

        assert len(line.two.received) == LARGE
        assert line.one.lost.check(ConnectionDone)
        assert line.two.ends == 1
        assert line.two.lost is None

    def test_it_waits_for_a_reader(self, line: Line) -> None:
        """As long as that takes."""
        line.far.pauseProducing()
        line.near.write(b"x" * LARGE)
        line.near.loseConnection()
        line.pump()
        assert not line.one.lost
        line.far.resumeProducing()
        line.pump()

        assert line.one.lost is not None

    def test_a_paused_producer_keeps_it_open(self, line: Line) -> None:
        """A trap of Twisted's: after the last octet the producer is asked for more, and nobody closes."""
        line.far.pauseProducing()
        line.near.registerProducer(Pusher(), True)
        line.near.write(b"x" * LARGE)
        line.near.loseConnection()
        line.far.resumeProducing()
        line.pump()
        assert not line.one.lost
        line.near.unregisterProducer()
        line.pump()

        assert line.one.lost is not None

    def test_what_was_not_read_makes_it_a_reset(self, line: Line) -> None:
        """The kernel has octets for which there is nobody: what was sent before is lost with them."""
        line.near.pauseProducing()
        line.far.write(b"unread")
        line.far.pauseProducing()
        line.near.write(b"the answer")
        line.near.loseConnection()
        line.pump()
        line.far.resumeProducing()
        line.pump()

        assert line.two.received == b""
        assert line.two.lost.check(ConnectionLost)

    def test_an_abort_drops_the_queue(self, line: Line) -> None:
        """The other end is reset; what is written after it never leaves."""
        line.far.pauseProducing()
        line.near.write(b"x" * LARGE)
        line.near.abortConnection()
        line.near.write(b"too late")
        assert not line.one.lost
        line.far.resumeProducing()
        line.pump()

        assert line.one.lost.check(ConnectionAborted)
        assert line.two.lost.check(ConnectionLost)
        assert line.two.received == b""

    def test_a_half_may_be_closed(self, line: Line) -> None:
        """After what was written; the other direction goes on."""
        line.near.write(b"x" * LARGE)
        line.near.loseWriteConnection()
        line.pump()
        line.near.write(b"nowhere")
        line.far.write(b"answer")
        line.pump()

        assert (len(line.two.received), line.two.ends) == (LARGE, 1)
        assert line.one.write_closed
        assert line.one.received == b"answer"

    def test_both_halves_closed_are_still_a_connection(self, line: Line) -> None:
        """A trap of Twisted's: somebody has to close it."""
        line.near.loseWriteConnection()
        line.far.loseWriteConnection()
        line.pump()

        assert (line.one.ends, line.two.ends) == (1, 1)
        assert line.one.lost is line.two.lost is None

    def test_who_does_not_know_of_halves_is_closed(self) -> None:
        """By the other's FIN."""
        line = Line(plain=True)
        line.far.loseWriteConnection()
        line.pump()

        assert line.one.lost.check(ConnectionDone)

    def test_the_end_is_read_again_by_who_reads_again(self, line: Line) -> None:
        """A trap of Twisted's."""
        line.near.loseWriteConnection()
        line.pump()
        line.far.resumeProducing()
        line.pump()

        assert line.two.ends == 2


class TestResets:
    """How they are noticed."""

    def test_writing_to_who_has_gone(self, line: Line) -> None:
        """The first write finds out, the second is told; neither raises, or calls back."""
        line.near.loseConnection()
        line.pump()
        line.far.write(b"first")
        line.pump()
        assert line.two_lost() is None  # it has read the end, and looks no more
        line.far.write(b"second")
        assert line.two_lost() is None
        line.pump()

        assert line.two.lost.check(ConnectionLost)

    def test_who_has_read_the_end_reads_nothing_else(self, line: Line) -> None:
        """The end again, also where a reset came after it."""
        line.near.loseConnection()
        line.pump()
        line.far.write(b"first")
        line.far.resumeProducing()
        line.pump()

        assert line.two.ends == 2
        assert line.two.lost is None

    def test_who_does_not_read_notices_nothing(self, line: Line) -> None:
        """Until it does."""
        line.far.pauseProducing()
        line.near.abortConnection()
        line.pump()
        assert line.two_lost() is None
        line.far.resumeProducing()
        line.pump()

        assert line.two.lost is not None


class Pusher:
    """Counts."""

    def __init__(self) -> None:
        self.pauses = self.resumes = self.stops = 0

    def pauseProducing(self) -> None:
        self.pauses += 1

    def resumeProducing(self) -> None:
        self.resumes += 1

    def stopProducing(self) -> None:
        self.stops += 1


class TestProducers:
    """Back-pressure."""

    def test_paused_once_and_resumed_when_all_is_out(self, line: Line) -> None:
        """Past what may be queued, not before."""
        pusher = Pusher()
        line.near.registerProducer(pusher, True)
        line.far.pauseProducing()
        line.near.write(b"x" * (WIRE + QUEUE))
        assert pusher.pauses == 0
        line.near.write(b"x")
        line.near.write(b"x")
        assert (pusher.pauses, line.near.queued) == (1, QUEUE + 2)
        line.far.resumeProducing()
        line.pump()

        assert (pusher.pauses, pusher.resumes) == (1, 1)
        assert line.near.most_queued == QUEUE + 2

    def test_stopped_when_the_connection_is_lost(self, line: Line) -> None:
        """And at once, where it is registered after that."""
        early, late = Pusher(), Pusher()
        line.near.registerProducer(early, True)
        with pytest.raises(RuntimeError):
            line.near.registerProducer(late, True)
        line.near.abortConnection()
        line.pump()
        line.near.registerProducer(late, True)

        assert (early.stops, late.stops) == (1, 1)


class TestDialling:
    """As over sockets."""

    def test_success(self, line: Line) -> None:
        """Later, with the protocol connected."""
        accepted = Recorder()
        line.network.listen("10.0.0.1", 80, lambda: accepted)
        made = Recorder()
        dialled = line.network.dial("10.0.0.1", 80, None, lambda: made, 5.0)
        assert not dialled.called
        line.pump()

        assert getattr(dialled, "result", None) is made
        assert made.transport.getPeer().host == "10.0.0.1"

    def test_refused(self, line: Line) -> None:
        """Nobody listens (any more)."""
        line.network.listen("10.0.0.1", 80, Recorder)
        line.network.close("10.0.0.1", 80)
        failures: list[Failure] = []
        line.network.dial("10.0.0.1", 80, None, Recorder, 5.0).addErrback(failures.append)
        line.pump()

        assert failures[0].check(ConnectionRefusedError)

    @pytest.mark.parametrize("cancel", [False, True])
    def test_swallowed(self, line: Line, cancel: bool) -> None:
        """Until the time is up, or who asked has had enough; then no timer is left."""
        line.network.listen("10.0.0.1", 80, None)
        failures: list[Failure] = []
        dialled = line.network.dial("10.0.0.1", 80, None, Recorder, 5.0).addErrback(failures.append)
        line.pump()
        line.clock.advance(4.9)
        assert failures == []
        if cancel:
            dialled.cancel()
        else:
            line.clock.advance(0.2)

        assert bool(failures[0].check(TimeoutError)) is not cancel
        assert line.clock.getDelayedCalls() == []


def test_a_network_that_never_rests_is_found(line: Line) -> None:
    """Two ends that answer each other for ever."""
    line.one.dataReceived = line.near.write
    line.two.dataReceived = line.far.write
    line.near.write(b"ping")
    with pytest.raises(RuntimeError, match="rest"):
        line.network.pump(most=100)


def test_an_end_that_is_woken_by_an_older_one_has_its_turn_in_the_same() -> None:
    """And the older one, woken by a younger, in the next: so the order does not depend on who was asked before."""
    network = MemoryNetwork(Clock())
    pairs = [(Plain(), Plain()) for _ in range(3)]
    for client, server in pairs:
        network.connect(client, server)
    (_, first), (middle, _), (_, last) = pairs[0], pairs[1], pairs[2]

    def pass_on(data: bytes) -> None:
        for client, _ in (pairs[0], pairs[2]):
            client.transport.write(data)  # type: ignore[union-attr]

    middle.dataReceived = pass_on  # type: ignore[method-assign]
    pairs[1][1].transport.write(b"x")  # type: ignore[union-attr]

    network.turn()
    assert (first.received, last.received) == (b"", b"x")
    network.turn()
    assert (first.received, last.received) == (b"x", b"x")


def test_what_a_protocol_raises_keeps_nobody_from_the_next_turn() -> None:
    """The ends behind it are asked then."""
    network = MemoryNetwork(Clock())
    bad, good = Plain(), Plain()
    for server in (bad, good):
        client = Plain()
        network.connect(client, server)
        client.transport.write(b"x")  # type: ignore[union-attr]

    def fail(data: bytes) -> None:
        raise RuntimeError("no")

    bad.dataReceived = fail  # type: ignore[method-assign]

    with pytest.raises(RuntimeError):
        network.turn()
    network.pump()

    assert good.received == b"x"
