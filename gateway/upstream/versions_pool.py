"""The connections to a backend that may speak HTTP/2, and those of requests that only HTTP/1.1 can carry.

For `protocol: auto` over TLS. A request that asks to change protocols (a WebSocket) is asked by HTTP/1.1: it has
connections of its own, for which HTTP/1.1 alone is offered, as browsers do. Nothing is kept of them but what a backend
declined to change.

Tests: `tests/flow/test_both_versions.py::test_an_upgrade_is_asked_by_http1`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.internet.defer import Deferred, gatherResults

from gateway.transport.deadlines import Deadlines
from gateway.upstream.aside import Aside
from gateway.upstream.backend_pool import BackendPool
from gateway.upstream.contract import Connect, Hearer, Stream
from gateway.upstream.pool_limits import PoolLimits


class VersionsPool(BackendPool):
    """All connections to one backend whose version is agreed on.

    Args:
        upstream: Name of its upstream.
        backend: Its URL.
        host: The name or address in it.
        connect: Opens a connection of either version.
        connect_http1: Opens one of HTTP/1.1.
        limits: How large the pool may be; those of upgrades are bounded by the same numbers again.
        most_lent: Connections, at most, that wait for their clients and do not count.
        deadlines: Watches connections.
        now: Monotonic seconds.
        random: As `random.random`.
    """

    def __init__(
        self,
        upstream: str,
        backend: str,
        host: str,
        connect: Connect,
        connect_http1: Connect,
        limits: PoolLimits,
        most_lent: int,
        deadlines: Deadlines,
        now: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        super().__init__(upstream, backend, host, connect, limits, most_lent, deadlines, now, random)
        self._connect_http1 = connect_http1
        self._most_lent = most_lent
        self._upgrades: _Upgrades | None = None

    def parts(self) -> list[BackendPool]:
        return [self] if self._upgrades is None else [self, self._upgrades]

    @property
    def idle(self) -> int:
        return super().idle + (0 if self._upgrades is None else self._upgrades.idle)

    @property
    def busy(self) -> int:
        return len(self._open) - super().idle + (0 if self._upgrades is None else self._upgrades.busy)

    @property
    def connecting(self) -> int:
        return super().connecting + (0 if self._upgrades is None else self._upgrades.connecting)

    @property
    def pending(self) -> int:
        return super().pending + (0 if self._upgrades is None else self._upgrades.pending)

    @property
    def lent(self) -> int:
        return super().lent + (0 if self._upgrades is None else self._upgrades.lent)

    # Called by attempts.

    def acquire(self, hearer: Hearer) -> Stream | None:
        if hearer.exchange.request.upgrade is None:
            return super().acquire(hearer)
        self.in_flight += 1
        self.picks += 1
        if self._upgrades is None:
            self._upgrades = _Upgrades(self)
        return self._upgrades.acquire(hearer)

    def withdraw(self, hearer: Hearer) -> None:
        super().withdraw(hearer)
        if self._upgrades is not None:
            self._upgrades.withdraw(hearer)

    # Called by who keeps the pools.

    def client_gone(self, owner: object) -> None:
        super().client_gone(owner)
        if self._upgrades is not None:
            self._upgrades.client_gone(owner)

    def retire_addresses(self, current: Iterable[str]) -> None:
        keep = frozenset(current)
        super().retire_addresses(keep)
        if self._upgrades is not None:
            self._upgrades.retire_addresses(keep)

    def retire(self) -> None:
        super().retire()
        if self._upgrades is not None:
            self._upgrades.retire()

    def drained(self) -> Deferred[None]:
        own = super().drained()
        if self._upgrades is None:
            return own
        return gatherResults([own, self._upgrades.drained()]).addCallback(lambda _: None)

    def abort(self) -> None:
        super().abort()
        if self._upgrades is not None:
            self._upgrades.abort()


class _Upgrades(BackendPool):
    """The connections of requests that ask to change protocols; what is in flight is counted by the pool of all.

    Args:
        all_of_them: That pool.
    """

    def __init__(self, all_of_them: VersionsPool) -> None:
        super().__init__(
            all_of_them.upstream,
            all_of_them.backend,
            all_of_them.host,
            all_of_them._connect_http1,  # noqa: SLF001  # of the same class, like those below
            all_of_them._limits,  # noqa: SLF001
            all_of_them._most_lent,  # noqa: SLF001
            all_of_them.deadlines,
            all_of_them.now,
            all_of_them._random,  # noqa: SLF001
        )
        self._all = all_of_them
        self._retired = all_of_them._retired  # noqa: SLF001
        self._complaints = all_of_them._complaints  # noqa: SLF001
        self.aside = Aside(self)
        self.aside.pins = all_of_them.aside.pins

    def leave(self) -> None:
        self._all.leave()
