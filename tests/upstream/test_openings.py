"""Connections that are being opened: counted while they are, and cancelled together."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from gateway.upstream.contract import Connection, Keeper
from gateway.upstream.openings import Openings


class World:
    """Openings, and what is heard of them."""

    def __init__(self) -> None:
        self.opening: list[Deferred[Connection]] = []
        self.heard: list[tuple[str, int]] = []
        self.openings = Openings(Keeper(), self.connect, self.opened, self.failed)

    def connect(self, keeper: Keeper) -> Deferred[Connection]:
        self.opening.append(Deferred())
        return self.opening[-1]

    def opened(self, connection: Connection) -> None:
        self.heard.append(("opened", self.openings.count))

    def failed(self, failure: Failure) -> None:
        self.heard.append(("failed", self.openings.count))


@pytest.fixture
def world() -> World:
    """Two are being opened."""
    made = World()
    made.openings.begin()
    made.openings.begin()
    return made


def test_each_counts_until_it_is_there_or_not(world: World) -> None:
    """Who hears of it finds the count without it."""
    assert world.openings.count == 2
    world.opening[0].callback(Connection(1))
    world.opening[1].errback(OSError())

    assert world.heard == [("opened", 1), ("failed", 0)]


def test_cancelling_reaches_those_that_are_left(world: World) -> None:
    """Each fails; one that is there stays."""
    world.opening[0].callback(Connection(1))
    world.openings.cancel()
    world.openings.cancel()

    assert world.heard == [("opened", 1), ("failed", 0)]


def test_one_that_is_there_at_once() -> None:
    """In memory, and where nothing has to be asked."""
    world = World()
    opened: Deferred[Connection] = Deferred()
    opened.callback(Connection(1))
    world.connect = lambda keeper: opened  # type: ignore[method-assign]
    world.openings = Openings(Keeper(), world.connect, world.opened, world.failed)
    world.openings.begin()

    assert world.heard == [("opened", 0)]
