"""A connection to a backend (`gateway.upstream.contract`): one suite, on each implementation."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from gateway.body import Body
from gateway.compiled import COMPILED
from gateway.errors import BackendReset, BackendTimeout, GatewayError, PoolExhausted
from gateway.headers import Headers
from gateway.http1.response_parser import ResponseMemo
from gateway.message import Request
from gateway.transport.deadlines import NEVER, Deadlines
from gateway.upstream.contract import Connection, Keeper, Stream
from gateway.upstream.http1_connection import Http1Connection
from gateway.upstream.http2_connection import Http2Connection
from gateway.upstream.http2_head import Http2Heading
from gateway.upstream.http2_talk import Talk
from gateway.upstream.request_head import Heading
from tests.contracts.many_streams import ManyStreams, OneStream
from tests.http2.server import Http2Server
from tests.upstream.conftest import Wire
from tests.upstream.test_http1_connection import OK, Asked


class Kept(Keeper):
    """A keeper that keeps what it is told."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.deadlines = Deadlines(lambda: self.seconds)
        self.now = lambda: self.seconds
        self.told: list[str] = []

    def release(self, connection: Connection, now: float) -> None:
        assert connection.streams < connection.most
        self.told.append("release")

    def set_aside(self, connection: Connection, owner: object) -> None:
        self.told.append("set aside")

    def full(self, connection: Connection) -> None:
        self.told.append("full")

    def lend(self, connection: Connection) -> None:
        self.told.append("lend")

    def reclaim(self, connection: Connection) -> None:
        self.told.append("reclaim")

    def lost(self, connection: Connection) -> None:
        self.told.append("lost")

    def leave(self) -> None:
        self.told.append("leave")

    def pass_time(self, seconds: float) -> None:
        self.seconds += seconds
        self.deadlines.sweep()


class Hears(Asked):
    """An attempt; notes in the keeper's list when it is told of the end."""

    def __init__(self, keeper: Kept, request: Request) -> None:
        super().__init__(keeper, request)  # type: ignore[arg-type]  # which has the clock
        self.keeper = keeper

    def finished(self, status: int) -> float:
        self.keeper.told.append("finished")
        return super().finished(status)


class Http1:
    """`gateway.upstream.http1_connection`, and a backend that answers it."""

    def __init__(self) -> None:
        self.keeper = Kept()
        self.connection: Any = Http1Connection(self.keeper, Heading(b"orders:80"), 65536, ResponseMemo())
        self.connection.makeConnection(Wire())
        self.keeper.deadlines.watch(self.connection)

    def interim(self, stream: Stream) -> None:
        self.connection.dataReceived(b"HTTP/1.1 103 x\r\n\r\n")

    def head(self, stream: Stream) -> None:
        self.connection.dataReceived(OK[:-1])

    def end(self, stream: Stream, after_head: bool = True) -> None:
        self.connection.dataReceived(OK[-1:] if after_head else OK)

    def content(self, stream: Stream) -> bytes:
        content: bytes = self.connection.transport.value().partition(b"\r\n\r\n")[2]
        return content

    def lose(self) -> None:
        self.connection.connectionLost(Failure(ConnectionLost()))


class Many:
    """The one of many streams, of which one alone is open at a time here."""

    def __init__(self) -> None:
        self.keeper = Kept()
        self.connection: Any = ManyStreams(self.keeper, 1)
        self.keeper.deadlines.watch(self.connection)

    def interim(self, stream: Stream) -> None:
        assert isinstance(stream, OneStream)
        stream.interim()

    def head(self, stream: Stream) -> None:
        assert isinstance(stream, OneStream)
        stream.head()

    def end(self, stream: Stream, after_head: bool = True) -> None:
        assert isinstance(stream, OneStream)
        stream.end()

    def content(self, stream: Stream) -> bytes:
        assert isinstance(stream, OneStream)
        return stream.content

    def lose(self) -> None:
        self.connection.lose()


class Http2:
    """`gateway.upstream.http2_connection`, of one stream at a time here, and `h2` that answers it."""

    def __init__(self) -> None:
        self.keeper = Kept()
        talk = Talk(Http2Heading(b"http", b"orders:80"), 65536, 1, lambda call: call())
        self.connection: Any = Http2Connection(self.keeper, talk)
        self.wire = Wire()
        self.connection.makeConnection(self.wire)
        self.keeper.deadlines.watch(self.connection)
        self.server = Http2Server()
        self._pump()

    def _pump(self) -> None:
        while self.wire.value() or self.server.unsent:
            said = self.wire.value()
            self.wire.clear()
            self.server.receive(said)
            answer = self.server.take()
            if answer:
                self.connection.dataReceived(answer)

    def interim(self, stream: Stream) -> None:
        self._pump()
        self.server.interim(self.server.last, 103)
        self._pump()

    def head(self, stream: Stream) -> None:
        self._pump()
        self.server.head(self.server.last, [("content-length", "2")])
        self.server.data(self.server.last, b"o", end=False)
        self._pump()

    def end(self, stream: Stream, after_head: bool = True) -> None:
        self._pump()
        if not after_head:
            self.server.head(self.server.last, [("content-length", "2")])
        self.server.data(self.server.last, b"k" if after_head else b"ok", end=True)
        self._pump()

    def content(self, stream: Stream) -> bytes:
        self._pump()
        return bytes(self.server.last.body)

    def lose(self) -> None:
        self.connection.connectionLost(Failure(ConnectionLost()))


Side = Http1 | Many | Http2


INTERPRETED = pytest.mark.skipif(COMPILED, reason="an interpreted class can have no compiled trait")


@pytest.fixture(
    params=[Http1, pytest.param(Many, marks=INTERPRETED), Http2], ids=["HTTP/1.1", "many streams", "HTTP/2"]
)
def side(request: pytest.FixtureRequest) -> Side:
    """A connection that has just been opened, and its backend."""
    made: Side = request.param()
    return made


def sent(side: Side, body: Body | None = None) -> tuple[Stream, Hears]:
    """A stream on which a request was sent, and who hears of it."""
    stream = side.connection.open()
    hears = Hears(side.keeper, Request(b"GET" if body is None else b"POST", b"/", Headers(), body=body))
    stream.send(hears)
    return stream, hears


def test_a_stream_takes_a_place(side: Side) -> None:
    """And gives it back unused."""
    assert (side.connection.streams, side.connection.most, side.connection.uses) == (0, 1, 0)
    stream = side.connection.open()
    assert (side.connection.streams, side.connection.uses) == (1, 0)
    stream.unused()

    assert side.connection.streams == 0
    assert side.keeper.told[-1] == "release"


def test_no_more_streams_than_there_is_room(side: Side) -> None:
    """The keeper has to know."""
    side.connection.open()

    with pytest.raises((KeyError, AssertionError)):
        side.connection.open()


def test_a_whole_answer_in_one_read(side: Side) -> None:
    """It counts before its place is free, and is delivered when that may serve the next one."""
    stream, hears = sent(side)
    side.keeper.told.clear()
    side.end(stream, after_head=False)

    assert hears.told == ["finished", "answered"]
    assert [word for word in side.keeper.told if word in ("finished", "release")] == ["finished", "release"]
    assert (side.connection.streams, side.connection.uses) == (0, 1)


def test_an_answer_in_parts(side: Side) -> None:
    """Interim heads, the head, the end; the body ends with it."""
    stream, hears = sent(side)
    side.interim(stream)
    side.head(stream)
    assert hears.told == ["interim 103", "answered"]
    assert side.connection.streams == 1
    side.end(stream)

    assert hears.told == ["interim 103", "answered", "finished"]
    assert hears.response is not None
    assert isinstance(hears.response.body, Body)
    assert hears.response.body.ended


@pytest.mark.parametrize("begun", [False, True])
def test_a_connection_that_is_lost(side: Side, begun: bool) -> None:
    """What was on it fails, with the body that had begun; the keeper hears of it."""
    stream, hears = sent(side)
    if begun:
        side.head(stream)
    side.lose()

    assert hears.told[-1] == "failed"
    assert isinstance(hears.error, BackendReset)
    assert (hears.body is not None) is begun
    assert side.connection.lost
    assert "lost" in side.keeper.told
    assert len(side.keeper.deadlines) == 0


def test_an_aborted_stream_says_nothing_more(side: Side) -> None:
    """Who gave it up knows; its place is not taken any more."""
    stream, hears = sent(side)
    stream.abort()

    assert hears.told == []
    assert side.connection.streams == 0


def test_a_stream_that_is_out_of_time(side: Side) -> None:
    """The hearer decides; then it is told, once."""
    stream, hears = sent(side)
    side.keeper.pass_time(29.9)
    assert hears.told == []
    side.keeper.pass_time(0.2)
    assert hears.told == ["out of time"]
    for _ in range(2):
        stream.time_out(BackendTimeout())

    assert hears.told == ["out of time", "failed"]
    assert isinstance(hears.error, BackendTimeout)
    assert side.connection.streams == 0


def test_how_long_a_stream_waits_can_be_set(side: Side) -> None:
    """An answer that is held has another time than one that passes."""
    stream, hears = sent(side)
    side.head(stream)
    stream.wait_until(3.0)
    side.keeper.pass_time(3.0)

    assert hears.told == ["answered", "out of time"]


def test_content_goes_out_as_it_comes(side: Side) -> None:
    """And while it is awaited, the backend is not."""
    body = Body(length=6)
    body.push(b"abc")
    stream, _ = sent(side, body)
    body.push(b"def")
    assert side.content(stream) == b"abcdef"
    body.end()
    side.end(stream, after_head=False)

    assert side.connection.streams == 0


@pytest.mark.parametrize("dawdles", ["sending", "reading"])
def test_a_client_that_dawdles_lends_the_place(side: Side, dawdles: str) -> None:
    """Where there is no other; when it goes on, the connection counts again."""
    body = Body(length=3) if dawdles == "sending" else None
    stream, hears = sent(side, body)
    if body is None:
        side.head(stream)
        side.keeper.told.clear()
        assert hears.response is not None
        assert isinstance(hears.response.body, Body)
        hears.response.body.pause()
    assert side.keeper.told[-1] == "lend"
    if body is not None:
        body.push(b"abc")
        body.end()
    else:
        assert hears.response is not None
        assert isinstance(hears.response.body, Body)
        hears.response.body.resume()

    assert side.keeper.told[-1] == "reclaim"


def test_who_dawdles_is_given_up(side: Side) -> None:
    """Others need the place: that is no fault of the backend."""
    _, hears = sent(side, Body(length=3))
    side.connection.give_up()

    assert hears.told == ["failed"]
    assert isinstance(hears.error, PoolExhausted)
    assert side.connection.streams == 0


def test_a_client_that_is_gone(side: Side) -> None:
    """Its content will never be complete: the place is free, and the hearer knows."""
    body = Body(length=3)
    _, hears = sent(side, body)
    body.fail()

    assert hears.told == []
    assert side.connection.streams == 0


def test_a_retired_connection_closes_with_its_last_stream(side: Side) -> None:
    """Its address is not the backend's any more."""
    stream, hears = sent(side)
    side.connection.retired = True
    side.keeper.told.clear()
    side.end(stream, after_head=False)

    assert hears.told == ["finished", "answered"]
    assert "release" not in side.keeper.told
    assert "lost" in side.keeper.told


def test_an_unused_connection_is_closed_in_time(side: Side) -> None:
    """The keeper has set until when it is kept."""
    side.connection.deadline = 60.0
    side.keeper.pass_time(60.0)

    assert side.keeper.told == ["lost"]


@pytest.mark.parametrize("aborting", [False, True])
def test_closing_it_takes_it_from_the_keeper(side: Side, aborting: bool) -> None:
    """Once and for all."""
    side.connection.close(aborting=aborting)
    side.connection.close(aborting=True)

    assert "lost" in side.keeper.told
    assert side.connection.deadline in (10.0, NEVER)


def test_an_error_is_the_hearers_own(side: Side) -> None:
    """What one is told, no other is."""
    error = GatewayError()
    stream, hears = sent(side)
    stream.time_out(error)

    assert hears.error is error
