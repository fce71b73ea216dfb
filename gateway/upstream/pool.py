"""Persistent connections to backends, shared by all routes of an upstream.

`ConnectionPool` is Twisted's `HTTPConnectionPool` with what that lacks: a true
cap on open connections, a bounded queue for those who wait, last in first out
reuse, and idle connections that leave when they die. Each backend has its own
`BackendPool`, so a slow one holds up nobody else.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from errno import EMFILE, ENFILE, ENOBUFS, ENOMEM
from typing import Protocol
from urllib.parse import urlsplit

from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.interfaces import IProtocol
from twisted.python.failure import Failure
from twisted.web.client import HTTPConnectionPool

from gateway.dialling.failures import failure_to_error
from gateway.errors import GatewayError, PoolExhausted
from gateway.http1.response_parser import ResponseMemo
from gateway.transport.deadlines import NEVER, Deadlines
from gateway.upstream.complaints import Complaints
from gateway.upstream.http1_connection import Http1Connection

_NONE_LEFT = frozenset([EMFILE, ENFILE, ENOBUFS, ENOMEM])
"""What the system says when it has no more of what a connection needs."""

Dial = Callable[[Callable[[], IProtocol]], "Deferred[IProtocol]"]
"""Opens one connection to a backend for the protocol that is made."""


class PoolLimits(Protocol):
    """How large a pool may be.

    Attributes:
        max_idle: Kept open while nobody uses them.
        max_connections: Open at once, connecting ones included; those that are lent are not counted.
        idle_timeout: Seconds that one may be unused.
        max_pending: Attempts that may wait for one.
        queue_timeout: Seconds that they may wait.
    """

    @property
    def max_idle(self) -> int: ...

    @property
    def max_connections(self) -> int: ...

    @property
    def idle_timeout(self) -> float: ...

    @property
    def max_pending(self) -> int: ...

    @property
    def queue_timeout(self) -> float: ...


class Waiter(Protocol):
    """An attempt that needs a connection.

    Attributes:
        fresh: One that has not been used.
        owner: The client's connection, for which one may be set aside.
    """

    @property
    def fresh(self) -> bool: ...

    @property
    def owner(self) -> object: ...

    def connected(self, connection: Http1Connection) -> None: ...

    def refused(self, error: GatewayError) -> None: ...


class BackendPool:
    """The connections to one backend.

    # Note [Lent places]
    The cap is there to protect the backend, and a client could use it against all others: so many that send half a
    request, or never read their answer, and nobody else gets a connection. So a connection that waits for its client
    lends its place in the cap for as long as it waits: another one may be opened. There can be no more of them than
    clients, `limits.connections`; past that number of lent places, or when the system has no descriptor left, the
    connection that has waited longest for its client is given up.

    # Note [Connections of one client]
    A backend that speaks NTLM or Negotiate authenticates the connection: whatever comes on it later is the user's. Such
    a connection is set aside for the client connection whose request authenticated it, and nobody else ever gets it;
    when the place that it takes is needed, it is closed.

    Args:
        upstream: Name of its upstream.
        backend: Its URL.
        host: The name or address in it.
        dial: Opens a connection.
        limits: How large the pool may be.
        most_lent: Connections, at most, that wait for their clients and do not count; see Note [Lent places].
        response_header: Octets of the head of an answer.
        deadlines: Watches connections.
        now: Monotonic seconds.

    Attributes:
        upstream: Name of its upstream.
        backend: Its URL.
        host: The name or address in it.
        authority: Host and port in it, as `Host` has them.
        memo: Heads of answers that were read before.
        in_flight: Attempts under way, waiting ones included, and tunnels.
        picks: Attempts begun so far.
        connecting: Connections being opened.
        pins: For client connections, the pool that has set a connection aside for them; shared by all pools.
    """

    def __init__(
        self,
        upstream: str,
        backend: str,
        host: str,
        dial: Dial,
        limits: PoolLimits,
        most_lent: int,
        response_header: int,
        deadlines: Deadlines,
        now: Callable[[], float],
    ) -> None:
        self.upstream = upstream
        self.backend = backend
        self.host = host
        self.authority = urlsplit(backend).netloc.encode()
        self.response_header = response_header
        self.memo = ResponseMemo()
        self.in_flight = 0
        self.picks = 0
        self.connecting = 0
        self.deadline = NEVER
        self._dial = dial
        self._complaints = Complaints(upstream, backend, now)
        self._limits = limits
        self._most_lent = most_lent
        self.deadlines = deadlines
        self.now = now
        self.pins: dict[object, BackendPool] = {}
        self._aside: dict[object, Http1Connection] = {}
        self._idle: list[Http1Connection] = []
        # Dictionaries rather than sets: their order is the same in every run.
        self._open: dict[Http1Connection, None] = {}
        self._lent: dict[Http1Connection, None] = {}
        self._overdrawn = False
        self._dialling: dict[Deferred[None], None] = {}
        self._waiting: OrderedDict[Waiter, float] = OrderedDict()
        self._retired = False
        self._empty: Deferred[None] | None = None

    @property
    def max_connections(self) -> int:
        """The cap."""
        return self._limits.max_connections

    @property
    def idle(self) -> int:
        """Connections that nobody uses."""
        return len(self._idle) + len(self._aside)

    @property
    def busy(self) -> int:
        """Connections in use."""
        return len(self._open) - len(self._idle) - len(self._aside)

    @property
    def pending(self) -> int:
        """Attempts that wait."""
        return len(self._waiting)

    @property
    def lent(self) -> int:
        """Connections that wait for their clients, and do not count."""
        return len(self._lent)

    def acquire(self, waiter: Waiter) -> Http1Connection | None:
        """Get a connection now, or be told later.

        Args:
            waiter: Hears of the connection when there is none now; perhaps before this returns.

        Returns:
            An idle connection, or None: the waiter is in the queue.

        Raises:
            PoolExhausted: The queue is full.
        """
        idle = self._idle
        if self._aside:
            own = self._take_aside(waiter.owner)
            if own is not None:
                if not waiter.fresh and self.now() < own.deadline:
                    return own
                own.close()
            elif not idle and self._size >= self._limits.max_connections:
                next(iter(self._aside.values())).close()
        if waiter.fresh:
            if idle and self._size >= self._limits.max_connections:
                idle[0].close()
        else:
            while idle:
                connection = idle.pop()
                if connection.idle_for == NEVER or self.now() < connection.deadline:
                    return connection
                # The backend said that it would close it about now: what is sent on it could be lost.
                connection.close()
        full = self._size >= self._limits.max_connections
        # Those for whom one is being opened are not in the queue.
        if full and len(self._waiting) - self.connecting >= self._limits.max_pending:
            raise PoolExhausted()
        until = self.now() + self._limits.queue_timeout if full else NEVER
        self._waiting[waiter] = until
        if until < self.deadline:
            self.deadline = until
            self.deadlines.watch(self)
        self._open_for_waiting()
        return None

    def withdraw(self, waiter: Waiter) -> None:
        """Wait no more; no error when it did not."""
        self._waiting.pop(waiter, None)

    def release(self, connection: Http1Connection) -> None:
        """Take a connection back that can be used again."""
        if self._overdrawn:
            self._overdrawn = self._size > self._limits.max_connections
            if self._overdrawn:
                connection.close()
                return
        if self._waiting and self._hand_over(connection):
            return  # also when retired: an exchange that began before the reload may still come here
        if self._retired or (len(self._waiting) > self.connecting and self._size >= self._limits.max_connections):
            # All who still wait want an unused connection, and the pool is full: close this one so that a new one can
            # be dialled.
            connection.close()
        elif len(self._idle) >= self._limits.max_idle:
            connection.close()
        else:
            connection.deadline = self.now() + min(self._limits.idle_timeout, connection.idle_for)
            self._idle.append(connection)

    def set_aside(self, connection: Http1Connection, owner: object) -> None:
        """Take back a connection that only this owner may use again; see Note [Connections of one client]."""
        before = self._take_aside(owner)
        if before is not None:
            before.close()
        if self._retired or (len(self._waiting) > self.connecting and self._size >= self._limits.max_connections):
            connection.close()  # others wait for its place
            return
        if len(self._aside) >= max(1, self._limits.max_idle):
            next(iter(self._aside.values())).close()
        connection.deadline = self.now() + min(self._limits.idle_timeout, connection.idle_for)
        self._aside[owner] = connection
        self.pins[owner] = self

    def lend(self, connection: Http1Connection) -> None:
        """A connection waits for its client; see Note [Lent places]."""
        if connection in self._open and connection not in self._lent:
            self._lent[connection] = None
            connection.has_lent = True
            if self._waiting:
                self._open_for_waiting()

    def reclaim(self, connection: Http1Connection) -> None:
        """It waits no longer: it counts again; where that makes one more than the cap, the next that is free goes."""
        if connection in self._lent:
            del self._lent[connection]
            self._overdrawn = self._size > self._limits.max_connections

    def lost(self, connection: Http1Connection) -> None:
        """A connection is no more, or will not be given back; no error when that is known."""
        if connection not in self._open:
            return
        del self._open[connection]
        self._lent.pop(connection, None)
        if connection in self._idle:
            self._idle.remove(connection)
        elif self._aside.get(connection.owner) is connection:
            self._take_aside(connection.owner)
        self._open_for_waiting()
        self._check_empty()

    def retire_addresses(self, current: Iterable[str]) -> None:
        """The backend's name has other addresses now: leave those that are gone."""
        keep = frozenset(current)
        for connection in [connection for connection in self._open if connection.address not in keep]:
            connection.retired = True
            if connection in self._idle or self._aside.get(connection.owner) is connection:
                connection.close()

    def retire(self) -> None:
        """Close idle connections now, busy ones when they are given back."""
        self._retired = True
        for connection in [*self._idle, *self._aside.values()]:
            connection.close()

    def drained(self) -> Deferred[None]:
        """Fire when no connection is open any more."""
        if self._empty is None:
            self._empty = Deferred()
        self._check_empty()
        return self._empty

    def abort(self) -> None:
        """Close everything at once."""
        self._retired = True
        for dialling in list(self._dialling):
            dialling.cancel()
        for connection in list(self._open):
            connection.close(aborting=True)

    def on_deadline(self, now: float) -> None:
        """Attempts that have waited too long are refused."""
        for waiter in [waiter for waiter, until in self._waiting.items() if until <= now]:
            if self._waiting.pop(waiter, None) is not None:
                waiter.refused(PoolExhausted("No connection to the backend became free in time."))
        self.deadline = min(self._waiting.values(), default=NEVER)
        if self.deadline == NEVER:
            self.deadlines.forget(self)

    @property
    def _size(self) -> int:
        return len(self._open) + self.connecting - len(self._lent)

    def _open_for_waiting(self) -> None:
        while len(self._waiting) > self.connecting and self._size < self._limits.max_connections:
            if len(self._lent) >= self._most_lent:
                self._give_up_longest()  # which comes back here
                return
            self.connecting += 1
            dialling: Deferred[None] = self._dial(lambda: Http1Connection(self)).addCallbacks(
                self._dialled, self._dial_failed
            )
            if not dialling.called:
                self._dialling[dialling] = None
                dialling.addBoth(self._forget_dial, dialling)

    def _forget_dial(self, result: None, dialling: Deferred[None]) -> None:
        self._dialling.pop(dialling, None)

    def _dialled(self, protocol: IProtocol) -> None:
        assert isinstance(protocol, Http1Connection)
        self.connecting -= 1
        connection = protocol
        if connection.lost:
            self._open_for_waiting()
            self._check_empty()
            return
        connection.address = getattr(connection.transport.getPeer(), "host", "")  # type: ignore[union-attr]
        self._open[connection] = None
        self.deadlines.watch(connection)
        self.release(connection)

    def _dial_failed(self, failure: Failure) -> None:
        self.connecting -= 1
        if self._lent and getattr(failure.value, "osError", None) in _NONE_LEFT:
            self._give_up_longest()
            return
        if not failure.check(CancelledError):  # by ourselves, when nobody waits any more
            self._complaints.dial_failed(failure)
        if self._waiting:
            waiter, _ = self._waiting.popitem(last=False)
            waiter.refused(failure_to_error(failure))
        self._open_for_waiting()
        self._check_empty()

    def _take_aside(self, owner: object) -> Http1Connection | None:
        connection = self._aside.pop(owner, None)
        if connection is not None and self.pins.get(owner) is self:
            del self.pins[owner]
        return connection

    def _give_up_longest(self) -> None:
        """Take the connection that has waited longest for its client away from it, and dial for those who wait."""
        next(iter(self._lent)).give_up()

    def _hand_over(self, connection: Http1Connection) -> bool:
        """Let the first that waits for such a connection have it; returns whether there was one."""
        used = connection.uses > 0
        for waiter in self._waiting:
            if not (used and waiter.fresh):
                break
        else:
            return False
        del self._waiting[waiter]  # the deadline stays: a look too many is cheaper than a search for each
        waiter.connected(connection)
        return True

    def _check_empty(self) -> None:
        if self._empty is not None and not self._empty.called and not self._open and not self.connecting:
            self._empty.callback(None)


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
        self.pins: dict[object, BackendPool] = {}

    def backend(self, key: Hashable, make: Callable[[], BackendPool]) -> BackendPool:
        """Return the pool of a backend, made when it is new."""
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = make()
            pool.pins = self.pins
        return pool

    def pools(self) -> list[BackendPool]:
        """Return the pools in use."""
        return list(self._pools.values())

    def retain(self, keys: Iterable[Hashable]) -> None:
        """Retire the pools of backends that are in no configuration any more."""
        keep = set(keys)
        for key in [key for key in self._pools if key not in keep]:
            pool = self._pools.pop(key)
            self._leaving[pool] = None
            pool.drained().addCallback(self._gone, pool)
            pool.retire()

    def _gone(self, drained: None, pool: BackendPool) -> None:
        self._leaving.pop(pool, None)

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
