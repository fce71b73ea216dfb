"""Settings of Redis into the store that everything which names Redis shares; and what is shown of all stores."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from twisted.internet.defer import Deferred

from gateway.composition.foundation import Foundation
from gateway.config.problems import below
from gateway.config.redis_url import parse_redis_url
from gateway.config.schema.bounds import Redis
from gateway.telemetry.exposition import Sample
from gateway.telemetry.series import Counts, Histogram

if TYPE_CHECKING:  # a gateway without stores loads nothing of them
    from gateway.storage.key_sql import SqlKeys
    from gateway.storage.redis import RedisStore
    from gateway.storage.redis_link import Connection
    from gateway.storage.sql_driver import SqlDriver

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1)
"""Seconds: an answer is expected within one millisecond and awaited for fifty."""


class RedisCounts:
    """What is counted about Redis (`gateway.storage.redis.StoreCounts`).

    Args:
        failures: `gateway_store_failures_total`.
        name: Of the store there.
    """

    def __init__(self, failures: Counts, name: str) -> None:
        self._failures = failures
        self._name = name
        self.durations = Histogram(BUCKETS)

    def failed(self, reason: str) -> None:
        """Count a command without an answer."""
        self._failures.add(self._name, reason)

    def answered(self, seconds: float) -> None:
        """Count the time that a batch of commands took."""
        self.durations.observe(seconds)


class _Shown:
    """The figures of all stores: those in Redis, and databases."""

    def __init__(self) -> None:
        self.stores: dict[str, tuple[RedisStore, RedisCounts]] = {}
        self.databases: dict[str, SqlKeys] = {}

    # Figures are shown of a store in force only: a store that a reload let go of, or whose build failed, is not down.
    def up(self) -> Iterator[Sample]:
        for name, (store, _) in self.stores.items():
            if store.running:
                yield (name,), int(store.up)
        for name, database in self.databases.items():
            if database.running:
                yield (name,), int(database.standing.up)

    def durations(self) -> Iterator[Sample]:
        for name, (store, counts) in self.stores.items():
            if store.running:
                yield (name,), counts.durations


def redis_store(settings: Redis | None, foundation: Foundation, name: str = "redis") -> RedisStore:
    """Return the store of these settings: the same for the same ones, started with what else is carried.

    Args:
        settings: The `redis` section, None for its defaults.
        foundation: What it is built on.
        name: What the metrics call it; stores of different names have connections and breakers of their own.

    Raises:
        gateway.config.ConfigError: A certificate cannot be used.
    """
    redis = settings or Redis.unwritten()
    key = ("redis", redis) if name == "redis" else ("redis", redis, name)
    shown: _Shown = foundation.carried.get(("stores shown",), _Shown)
    return foundation.carried.get(key, lambda: _make(redis, foundation, name, shown))


def sql_keys(driver: SqlDriver, foundation: Foundation, patience: float | None = None) -> SqlKeys:
    """Return the keys in a database: the same for the same one.

    Args:
        driver: The database.
        foundation: What it is built on.
        patience: Seconds after which it counts as failed; None for what a request waits.
    """
    from gateway.storage.key_sql import TIMEOUT, SqlKeys  # here, since most gateways need no database

    failures = foundation.metrics.counter("gateway_store_failures_total")
    shown: _Shown = foundation.carried.get(("stores shown",), _Shown)
    identity = ("api keys", driver.module, tuple(sorted(driver.options.items())))
    count = partial(failures.add, "sql")
    longest = TIMEOUT if patience is None else patience
    keys = foundation.carried.get(identity, lambda: SqlKeys(driver, foundation.reactor, count, longest))
    foundation.carried.then(partial(shown.databases.__setitem__, "sql", keys))
    foundation.carried.then(partial(foundation.metrics.gauge, "gateway_store_up", shown.up))
    return keys


def redis_in_use(settings: Redis | None, foundation: Foundation) -> RedisStore | None:
    """Return the store of these settings if this build has asked for it."""
    store: RedisStore | None = foundation.carried.asked(("redis", settings or Redis.unwritten()))
    return store


def _make(redis: Redis, foundation: Foundation, name: str, shown: _Shown) -> RedisStore:
    # Imported here, since txredisapi imports the reactor, which twistd's --reactor must have chosen before. A gateway
    # without Redis does not load it at all.
    from gateway.dialling.tls import client_tls_options
    from gateway.storage.redis import RedisStore
    from gateway.storage.redis_connection import RedisConnection
    from gateway.storage.redis_link import PATIENCE

    address = parse_redis_url(redis.url)

    def dial(host: str, port: int) -> Deferred[Connection]:
        tls = client_tls_options(host, redis.tls, alpn=()) if address.tls else None
        dialing: Deferred[Any] = foundation.dialer.dial(host, port, tls, RedisConnection, PATIENCE)
        return cast("Deferred[Connection]", dialing)

    if address.tls:
        # Called now, so that a file that cannot be used fails the build, and not the first connection.
        with below("redis.tls."):
            client_tls_options(address.hosts[0][0], redis.tls, alpn=())
    counts = RedisCounts(foundation.metrics.counter("gateway_store_failures_total"), name)
    store = RedisStore(
        address, redis.timeout, redis.pool, dial, foundation.reactor, foundation.now, foundation.random, counts
    )
    metrics = foundation.metrics
    foundation.carried.then(partial(shown.stores.__setitem__, name, (store, counts)))
    foundation.carried.then(partial(metrics.gauge, "gateway_store_up", shown.up))
    foundation.carried.then(partial(metrics.gauge, "gateway_store_duration_seconds", shown.durations))
    return store
