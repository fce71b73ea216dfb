"""What every store of API keys does, in a file and on a real Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from math import inf
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from gateway.composition.assembly import assemble
from gateway.composition.builders.api_keys import managed_keys
from gateway.config import from_mapping
from gateway.errors import AuthUnavailable
from gateway.identity.api_keys import KeyRecord, digester
from gateway.storage.key_memory import MemoryKeys
from tests.system.redis_server import RedisServer
from tests.system.running_reactor import running_reactor

__all__ = ["running_reactor"]

DIGEST = digester(b"")(b"a key")
ACME = KeyRecord("acme", DIGEST, "Acme Ltd", frozenset({"a", "b"}), frozenset({"read"}), 2_000_000_000.0)
OTHER = KeyRecord("other", digester(b"")(b"another key"), "other")


class World:
    """A store on the running reactor."""

    def __init__(self, reactor: Any, stack: AsyncExitStack, place: Path, kind: str) -> None:
        self.redis: RedisServer | None = None
        mapping: dict[str, Any] = {"auth": {"api_keys": {"store": kind, "database": str(place / "keys.sqlite3")}}}
        if kind == "redis":
            self.redis = RedisServer(place).start()
            stack.callback(self.redis.kill)
            mapping["redis"] = {"url": self.redis.url, "timeout": "20s"}
        settings = from_mapping(mapping)
        assert settings.auth is not None
        assert settings.auth.api_keys is not None
        foundation = assemble(settings, reactor, make_writer=lambda path: None).foundation  # type: ignore[arg-type, return-value]
        self.store: Any = managed_keys(settings, settings.auth.api_keys, foundation)
        foundation.carried.startService()
        stack.push_async_callback(foundation.carried.stopService)


Make = Callable[[str], World]


@pytest_twisted.async_yield_fixture
async def make(reactor: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Make]:
    """Make a store of a kind, which has all the time that a busy disk needs."""
    monkeypatch.setattr("gateway.storage.key_sql.TIMEOUT", 20.0)
    async with AsyncExitStack() as stack:
        yield lambda kind: World(reactor, stack, tmp_path, kind)


@pytest.mark.parametrize("kind", ["redis", "sql"])
@pytest_twisted.ensureDeferred
async def test_what_was_created_is_found_whole(make: Make, kind: str) -> None:
    """By its digest; another digest finds nothing."""
    world = make(kind)

    assert await world.store.create(ACME)
    assert await world.store.create(OTHER)
    assert await world.store.find(DIGEST) == ACME
    assert await world.store.find(OTHER.digest) == OTHER
    assert await world.store.find(bytes(32)) is None
    assert await world.store.list() == [ACME, OTHER]


@pytest.mark.parametrize("kind", ["redis", "sql"])
@pytest_twisted.ensureDeferred
async def test_an_id_is_given_once(make: Make, kind: str) -> None:
    """Also when its key is revoked: what was refused as this id stays refused."""
    world = make(kind)
    await world.store.create(ACME)
    again = KeyRecord("acme", OTHER.digest, "someone")

    assert not await world.store.create(again)
    await world.store.revoke("acme")
    assert not await world.store.create(again)
    assert await world.store.find(OTHER.digest) is None


@pytest.mark.parametrize("kind", ["redis", "sql"])
@pytest_twisted.ensureDeferred
async def test_a_revoked_key_is_found_as_revoked(make: Make, kind: str) -> None:
    """So that the log can say what it was; one that is not there cannot be revoked."""
    world = make(kind)
    await world.store.create(ACME)

    assert await world.store.revoke("acme")
    assert (await world.store.find(DIGEST)).revoked
    assert not await world.store.revoke("nobody")


@pytest_twisted.ensureDeferred
async def test_redis_that_is_gone_is_an_error_and_no_refusal(make: Make) -> None:
    """Within its time: nobody can say whose key it is."""
    world = make("redis")
    await world.store.create(ACME)
    assert world.redis is not None
    world.redis.kill()

    with pytest.raises(AuthUnavailable):
        await world.store.find(DIGEST)


@pytest_twisted.ensureDeferred
async def test_a_database_that_cannot_be_opened_is_an_error(reactor: Any, tmp_path: Path) -> None:
    """The same words as for any other store."""
    (tmp_path / "keys.sqlite3").write_text("this is no database, and much longer than its header would be " * 20)
    async with AsyncExitStack() as stack:
        world = World(reactor, stack, tmp_path, "sql")
        with pytest.raises(AuthUnavailable):
            await world.store.find(DIGEST)


@pytest_twisted.ensureDeferred
async def test_what_somebody_else_wrote_to_redis_is_no_key(make: Make) -> None:
    """It is skipped, not a traceback."""
    world = make("redis")
    redis: Any = world.store
    await redis._store.command(b"HSET", redis._keys, DIGEST.hex(), b"{}")

    assert await world.store.find(DIGEST) is None
    assert await world.store.list() == []


def test_keys_in_the_configuration() -> None:
    """Are found at once."""
    store = MemoryKeys([ACME, OTHER])

    assert store.find(DIGEST) is ACME
    assert store.find(bytes(32)) is None
    assert OTHER.expires == inf
