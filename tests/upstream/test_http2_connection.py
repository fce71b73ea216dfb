"""A backend's connection of HTTP/2, as its keeper and its attempts see it; what all keep is in the contract suite."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from gateway.errors import BackendReset, Retry, ReusedConnectionLost
from gateway.http2 import codes
from gateway.upstream.http2_connection import ANSWER, CLOSE, SILENCE
from tests.contracts.test_connection import Http2, sent
from tests.http2.wire import GOAWAY, frame


def lose(side: Http2, how: str) -> None:
    """End a connection from the other side."""
    if how == "half":
        side.connection.readConnectionLost()
    else:
        side.connection.connectionLost(Failure(ConnectionLost()))


@pytest.mark.parametrize("how", ["half", "whole"])
def test_the_race_against_the_end_of_an_unused_connection(how: str) -> None:
    """What was sent on a connection that had been used, and nothing came since: it may go again at once."""
    side = Http2()
    first, _ = sent(side)
    side.end(first, after_head=False)
    _, hears = sent(side)
    lose(side, how)

    assert hears.told == ["failed"]
    assert isinstance(hears.error, ReusedConnectionLost)


@pytest.mark.parametrize("how", ["half", "whole"])
def test_no_race_on_a_fresh_connection(how: str) -> None:
    """There the backend has failed."""
    side = Http2()
    _, hears = sent(side)
    lose(side, how)

    assert isinstance(hears.error, BackendReset)
    assert hears.error.retry is Retry.ALWAYS


@pytest.mark.parametrize("how", ["half", "whole", "goaway"])
def test_what_was_never_written_may_go_again(how: str) -> None:
    """The backend leaves in the turn at whose end a request would have been written: nobody has acted upon it."""
    side = Http2()
    side.connection._talk.later = lambda call: None
    _, hears = sent(side)
    if how == "goaway":
        side.connection.dataReceived(frame(GOAWAY, 0, 0, bytes(4) + codes.NO_ERROR.to_bytes(4)))
    else:
        lose(side, how)

    assert hears.told == ["failed"]
    assert hears.error is not None
    assert hears.error.retry is Retry.UNPROCESSED


def test_no_race_where_something_was_read() -> None:
    """The backend was there after the request was sent."""
    side = Http2()
    first, _ = sent(side)
    side.end(first, after_head=False)
    stream, hears = sent(side)
    side.interim(stream)
    lose(side, "whole")

    assert hears.error is not None
    assert hears.error.retry is Retry.ALWAYS


def test_a_close_that_does_not_end() -> None:
    """Is cut, also where streams were open."""
    side = Http2()
    sent(side)
    side.connection.close()
    assert not side.wire.disconnected
    side.keeper.pass_time(CLOSE)

    assert side.wire.disconnected


def test_a_dead_connection() -> None:
    """A PING, and nothing: its streams fail, as on one that was lost."""
    side = Http2()
    stream, hears = sent(side)
    stream.wait_until(1000.0)
    side._pump()
    side.keeper.pass_time(SILENCE)
    assert side.wire.value()
    side.wire.clear()
    side.keeper.pass_time(ANSWER)

    assert hears.told == ["failed"]
    assert isinstance(hears.error, BackendReset)
    assert side.connection.lost


def test_a_backend_that_goes_away_while_unused() -> None:
    """Its connection is closed at once."""
    side = Http2()
    side.connection.dataReceived(frame(GOAWAY, 0, 0, bytes(4) + codes.NO_ERROR.to_bytes(4)))

    assert side.connection.lost
    assert side.keeper.told[-1] == "lost"


def test_what_a_stream_is_told_when_it_is_over_moves_nothing() -> None:
    """The connection's deadline is its keeper's then."""
    side = Http2()
    stream, _ = sent(side)
    side.end(stream, after_head=False)
    side.connection.deadline = 60.0
    stream.wait_until(1.0)

    assert side.connection.deadline == 60.0
