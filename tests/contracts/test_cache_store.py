"""What every store of answers promises: memory and Redis find, replace, forget and purge alike."""

# mypy: allow-untyped-calls

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from inspect import isawaitable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, ensureDeferred

from gateway.caching.kept import Kept, Values
from gateway.caching.key import Key, make_key
from gateway.caching.memory import MemoryStore
from gateway.caching.store import CacheStore, Missed, Purge
from gateway.config.redis_url import parse_redis_url
from gateway.dialling.dialer import SocketDialer
from gateway.dialling.resolver import Resolver
from gateway.headers import HeaderBlock, Headers
from gateway.storage.cached_answers import RedisAnswers
from gateway.storage.redis import RedisStore
from gateway.storage.redis_connection import RedisConnection
from tests.system.private_reactor import PrivateReactor, private_reactor
from tests.system.redis_server import redis_server

NOW = 1_780_000_000.0


class NoCounts:
    """Nobody looks."""

    def failed(self, reason: str) -> None:
        """A failure."""

    def answered(self, seconds: float) -> None:
        """An answer."""


def key_of(path: bytes = b"/a", query: bytes | None = b"", route: str = "r", scheme: bytes = b"http") -> Key:
    """Return the key of a path and a query."""
    return make_key(route.encode(), route, scheme, b"h", path, path + b"?" + (query or b""), query)


def told(fields: Mapping[bytes, bytes]) -> Callable[[tuple[bytes, ...]], Values]:
    """Return what tells the values of a request's fields."""
    return lambda names: tuple([fields.get(name) for name in names])


def answer(body: bytes = b"x", *, tags: tuple[bytes, ...] = (), lasts: float = 10.0, **times: float) -> Kept:
    """Return an answer that is fresh, and of use, for some seconds."""
    end = NOW + lasts
    fresh, lent, saved = (times.get(name, end) for name in ("fresh", "lent", "saved"))
    fields = Headers([(b"Content-Type", b"text/plain"), (b"ETag", b'"1"'), (b"X-Text", b"\xe4 b\tc"), (b"X-None", b"")])
    return Kept(203, HeaderBlock(fields), body, NOW - 1.5, fresh, lent, saved, end, tags)


class Caches:
    """A store, and short words for what is done with it.

    Attributes:
        store: It.
    """

    def __init__(self, store: CacheStore) -> None:
        self.store = store

    def wait(self, waiting: Any) -> Any:
        """Return what something comes to that may have to be waited for."""
        assert not isawaitable(waiting)
        return waiting

    def settle(self) -> None:
        """Let what nobody waits for happen."""

    def look(self, key: Key, now: float = NOW, **fields: str) -> Kept | Missed:
        """Look up."""
        values = {name.encode(): value.encode() for name, value in fields.items()}
        found: Kept | Missed = self.wait(self.store.find(key, told(values), now))
        return found

    def find(self, key: Key, now: float = NOW, **fields: str) -> bytes | None:
        """Return the content that is found; None for none."""
        found = self.look(key, now, **fields)
        return None if isinstance(found, Missed) else found.body

    def put(self, key: Key, kept: Kept, stamp: int, vary: str = "", **fields: str) -> None:
        """Keep an answer, with the stamp of a look-up."""
        values = {name.encode(): value.encode() for name, value in fields.items()}
        kept.stamp = stamp
        self.store.keep(key, tuple(sorted(vary.encode().split())), told(values), kept)
        self.settle()

    def keep(self, key: Key, kept: Kept, vary: str = "", **fields: str) -> None:
        """Look up, and keep an answer."""
        self.put(key, kept, self.look(key, NOW, **fields).stamp, vary, **fields)

    def purge(self, purge: Purge) -> None:
        """Purge, and wait until it is done."""
        self.wait(self.store.purge(purge))


class RedisCaches(Caches):
    """One on a real server, over one connection: what was sent first is done first."""

    def __init__(self, reactor: PrivateReactor, url: str) -> None:
        self.reactor = reactor
        dialer = SocketDialer(reactor, Resolver(reactor, time.monotonic))
        self.redis = RedisStore(
            parse_redis_url(url),
            5.0,
            1,
            lambda host, port: dialer.dial(host, port, None, RedisConnection, 5.0),  # type: ignore[arg-type, return-value]
            reactor,
            time.monotonic,
            random.random,
            NoCounts(),
        )
        self.redis.startService()
        super().__init__(self.fresh())

    def fresh(self) -> RedisAnswers:
        """Return the store of another instance."""
        return RedisAnswers(self.redis, 2**16, 5.0, self.reactor, time.monotonic, lambda: NOW, os.urandom)

    def wait(self, waiting: Any) -> Any:
        """Turn the reactor."""
        if isawaitable(waiting) and not isinstance(waiting, Deferred):
            waiting = ensureDeferred(waiting)  # type: ignore[arg-type]  # a coroutine
        return self.reactor.result(waiting) if isinstance(waiting, Deferred) else waiting

    def settle(self) -> None:
        """Nothing asks more than two questions."""
        for _ in range(3):
            self.reactor.result(self.redis.command("PING"))


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCaches]:
    """A store on a real server."""
    with redis_server(tmp_path_factory.mktemp("redis")) as server, private_reactor() as reactor:
        caches = RedisCaches(reactor, server.url)
        yield caches
        reactor.result(caches.redis.stopService())


@pytest.fixture(params=["memory", "redis"])
def cache(request: pytest.FixtureRequest) -> Caches:
    """Either, empty."""
    if request.param == "memory":
        return Caches(MemoryStore(2**20))
    caches: RedisCaches = request.getfixturevalue("redis")
    caches.wait(caches.redis.command("FLUSHALL"))
    caches.store = caches.fresh()
    return caches


def facts(kept: Kept) -> tuple[Any, ...]:
    """Return all that an answer is."""
    times = (kept.born, kept.fresh, kept.lent, kept.saved, kept.until)
    return (kept.status, kept.block.fields, kept.body, times, kept.tags, kept.etag, kept.modified)


def test_nothing_is_there_at_first(cache: Caches) -> None:
    """And the stamp is one that an answer is kept with."""
    missed = cache.look(key_of())

    assert isinstance(missed, Missed)
    cache.put(key_of(), answer(b"x"), missed.stamp)
    assert cache.find(key_of()) == b"x"


def test_what_is_found_is_what_was_kept(cache: Caches) -> None:
    """Status, fields as they were written, content, times and tags."""
    kept = answer(bytes(range(256)) * 9, tags=(b"a", b"b c"), fresh=NOW + 1, lent=NOW + 2, saved=NOW + 3)

    cache.keep(key_of(), kept)

    found = cache.look(key_of())
    assert isinstance(found, Kept)
    assert facts(found) == facts(kept)


@pytest.mark.parametrize(
    "other",
    [
        key_of(b"/A"),
        key_of(b"/a/"),
        key_of(b"/a", b"x"),
        key_of(route="s"),
        key_of(scheme=b"https"),
        make_key(b"r", "r", b"http", b"h:81", b"/a", b"/a?", b""),
        make_key(b"r", "r", b"http", b"h", b"/a", b"/a", b""),
        make_key(b"r", "r", b"http", b"h", b"/a", b"/a?", b"", [None]),
        make_key(b"r", "r", b"http", b"h", b"/a", b"/a?", b"", [b""]),
    ],
)
def test_another_key_finds_nothing(cache: Caches, other: Key) -> None:
    """Whatever it differs in."""
    cache.keep(key_of(), answer())

    assert cache.find(other) is None


def test_a_newer_answer_takes_the_place(cache: Caches) -> None:
    """Of the one that the same request would have found."""
    for body in (b"old", b"new"):
        cache.keep(key_of(), answer(body))

    assert cache.find(key_of()) == b"new"


def test_answers_are_told_apart_by_what_they_vary_on(cache: Caches) -> None:
    """A field that is not there is something else than an empty one."""
    key = key_of()
    cache.keep(key, answer(b"none"), "a")
    for value in ("", "1", "1, 2", "1,2"):
        cache.keep(key, answer(value.encode() or b"empty"), "a", a=value)

    assert cache.find(key, b="1") == b"none"
    assert [cache.find(key, a=value) for value in ("", "1", "1, 2", "1,2", "2")] == [
        b"empty",
        b"1",
        b"1, 2",
        b"1,2",
        None,
    ]


def test_two_fields_are_not_one(cache: Caches) -> None:
    """Where one value ends and the next one begins counts."""
    key = key_of()
    cache.keep(key, answer(b"first"), "a b", a="x", b="yz")

    assert cache.find(key, a="xy", b="z") is None
    assert cache.find(key, a="x\n+1:y", b="z") is None
    assert cache.find(key, a="x", b="yz") == b"first"


def test_one_more_field_that_answers_vary_on(cache: Caches) -> None:
    """Those before it are not found any more: nobody knows what they would have had in it."""
    key = key_of()
    cache.keep(key, answer(b"plain"))
    cache.keep(key, answer(b"by a"), "a", a="1")
    assert cache.find(key) is None
    cache.keep(key, answer(b"by b"), "b", a="1", b="2")

    assert cache.find(key, a="1", b="2") == b"by b"
    assert cache.find(key, a="2", b="2") is None
    assert cache.find(key, a="1") is None


def test_an_answer_that_varies_on_less_is_kept_by_all(cache: Caches) -> None:
    """The names behind a key only become more."""
    key = key_of()
    cache.keep(key, answer(b"by a"), "a", a="1")
    cache.keep(key, answer(b"plain"), a="2")

    assert cache.find(key, a="1") == b"by a"
    assert cache.find(key, a="2") == b"plain"
    assert cache.find(key, a="3") is None


def test_what_a_validator_made_fresh_again(cache: Caches) -> None:
    """Has new times, the content of before, and the stamp of what it was found with."""
    cache.keep(key_of(), answer(b"x", lasts=5))
    found = cache.look(key_of(), NOW + 4)
    assert isinstance(found, Kept)
    again = answer(found.body, lasts=60)
    again.stamp = found.stamp

    cache.store.refresh(key_of(), (), told({}), again)
    cache.settle()

    assert cache.find(key_of(), NOW + 50) == b"x"


def test_what_is_of_no_use_any_more_is_not_found(cache: Caches) -> None:
    """What is stale and may be lent, saved or validated is."""
    cache.keep(key_of(), answer(b"x", lasts=10, fresh=NOW + 1, lent=NOW + 2, saved=NOW + 3))

    assert cache.find(key_of(), NOW + 9.9) == b"x"
    assert cache.find(key_of(), NOW + 10) is None


def test_what_is_too_long_is_not_kept(cache: Caches) -> None:
    """Neither in a store that it would fill, nor in one of which the values are bounded."""
    cache.keep(key_of(), answer(b"x" * 2**21))

    assert cache.find(key_of()) is None


def test_one_answer_is_removed(cache: Caches) -> None:
    """The one that a request would find; nothing where there is none."""
    key = key_of()
    for value in ("1", "2"):
        cache.keep(key, answer(value.encode()), "a", a=value)

    for value in ("1", "3"):
        cache.store.remove(key, told({b"a": value.encode()}))
        cache.settle()

    assert [cache.find(key, a=value) for value in ("1", "2")] == [None, b"2"]


KEYS = {
    "a": key_of(),
    "a?x": key_of(query=b"x"),
    "a of s": key_of(route="s"),
    "a by names": make_key(b"r", "r", b"http", b"h", b"/a", b"/a?n=1", None),
    "b": key_of(b"/b"),
}


@pytest.mark.parametrize(
    ("purge", "left"),
    [
        (Purge(), ""),
        (Purge(route="r"), "a of s"),
        (Purge(route="s"), "a, a?x, a by names, b"),
        (Purge(route="t"), "a, a?x, a of s, a by names, b"),
        (Purge(url=b"h/a"), "b"),
        (Purge(url=b"h/a", query=b""), "a?x, b"),
        (Purge(url=b"h/a", query=b"x"), "a, a of s, b"),
        (Purge(url=b"h/a", query=b"y"), "a, a?x, a of s, b"),
        (Purge(url=b"h/b"), "a, a?x, a of s, a by names"),
        (Purge(url=b"h/c"), "a, a?x, a of s, a by names, b"),
        (Purge(tag=b"all"), ""),
        (Purge(tag=b"b"), "a, a?x, a of s, a by names"),
        (Purge(tag=b"al"), "a, a?x, a of s, a by names, b"),
    ],
)
@pytest.mark.parametrize("vary", ["", "accept"])
def test_a_purge_meets_what_it_names(cache: Caches, purge: Purge, left: str, vary: str) -> None:
    """And nothing else; with several answers behind a key all of them."""
    for name, key in KEYS.items():
        for accept in ("1", "2") if vary else ("1",):
            cache.keep(key, answer(tags=(b"all", name.encode())), vary, accept=accept)

    cache.purge(purge)

    for accept in ("1", "2") if vary else ("1",):
        assert ", ".join(name for name, key in KEYS.items() if cache.find(key, accept=accept)) == left


@pytest.mark.parametrize(
    "purge", [Purge(), Purge(route="r"), Purge(url=b"h/a"), Purge(url=b"h/a", query=b""), Purge(tag=b"t")]
)
def test_what_was_on_its_way_while_it_was_purged_is_not_found(cache: Caches, purge: Purge) -> None:
    """It may be older than the purge; what was asked for afterwards is kept."""
    before = cache.look(key_of())
    cache.purge(purge)
    cache.put(key_of(), answer(b"old", tags=(b"t",)), before.stamp)
    assert cache.find(key_of()) is None

    cache.keep(key_of(), answer(b"new", tags=(b"t",)))

    assert cache.find(key_of()) == b"new"


def test_a_validator_does_not_bring_back_what_was_purged(cache: Caches) -> None:
    """The 304 came after the purge, but its request was made before."""
    cache.keep(key_of(), answer(b"x"))
    found = cache.look(key_of())
    assert isinstance(found, Kept)
    cache.purge(Purge(url=b"h/a"))

    found.until += 60
    cache.store.refresh(key_of(), (), told({}), found)
    cache.settle()

    assert cache.find(key_of()) is None


def test_writers_at_the_same_time(cache: Caches) -> None:
    """What is found afterwards is whole, and of one of them."""
    key = key_of()
    stamp = cache.look(key).stamp
    bodies = [bytes([number]) * 5000 for number in range(20)]
    for body in bodies:
        kept = answer(body)
        kept.stamp = stamp
        cache.store.keep(key, (b"a",), told({b"a": body[:1]}), kept)
    cache.settle()

    assert [cache.find(key, a=chr(number)) for number in range(20)] == bodies


@st.composite
def _steps(draw: st.DrawFn) -> list[tuple[str, Any]]:
    keys, fields = (
        st.sampled_from(sorted(KEYS)),
        st.fixed_dictionaries({}, optional={"a": st.sampled_from("12"), "b": st.just("1")}),
    )
    purges = st.sampled_from([
        Purge(), Purge(route="r"), Purge(route="s"), Purge(tag=b"t"), Purge(url=b"h/a"), Purge(url=b"h/a", query=b"x"),
        Purge(url=b"h/b", query=b""),
    ])  # fmt: skip
    step = st.one_of(
        st.tuples(st.just("find"), st.tuples(keys, fields)),
        st.tuples(st.just("keep"), st.tuples(keys, fields, st.sampled_from(["", "a", "b", "a b"]), st.booleans())),
        st.tuples(st.just("late"), st.tuples(keys, fields, st.sampled_from(["", "a"]))),
        st.tuples(st.just("remove"), st.tuples(keys, fields)),
        st.tuples(st.just("purge"), purges),
    )
    return draw(st.lists(step, max_size=25))


@given(steps=_steps())
def test_redis_finds_what_memory_finds(redis: RedisCaches, steps: list[tuple[str, Any]]) -> None:
    """Step by step, two instances of it by turns: purges of one are purges of both."""
    redis.wait(redis.redis.command("FLUSHALL"))
    memory, instances = Caches(MemoryStore(2**20)), [redis.fresh(), redis.fresh()]
    stamps: dict[tuple[str, int], int] = {}
    for number, (what, with_) in enumerate(steps):
        said = []
        redis.store = instances[number % 2]
        for cache in (memory, redis):
            if what == "purge":
                cache.purge(with_)
                continue
            name, fields, *more = with_
            key, who = KEYS[name], (name, id(cache))
            if what == "find":
                found = cache.look(key, **fields)
                stamps[who] = found.stamp
                said.append(found.body if isinstance(found, Kept) else None)
            elif what == "keep":
                cache.keep(key, answer(b"%d" % number, tags=(b"t",) if more[1] else ()), more[0], **fields)
            elif what == "late" and who in stamps:
                cache.put(key, answer(b"%d" % number, tags=(b"t",)), stamps[who], more[0], **fields)
            elif what == "remove":
                cache.store.remove(key, told({key.encode(): value.encode() for key, value in fields.items()}))
                cache.settle()
        assert len(set(said)) < 2, (what, with_, said)
