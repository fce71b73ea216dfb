"""What every store of refresh tokens does, in memory, in that of a parent of workers, and on a real Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults, succeed
from twisted.internet.task import Clock, LoopingCall

from gateway.composition.assembly import assemble
from gateway.composition.builders.storage import redis_store
from gateway.config import from_mapping
from gateway.errors import AuthUnavailable
from gateway.identity.refresh import Grant, GrantStore, MemoryGrants, Shown, Turned
from gateway.processes.grants import GRANTS, AskedGrants, answerer
from gateway.storage.grants import RedisGrants
from tests.processes.channels import channels
from tests.system.private_reactor import PrivateReactor, private_reactor
from tests.system.redis_server import RedisServer

GRANT = Grant("acme", ("read", "write"))
NOW = 1_780_000_000.0
END = NOW + 3600


def token(number: int, family: str = "family") -> Shown:
    """One of a family."""
    return Shown(family, f"digest-{number}")


class World:
    """A store and the reactor that it runs on."""

    def __init__(self, reactor: PrivateReactor, stack: ExitStack, place: Path, kind: str) -> None:
        self.reactor = reactor
        self.redis: RedisServer | None = None
        self.store: GrantStore = MemoryGrants()
        if kind == "workers":
            clock = Clock()
            parent, worker = channels(clock)
            parent.on(GRANTS, answerer(MemoryGrants()))
            self.store = AskedGrants(worker)
            turning = LoopingCall(clock.advance, 0)
            turning.clock = reactor
            turning.start(0)
            stack.callback(turning.stop)
        if kind == "redis":
            self.redis = RedisServer(place).start()
            stack.callback(self.redis.kill)
            settings = from_mapping({"redis": {"url": self.redis.url, "timeout": 2}})
            foundation = assemble(settings, reactor, make_writer=lambda path: None).foundation  # type: ignore[arg-type, return-value]
            self.store = RedisGrants(redis_store(settings.redis, foundation))
            foundation.carried.startService()
            stack.callback(lambda: reactor.result(foundation.carried.stopService()))

    def asked(self, doing: Any) -> Deferred[Any]:
        """Begin what the store does, which may be done already."""
        return succeed(doing) if doing is None or isinstance(doing, Turned) else ensureDeferred(doing)

    def do(self, doing: Any) -> Any:
        """Wait for what the store does."""
        return self.reactor.result(self.asked(doing))

    def begin(self, family: str = "family") -> None:
        """Keep a family whose first token is good."""
        self.do(self.store.begin(token(1, family), GRANT, NOW, END))

    def turn(self, shown: int, following: int, family: str = "family") -> Any:
        """Show a token."""
        return self.do(self.store.turn(token(shown, family), token(following, family), NOW, END))


Make = Callable[[str], World]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make a store of a kind."""
    with private_reactor() as reactor, ExitStack() as stack:
        yield lambda kind: World(reactor, stack, tmp_path, kind)


@pytest.mark.parametrize("kind", ["memory", "workers", "redis"])
def test_one_token_of_a_family_is_good_at_a_time(make: Make, kind: str) -> None:
    """And what it stands for is what was granted."""
    world = make(kind)
    world.begin()

    assert [world.turn(number, number + 1) for number in (1, 2, 3)] == [Turned(GRANT, True)] * 3
    assert world.turn(1, 2, "nobody's") is None


@pytest.mark.parametrize("kind", ["memory", "workers", "redis"])
@pytest.mark.parametrize("shown", [1, 2])
def test_what_is_not_the_good_one_ends_the_family(make: Make, kind: str, shown: int) -> None:
    """And no other."""
    world = make(kind)
    world.begin()
    world.begin("other")
    world.turn(1, 2)
    world.turn(2, 3)

    assert world.turn(shown, 9) == Turned(GRANT, False)
    assert [world.turn(number, 9) for number in (3, 9, 1)] == [None] * 3
    assert world.turn(1, 2, "other") == Turned(GRANT, True)


@pytest.mark.parametrize("kind", ["memory", "workers", "redis"])
def test_of_many_who_show_one_token_at_once_one_gets_the_next_and_that_is_not_good(make: Make, kind: str) -> None:
    """Nobody can tell a client that asks twice from a thief: both have to begin anew."""
    world = make(kind)
    world.begin()

    asked = [world.asked(world.store.turn(token(1), token(number), NOW, END)) for number in range(2, 22)]
    outcomes = world.reactor.result(gatherResults(asked))

    assert [outcome for outcome in outcomes if outcome is not None] == [Turned(GRANT, True), Turned(GRANT, False)]
    assert [world.turn(number, 99) for number in range(1, 22)] == [None] * 21


@pytest.mark.parametrize("kind", ["memory", "workers", "redis"])
def test_a_family_that_was_ended_is_no_more(make: Make, kind: str) -> None:
    """Also one that there never was."""
    world = make(kind)
    world.begin()
    world.do(world.store.end("family"))
    world.do(world.store.end("nobody's"))

    assert world.turn(1, 2) is None


def test_redis_forgets_a_family_when_its_good_token_ends(make: Make) -> None:
    """Each use puts it off; what has ended is gone by itself."""
    world = make("redis")
    assert world.redis is not None
    world.do(world.store.begin(token(1), GRANT, NOW, NOW + 60))
    world.do(world.store.turn(token(1), token(2), NOW, NOW + 600))
    assert 590_000 < int(world.redis.say("PTTL", "gateway:refresh:family").strip(b":\r\n")) <= 600_000

    world.do(world.store.turn(token(2), token(3), NOW, NOW + 0.05))
    world.reactor.until(lambda: world.redis is not None and world.redis.say("DBSIZE") == b":0\r\n")
    assert world.turn(3, 4) is None


def test_redis_that_is_gone_is_an_error_and_no_refusal(make: Make) -> None:
    """Nobody can say whether the token is good."""
    world = make("redis")
    world.begin()
    assert world.redis is not None
    world.redis.kill()

    for doing in (lambda: world.turn(1, 2), world.begin, lambda: world.do(world.store.end("family"))):
        with pytest.raises(AuthUnavailable):
            doing()
