"""What every store of API keys does, in a file and on a real Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from math import inf
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import ensureDeferred

from gateway.composition.assembly import assemble
from gateway.composition.builders.api_keys import managed_keys
from gateway.config import from_mapping
from gateway.errors import AuthUnavailable
from gateway.identity.api_keys import KeyRecord, ManagedKeyStore, digester
from gateway.storage.key_memory import MemoryKeys
from tests.system.private_reactor import PrivateReactor, private_reactor
from tests.system.redis_server import RedisServer

DIGEST = digester(b"")(b"a key")
ACME = KeyRecord("acme", DIGEST, "Acme Ltd", frozenset({"a", "b"}), frozenset({"read"}), 2_000_000_000.0)
OTHER = KeyRecord("other", digester(b"")(b"another key"), "other")


class World:
    """A store and the reactor that it runs on."""

    def __init__(self, reactor: PrivateReactor, stack: ExitStack, place: Path, kind: str) -> None:
        self.reactor = reactor
        self.redis: RedisServer | None = None
        mapping: dict[str, Any] = {"auth": {"api_keys": {"store": kind, "database": str(place / "keys.sqlite3")}}}
        if kind == "redis":
            self.redis = RedisServer(place).start()
            stack.callback(self.redis.kill)
            mapping["redis"] = {"url": self.redis.url}
        settings = from_mapping(mapping)
        assert settings.auth is not None
        assert settings.auth.api_keys is not None
        foundation = assemble(settings, reactor, make_writer=lambda path: None).foundation  # type: ignore[arg-type, return-value]
        self.store: ManagedKeyStore = managed_keys(settings, settings.auth.api_keys, foundation)
        foundation.carried.startService()
        if kind == "sql":
            self.store._pool.start()  # type: ignore[attr-defined]  # it waits for a reactor that runs by itself
        stack.callback(lambda: reactor.result(foundation.carried.stopService()))

    def do(self, doing: Any) -> Any:
        """Wait for what the store does."""
        return self.reactor.result(ensureDeferred(doing))


Make = Callable[[str], World]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make a store of a kind."""
    with private_reactor() as reactor, ExitStack() as stack:
        yield lambda kind: World(reactor, stack, tmp_path, kind)


@pytest.mark.parametrize("kind", ["redis", "sql"])
def test_what_was_created_is_found_whole(make: Make, kind: str) -> None:
    """By its digest; another digest finds nothing."""
    world = make(kind)

    assert world.do(world.store.create(ACME))
    assert world.do(world.store.create(OTHER))
    assert world.do(world.store.find(DIGEST)) == ACME
    assert world.do(world.store.find(OTHER.digest)) == OTHER
    assert world.do(world.store.find(bytes(32))) is None
    assert world.do(world.store.list()) == [ACME, OTHER]


@pytest.mark.parametrize("kind", ["redis", "sql"])
def test_an_id_is_given_once(make: Make, kind: str) -> None:
    """Also when its key is revoked: what was refused as this id stays refused."""
    world = make(kind)
    world.do(world.store.create(ACME))
    again = KeyRecord("acme", OTHER.digest, "someone")

    assert not world.do(world.store.create(again))
    world.do(world.store.revoke("acme"))
    assert not world.do(world.store.create(again))
    assert world.do(world.store.find(OTHER.digest)) is None


@pytest.mark.parametrize("kind", ["redis", "sql"])
def test_a_revoked_key_is_found_as_revoked(make: Make, kind: str) -> None:
    """So that the log can say what it was; one that is not there cannot be revoked."""
    world = make(kind)
    world.do(world.store.create(ACME))

    assert world.do(world.store.revoke("acme"))
    assert world.do(world.store.find(DIGEST)).revoked
    assert not world.do(world.store.revoke("nobody"))


def test_redis_that_is_gone_is_an_error_and_no_refusal(make: Make) -> None:
    """Within its time: nobody can say whose key it is."""
    world = make("redis")
    world.do(world.store.create(ACME))
    assert world.redis is not None
    world.redis.kill()

    with pytest.raises(AuthUnavailable):
        world.do(world.store.find(DIGEST))


def test_a_database_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    """The same words as for any other store."""
    (tmp_path / "keys.sqlite3").write_text("this is no database, and much longer than its header would be " * 20)
    with private_reactor() as reactor, ExitStack() as stack:
        world = World(reactor, stack, tmp_path, "sql")
        with pytest.raises(AuthUnavailable):
            world.do(world.store.find(DIGEST))


def test_what_somebody_else_wrote_to_redis_is_no_key(make: Make) -> None:
    """It is skipped, not a traceback."""
    world = make("redis")
    redis: Any = world.store
    world.do(redis._store.command(b"HSET", redis._keys, DIGEST.hex(), b"{}"))

    assert world.do(world.store.find(DIGEST)) is None
    assert world.do(world.store.list()) == []


def test_keys_in_the_configuration() -> None:
    """Are found at once."""
    store = MemoryKeys([ACME, OTHER])

    assert store.find(DIGEST) is ACME
    assert store.find(bytes(32)) is None
    assert OTHER.expires == inf
