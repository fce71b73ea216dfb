"""Purges of memory, told through a real Redis."""

# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted
from hypothesis import given
from hypothesis import strategies as st

from gateway.caching.store import Purge
from gateway.storage.shared_purges import CHANNEL, SharedPurges, decode, encode
from tests.storage.conftest import MakeStore
from tests.system.redis_server import RedisServer
from tests.system.running_reactor import eventually

MAYBE = st.none() | st.binary(max_size=20)


def facts(purge: Purge) -> tuple[Any, ...]:
    """All of it."""
    return purge.route, purge.url, purge.query, purge.tag


@given(route=st.none() | st.text(max_size=20), url=MAYBE, query=MAYBE, tag=MAYBE)
def test_a_purge_is_read_as_it_was_written(
    route: str | None, url: bytes | None, query: bytes | None, tag: bytes | None
) -> None:
    """Whatever octets are in it."""
    read = decode(encode(Purge(route, url, query, tag)))

    assert read is not None
    assert facts(read) == (route, url, query, tag)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"[]",
        b"{}",
        b"1",
        b"\xff",
        b'{"route": 1, "url": null, "query": null, "tag": null}',
        b'{"route": null, "url": 1, "query": null, "tag": null}',
        b"[" * 5000,
    ],
)
def test_other_messages_are_none(message: bytes) -> None:
    """Of other versions, or nobody's."""
    assert decode(message) is None


class Instance:
    """One, and what it has heard."""

    def __init__(self, reactor: Any, make: MakeStore, url: str) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self.redis = make(url)
        self.purges = SharedPurges(self.redis, reactor)
        self.purges.hear = lambda purge: self.heard.append(facts(purge))
        self.purges.startService()

    async def listens(self, reactor: Any) -> None:
        """Wait until it does."""

        async def heard() -> bool:
            await self.redis.publish(CHANNEL, encode(Purge(route="hello")))
            return bool(self.heard)

        await eventually(reactor, heard)


@pytest_twisted.ensureDeferred
async def test_what_one_is_told_all_hear(reactor: Any, redis: RedisServer, make: MakeStore) -> None:
    """And what cannot be read is everything."""
    one, other = (Instance(reactor, make, redis.url) for _ in range(2))
    await other.listens(reactor)
    other.heard.clear()

    assert await one.purges.tell(Purge(tag=b"t"))
    await eventually(reactor, lambda: (None, None, None, b"t") in other.heard)
    await one.redis.publish(CHANNEL, b"nonsense")
    await eventually(reactor, lambda: (None,) * 4 in other.heard)

    one.purges.stopService()
    other.purges.stopService()


@pytest_twisted.ensureDeferred
async def test_who_was_away_purges_everything_and_what_was_not_told_is_told_again(
    reactor: Any, redis: RedisServer, make: MakeStore
) -> None:
    """Redis is killed, and started again."""
    one, other = (Instance(reactor, make, redis.url) for _ in range(2))
    await other.listens(reactor)
    redis.kill()
    await eventually(reactor, lambda: not one.redis.available)
    assert not await one.purges.tell(Purge(tag=b"t"))
    other.heard.clear()

    redis.start()

    await eventually(reactor, lambda: (None,) * 4 in other.heard)
    await eventually(reactor, lambda: (None, None, None, b"t") in other.heard)
    one.purges.stopService()
    other.purges.stopService()
