"""What routes with `cache` have: their steps, the store, and what makes the requests that fetch for it.

Tests: `tests/flow/test_cache.py::test_the_store_outlives_a_reload`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, ensureDeferred

from gateway.caching.flights import Flights, Room
from gateway.caching.freshness import Policy
from gateway.caching.lending import Lending
from gateway.caching.memory import MemoryStore
from gateway.caching.normal import usual_codings
from gateway.caching.store import CacheStore, Purge
from gateway.composition.builders.keeping import keeps
from gateway.composition.builders.storage import redis_store
from gateway.composition.foundation import Foundation, Waited
from gateway.config import Settings
from gateway.config.schema.bounds import Redis
from gateway.config.schema.caching import Cache
from gateway.config.schema.routes import Route
from gateway.exchange import Exchange
from gateway.forwarding.subrequest import Asker, Subrequest
from gateway.http.fields import FieldFilter
from gateway.interfaces import Middleware
from gateway.middleware.cache import CacheStep
from gateway.middleware.cache_invalidation import Invalidation
from gateway.middleware.cache_parts import Parts
from gateway.middleware.cache_request import Requests
from gateway.middleware.compression import Compression

if TYPE_CHECKING:
    from gateway.storage.shared_purges import SharedPurges


class Cached:
    """Makes the steps of one configuration's routes.

    Args:
        settings: The configuration.
        foundation: What it is built on.
        beside: Further stores in memory that go by the same purges (`gateway.middleware.last_good`).

    Attributes:
        store: Where answers are kept.
    """

    def __init__(self, settings: Settings, foundation: Foundation, beside: Sequence[CacheStore] = ()) -> None:
        self._settings = settings
        self._beside = beside
        self._in_memory = settings.cache_store == "memory"
        self._foundation = foundation
        carried = foundation.carried
        self.store: CacheStore = self._store()
        self._flights: Flights[Any] = carried.get(("cache", "flights"), Flights)
        size = settings.cache.size
        self._room: Room = carried.get(("cache", "room"), lambda: Room(size))
        lent: Room = carried.get(("cache", "lent"), lambda: Room(size))
        self._lending: Lending = carried.get(("cache", "lending"), lambda: Lending(lent))
        for room in (self._room, lent):
            carried.then(partial(setattr, room, "most", size))
        # What is in memory is each process's, and each instance's, own: they tell one another.
        self._whole = foundation.whole if self._in_memory or beside else None
        tell = None if self._whole is None else self._tell
        self._invalidation = Invalidation(self.store, self._flights, tell)
        if self._whole is not None:
            carried.then(partial(self._whole.hear, "purge", self._hear))
        self._told = self._others()

    def _store(self) -> CacheStore:
        foundation, size = self._foundation, self._settings.cache.size
        if self._settings.cache_store == "redis":
            return self._shared_store()
        evicted = foundation.metrics.counter("gateway_cache_evictions_total").add
        store = foundation.carried.get(("cache", "memory"), lambda: MemoryStore(size, evicted=evicted))
        foundation.carried.then(partial(store.resize, size))
        show = partial(foundation.metrics.gauge, "gateway_cache_bytes", lambda: [((), store.octets)])
        foundation.carried.then(show)
        return store

    def _shared_store(self) -> CacheStore:
        # Imported here, as `gateway.composition.builders.storage` does.
        from gateway.storage.cached_answers import RedisAnswers

        settings, foundation = self._settings, self._foundation
        redis = settings.redis or Redis.unwritten()
        longest = max(route.cache.max_entry for route in settings.routes if route.cache is not None)
        # On connections of its own: a megabyte on its way would hold up a question about a limit (D-382).
        store = redis_store(redis, foundation, "redis_cache")
        return foundation.carried.get(
            ("cache", redis, longest),
            lambda: RedisAnswers(
                store,
                longest,
                redis.timeout,
                foundation.reactor,
                foundation.now,
                foundation.wall_clock,
                foundation.random_bytes,
            ),
        )

    def step(self, route: Route, passes: FieldFilter) -> Middleware | None:
        """Make the step of a route; None where it has neither a cache nor anything to do with that of another."""
        settings = route.cache
        if settings is None or not keeps(route):
            return self._invalidation if route.upstream and _changes(route, self._settings) else None
        compression = self._settings.compression_of(route)
        codings: Callable[[bytes], bytes | None] = usual_codings
        if compression is not None:
            codings = Compression(compression.algorithms, compression.min_size, compression.types).agreed
        requests = Requests(
            _scope(route, self._settings),
            route.name,
            None if settings.query == "all" else _names(settings.query),
            [name.lower().encode() for name in settings.vary],
            passes,
            codings,
            self._parts_asked_for(route),
        )
        parts = Parts(
            requests,
            _policy(settings),
            self.store,
            self._flights,
            self._room,
            # What is longer than all that may be kept has no room while it comes.
            min(settings.max_entry, self._settings.cache.size),
            settings.status,
            self._foundation.wall_clock,
            partial(_ask, self._foundation.waited),  # no method: steps outlive their configuration
            self._lending,
            self._settings.cache_store == "redis",
        )
        return CacheStep(
            parts,
            frozenset(method.encode() for method in settings.methods),
            settings.coalesce,
            self._invalidation,
            partial(self._foundation.metrics.counter("gateway_cache_requests_total").cell, route.name),
        )

    def _parts_asked_for(self, route: Route) -> Callable[[Exchange], bytes] | None:
        if route.aggregate is None:
            return None
        from gateway.composition.builders.aggregations import asked_for

        return asked_for(route, self._foundation)

    def _others(self) -> SharedPurges | None:
        """Return what tells other instances of purges of memory; None where there is no Redis to do it."""
        settings, foundation = self._settings, self._foundation
        if settings.redis is None if self._in_memory else not self._beside:
            return None
        from gateway.storage.shared_purges import SharedPurges

        store = redis_store(settings.redis or Redis.unwritten(), foundation)
        told = foundation.carried.get(("cache", "told", store), lambda: SharedPurges(store, foundation.reactor))
        foundation.carried.then(partial(setattr, told, "hear", self._forget_here))
        return told

    def _forget(self, purge: Purge) -> Awaitable[Any] | None:
        self._forget_beside(purge)
        self._flights.forget(purge)
        return self.store.purge(purge)

    def _forget_here(self, purge: Purge) -> None:
        """Go by what another one was told: what is in Redis has been purged by that one."""
        if self._in_memory:
            self._forget(purge)
        else:
            self._forget_beside(purge)

    def _forget_beside(self, purge: Purge) -> None:
        for store in self._beside:
            store.purge(purge)

    def purge(self, purge: Purge) -> Awaitable[Any] | None:
        """Forget answers, those that are on their way too; gives whether all instances know, None where all do."""
        done = self._forget(purge)
        if self._whole is not None:
            self._tell(purge)
        if self._told is None:
            return done
        told = self._told.tell(purge)
        return told if done is None else _both(done, told)

    def _hear(self, said: str) -> None:
        from gateway.storage.shared_purges import decode  # with several processes only

        self._forget_here(decode(said.encode()) or Purge())

    def _tell(self, purge: Purge) -> None:
        from gateway.storage.shared_purges import encode  # with several processes only

        assert self._whole is not None
        self._whole.tell("purge", encode(purge).decode())


def _both(one: Awaitable[bool], other: Awaitable[bool]) -> Deferred[bool]:
    async def both() -> bool:
        first = await one
        return await other and first

    return ensureDeferred(both())


def _ask(keeper: Waited, asker: Asker, begin: Callable[[Exchange], None]) -> Subrequest:
    return Subrequest(keeper, asker, begin, _finish)


def _finish(exchange: Exchange) -> None:
    if exchange.chain is not None:
        exchange.chain.finish(exchange)


def _policy(settings: Cache) -> Policy:
    return Policy(
        settings.ttl or None,
        settings.override_ttl,
        settings.stale_while_revalidate,
        settings.stale_if_error,
        settings.tags.lower().encode(),
    )


def _names(query: str | tuple[str, ...]) -> frozenset[bytes]:
    return frozenset() if isinstance(query, str) else frozenset(name.encode() for name in query)


def _scope(route: Route, settings: Settings) -> bytes:
    """Return a name for what the answers of a route depend on beside the request: a reload leaves none behind."""
    told = [route.name, repr(route.upstreams), repr(settings.compression_of(route))]
    told += [repr(route.cache and (route.cache.vary, route.cache.query))]
    told += ["" if route.aggregate is None else route.aggregate.model_dump_json()]
    told += ["" if route.transformations is None else route.transformations.request.model_dump_json()]
    for upstream in settings.upstreams:
        if upstream.name in {name for name, _ in route.upstreams}:
            told += [upstream.name, repr(upstream.host_header), repr(upstream.rewrite_responses)]
    return blake2b("\n".join(told).encode(), digest_size=16).hexdigest().encode()


def _changes(route: Route, settings: Settings) -> bool:
    """Whether a route takes requests that may change what a route with a cache keeps: those of other methods."""
    if route.methods is not None and {"GET", "HEAD", "OPTIONS", "TRACE"}.issuperset(route.methods):
        return False
    return any(other.cache is not None and _meet(route, other) for other in settings.routes if other is not route)


def _meet(one: Route, other: Route) -> bool:
    """Whether two routes may be for the same URL."""
    if None not in one.hosts and None not in other.hosts:
        wild = any(host is not None and host.startswith("*") for host in (*one.hosts, *other.hosts))
        if not wild and not set(one.hosts) & set(other.hosts):
            return False
    return any(_first(path) == _first(another) for path in one.path for another in other.path) or any(
        _first(path) in _ANY for path in (*one.path, *other.path)
    )


_ANY = frozenset(["", "*"])


def _first(path: str) -> str:
    """Return the first segment of a path pattern; empty where it may be any."""
    segment = path.removeprefix("/").partition("/")[0]
    return "" if path.startswith("~") or segment[:1] in (":", "{") else segment
