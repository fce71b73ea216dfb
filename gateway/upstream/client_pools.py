"""Connections to a backend that is told whose they are: a pool for the clients of each address, within one cap.

For `upstreams[].proxy_protocol`; upstreams without it have a `gateway.upstream.backend_pool.BackendPool` alone.

# Note [Connections of one address]
A backend that was sent a PROXY header takes all that comes on the connection for that client's, so a connection serves
the clients of one address only: HAProxy and Envoy do the same. Each address has a `ClientPool`, which is there as long
as it has connections, or somebody waits in it. What the pools of a backend share is counted here, in `ClientPools`,
anew after each thing that happens to one of them: how many connections there are, how many of them nobody uses, and
for how many attempts none is being opened. Where somebody waits and the cap is reached, a connection that nobody uses
is closed, of the pool that has had one for longest. One that becomes free is closed too, for the pool that has waited
longest, rather than given to the next in its own pool: clients of one address cannot keep all places to themselves.

Where more than `max_idle` are unused together, the one that has been so for longest goes in `SURPLUS` seconds, if it is
not used again by then (Note [Surplus connections] in `gateway.upstream.pool_limits`): for each one that becomes free
beyond `max_idle` one goes, itself where the oldest goes already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from gateway.errors import PoolExhausted
from gateway.exchange import Exchange
from gateway.peer import Ends
from gateway.transport.deadlines import Deadlines
from gateway.upstream.aside import Aside
from gateway.upstream.backend_pool import BackendPool
from gateway.upstream.contract import Connect, Connection, Hearer, Keeper, Stream
from gateway.upstream.pool_limits import SURPLUS, PoolLimits

_UPGRADES: Final = " upgrades"


def ends_of(exchange: Exchange) -> Ends:
    """Return the ends of the connection that an exchange came by.

    Ports and the address that was connected to are known of a client that came by itself, or was introduced by a PROXY
    header; of one whom a field names, the address is all.
    """
    address = exchange.client_address
    ends = exchange.peer.ends()
    if ends is not None and _plain(ends.source) == address:
        return ends._replace(source=address, destination=_plain(ends.destination))
    return Ends(address, 0, "", 0)


def _plain(address: str) -> str:
    """Return an IPv4 address that is mapped into IPv6 as what it is, as the clients' addresses are."""
    return address.removeprefix("::ffff:") if "." in address else address


class ClientPools(BackendPool):
    """All connections to one backend that is told whose they are; Note [Connections of one address].

    Args:
        upstream: Name of its upstream.
        backend: Its URL.
        host: The name or address in it.
        connect_for: Opens a connection for the client of an exchange.
        limits: How large the pools may be together.
        most_lent: Connections, at most, that wait for their clients and do not count.
        deadlines: Watches connections.
        now: Monotonic seconds.
        random: As `random.random`.
        upgrades_apart: Requests that ask to change protocols have connections of their own
            (`gateway.upstream.versions_pool` says why).

    Attributes:
        connect_for: As given.
        most_lent: As given.
        size: Connections that count, those being opened included.
        unprovided: Attempts that wait and for whom no connection is being opened.
    """

    def __init__(
        self,
        upstream: str,
        backend: str,
        host: str,
        connect_for: Callable[[Exchange], Connect],
        limits: PoolLimits,
        most_lent: int,
        deadlines: Deadlines,
        now: Callable[[], float],
        random: Callable[[], float],
        upgrades_apart: bool = False,
    ) -> None:
        super().__init__(upstream, backend, host, _nobody, limits, most_lent, deadlines, now, random)
        self.connect_for = connect_for
        self.most_lent = most_lent
        self.size = 0
        self.unprovided = 0
        self._unused = 0
        self._upgrades_apart = upgrades_apart
        self._pools: dict[str, ClientPool] = {}
        # Dictionaries rather than sets: who has been in one for longest is its first.
        self._idling: dict[ClientPool, None] = {}
        self._hungry: dict[ClientPool, None] = {}

    def parts(self) -> list[BackendPool]:
        return [*self._pools.values()]

    @property
    def idle(self) -> int:
        return self._unused

    @property
    def busy(self) -> int:
        return sum(pool.busy for pool in self._pools.values())

    @property
    def connecting(self) -> int:
        return sum(pool.connecting for pool in self._pools.values())

    @property
    def pending(self) -> int:
        return sum(pool.pending for pool in self._pools.values())

    @property
    def lent(self) -> int:
        return sum(pool.lent for pool in self._pools.values())

    # Called by attempts.

    def acquire(self, hearer: Hearer) -> Stream | None:
        self.in_flight += 1
        self.picks += 1
        address = self._whose(hearer.exchange)
        pool = self._pools.get(address)
        if pool is None:
            pool = self._pools[address] = ClientPool(self, address, self._retired)
        pool.acquiring += 1
        try:
            if self.size >= self.max_connections and not pool.has_own:
                if self._idling:
                    self._close_idle()
                elif self.unprovided >= self._limits.max_pending:
                    raise PoolExhausted()
            return pool.acquire(hearer)
        finally:
            pool.acquiring -= 1
            self.settle(pool)

    def _whose(self, exchange: Exchange) -> str:
        """Return which pool an exchange goes to: the address of its client, and whether it asks for an upgrade."""
        if self._upgrades_apart and exchange.request.upgrade is not None:
            return exchange.client_address + _UPGRADES
        return exchange.client_address

    def withdraw(self, hearer: Hearer) -> None:
        pool = self._pools.get(self._whose(hearer.exchange))
        if pool is not None:
            pool.withdraw(hearer)
            self.settle(pool)

    # Called by who keeps the pools.

    def client_gone(self, owner: object) -> None:
        for pool in list(self._pools.values()):
            if owner in pool.aside.connections:
                pool.client_gone(owner)

    def retire_addresses(self, current: Iterable[str]) -> None:
        keep = frozenset(current)
        for pool in list(self._pools.values()):
            pool.retire_addresses(keep)

    def retire(self) -> None:
        self._retired = True
        for pool in list(self._pools.values()):
            pool.retire()

    def abort(self) -> None:
        self._retired = True
        for pool in list(self._pools.values()):
            pool.abort()
            self.settle(pool)

    # Called by the pools of the addresses.

    def count(self, pool: ClientPool) -> None:
        """Count anew what a pool has."""
        size, unused, unprovided = pool.counts()
        self.size += size - pool.size
        self._unused += unused - pool.unused
        self.unprovided += unprovided - pool.unprovided
        if not unprovided:
            self._hungry.pop(pool, None)
        elif unprovided < pool.unprovided:
            self._hungry.pop(pool, None)  # it was given one: the others first, now
            self._hungry[pool] = None
        elif not pool.unprovided:
            self._hungry[pool] = None
        if not unused:
            self._idling.pop(pool, None)
        elif not pool.unused:
            self._idling[pool] = None
        pool.size, pool.unused, pool.unprovided = size, unused, unprovided

    def settle(self, pool: ClientPool) -> None:
        """Something has happened to a pool: count it, forget it where it is empty, and see to who waits."""
        self.count(pool)
        if pool.empty and self._pools.get(pool.address) is pool:
            del self._pools[pool.address]
            self.deadlines.forget(pool)
        if self._hungry:
            while self._hungry and self.size < self.max_connections:
                size = self.size
                next(iter(self._hungry)).serve()
                if self.size == size:
                    break
            if self._hungry and self._idling and self.size >= self.max_connections:
                self._close_idle()
        elif self._unused and (self.size > self.max_connections or not self._limits.max_idle):
            self._close_idle()
        self._check_empty()

    def yields(self, pool: ClientPool) -> bool:
        """Whether a connection of a pool, when it becomes free, has to make room for who waits in another one."""
        return self.size >= self.max_connections and not self.is_next(pool)

    def is_next(self, pool: ClientPool) -> bool:
        """Whether nobody waits in another pool who comes before those of a pool."""
        return not self._hungry or next(iter(self._hungry)) is pool

    def spare(self, connection: Connection) -> None:
        """Let an unused connection go in a while, where too many are unused now that this one is."""
        if self._unused > self._limits.max_idle:
            until = self.now() + SURPLUS
            if connection.deadline > until:
                oldest = next(iter(self._idling)).oldest()
                if oldest.deadline > until:
                    connection = oldest
                connection.deadline = until

    def _close_idle(self) -> None:
        next(iter(self._idling)).oldest().close()  # which comes back to `settle`

    def _check_empty(self) -> None:
        if self._empty is not None and not self._empty.called and not any(map(_is_connected, self._pools.values())):
            self._empty.callback(None)


class ClientPool(BackendPool):
    """The connections for the clients of one address.

    Args:
        pools: Those of the backend.
        address: The clients', empty where they have none; with a word behind it where upgrades are apart.
        retired: The backend is in no configuration any more.

    Attributes:
        address: As given.
        size: As of the last time that `ClientPools.count` was called, like the two after it.
        unused: Connections that nobody uses.
        unprovided: Attempts that wait and for whom no connection is being opened.
        acquiring: Calls of `acquire` that are under way: closing what is too old may leave nothing here for a moment.
    """

    def __init__(self, pools: ClientPools, address: str, retired: bool) -> None:
        super().__init__(
            pools.upstream,
            pools.backend,
            pools.host,
            self._connect,
            pools._limits,  # noqa: SLF001  # of the same class, like the two below
            pools.most_lent,
            pools.deadlines,
            pools.now,
            pools._random,  # noqa: SLF001
        )
        self.address = address
        self.size = self.unused = self.unprovided = self.acquiring = 0
        self._pools = pools
        self._retired = retired
        # One for the backend, however many clients there are.
        self._complaints = pools._complaints  # noqa: SLF001
        self.aside = Aside(pools)
        self.aside.pins = pools.aside.pins

    def counts(self) -> tuple[int, int, int]:
        """Return what `ClientPools.count` counts."""
        return self._own_size, len(self._idle) + len(self.aside), max(0, self._unprovided)

    @property
    def has_own(self) -> bool:
        """Whether an attempt may be given a connection that is there, or takes the place of one."""
        return bool(self._idle or self._roomy or self.aside.connections)

    @property
    def connected(self) -> bool:
        """Whether there are connections, or are to be."""
        return bool(self._open or self._openings.count)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to keep."""
        return not (self._open or self._openings.count or self._waiting or self.acquiring)

    def serve(self) -> None:
        """Open connections for who waits, as far as there is room."""
        self._open_for_waiting()
        self._pools.count(self)

    def oldest(self) -> Connection:
        """Return the connection that has been unused for longest."""
        return self._idle[0] if self._idle else self.aside.oldest()

    @property
    def _own_size(self) -> int:
        return len(self._open) + self._openings.count - len(self._lent)

    @property
    def _size(self) -> int:
        self._pools.count(self)
        return self._pools.size

    @property
    def _wanted(self) -> bool:
        self._pools.count(self)
        return self._pools.unprovided > 0 and self._pools.size >= self._limits.max_connections

    def _connect(self, keeper: Keeper) -> Deferred[Connection]:
        """Open a connection for the first who waits and for whom none is being opened yet."""
        hearer = next(islice(self._waiting, self._openings.count - 1, None))
        return self._pools.connect_for(hearer.exchange)(keeper)

    def _open_for_waiting(self) -> None:
        if self._pools.is_next(self):
            super()._open_for_waiting()

    # Called by connections.

    def leave(self) -> None:
        self._pools.leave()  # what is in flight is counted there

    def release(self, connection: Connection, now: float) -> None:
        if (connection.uses and self._pools.yields(self)) or self._pools.size > self._limits.max_connections:
            self._roomy.pop(connection, None)
            connection.retired = True
            if not connection.streams:
                connection.close()
        else:
            super().release(connection, now)
        self._became_free(connection)

    def set_aside(self, connection: Connection, owner: object) -> None:
        super().set_aside(connection, owner)
        self._became_free(connection)

    def _became_free(self, connection: Connection) -> None:
        self._pools.settle(self)
        if (self._idle and self._idle[-1] is connection) or connection in self.aside:
            self._pools.spare(connection)

    def full(self, connection: Connection) -> None:
        super().full(connection)
        self._pools.settle(self)

    def lend(self, connection: Connection) -> None:
        super().lend(connection)
        self._pools.settle(self)

    def reclaim(self, connection: Connection) -> None:
        super().reclaim(connection)
        self._pools.settle(self)

    def lost(self, connection: Connection) -> None:
        super().lost(connection)
        self._pools.settle(self)

    def _opened(self, connection: Connection) -> None:
        super()._opened(connection)
        self._pools.settle(self)

    def _not_opened(self, failure: Failure) -> None:
        super()._not_opened(failure)
        self._pools.settle(self)

    def on_deadline(self, now: float) -> None:
        super().on_deadline(now)
        self._pools.settle(self)


def _is_connected(pool: ClientPool) -> bool:
    return pool.connected


def _nobody(keeper: Keeper) -> Deferred[Connection]:
    """Open a connection for nobody in particular: there are none."""
    raise NotImplementedError
