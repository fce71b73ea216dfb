"""One end of a connection, as a test holds it."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock

from gateway.memory.end import End
from gateway.memory.network import MemoryNetwork

Pair = tuple[MemoryNetwork, End, End]


@pytest.fixture
def pair() -> Pair:
    """Two ends, joined."""
    network, one, other = MemoryNetwork(Clock()), End(), End()
    network.connect(one, other)
    return network, one, other


def test_every_octet_is_kept(pair: Pair) -> None:
    """Until a test empties it."""
    network, one, other = pair
    one.send(b"abc")
    one.send(b"def")
    network.pump()
    kept = other.received
    other.received = b""

    assert (kept, other.received) == (b"abcdef", b"")


def test_an_end_of_input_is_answered_by_closing(pair: Pair) -> None:
    """As most programs do; one that goes on sending says so."""
    network, one, other = pair
    one.half_close()
    network.pump()

    assert (other.end_of_input, one.closed is not None and one.closed.check(ConnectionDone)) == (True, ConnectionDone)


def test_one_half_may_stay_open(pair: Pair) -> None:
    """It can be written to."""
    network, one, other = pair
    other.half_open = one.half_open = True
    one.half_close()
    network.pump()
    other.send(b"late")
    network.pump()

    assert (one.received, other.closed) == (b"late", None)


def test_a_reset_is_told_from_a_close(pair: Pair) -> None:
    """By why the other end was lost."""
    network, one, other = pair
    one.reset()
    network.pump()

    assert other.closed is not None
    assert other.closed.check(ConnectionLost) is ConnectionLost


def test_what_is_not_read_waits(pair: Pair) -> None:
    """On the wire, where the one who wrote it can see it."""
    network, one, other = pair
    other.stop_reading()
    one.send(b"abc")
    network.pump()
    before = (other.received, one.unread)
    other.read_on()
    network.pump()

    assert (before, other.received, one.unread) == ((b"", 3), b"abc", 0)
