"""All connections of a store that sentinels lead are to one master: the one that was named last (D-209)."""

# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from gateway.config.redis_url import parse_redis_url
from gateway.storage.redis import WATCH, RedisStore
from gateway.storage.redis_connection import RedisConnection
from tests.storage.conftest import Counts

MASTER = b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"
"""What ROLE says of one, also of one that stood still and was replaced meanwhile."""


class Transport(StringTransport):
    """Tells the connection that it is closed, as a socket does."""

    protocol: Any

    def abortConnection(self) -> None:
        super().abortConnection()
        self.protocol.connectionLost(Failure(ConnectionDone()))


class World:
    """A store of two connections, and whom they reach.

    Attributes:
        named: The master that sentinels name.
        servers: Connections to servers, by name, that are open.
    """

    def __init__(self) -> None:
        self.named = "old"
        self.servers: dict[str, list[Any]] = {"old": [], "new": []}
        self.clock = Clock()
        address = parse_redis_url("redis+sentinel://sentinel:1/main/0")
        self.store = RedisStore(address, 0.05, 2, self._dial, self.clock, self.clock.seconds, lambda: 0.0, Counts())
        self.store.startService()

    def _dial(self, host: str, port: int) -> Deferred[Any]:
        connection = RedisConnection()
        transport = Transport()
        transport.protocol = connection
        connection.makeConnection(transport)
        if host == "sentinel":
            answer = b"*2\r\n$3\r\n%b\r\n$1\r\n9\r\n" % self.named.encode()
            self.clock.callLater(0, connection.dataReceived, answer)
        else:
            self.servers[host].append(connection)
        return succeed(connection)

    def pass_time(self, seconds: float = 0.2) -> None:
        """Let time pass."""
        self.clock.pump([0.01] * int(seconds * 100))

    def answer(self, name: str, number: int) -> None:
        """Let a server answer the greeting of one of its connections."""
        self.servers[name][number].dataReceived(MASTER)

    def lose(self, name: str, number: int) -> None:
        """Close one of a server's connections."""
        self.servers[name][number].connectionLost(Failure(ConnectionDone()))

    def closed(self, name: str, number: int) -> bool:
        """Whether the store has closed a connection."""
        found: bool = self.servers[name][number].transport.disconnected
        return found


@pytest.fixture
def world() -> World:
    """Both connections reach the old master, and wait for its greeting."""
    made = World()
    made.pass_time()
    assert [len(made.servers[name]) for name in ("old", "new")] == [2, 0]
    return made


def test_who_finds_another_master_takes_the_others_along(world: World) -> None:
    """Or half of the questions would be counted by a server that nobody else asks any more."""
    world.answer("old", 0)
    world.answer("old", 1)
    world.named = "new"
    world.lose("old", 0)
    world.pass_time()
    assert not world.closed("old", 1)

    world.answer("new", 0)

    assert world.closed("old", 1)
    world.pass_time()
    world.answer("new", 1)
    assert world.store._ready == world.servers["new"]
    world.store.stopService()


def test_a_greeting_that_was_answered_too_late_is_that_of_the_wrong_server(world: World) -> None:
    """The old master stood still, and goes on: it says that it is the master, as long as nobody has told it better."""
    world.answer("old", 0)
    world.named = "new"
    world.lose("old", 0)
    world.pass_time()
    world.answer("new", 0)

    world.answer("old", 1)

    assert world.closed("old", 1)
    assert world.store._ready == [world.servers["new"][0]]
    world.pass_time()
    world.answer("new", 1)
    assert world.store._ready == world.servers["new"]
    world.store.stopService()


def test_a_master_that_never_answers_takes_nobody_along(world: World) -> None:
    """A sentinel may be behind, and name one that is gone: only who has answered is believed."""
    world.answer("old", 0)
    world.answer("old", 1)
    world.named = "new"
    world.lose("old", 0)
    world.pass_time()

    assert world.store._ready == [world.servers["old"][1]]
    world.named = "old"
    world.pass_time(1.3)
    world.answer("old", 2)
    assert world.store._ready == world.servers["old"][1:]
    world.store.stopService()


def test_a_master_that_stands_still_is_noticed_though_nobody_asks_it_anything(world: World) -> None:
    """Or a gateway with nothing to do would ask it first of all when it goes on, after it was replaced."""
    world.answer("old", 0)
    world.answer("old", 1)
    answered = 0
    for _ in range(int(3 * WATCH / 0.02)):
        world.pass_time(0.02)
        for connection in world.servers["old"]:
            if connection.oldest is not None:
                connection.dataReceived(b"+PONG\r\n")
                answered += 1
    assert answered in (4, 6)  # twice or three times by each
    assert world.store._ready == world.servers["old"]
    assert world.store.available

    world.named = "new"
    world.pass_time(WATCH + 0.2)

    assert [world.closed("old", number) for number in range(2)] == [True, True]
    world.answer("new", 0)
    world.answer("new", 1)
    assert world.store._ready == world.servers["new"]
    world.store.stopService()
    assert not [call for call in world.clock.getDelayedCalls() if call.active()]
