"""What every store of limits promises: memory, that of several workers, and Redis with its script decide the same.

So does the Redis in memory that simulations have, which is asked by the same store.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from gateway.awaited import Awaited
from gateway.config.redis_url import parse_redis_url
from gateway.dialling.dialer import SocketDialer
from gateway.dialling.resolver import Resolver
from gateway.limiting.limit import Limit, LimitStore, Verdict
from gateway.limiting.store import MemoryLimits
from gateway.memory.network import MemoryNetwork
from gateway.processes.limits import SharedLimits
from gateway.processes.memory import SharedMemory, new_memory
from gateway.simulation.redis import HOST, PORT, RedisServer
from gateway.storage import limits as redis_limits
from gateway.storage.limits import Asking
from gateway.storage.redis import RedisStore
from gateway.storage.redis_connection import RedisConnection
from gateway.storage.resp import Script
from gateway.storage.shared_limits import RedisLimits
from tests.system.private_reactor import PrivateReactor, private_reactor
from tests.system.redis_server import redis_server

NOW = 1_780_000_000.0

BUCKET = Limit(b"bucket--", "ip", 6, 10.0, 3)
EXACT = Limit(b"exact---", "user", 4, 10.0, 4, sliding=True)
PARTS = Limit(b"parts---", "route", 70, 10.0, 70, sliding=True)
LIMITS = {"bucket": BUCKET, "exact": EXACT, "parts": PARTS}


class NoCounts:
    """Nobody looks."""

    def failed(self, reason: str) -> None:
        """A failure."""

    def answered(self, seconds: float) -> None:
        """An answer."""


class InMemory:
    """The store of one process."""

    def __init__(self) -> None:
        self.store: LimitStore = MemoryLimits()

    def clear(self) -> None:
        self.store = MemoryLimits()

    def ask(self, limits: Sequence[Limit], keys: Sequence[bytes], now: float) -> Verdict:
        verdict = self.store.bind(limits)(keys, now)
        assert isinstance(verdict, Verdict)
        return verdict

    def foresee(self, limit: Limit, key: bytes, now: float) -> Verdict:
        assert isinstance(self.store, (MemoryLimits, SharedLimits))
        return self.store.foresee(limit, key, now)

    def give_back(self, verdict: Verdict, keys: Sequence[bytes], now: float) -> None:
        assert verdict.taker is not None
        verdict.taker.give_back(keys, verdict.receipt, now)


class InSharedMemory(InMemory):
    """The store of several workers: they take turns."""

    def __init__(self) -> None:
        descriptor = new_memory()
        self.memories = [SharedMemory(descriptor), SharedMemory(os.dup(descriptor))]
        self.stores = list(map(SharedLimits, self.memories))
        self.store = self.stores[0]

    def clear(self) -> None:
        for memory in self.memories:
            memory.close()
        InSharedMemory.__init__(self)

    def ask(self, limits: Sequence[Limit], keys: Sequence[bytes], now: float) -> Verdict:
        self.stores.reverse()
        self.store = self.stores[0]
        return super().ask(limits, keys, now)


class InRedis:
    """The store of many, with a clock that the test sets in place of Redis' own."""

    def __init__(self, reactor: PrivateReactor, url: str) -> None:
        dialer = SocketDialer(reactor, Resolver(reactor, time.monotonic))
        self.reactor = reactor
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
        self.bound: dict[tuple[Limit, ...], Any] = {}

    def clear(self) -> None:
        self.reactor.result(self.redis.command("FLUSHALL"))
        self.bound.clear()  # refusals are remembered

    def set_clock(self, now: float) -> None:
        micros = round(now * 1e6)
        self.redis.command("RPUSH", "clock", micros // 1_000_000, micros % 1_000_000).addErrback(lambda _: None)
        self.redis.command("LTRIM", "clock", -2, -1)

    def result(self, answer: Deferred[Any]) -> Any:
        return self.reactor.result(answer)

    def put(self, limits: Sequence[Limit], names: tuple[bytes, ...], wants: tuple[int, ...], now: float) -> list[int]:
        """Return what the script itself answers."""
        self.set_clock(now)
        asked, answer = Awaited(), Deferred[list[int]]()
        Asking(self.redis, limits).ask_by_source(names, wants, asked)
        asked.hear(answer)
        answered: list[int] = self.result(answer)
        return answered

    def ask(self, limits: Sequence[Limit], keys: Sequence[bytes], now: float) -> Verdict:
        self.set_clock(now)
        store = RedisLimits(self.redis, MemoryLimits(), 1, lambda: pytest.fail("Redis was not asked"))
        decide = store.bind(limits)  # anew, since nothing is to be answered from memory
        answer: Deferred[Verdict] = Deferred()
        asked = decide(keys, now)
        assert isinstance(asked, Awaited)
        asked.hear(answer)
        answered: Verdict = self.result(answer)
        return answered

    def give_back(self, verdict: Verdict, keys: Sequence[bytes], now: float) -> None:
        self.set_clock(now)
        assert verdict.taker is not None
        verdict.taker.give_back(keys, verdict.receipt, now)
        self.result(self.redis.command("PING"))  # after it, on the only connection


class InSimulatedRedis(InRedis):
    """The store of many, on the server of simulations."""

    def __init__(self) -> None:
        self.at = NOW
        self.clock = Clock()
        self.network = network = MemoryNetwork(self.clock)
        RedisServer(network, lambda: self.at)
        self.redis = RedisStore(
            parse_redis_url(f"redis://{HOST}:{PORT}"),
            5.0,
            1,
            lambda host, port: network.dial(host, port, None, RedisConnection, 5.0),  # type: ignore[arg-type, return-value]
            self.clock,
            self.clock.seconds,
            random.random,
            NoCounts(),
        )
        self.redis.startService()

    def clear(self) -> None:
        self.__init__()  # type: ignore[misc]  # another server

    def set_clock(self, now: float) -> None:
        self.at = round(now * 1e6) / 1e6

    def result(self, answer: Deferred[Any]) -> Any:
        results: list[Any] = []
        answer.addBoth(results.append)
        for _ in range(100):
            self.network.pump()
            self.clock.advance(0.001)
        (only,) = results
        if isinstance(only, Failure):
            only.raiseException()
        return only


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InRedis]:
    """A store on a real server."""
    directory: Path = tmp_path_factory.mktemp("redis")
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name in ("SCRIPT", "GIVE_BACK"):
            script = getattr(redis_limits, name)  # compiled code keeps the object, and looks no name up
            source = script.source
            assert b"redis.call('TIME')" in source
            clock = source.replace(b"redis.call('TIME')", b"redis.call('LRANGE', 'clock', 0, 1)")
            for attribute in ("source", "digest"):
                patch.setattr(script, attribute, getattr(Script(clock), attribute))
        server = stack.enter_context(redis_server(directory))
        reactor = stack.enter_context(private_reactor())
        store = InRedis(reactor, server.url)
        yield store
        reactor.result(store.redis.stopService())


@pytest.fixture(params=["memory", "workers", "redis", "simulation"])
def store(request: pytest.FixtureRequest) -> Any:
    """Either."""
    made = {"memory": InMemory, "workers": InSharedMemory, "simulation": InSimulatedRedis}.get(request.param)
    store: Any = request.getfixturevalue("redis") if made is None else made()
    store.clear()
    return store


def facts(verdict: Verdict) -> tuple[bool, str, int]:
    """What a client can tell."""
    return verdict.allowed, verdict.limit.label, verdict.remaining


def test_a_burst_passes_and_then_the_rate(store: Any) -> None:
    """Of a token bucket."""
    said = [facts(store.ask([BUCKET], [b"a"], NOW)) for _ in range(4)]

    assert said == [(True, "ip", 2), (True, "ip", 1), (True, "ip", 0), (False, "ip", 0)]
    assert not store.ask([BUCKET], [b"a"], NOW + 1.6).allowed
    assert store.ask([BUCKET], [b"a"], NOW + 1.7).allowed
    assert not store.ask([BUCKET], [b"a"], NOW + 1.7).allowed


@pytest.mark.parametrize("limit", [EXACT, PARTS], ids=["exact", "parts"])
def test_a_window_slides(store: Any, limit: Limit) -> None:
    """What came late in one window counts in the next."""
    for number in range(limit.requests):
        assert store.ask([limit], [b"a"], NOW + 9 + number * 0.001).allowed

    assert not store.ask([limit], [b"a"], NOW + 11).allowed
    assert not store.ask([limit], [b"a"], NOW + 18.9).allowed
    assert store.ask([limit], [b"a"], NOW + 19.2).allowed


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
def test_a_refusal_says_when_to_come_again(store: Any, limit: Limit) -> None:
    """Then a request passes, give or take a part of the window, and not before."""
    while (verdict := store.ask([limit], [b"a"], NOW)).allowed:
        pass

    assert 0 < verdict.retry_after <= limit.window
    assert not store.ask([limit], [b"a"], NOW + verdict.retry_after * 0.98).allowed
    assert store.ask([limit], [b"a"], NOW + verdict.retry_after * 1.02).allowed


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
@pytest.mark.parametrize("kind", [InMemory, InSharedMemory])
def test_what_a_request_would_meet_is_foreseen_and_nothing_taken(kind: type[InMemory], limit: Limit) -> None:
    """The next one meets just that, until the limit is used up and again when it is whole; Redis is not asked."""
    store, now = kind(), NOW
    for _ in range(limit.requests + 1):
        first, second = (store.foresee(limit, b"a", now) for _ in range(2))
        asked = store.ask([limit], [b"a"], now)
        assert (first.allowed, first.remaining) == (asked.allowed, asked.remaining + asked.allowed)
        assert first.retry_after == pytest.approx(asked.retry_after)
        assert facts(second) == facts(first)
        now += 0.001
    assert store.foresee(limit, b"b", now).remaining == store.foresee(limit, b"a", NOW + 100).remaining > 0


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
def test_keys_are_apart(store: Any, limit: Limit) -> None:
    """Each has all of it."""
    first = [store.ask([limit], [key], NOW).remaining for key in (b"a", b"b", b"c")]

    assert len(set(first)) == 1


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
def test_what_comes_back_is_whole_again_at_the_reset(store: Any, limit: Limit) -> None:
    """As if nobody had asked."""
    fresh = store.ask([limit], [b"a"], NOW)
    verdict = store.ask([limit], [b"a"], NOW)
    reset = verdict.reset or NOW + verdict.full_in

    assert NOW < reset <= NOW + limit.window * 1.02 + 1
    assert store.ask([limit], [b"a"], reset + 0.001).remaining == fresh.remaining


def test_all_limits_must_let_a_request_pass_or_none_counts_it(store: Any) -> None:
    """The wide one loses nothing by what the narrow one refuses; the tightest speaks."""
    both, keys = [EXACT, PARTS], [b"u", b"r"]
    said = [facts(store.ask(both, keys, NOW)) for _ in range(6)]

    assert said == [(True, "user", left) for left in (3, 2, 1, 0)] + [(False, "user", 0)] * 2
    assert store.ask([PARTS], [b"r"], NOW).remaining == 70 - 4 - 1


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
def test_what_is_given_back_is_there_again(store: Any, limit: Limit) -> None:
    """As if that request had never come; the others stay counted, each until its own time."""
    store.ask([limit], [b"a"], NOW)
    taken = store.ask([limit], [b"a"], NOW + 0.5)
    last = store.ask([limit], [b"a"], NOW + 0.9)

    store.give_back(taken, [b"a"], NOW + 1)

    assert store.ask([limit], [b"a"], NOW + 1).remaining == last.remaining
    if limit.sliding:  # the first leaves the window, and the one that was given back leaves no hole
        assert store.ask([limit], [b"a"], NOW + 10.4).remaining == limit.requests - 3


def test_a_token_that_has_flowed_in_again_is_not_given_back_twice(store: Any) -> None:
    """The bucket was full meanwhile, and half of it is taken since."""
    taken = store.ask([BUCKET], [b"a"], NOW)
    for _ in range(2):
        store.ask([BUCKET], [b"a"], NOW + 5)

    store.give_back(taken, [b"a"], NOW + 5)

    assert store.ask([BUCKET], [b"a"], NOW + 5).remaining == 0
    assert not store.ask([BUCKET], [b"a"], NOW + 5).allowed


def test_several_limits_are_given_back_together(store: Any) -> None:
    """Each of them what was taken of it; the last one leaves nothing behind."""
    both, keys = [BUCKET, PARTS, EXACT], [b"i", b"r", b"u"]
    taken = store.ask(both, keys, NOW)

    store.give_back(taken, keys, NOW + 0.01)

    for limit, key in zip(both, keys, strict=True):
        at_once = limit.requests if limit.sliding else limit.burst
        assert store.ask([limit], [key], NOW + 0.02).remaining == at_once - 1


@pytest.mark.parametrize(
    ("limit", "becomes", "left"),
    [
        # A bucket is as full as it was: five of ten were left.
        (Limit(b"bucket--", "ip", 10, 60.0, 10), Limit(b"bucket--", "ip", 20, 60.0, 20), 10 - 1),
        (Limit(b"bucket--", "ip", 10, 60.0, 10), Limit(b"bucket--", "ip", 4, 60.0, 4), 2 - 1),
        (Limit(b"bucket--", "ip", 10, 60.0, 10), Limit(b"bucket--", "ip", 10, 60.0, 8), 3 - 1),
        # A window has counted what it has counted.
        (
            Limit(b"window--", "ip", 10, 60.0, 10, sliding=True),
            Limit(b"window--", "ip", 20, 60.0, 20, sliding=True),
            14,
        ),
        (Limit(b"window--", "ip", 10, 60.0, 10, sliding=True), Limit(b"window--", "ip", 7, 60.0, 7, sliding=True), 1),
    ],
)
def test_a_reload_that_makes_a_limit_wider_or_narrower_goes_on_counting(
    store: Any, limit: Limit, becomes: Limit, left: int
) -> None:
    """The same in every store, as docs/guides/rate-limits.md says under Reloads."""
    for _ in range(4):
        store.ask([limit], [b"a"], NOW)
    before = store.ask([limit], [b"a"], NOW)

    after = store.ask([becomes], [b"a"], NOW)

    assert after.remaining == left
    if not limit.sliding:
        whole = (before.reset or NOW + before.full_in) + becomes.window / becomes.requests
        assert (after.reset or NOW + after.full_in) == pytest.approx(whole, abs=1.0)


def test_limits_with_one_identity_share_a_count(store: Any) -> None:
    """As a limit of all routes does."""
    store.ask([EXACT], [b"a"], NOW)

    assert store.ask([EXACT], [b"a"], NOW).remaining == 2


@given(
    requests=st.lists(
        st.tuples(
            st.sampled_from(["bucket", "exact", "parts", "bucket exact", "exact parts", "bucket parts exact"]),
            st.sampled_from([b"a", b"b"]),
            st.one_of(st.just(0), st.integers(0, 400_000), st.integers(0, 12_000_000)),
            st.integers(1, 30),
        ),
        max_size=12,
    )
)
def test_redis_decides_as_memory_does(redis: InRedis, requests: list[tuple[str, bytes, int, int]]) -> None:
    """Request by request, whatever came before."""
    memory = InMemory()
    redis.clear()
    micros = round(NOW * 1e6)
    for names, key, gap, times in requests:
        limits = [LIMITS[name] for name in names.split()]
        micros += gap
        for _ in range(times):
            mine = memory.ask(limits, [key] * len(limits), micros / 1e6)
            theirs = redis.ask(limits, [key] * len(limits), micros / 1e6)
            # By so little can microseconds in two numbers and in one differ.
            if abs(mine.retry_after) > 1e-4 or mine.allowed:
                assert mine.allowed is theirs.allowed
                assert mine.remaining == theirs.remaining
            if not mine.allowed and not theirs.allowed:
                assert theirs.retry_after == pytest.approx(mine.retry_after, abs=1e-3)


@given(
    questions=st.lists(
        st.tuples(
            st.lists(st.sampled_from(sorted(LIMITS)), min_size=1, max_size=3, unique=True),
            st.integers(0, 3),
            st.one_of(st.just(0), st.integers(0, 400_000), st.integers(0, 12_000_000)),
            st.integers(1, 8),
        ),
        max_size=10,
    )
)
def test_the_redis_of_simulations_answers_as_redis_does(
    redis: InRedis, questions: list[tuple[list[str], int, int, int]]
) -> None:
    """Number by number, also where several requests are taken in advance, or none of a limit."""
    simulated = InSimulatedRedis()
    redis.clear()
    micros = round(NOW * 1e6)
    for names, want, gap, times in questions:
        limits = [LIMITS[name] for name in names]
        keys = tuple([b"%032d" % sorted(LIMITS).index(name) for name in names])
        wants = (want, *[1] * (len(names) - 1))
        micros += gap
        for _ in range(times):
            theirs = redis.put(limits, keys, wants, micros / 1e6)
            mine = simulated.put(limits, keys, wants, micros / 1e6)
            if not theirs[0] and theirs[3] <= 100:
                return  # by so little can microseconds in one number differ from those in two
            assert (mine[0], mine[2]) == (theirs[0], theirs[2])
            assert mine[3] == pytest.approx(theirs[3], abs=1000)
            assert mine[4] == pytest.approx(theirs[4], abs=1)
            assert mine[5 : 5 + len(keys)] == theirs[5 : 5 + len(keys)]
            assert mine[5 + len(keys) :] == pytest.approx(theirs[5 + len(keys) :], abs=1000)


def test_a_clock_that_is_set_back_does_not_lock_anybody_out(redis: InRedis) -> None:
    """The server that takes over may be an hour behind: no longer than a window is anything remembered."""
    redis.clear()
    for limit in (EXACT, BUCKET):
        while redis.ask([limit], [b"a"], NOW).allowed:
            pass

        assert not redis.ask([limit], [b"a"], NOW - 3600).allowed
        assert redis.ask([limit], [b"a"], NOW - 3600 + limit.window * 1.1).allowed


def test_nothing_stays_in_redis(redis: InRedis) -> None:
    """A key goes when there is nothing to remember; its name says nothing of the client."""
    redis.clear()
    redis.ask([EXACT, BUCKET], [b"alice", b"192.0.2.1"], NOW)

    keys = [key for key in redis.reactor.result(redis.redis.command("KEYS", "*")) if key != b"clock"]

    assert len(keys) == 2
    for key in keys:
        assert key.startswith(b"gw:{limits}:")
        assert len(key) == 44
        assert 0 < redis.reactor.result(redis.redis.command("PTTL", key)) <= 10_100
