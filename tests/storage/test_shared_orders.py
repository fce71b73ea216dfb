"""Orders about credentials on their way through Redis, over a store that does as it is told."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from gateway.identity.orders import Control, Order
from gateway.identity.results import Results
from gateway.identity.revocations import Revocations
from gateway.identity.tunnels import OpenTunnels
from gateway.principal import Principal
from gateway.storage.errors import StoreUnavailable
from gateway.storage.redis import RedisStore
from gateway.storage.shared_orders import CHANNEL, MOST_UNTOLD, REFUSED, RETRY, SharedOrders

REVOKE = Order(True, "jti", "t1", 2e9)
TOKEN = Principal("alice", token_id="t1")


class Store:
    """A Redis with one sorted set and one channel, which can be down."""

    def __init__(self) -> None:
        self.down = False
        self.entries: dict[bytes, float] = {}
        self.published: list[bytes] = []
        self.listening: tuple[Callable[[bytes], object], Callable[[], object]] | None = None

    def command(self, name: bytes, key: str, *args: Any) -> Deferred[Any]:
        if self.down:
            return fail(StoreUnavailable("down"))
        assert key == REFUSED
        if name == b"ZADD":
            self.entries[args[1]] = float(args[0])
            return succeed(1)
        least, most = float(args[0]), float(args[1])
        chosen = [entry for entry, score in self.entries.items() if least <= score <= most]
        if name == b"ZREMRANGEBYSCORE":
            for entry in chosen:
                del self.entries[entry]
            return succeed(len(chosen))
        assert name == b"ZRANGEBYSCORE"
        return succeed(chosen)

    def publish(self, channel: str, message: bytes) -> Deferred[Any]:
        if self.down:
            return fail(StoreUnavailable("down"))
        assert channel == CHANNEL
        self.published.append(message)
        return succeed(1)

    def subscribe(
        self, channel: str, on_message: Callable[[bytes], object], on_missed: Callable[[], object]
    ) -> Callable[[], None]:
        assert channel == CHANNEL
        self.listening = (on_message, on_missed)
        return self._end

    def _end(self) -> None:
        self.listening = None


class Instance:
    """One gateway's share in it."""

    def __init__(self, store: Store) -> None:
        self.clock = Clock()
        self.clock.advance(1e9)
        self.store = store
        self.results = Results(60.0, 5.0, 10)
        self.revocations = Revocations()
        self.shared = SharedOrders(cast("RedisStore", store), self.clock, self.clock.seconds)
        self.control = Control(self.results, self.revocations, OpenTunnels(), self.clock.seconds, self.shared.tell)
        self.shared.control = self.control
        self.results.keep(b"1", TOKEN, 0.0, inf)

    def refuses(self) -> bool:
        return self.revocations.refuses(TOKEN, self.clock.seconds())

    def hears(self, message: bytes) -> None:
        assert self.store.listening is not None
        self.store.listening[0](message)


@pytest.fixture
def store() -> Store:
    """Up."""
    return Store()


@pytest.fixture
def instance(store: Store) -> Instance:
    """Running."""
    made = Instance(store)
    made.shared.startService()
    return made


def test_what_is_ordered_here_is_told(instance: Instance, store: Store) -> None:
    """And what is refused is kept, until it ends by itself."""
    instance.control.give(REVOKE)
    instance.control.give(Order(False, "user", "alice"))

    assert store.published == [REVOKE.encode(), Order(False, "user", "alice").encode()]
    assert store.entries == {REVOKE.encode(): 2e9}
    assert instance.refuses()


def test_what_is_ordered_elsewhere_is_done(instance: Instance, store: Store) -> None:
    """And told nobody again."""
    instance.hears(REVOKE.encode())

    assert instance.refuses()
    assert not instance.results.known
    assert store.published == []


def test_an_instance_that_starts_knows_what_is_refused(instance: Instance, store: Store) -> None:
    """But for what has ended, which is thrown away."""
    instance.control.give(REVOKE)
    store.entries[Order(True, "jti", "old", 1.0).encode()] = 1.0
    store.entries[Order(True, "key_id", "k", inf).encode()] = inf
    other = Instance(store)
    other.shared.startService()

    assert other.refuses()
    assert other.revocations.refuses(Principal("x", key_id="k"), 1e18)
    assert len(other.revocations) == 2
    assert len(store.entries) == 2


def test_while_redis_is_down_orders_count_here_and_wait(instance: Instance, store: Store) -> None:
    """In their order; then the others are told."""
    store.down = True
    with capturedLogs() as logs:
        instance.control.give(REVOKE)
        instance.control.give(Order(False))
    assert instance.refuses()
    assert "not known to other instances" in str(logs[0]["log_format"])
    instance.clock.advance(RETRY)
    assert store.published == []
    store.down = False
    instance.clock.advance(RETRY)

    assert store.published == [REVOKE.encode(), Order(False).encode()]


def test_an_instance_that_starts_without_redis_reads_it_later(store: Store) -> None:
    """It does not wait for it."""
    Instance(store).control.give(REVOKE)
    store.down = True
    instance = Instance(store)
    instance.shared.startService()
    assert not instance.refuses()
    store.down = False
    instance.clock.advance(RETRY)

    assert instance.refuses()


def test_who_may_have_missed_something_looks_again(instance: Instance, store: Store) -> None:
    """At every credential, and at what is refused."""
    Instance(store).control.give(REVOKE)
    assert store.listening is not None
    store.listening[1]()

    assert not instance.results.known
    assert instance.refuses()


def test_a_redis_that_comes_back_empty_is_told_again(instance: Instance, store: Store) -> None:
    """Or an instance that starts later would let through what is refused elsewhere."""
    instance.control.give(REVOKE)
    instance.control.give(Order(True, "jti", "old", 1e9 + 1))
    instance.clock.advance(2)
    store.entries.clear()
    assert store.listening is not None
    store.listening[1]()

    assert store.entries == {REVOKE.encode(): 2e9}


@pytest.mark.parametrize("message", [b"", b"[]", b"\xff", b'{"revoke": true, "kind": "user", "name": "alice"}'])
def test_what_is_no_order_is_not_followed(instance: Instance, message: bytes) -> None:
    """A line in the log, and on."""
    with capturedLogs() as logs:
        instance.hears(message)

    assert len(logs) == 1
    assert instance.results.known


def test_orders_that_wait_do_not_fill_memory(instance: Instance, store: Store) -> None:
    """The oldest go untold: each was done here, and results end by themselves."""
    store.down = True
    for number in range(MOST_UNTOLD + 10):
        instance.shared.tell(Order(False, "user", str(number)))
    store.down = False
    instance.clock.advance(RETRY)

    assert len(store.published) == MOST_UNTOLD
    assert store.published[0] == Order(False, "user", "10").encode()


def test_before_there_is_a_configuration_nothing_is_heard(store: Store) -> None:
    """Nor does it fail."""
    instance = Instance(store)
    instance.shared.control = None
    instance.shared.startService()
    instance.hears(REVOKE.encode())
    assert store.listening is not None
    store.listening[1]()

    assert not instance.refuses()


def test_when_it_stops_nothing_is_left(instance: Instance, store: Store) -> None:
    """No listener, no timer."""
    store.down = True
    instance.control.give(REVOKE)
    instance.shared.stopService()

    assert store.listening is None
    assert instance.clock.getDelayedCalls() == []


def test_a_reading_that_waits_is_one_however_often_it_fails(instance: Instance, store: Store) -> None:
    """Whenever the channel is back while Redis is away it is asked for again; at the end nothing is left to happen."""
    assert store.listening is not None
    store.down = True
    for _ in range(3):
        store.listening[1]()
    waiting = len(instance.clock.getDelayedCalls())
    instance.shared.stopService()

    assert (waiting, instance.clock.getDelayedCalls()) == (1, [])
