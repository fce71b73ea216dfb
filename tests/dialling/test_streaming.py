"""Answers that do not end, line by line, with bounds."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock

from gateway.dialling.fetching import FetchFailed, NotConnected
from gateway.dialling.streaming import QUEUE, Stream, Streamer
from gateway.memory.backend import FakeBackend
from gateway.memory.network import MemoryNetwork

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """Frame some content."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class Bench:
    """A streamer, and the server that it asks."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock, None)
        self.server = FakeBackend(self.network, "127.0.0.1", 9001)
        self.server.stall()
        self.streamer = Streamer(self.clock, self.network, None, 2.0, 1000)

    def ask(self) -> Deferred[Stream]:
        """Ask, and let everything settle."""
        asking = self.streamer.open(b"POST", b"http://127.0.0.1:9001/watch", [(b"X-One", b"1")], b"{}")
        self.network.pump()
        return asking

    def open(self) -> Stream:
        """Ask, and have an answer begin."""
        asking = self.ask()
        self.say(HEAD)
        stream: Stream = result(asking)
        return stream

    def say(self, data: bytes) -> None:
        """Let the server send octets."""
        self.server.connection.send(data)
        self.network.pump()

    def line(self, stream: Stream) -> Deferred[bytes | None]:
        """Ask for the next line."""
        return ensureDeferred(stream.line())


def result(asking: Deferred[Any]) -> Any:
    """Return the result of a Deferred that has one."""
    found: list[Any] = []
    asking.addBoth(found.append)
    assert found, "there is none yet"
    return found[0]


def failure(asking: Deferred[Any]) -> str:
    """Return the words that a Deferred has failed with."""
    found = result(asking)
    assert found.check(FetchFailed), found
    return str(found.value)


@pytest.fixture
def bench() -> Bench:
    """A server that says what it is told to."""
    return Bench()


def test_lines_come_as_they_are_sent(bench: Bench) -> None:
    """Cut anywhere; empty ones are none, and the last needs no end."""
    stream = bench.open()
    assert stream.status == 200
    asked = bench.server.requests[-1]
    assert asked.body == b"{}"
    waiting = bench.line(stream)
    bench.say(chunk(b"on"))
    bench.say(chunk(b"e\n\n\ntwo\nth"))
    assert result(waiting) == b"one"
    assert result(bench.line(stream)) == b"two"
    waiting = bench.line(stream)
    bench.say(chunk(b"ree") + b"0\r\n\r\n")
    assert result(waiting) == b"three"
    assert result(bench.line(stream)) is None


def test_a_line_that_is_too_long_ends_it(bench: Bench) -> None:
    """With its end or without; the connection is closed."""
    stream = bench.open()
    bench.say(chunk(b"x" * 1001))
    assert "longer than 1000" in failure(bench.line(stream))
    bench.network.pump()
    assert bench.server.connection.closed is not None


def test_a_connection_that_breaks_is_a_failure(bench: Bench) -> None:
    """The lines before it are told."""
    stream = bench.open()
    bench.say(chunk(b"one\n"))
    bench.server.connection.reset()
    bench.network.pump()
    assert result(bench.line(stream)) == b"one"
    assert "broke" in failure(bench.line(stream))


def test_a_close_closes_the_connection(bench: Bench) -> None:
    """Who waits for a line hears of it."""
    stream = bench.open()
    waiting = bench.line(stream)
    stream.close()
    stream.close()
    bench.network.pump()
    assert bench.server.connection.closed is not None
    assert "closed" in failure(waiting)


def test_a_server_that_is_faster_is_held_back(bench: Bench) -> None:
    """Nobody reads: what it sends stays with it, and goes on when somebody does."""
    stream = bench.open()
    most = QUEUE * 300
    for number in range(most):
        bench.server.connection.send(chunk(b"%d%b\n" % (number, b" " * 500)))
    bench.network.pump()
    assert len(stream._lines) < most / 2
    for number in range(most):
        waiting = bench.line(stream)
        bench.network.pump()
        assert result(waiting).strip() == b"%d" % number
        if number > QUEUE * 20:
            break


def test_a_stream_ends_by_itself(bench: Bench) -> None:
    """After more octets than a list could have: who follows it asks anew."""
    stream = bench.open()
    line = chunk(b"x" * 900 + b"\n") * 1000
    for _ in range(50):
        if bench.server.connection.closed is not None:
            break
        bench.say(line)
        while stream._lines:
            result(bench.line(stream))
            bench.network.pump()
    assert bench.server.connection.closed is not None


def test_a_server_that_is_not_there(bench: Bench) -> None:
    """Nothing was sent."""
    bench.server.refuse_connections()
    assert result(bench.ask()).check(NotConnected)


def test_a_server_that_is_silent(bench: Bench) -> None:
    """Its connection is closed."""
    asking = bench.ask()
    bench.clock.advance(2)
    bench.network.pump()
    assert failure(asking) == "no answer in 2 s"
    assert bench.server.connection.closed is not None


@pytest.mark.parametrize("said", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000, b""])
def test_what_is_no_answer(bench: Bench, said: bytes) -> None:
    """Another protocol, a head without an end, nothing at all: a failure."""
    asking = bench.ask()
    bench.say(said)
    bench.server.connection.reset()
    bench.network.pump()
    assert failure(asking)
