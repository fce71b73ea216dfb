"""Every pair of a phase and an event of an attempt; what it tells whom is in tests/forwarding/test_attempts.py."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from gateway.errors import BackendReset, RequestUnprocessed
from gateway.exchange import Exchange
from gateway.forwarding.attempt import Attempt
from gateway.forwarding.attempt_phases import NEXT, Event, Phase
from gateway.headers import Headers
from gateway.message import ClientEnd, OpenTunnel, Request, Response
from gateway.upstream.http1_connection import Http1Connection
from tests.forwarding.test_attempts import OK, PART, Tries

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"

IMPOSSIBLE = {
    Event.STARTED: "who makes an attempt starts it, once",
    Event.CONNECTED: "the pool gives one stream to who waits for one, and forgets who waits no more",
    Event.HEAD: "a stream tells it once, and nothing more once it was aborted",
    Event.HOLD: "the observer asks for it as it is told of the head, while the content comes",
    Event.FINISHED: "a stream tells it once, after it was given, and nothing more once it was aborted",
    Event.FAILED: "nobody knows it before it is started",
    Event.CANCELLED: "the exchange waits for it once it is started",
    Event.DISCARDED: "the observer asks for it as it is told of the head",
    Event.TAKEN: "only a response with a 101 leads to it, and its tunnel is taken once",
}
"""Why the pairs that are not in the table cannot be, by their event."""


class Stage:
    """An attempt that is brought into a phase."""

    def __init__(self, upgrade: bytes | None = None) -> None:
        self.tries = Tries()
        self.connection: Http1Connection
        self.responses: list[Response] = []
        observer: Any = self.tries.observer
        observer.attempt_answered = lambda attempt, response: self.responses.append(response)
        self.exchange: Exchange = self.tries.exchange(Request(b"GET", b"/", Headers(), upgrade=upgrade))
        self.attempt: Attempt = self.tries.make(self.exchange)

    def made(self) -> None:
        """As it is."""

    def waiting(self) -> None:
        self.attempt.start()

    def sent(self) -> None:
        self.attempt.start()
        self.connection = self.tries.bench.connect()

    def answered(self) -> None:
        self.sent()
        self.connection.dataReceived(PART)

    def held(self) -> None:
        self.answered()
        self.attempt.hold(1.0)

    def over(self) -> None:
        self.answered()
        self.connection.dataReceived(OK[-1:])

    # What happens.

    def connect(self) -> None:
        if self.attempt.phase is Phase.WAITING:
            self.tries.bench.connect()
        else:
            self.attempt.connected(self.tries.bench.used()[0])

    def fail(self) -> None:
        if self.attempt.phase is Phase.WAITING:
            self.tries.bench.refuse()
        elif self.attempt.phase in (Phase.MADE, Phase.OVER):
            self.attempt.failed(BackendReset(), None)
        else:
            self.connection.connectionLost()

    def head(self) -> None:
        if self.attempt.phase is Phase.SENT:
            self.connection.dataReceived(PART)
        else:
            self.attempt.answered(Response(200))

    def finish(self) -> None:
        if self.attempt.phase in (Phase.ANSWERED, Phase.HELD):
            self.connection.dataReceived(OK[-1:])
        elif self.attempt.phase is Phase.SENT:
            self.connection.dataReceived(OK)
        else:
            self.attempt.finished(200)


REACH: dict[Phase, Callable[[Stage], None]] = {
    Phase.MADE: Stage.made,
    Phase.WAITING: Stage.waiting,
    Phase.SENT: Stage.sent,
    Phase.ANSWERED: Stage.answered,
    Phase.HELD: Stage.held,
    Phase.OVER: Stage.over,
}

CAUSE: dict[Event, Callable[[Stage], object]] = {
    Event.STARTED: lambda stage: stage.attempt.start(),
    Event.CONNECTED: Stage.connect,
    Event.HEAD: Stage.head,
    Event.HOLD: lambda stage: stage.attempt.hold(1.0),
    Event.FINISHED: Stage.finish,
    Event.FAILED: Stage.fail,
    Event.CANCELLED: lambda stage: stage.attempt.cancel(),
    Event.DISCARDED: lambda stage: stage.attempt.discard(),
    Event.TAKEN: lambda stage: stage.attempt._become(OpenTunnel()),
}


@pytest.mark.parametrize(("phase", "event"), list(product(Phase, Event)))
def test_what_follows_is_what_the_table_says(phase: Phase, event: Event) -> None:
    """And what is not in it is stopped before anybody hears of it."""
    stage = Stage()
    REACH[phase](stage)
    assert stage.attempt.phase is phase
    told = list(stage.tries.observer.told)
    if phase in NEXT[event]:
        CAUSE[event](stage)

        assert stage.attempt.phase is NEXT[event][phase]
        return
    with pytest.raises(KeyError):
        CAUSE[event](stage)
    assert event in IMPOSSIBLE
    assert stage.tries.observer.told == told


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("event", [Event.FAILED, Event.CANCELLED, Event.DISCARDED])
def test_what_ends_it_ends_it_once(phase: Phase, event: Event) -> None:
    """Nothing is in flight afterwards, and its observer was told once."""
    stage = Stage()
    REACH[phase](stage)
    if phase not in NEXT[event]:
        return
    CAUSE[event](stage)
    told = list(stage.tries.observer.told)
    assert stage.tries.bench.pool.in_flight == 0
    assert len(told) - told.count("failed") == 1
    for again in (Event.FAILED, Event.CANCELLED, Event.DISCARDED):
        CAUSE[again](stage)

    assert stage.tries.observer.told == told
    assert stage.tries.bench.pool.in_flight == 0


def test_a_tunnel_keeps_its_place_in_the_count() -> None:
    """From the attempt on to its end, without a moment between them."""
    stage = Stage(upgrade=b"x")
    stage.sent()
    stage.connection.dataReceived(SWITCH)
    pool = stage.tries.bench.pool
    assert stage.attempt.phase is Phase.ANSWERED
    (response,) = stage.responses
    assert response.tunnel is not None
    response.tunnel.take()
    assert (stage.attempt.phase, pool.in_flight, pool.picks) == (Phase.OVER, 1, 1)
    stage.connection.connectionLost()
    response.tunnel.join(Nobody())

    assert pool.in_flight == 0


class Nobody(ClientEnd):
    """A client's end that is gone as well."""

    def tunnel_lost(self) -> None:
        """It is known."""

    def close_tunnel(self, code: int, reason: str) -> None:
        """It is known."""


@pytest.mark.parametrize("unprocessed", [True, False])
def test_what_nobody_has_looked_at_was_not_sent(unprocessed: bool) -> None:
    """RFC 9113 section 8.7: a GOAWAY or REFUSED_STREAM says so, and then any method may go again."""
    stage = Stage()
    stage.sent()
    assert stage.attempt.sent
    stage.attempt.failed(RequestUnprocessed() if unprocessed else BackendReset(), None)
    after = stage.tries.make(stage.exchange)
    after.after = stage.attempt

    assert stage.attempt.sent is not unprocessed
    assert after.sent is not unprocessed
