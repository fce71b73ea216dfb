"""Persistent connections to backends, shared by all routes of an upstream.

`ConnectionPool` is Twisted's `HTTPConnectionPool` with what that lacks: a true
cap on open connections, a bounded queue for those who wait, last in first out
reuse, and idle connections that leave when they die. Each backend has its own
`BackendPool`, so a slow one holds up nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable

from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.web.client import HTTPConnectionPool

from gateway.upstream.backend_pool import BackendPool
from gateway.upstream.contract import Keeper


class ConnectionPool(HTTPConnectionPool):
    """The shared pool: one `BackendPool` for each backend of each upstream.

    Pools are kept by identity across configurations: what is the same in both
    keeps its connections.

    Attributes:
        pins: For client connections, the pool that has set a connection aside for them.
    """

    def __init__(self, reactor: object) -> None:
        super().__init__(reactor, persistent=True)
        # Retries are the forwarder's: it knows what was sent, and it counts.
        self.retryAutomatically = False
        self._pools: dict[Hashable, BackendPool] = {}
        self._leaving: dict[BackendPool, None] = {}
        self.pins: dict[object, Keeper] = {}

    def backend(self, key: Hashable, make: Callable[[], BackendPool]) -> BackendPool:
        """Return the pool of a backend, made when it is new."""
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = make()
            pool.aside.pins = self.pins
        return pool

    def pools(self) -> list[BackendPool]:
        """Return the pools in use."""
        return list(self._pools.values())

    def retain(self, keys: Iterable[Hashable]) -> None:
        """Retire the pools of backends that are in no configuration any more."""
        keep = set(keys)
        for key in [key for key in self._pools if key not in keep]:
            self.release(key)

    def release(self, key: Hashable) -> Deferred[None]:
        """Retire the pool of a backend that is a member no more; fires when its last exchange is over."""
        pool = self._pools.pop(key, None)
        if pool is None:
            return succeed(None)
        self._leaving[pool] = None
        drained = pool.drained().addCallback(self._gone, pool)
        pool.retire()
        return drained

    def _gone(self, drained: None, pool: BackendPool) -> None:
        self._leaving.pop(pool, None)

    def client_gone(self, client: object) -> None:
        """A client is gone: close what was set aside for it, wherever that is."""
        if client in self.pins:
            for pool in [*self._pools.values(), *self._leaving]:
                pool.client_gone(client)

    def addresses_changed(self, host: str, addresses: Iterable[str]) -> None:
        """A name resolves to other addresses: leave the ones that are gone."""
        for pool in self._pools.values():
            if pool.host == host:
                pool.retire_addresses(addresses)

    def closeCachedConnections(self) -> Deferred[None]:
        """Retire every pool; fire when all connections are closed."""
        self.retain(())
        done = gatherResults([pool.drained() for pool in self._leaving])
        return done.addCallback(lambda _: None)

    def abort(self) -> None:
        """Close every connection at once."""
        for pool in [*self._pools.values(), *self._leaving]:
            pool.abort()
