"""Kept answers in a real Redis that is slow, gone, empty, full of garbage, or a cluster.

What it promises as every store does is in `tests/contracts/test_cache_store.py`.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from gateway.caching.kept import Kept
from gateway.caching.key import Key, make_key
from gateway.caching.store import Missed, Purge
from gateway.headers import HeaderBlock, Headers
from gateway.storage.cached_answers import LONGEST, MOST_UNDER_WAY, UNDER_WAY, RedisAnswers
from gateway.storage.redis import RedisStore
from tests.storage.conftest import MakeStore
from tests.system.redis_cluster import redis_cluster
from tests.system.redis_server import RedisServer
from tests.system.running_reactor import eventually

NOW = 1_780_000_000.0


def key_of(path: bytes = b"/a", query: bytes | None = b"") -> Key:
    """Return the key of a path."""
    return make_key(b"r", "r", b"http", b"h", path, path, query)


class Cache:
    """The store of one instance, and short words for what is done with it."""

    def __init__(self, reactor: Any, redis: RedisStore, timeout: float = 0.2) -> None:
        self.redis = redis
        self.accept = b"1"
        self.store = RedisAnswers(redis, 2**16, timeout, reactor, time.monotonic, lambda: NOW, os.urandom)

    def chosen(self, names: tuple[bytes, ...]) -> tuple[bytes | None, ...]:
        return tuple([self.accept for _ in names])

    async def look(self, key: Key) -> Kept | Missed:
        found = self.store.find(key, self.chosen, NOW)
        return found if isinstance(found, Missed) else await found

    async def find(self, key: Key | None = None) -> bytes | None:
        found = await self.look(key or key_of())
        return None if isinstance(found, Missed) else found.body

    async def keep(
        self,
        body: bytes,
        key: Key | None = None,
        vary: tuple[bytes, ...] = (),
        tags: tuple[bytes, ...] = (),
        lasts: float = 60,
    ) -> None:
        """Keep an answer, and wait until it is found."""
        key = key or key_of()
        stamp = (await self.look(key)).stamp
        end = NOW + lasts
        self.store.keep(
            key, vary, self.chosen, Kept(200, HeaderBlock(Headers()), body, NOW, end, end, end, end, tags, stamp)
        )
        deadline = time.monotonic() + 10
        while await self.find(key) != body:
            assert time.monotonic() < deadline


@pytest.fixture
def cache(reactor: Any, redis: RedisServer, make: MakeStore) -> Cache:
    """An instance."""
    return Cache(reactor, make(redis.url))


@pytest_twisted.ensureDeferred
async def test_redis_lets_go_of_answers_by_itself(cache: Cache, redis: RedisServer) -> None:
    """When they are of no use any more, and after a day whatever they say: nothing there is without an end."""
    await cache.keep(b"short", key_of(b"/s"), lasts=100)
    await cache.keep(b"long", key_of(b"/l"), vary=(b"accept",), lasts=10**8)
    await cache.store.purge(Purge(url=b"h/x", query=b"y"))

    left = {}
    for key in await cache.redis.command("KEYS", "*"):
        left[key] = await cache.redis.command("PTTL", key)

    ends = sorted(one for key, one in left.items() if b"{purges}" not in key)
    assert len(ends) == 7, "two answers, their marks of being there, names, and two marks of the purge"
    assert 0 < ends[0] <= 100_000
    assert all(0 < one <= LONGEST * 1000 for one in ends)
    assert sum(100_000 < one <= UNDER_WAY * 1000 for one in ends) == 2, "nothing is kept of what was purged"


@pytest_twisted.ensureDeferred
async def test_what_a_purge_leaves_outlives_what_was_kept(cache: Cache) -> None:
    """And the time for which another answer may be under way."""
    await cache.keep(b"x", lasts=1000)
    before = await cache.look(key_of())
    await cache.store.purge(Purge(url=b"h/a"))
    (mark,) = await cache.redis.command("KEYS", "*:purged")

    assert (900 + UNDER_WAY) * 1000 < await cache.redis.command("PTTL", mark) <= (1000 + UNDER_WAY) * 1000

    # What comes then would be found when the mark is gone: it is not written at all.
    end = NOW + 9
    (place,) = await cache.redis.command("KEYS", "gw:cache:*:" + "?" * 32)
    await cache.redis.command("DEL", place)
    kept = Kept(200, HeaderBlock(Headers()), b"y", NOW, end, end, end, end, (), before.stamp)
    cache.store.keep(key_of(), (), cache.chosen, kept)
    for _ in range(4):
        await cache.redis.command("PING")
    await cache.redis.command("DEL", mark)
    assert await cache.redis.command("EXISTS", place) == 0


@pytest_twisted.ensureDeferred
async def test_what_stands_still_is_not_waited_for(reactor: Any, cache: Cache, redis: RedisServer) -> None:
    """Longer than `redis.timeout`; then the breaker opens, and nothing is asked at all."""
    await cache.keep(b"x")
    redis.pause()
    began = time.monotonic()

    for _ in range(3):
        assert await cache.find() is None

    assert time.monotonic() - began < 3 * 0.2 + 2
    assert isinstance(cache.store.find(key_of(), cache.chosen, NOW), Missed), "nobody waits while the breaker is open"
    redis.resume()
    await eventually(reactor, lambda: cache.redis.available)
    assert await cache.find() == b"x"


@pytest_twisted.ensureDeferred
async def test_all_questions_of_a_request_have_one_deadline(reactor: Any, redis: RedisServer, make: MakeStore) -> None:
    """The second question, for one of several answers behind a key, has what time the first one has left."""
    cache = Cache(reactor, make(redis.url, timeout=30.0), timeout=0.3)
    await cache.keep(b"x", vary=(b"accept",))

    def chosen(names: tuple[bytes, ...]) -> tuple[bytes | None, ...]:
        redis.pause()  # the first question is answered
        return cache.chosen(names)

    began = time.monotonic()
    found = await cache.store.find(key_of(), chosen, NOW)

    redis.resume()
    assert isinstance(found, Missed)
    assert found.stamp == 0
    assert time.monotonic() - began < 10


@pytest_twisted.ensureDeferred
async def test_what_was_found_while_redis_was_away_is_not_kept(reactor: Any, cache: Cache, redis: RedisServer) -> None:
    """Nobody knows what was purged meanwhile; Redis that is gone is no error for anybody."""
    assert await cache.find() is None
    redis.kill()
    await eventually(reactor, lambda: not cache.redis.available)
    missed = cache.store.find(key_of(), cache.chosen, NOW)
    assert isinstance(missed, Missed)
    assert missed.stamp == 0
    redis.start()
    await eventually(reactor, lambda: cache.redis.available)

    end = NOW + 9
    cache.store.keep(
        key_of(), (), cache.chosen, Kept(200, HeaderBlock(Headers()), b"x", NOW, end, end, end, end, (), missed.stamp)
    )
    cache.store.remove(key_of(), cache.chosen)

    assert await cache.find() is None
    await cache.keep(b"y")


@pytest.mark.parametrize("purge", [Purge(), Purge(url=b"h/a"), Purge(url=b"h/a", query=b""), Purge(tag=b"t")])
@pytest_twisted.ensureDeferred
async def test_a_purge_that_redis_did_not_hear_is_told_again(
    reactor: Any, redis: RedisServer, make: MakeStore, purge: Purge
) -> None:
    """And until it is, this instance gives nothing that stands there."""
    cache, other = Cache(reactor, make(redis.url)), Cache(reactor, make(redis.url))
    await cache.keep(b"x", tags=(b"t",))
    assert await other.find() == b"x"
    redis.pause()
    assert await cache.store.purge(purge) is False
    redis.resume()
    await eventually(reactor, lambda: cache.redis.available and other.redis.available)

    assert await cache.find() is None
    await eventually(reactor, lambda: not cache.store._untold)

    assert await cache.find() is None
    assert await other.find() is None
    await other.keep(b"y", tags=(b"t",))
    assert await cache.find() == b"y"


@pytest_twisted.ensureDeferred
async def test_a_purge_is_told_again_though_nobody_asks(reactor: Any, redis: RedisServer, make: MakeStore) -> None:
    """The instance that was to tell it may get no requests any more, and others have it to give."""
    cache, other = Cache(reactor, make(redis.url)), Cache(reactor, make(redis.url))
    await cache.keep(b"x")
    redis.pause()
    for _ in range(3):
        assert await cache.store.purge(Purge(url=b"h/a")) is False
    redis.resume()

    await eventually(reactor, lambda: not cache.store._untold)

    await eventually(reactor, lambda: other.redis.available)
    assert await other.find() is None


@pytest_twisted.ensureDeferred
async def test_what_is_on_its_way_to_redis_is_bounded(reactor: Any, cache: Cache, redis: RedisServer) -> None:
    """Redis that takes nothing is not sent without end; what there was no room for is not kept."""
    cache.store._longest = 2**21
    stamp = (await cache.look(key_of())).stamp
    end = NOW + 60
    kept = Kept(200, HeaderBlock(Headers()), b"x" * 2**20, NOW, end, end, end, end, (), stamp)
    redis.pause()
    for number in range(40):
        cache.store.keep(key_of(b"/%d" % number), (), cache.chosen, kept)
    assert cache.store._writing == MOST_UNDER_WAY

    await eventually(reactor, lambda: cache.store._writing == 0)

    redis.resume()


@pytest_twisted.ensureDeferred
async def test_too_many_purges_that_wait_are_one_of_everything(reactor: Any, cache: Cache, redis: RedisServer) -> None:
    """What waits is bounded."""
    await cache.keep(b"x")
    redis.kill()
    await eventually(reactor, lambda: not cache.redis.available)
    for number in range(1500):
        assert await cache.store.purge(Purge(url=b"h/%d" % number)) is False
    assert len(cache.store._untold) <= 1000
    redis.start()
    await eventually(reactor, lambda: cache.redis.available)

    await cache.find()
    await eventually(reactor, lambda: not cache.store._untold)

    assert await cache.redis.command("EXISTS", "gw:cache:{purges}:last") == 1


@pytest_twisted.ensureDeferred
async def test_redis_that_lost_its_purges_has_lost_the_answers_of_before(
    reactor: Any, redis: RedisServer, make: MakeStore
) -> None:
    """A master that was replaced by a replica that was behind: what it has may have been purged."""
    one, two = Cache(reactor, make(redis.url)), Cache(reactor, make(redis.url))
    await one.store.purge(Purge(tag=b"a"))
    before = await one.redis.command("GET", "gw:cache:{purges}:last")
    await one.keep(b"x", tags=(b"t",))
    await one.store.purge(Purge(tag=b"t"))
    assert await two.find() is None
    await one.redis.command("SET", "gw:cache:{purges}:last", before)  # what the replica had
    await one.redis.command("ZREM", "gw:cache:{purges}:list", "tt")

    assert await two.find() is None
    assert await one.find() is None
    assert await Cache(reactor, make(redis.url)).find() is None
    await two.keep(b"y")
    assert await one.find() == b"y"


@pytest_twisted.ensureDeferred
async def test_purges_that_are_forgotten_count_for_all_answers(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered is bounded, here and there."""
    from gateway.storage import cached_purges

    monkeypatch.setattr(cached_purges, "MOST", 3)
    await cache.keep(b"x", tags=(b"t",))
    for number in range(3):
        await cache.store.purge(Purge(tag=b"%d" % number))
    assert await cache.find() == b"x"

    await cache.store.purge(Purge(tag=b"more"))

    assert await cache.find() is None
    assert await cache.redis.command("ZCARD", "gw:cache:{purges}:list") == 3


GARBAGE: dict[str, Callable[[bytes], bytes]] = {
    "another version": lambda data: b"gwA9" + data[4:],
    "cut": lambda data: data[:-1],
    "longer": lambda data: data + b"x",
    "nothing": lambda data: b"",
    "text": lambda data: b"hello",
    "names that are none": lambda data: b"gwV1,,\r\n",
    "names of which there is no answer": lambda data: b"gwV1accept,x",
    "too long": lambda data: data + b"x" * 2**20,
    "a time that is none": lambda data: data[:39] + b"\x7f\xf8" + b"\0" * 6 + data[47:],
}


@pytest.mark.parametrize("how", GARBAGE)
@pytest_twisted.ensureDeferred
async def test_garbage_is_not_there(cache: Cache, how: str) -> None:
    """Nor is it an error; a good answer takes its place."""
    await cache.keep(b"x" * 100)
    (place,) = await cache.redis.command("KEYS", "gw:cache:*:" + "?" * 32)
    await cache.redis.command("SET", place, GARBAGE[how](await cache.redis.command("GET", place)))

    assert await cache.find() is None

    await cache.keep(b"y")


@pytest_twisted.ensureDeferred
async def test_other_kinds_of_values_are_not_there(cache: Cache) -> None:
    """In the places of answers, and of the marks of purges, which then say that something was purged."""
    await cache.keep(b"x")
    (place,) = await cache.redis.command("KEYS", "gw:cache:*:" + "?" * 32)
    await cache.redis.command("DEL", place)
    await cache.redis.command("RPUSH", place, "x")
    assert await cache.find() is None
    await cache.keep(b"y")

    mark = place.rpartition(b":")[0] + b":purged"
    await cache.redis.command("RPUSH", mark, "x")

    assert await cache.find() is None
    await cache.keep(b"z")


@pytest.mark.parametrize("said", ["x", "-1", "1e400", "99999999999999999999999999"])
@pytest_twisted.ensureDeferred
async def test_a_number_that_is_none_is_begun_anew(cache: Cache, said: str) -> None:
    """Whatever was kept before is not given."""
    await cache.keep(b"x")
    await cache.redis.command("SET", "gw:cache:{purges}:last", said)

    assert await cache.find() is None


@pytest_twisted.ensureDeferred
async def test_a_cluster_has_each_answer_on_one_node(reactor: Any, tmp_path: Path, make: MakeStore) -> None:
    """With what its purges leave, wherever that is; a purge of many reaches all of them."""
    with redis_cluster(tmp_path) as cluster:
        one, two = [Cache(reactor, make(node.url, timeout=2.0), timeout=2.0) for node in cluster.nodes[:2]]
        paths = [b"/%d" % number for number in range(12)]
        for path in paths:
            await one.keep(path, key_of(path), vary=(b"accept",) if path > b"/5" else (), tags=(b"t",))
        assert [await two.find(key_of(path)) for path in paths] == paths
        held = [int(node.say("DBSIZE")[1:]) for node in cluster.nodes]
        assert all(held)

        await two.store.purge(Purge(url=b"h/3"))
        assert [await one.find(key_of(path)) for path in (b"/3", b"/4")] == [None, b"/4"]
        await one.store.purge(Purge(tag=b"t"))

        assert [await two.find(key_of(path)) for path in paths] == [None] * 12
