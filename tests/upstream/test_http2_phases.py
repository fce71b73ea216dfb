"""The phases of a backend's HTTP/2 connection, and of a stream: every pair, or why it cannot be."""

from __future__ import annotations

from itertools import product

import pytest
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from gateway.body import Body
from gateway.errors import BackendReset
from gateway.upstream import http2_phases as phases
from gateway.upstream.http2_phases import Phase, StreamPhase
from tests.contracts.test_connection import Http2, sent

STREAM_EVENTS = {
    "SENT": phases.SENT,
    "BEGUN": phases.BEGUN,
    "CONTENT_ENDED": phases.CONTENT_ENDED,
    "HEAD": phases.HEAD,
    "ENDED": phases.ENDED,
}

IMPOSSIBLE = {
    "SENT": "who was lent it sends once",
    "BEGUN": "who was lent it sends once",
    "CONTENT_ENDED": "the content is let go of when the stream is over, and ends once",
    "HEAD": "an engine tells one head for a stream, and nobody is told of one that is over",
    "ENDED": "it is over once",
}


@pytest.mark.parametrize(("event", "phase"), list(product(STREAM_EVENTS, StreamPhase)))
def test_every_pair_of_a_stream(event: str, phase: StreamPhase) -> None:
    """It leads on, and never back; or there is a reason why it cannot be."""
    after = STREAM_EVENTS[event].get(phase)

    assert after is None or after > phase
    assert after is not None or IMPOSSIBLE[event]


def test_a_stream_with_content() -> None:
    """From `LENT` by `UPLOADING` and `WAITING`, `ANSWERING`, to `OVER`."""
    side, body = Http2(), Body(length=3)
    stream, _ = sent(side, body)
    seen = [stream.phase]  # type: ignore[attr-defined]
    body.push(b"abc")
    body.end()
    seen.append(stream.phase)  # type: ignore[attr-defined]
    side.head(stream)
    seen.append(stream.phase)  # type: ignore[attr-defined]
    side.end(stream)
    seen.append(stream.phase)  # type: ignore[attr-defined]

    assert seen == [StreamPhase.UPLOADING, StreamPhase.WAITING, StreamPhase.ANSWERING, StreamPhase.OVER]


def test_an_answer_before_the_content() -> None:
    """By `EARLY`; what is left of the content is not sent."""
    side, body = Http2(), Body(length=3)
    stream, hears = sent(side, body)
    side.head(stream)
    seen = [stream.phase]  # type: ignore[attr-defined]
    body.push(b"ab")
    side.end(stream)
    seen.append(stream.phase)  # type: ignore[attr-defined]

    assert seen == [StreamPhase.EARLY, StreamPhase.OVER]
    assert hears.told == ["answered", "finished"]
    side._pump()
    assert side.server.last.reset is not None


def bring(side: Http2, phase: Phase) -> None:
    """Bring a connection with an open stream into a phase."""
    if phase is Phase.LEAVING:
        side.connection.leave()
    elif phase is Phase.CLOSING:
        side.connection.close()
    elif phase is Phase.LOST:
        side.connection.connectionLost(Failure(ConnectionLost()))


CONNECTION_EVENTS = {"LEFT": phases.LEFT, "CLOSED": phases.CLOSED, "DISCONNECTED": phases.DISCONNECTED}


@pytest.mark.parametrize(("event", "phase"), list(product(CONNECTION_EVENTS, Phase)))
def test_every_pair_of_a_connection(event: str, phase: Phase) -> None:
    """On the real one, with a stream on it: as the table says."""
    side = Http2()
    _, hears = sent(side)
    bring(side, phase)
    assert side.connection.phase is phase
    bring(side, {"LEFT": Phase.LEAVING, "CLOSED": Phase.CLOSING, "DISCONNECTED": Phase.LOST}[event])
    after = CONNECTION_EVENTS[event][phase]

    assert side.connection.phase is after
    if after >= Phase.CLOSING:
        assert hears.told == ["failed"]
        assert isinstance(hears.error, BackendReset)
        assert side.keeper.told.count("lost") >= 1
    else:
        assert hears.told == []
        assert "full" in side.keeper.told
