"""Attempts: counted while they last, told to the observer once, and gone without a trace when cancelled."""

from __future__ import annotations

from typing import Any, cast

import pytest

from gateway.errors import BackendRefused, BackendTimeout, GatewayError, PoolExhausted, RequestTooLarge
from gateway.exchange import Exchange
from gateway.forwarding.attempt import Attempt, AttemptObserver
from gateway.forwarding.attempts import Attempts
from gateway.headers import Headers
from gateway.http.fields import request_filter
from gateway.message import Request, Response
from gateway.upstream.backend import Backend, Upstream
from gateway.upstream.pool import ConnectionPool
from tests.peers import direct
from tests.upstream.conftest import Bench

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PART = OK[:-1]
PASSES = request_filter(frozenset())


class Observer(AttemptObserver):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.errors: list[GatewayError | None] = []

    def attempt_answered(self, attempt: Attempt, response: Response) -> None:
        self.told.append("answered")

    def attempt_failed(self, attempt: Attempt, error: GatewayError) -> None:
        self.told.append("failed")

    def attempt_finished(self, attempt: Attempt, error: GatewayError | None) -> float:
        self.told.append("finished")
        self.errors.append(error)
        return 0.0

    def attempt_cancelled(self, attempt: Attempt, error: GatewayError | None) -> None:
        self.told.append("cancelled")
        self.errors.append(error)


class Tries:
    """Attempts over a pool of which the test holds the other side."""

    def __init__(self, **limits: Any) -> None:
        self.bench = Bench(**limits)
        self.observer = Observer()
        self.attempts = Attempts(ConnectionPool(None), self.bench.deadlines, lambda: self.bench.seconds)
        self.backend = Backend("http://orders:80", 1, self.bench.pool)
        self.upstream = Upstream("orders", cast("Any", None), [self.backend], None, lambda name, outcome: None)

    def exchange(self, request: Request | None = None) -> Exchange:
        """What an attempt is made for."""
        request = request or Request(b"GET", b"/", Headers())
        return Exchange(request, cast("Any", None), direct(), self.bench.seconds, 1e9)

    def make(self, exchange: Exchange, timeout: float = 30.0) -> Attempt:
        """An attempt that is to be started."""
        now = self.bench.seconds
        until = now + timeout
        return self.attempts.make(
            self.observer, exchange, self.upstream, self.backend, PASSES, timeout, now, until, until
        )

    def attempt(self, timeout: float = 30.0) -> Exchange:
        exchange = self.exchange()
        self.make(exchange, timeout).start()
        return exchange


@pytest.fixture
def tries() -> Tries:
    """Two connections at most, three may wait."""
    return Tries()


def test_an_exchange_knows_of_its_attempt(tries: Tries) -> None:
    """Where it went, which one it is, and what it waits for."""
    tries.bench.seconds = 7.0
    exchange = tries.attempt()

    assert (exchange.upstream, exchange.backend, exchange.attempts) == ("orders", "http://orders:80", 1)
    assert exchange.upstream_started == 7.0
    assert exchange.pending is not None


def test_an_answer(tries: Tries) -> None:
    """It counts while it lasts."""
    exchange = tries.attempt()
    assert tries.bench.pool.in_flight == 1
    connection = tries.bench.connect()
    connection.dataReceived(OK)

    assert tries.observer.told == ["finished", "answered"]
    assert tries.observer.errors == [None]
    assert tries.bench.pool.in_flight == 0
    assert exchange.pending is None
    assert len(tries.bench.deadlines) == 1  # the connection's own


def test_a_refused_connection(tries: Tries) -> None:
    """Counts, then is told."""
    exchange = tries.attempt()
    tries.bench.refuse()

    assert tries.observer.told == ["finished", "failed"]
    assert isinstance(tries.observer.errors[0], BackendRefused)
    assert tries.bench.pool.in_flight == 0
    assert exchange.pending is None
    assert len(tries.bench.deadlines) == 0


def test_no_connection_and_no_room_to_wait() -> None:
    """Counts, then is told, at once."""
    tries = Tries(max_connections=1, max_pending=0)
    tries.attempt()
    tries.attempt()

    assert tries.bench.pool.in_flight == 1
    assert [type(error) for error in tries.observer.errors] == [PoolExhausted]
    assert tries.observer.told == ["finished", "failed"]


def test_out_of_time_while_it_waits(tries: Tries) -> None:
    """For a connection."""
    tries.attempt(timeout=3)
    tries.bench.pass_time(3)

    assert isinstance(tries.observer.errors[0], BackendTimeout)
    assert tries.bench.figures() == (0, 0, 0, 1)
    tries.bench.connect()
    assert tries.bench.pool.idle == 1


def test_out_of_time_while_the_answer_is_awaited(tries: Tries) -> None:
    """The connection goes with it."""
    tries.attempt(timeout=3)
    connection = tries.bench.connect()
    tries.bench.pass_time(3)

    assert tries.observer.told == ["finished", "failed"]
    assert connection.transport.disconnected
    assert tries.bench.pool.in_flight == 0


def test_who_waited_for_a_used_connection_is_not_watched_on() -> None:
    """The connection watches from then on: an answer in parts may take longer than the first part."""
    tries = Tries(max_connections=1)
    tries.attempt()
    connection = tries.bench.connect()
    tries.attempt(timeout=3)
    tries.bench.pass_time(1)
    connection.dataReceived(OK)
    connection.dataReceived(PART)
    for _ in range(5):
        tries.bench.pass_time(1)
        connection.deadline = tries.bench.seconds + 3  # as each part does
    tries.bench.pass_time(2)

    assert tries.observer.told == ["finished", "answered", "answered"]
    assert len(tries.bench.deadlines) == 1


@pytest.mark.parametrize("stage", ["dialling", "sent", "half answered"])
def test_a_cancelled_attempt_says_nothing_of_its_backend(tries: Tries, stage: str) -> None:
    """And lets go of everything; cancelling it twice is cancelling it once."""
    exchange = tries.attempt()
    connection = None
    if stage != "dialling":
        connection = tries.bench.connect()
        if stage == "half answered":
            connection.dataReceived(PART)
    attempt = exchange.pending
    assert attempt is not None
    attempt.cancel()
    attempt.cancel()

    assert tries.observer.told == (["answered"] if stage == "half answered" else []) + ["cancelled"]
    assert tries.observer.errors == [None]
    assert tries.bench.pool.in_flight == 0
    assert tries.bench.pool.pending == 0
    if connection is not None:
        assert connection.transport.disconnected


@pytest.mark.parametrize(
    ("connected", "error", "told"),
    [
        (True, BackendTimeout(), BackendTimeout),
        (False, BackendTimeout(), type(None)),
        (True, RequestTooLarge(), type(None)),
    ],
    ids=["the backend had it", "it had no connection", "the client did it"],
)
def test_an_exchange_out_of_time_counts_where_its_backend_had_it(
    tries: Tries, connected: bool, error: GatewayError, told: type
) -> None:
    """`timeouts.request` often ends before the route's own timeout: a backend that hangs must not go unnoticed."""
    exchange = tries.attempt()
    if connected:
        tries.bench.connect()
    assert exchange.pending is not None
    exchange.pending.cancel(error)

    assert tries.observer.told == ["cancelled"]
    assert isinstance(tries.observer.errors[0], told)


def test_a_body_that_breaks_off(tries: Tries) -> None:
    """The answer had begun: the error stands with the exchange, and the body fails."""
    exchange = tries.attempt()
    connection = tries.bench.connect()
    connection.dataReceived(PART)
    connection.connectionLost()

    assert tries.observer.told == ["answered", "finished"]
    assert exchange.error is not None
    assert exchange.error is tries.observer.errors[0]


class Waiting:
    """A step of the chain that waits."""

    def cancel(self, error: GatewayError | None = None) -> None:
        """Nobody does."""


def test_what_else_the_exchange_waits_for_stays(tries: Tries) -> None:
    """A step of the chain may be looking at the head when the answer ends."""
    exchange = tries.attempt()
    connection = tries.bench.connect()
    connection.dataReceived(PART)
    exchange.pending = step = Waiting()
    connection.dataReceived(OK[-1:])

    assert exchange.pending is step
