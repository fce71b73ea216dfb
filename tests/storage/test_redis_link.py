"""Why a link keeps its connection up by itself (D-93), and how long it waits; the rest is in test_redis.py."""

# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from automat import NoTransition
from twisted.application.internet import ClientService
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone, ConnectionRefusedError  # noqa: A004  # Twisted's name for it
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from zope.interface import implementer

from gateway.config.redis_url import parse_redis_url
from gateway.storage.redis_connection import RedisConnection
from gateway.storage.redis_link import FIRST_DELAY, JITTER, LONGEST_DELAY, Link


class Greeting(Protocol):
    """Waits for an answer, as a link does for PONG."""

    def __init__(self) -> None:
        self.greeted: Deferred[None] = Deferred()

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008
        """Nobody will answer any more."""
        if not self.greeted.called:
            self.greeted.errback(reason)


@implementer(IStreamClientEndpoint)
class Endpoint:
    """Connects at once, or never."""

    def __init__(self, works: bool = True) -> None:
        self.made: list[Any] = []
        self._works = works

    def connect(self, factory: Any) -> Deferred[Any]:
        """Connect."""
        if not self._works:
            return Deferred(lambda one: one.errback(ConnectionRefusedError()))
        protocol = factory.buildProtocol(None)
        protocol.makeConnection(StringTransport())
        self.made.append(protocol)
        return succeed(protocol)


def _greeted(protocol: Any) -> Deferred[None]:
    greeted: Deferred[None] = protocol.greeted
    return greeted


@pytest.mark.parametrize("refused_first", [False, True])
def test_twisteds_service_breaks_where_a_connection_goes_that_is_not_prepared(refused_first: bool) -> None:
    """A server that closes while it is greeted, or after it has refused: its machine has no row for that.

    When this fails, Twisted has mended it, and `Link` may become a `ClientService` with `prepareConnection`.
    """
    clock, endpoint = Clock(), Endpoint()
    service = ClientService(endpoint, Factory.forProtocol(Greeting), clock=clock, prepareConnection=_greeted)
    service.startService()
    (connection,) = endpoint.made
    if refused_first:
        connection.greeted.errback(RuntimeError("WRONGPASS"))

    with pytest.raises(NoTransition):
        connection.connectionLost(Failure(ConnectionDone()))
    service.stopService()


def test_a_link_waits_longer_from_failure_to_failure_and_says_nothing_by_itself() -> None:
    """By Twisted's policy; the store has one line for all of its links, where that service has one for each try."""
    clock, tries = Clock(), []

    def dial(host: str, port: int) -> Deferred[Any]:
        tries.append(clock.seconds())
        failed: Deferred[Any] = Deferred()
        failed.errback(ConnectionRefusedError())
        return failed

    heard: list[str] = []
    link = Link(
        parse_redis_url("redis://h"), dial, clock, lambda: 0.5, lambda _: None, lambda _, why: heard.append(why)
    )

    with capturedLogs() as events:
        link.start()
        clock.pump([0.01] * 500)
    link.stop()

    gaps = [later - earlier for earlier, later in pairwise(tries)]
    assert gaps[0] == pytest.approx(FIRST_DELAY + JITTER / 2, abs=0.02)
    assert gaps[2] == pytest.approx(4 * FIRST_DELAY + JITTER / 2, abs=0.02)
    assert gaps[-1] == pytest.approx(LONGEST_DELAY + JITTER / 2, abs=0.02)
    assert len(heard) == len(tries)
    assert not events
    assert not clock.getDelayedCalls()


def test_a_link_that_is_stopped_while_its_server_refuses_it_has_stopped() -> None:
    """The refusal was on its way already: who waits for the end (a reload, the shutdown) hears of it."""
    clock, connections = Clock(), []

    def dial(host: str, port: int) -> Deferred[Any]:
        connection = RedisConnection()
        connection.makeConnection(StringTransport())
        connections.append(connection)
        return succeed(connection)

    link = Link(parse_redis_url("redis://h"), dial, clock, lambda: 0.5, lambda _: None, lambda _, __: None)
    link.start()
    stopped = link.stop()
    assert stopped is not None
    assert not stopped.called

    connections[0].dataReceived(b"-NOAUTH Authentication required.\r\n")

    assert stopped.called
    assert not clock.getDelayedCalls()


class States:
    """A link over a server that is told what to do, and the states that it went through."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.dialled: list[Deferred[Any]] = []
        self.connections: list[RedisConnection] = []
        self.said: list[str] = []
        self.link = Link(
            parse_redis_url("redis://h"),
            self._dial,
            self.clock,
            lambda: 0.5,
            lambda _: self.said.append("up"),
            lambda _, cause: self.said.append("down"),
        )

    def _dial(self, host: str, port: int) -> Deferred[Any]:
        self.dialled.append(Deferred())
        return self.dialled[-1]

    def accept(self) -> None:
        """The connection that is dialled is there."""
        connection = RedisConnection()
        connection.makeConnection(StringTransport())
        self.connections.append(connection)
        self.dialled[-1].callback(connection)

    def answer(self, answer: bytes) -> None:
        """Answer the greeting."""
        self.connections[-1].dataReceived(answer)

    def lose(self) -> None:
        """The connection is lost."""
        self.connections[-1].connectionLost(Failure(ConnectionDone()))

    def reach(self, state: str) -> None:
        """Bring the link into a state."""
        if state == "stopped":
            return
        self.link.start()
        if state in ("greeting", "up"):
            self.accept()
        if state == "up":
            self.answer(b"+PONG\r\n")
        if state == "waiting":
            self.dialled[-1].errback(ConnectionRefusedError())

    @property
    def state(self) -> str:
        """The state by what is set, as the note in the module has it."""
        link = self.link
        if link._dialing is not None:
            return "dialling"
        if link._greeted is not None:
            return "greeting" if link.connection is None else "up"
        return "stopped" if link._timer is None else "waiting"


@pytest.mark.parametrize(
    ("state", "event", "after", "said"),
    [
        ("stopped", lambda made: made.link.start(), "dialling", []),
        ("dialling", lambda made: made.accept(), "greeting", []),
        ("dialling", lambda made: made.dialled[-1].errback(ConnectionRefusedError()), "waiting", ["down"]),
        ("greeting", lambda made: made.answer(b"+PONG\r\n"), "up", ["up"]),
        ("greeting", lambda made: made.answer(b"-NOAUTH Authentication required.\r\n"), "waiting", ["down"]),
        ("greeting", lambda made: made.lose(), "waiting", ["down"]),
        ("up", lambda made: made.lose(), "waiting", ["up", "down"]),
        ("waiting", lambda made: made.clock.advance(1), "dialling", ["down"]),
    ],
)
def test_the_states_of_a_link(state: str, event: Any, after: str, said: list[str]) -> None:
    """Note [States of a link]: what ends each of them, and where it leads."""
    made = States()
    made.reach(state)
    assert made.state == state
    event(made)

    assert (made.state, made.said) == (after, said)


@pytest.mark.parametrize("state", ["stopped", "dialling", "greeting", "up", "waiting"])
def test_a_link_stops_in_every_state(state: str) -> None:
    """And nothing is left to happen."""
    made = States()
    made.reach(state)
    stopped = made.link.stop()
    if stopped is not None:
        assert not stopped.called
        made.lose()
        assert stopped.called

    assert (made.state, made.clock.getDelayedCalls()) == ("stopped", [])


def test_a_greeting_that_is_answered_behind_the_stop_leads_nowhere() -> None:
    """The answer was on its way when the link began to close: who is told "up" would set timers that nobody ends."""
    made = States()
    made.reach("greeting")
    stopped = made.link.stop()
    made.answer(b"+PONG\r\n")
    made.lose()

    assert stopped is not None
    assert stopped.called
    assert (made.state, made.said, made.clock.getDelayedCalls()) == ("stopped", [], [])
