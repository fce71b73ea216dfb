"""The connections to one backend: how many there are, who gets which, and how long anyone waits.

Opened by the function that the pool is handed; what they speak is not known here, only how many streams each takes
(`gateway.upstream.contract`). An attempt gets the stream of a connection that has room: one that is in use, then the
one that was used last, then a new one; past the cap it waits.

Tests: `tests/upstream/test_pool.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from errno import EMFILE, ENFILE, ENOBUFS, ENOMEM
from typing import Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from gateway.dialling.failures import failure_to_error
from gateway.errors import PoolExhausted
from gateway.transport.deadlines import NEVER, Deadlines, aged
from gateway.upstream.aside import Aside
from gateway.upstream.complaints import Complaints
from gateway.upstream.contract import Connect, Connection, Hearer, Keeper, Stream
from gateway.upstream.lent_places import LentPlaces
from gateway.upstream.openings import Openings
from gateway.upstream.pool_limits import SURPLUS, PoolLimits
from gateway.upstream.waiting import Waiting

_NONE_LEFT: Final = frozenset([EMFILE, ENFILE, ENOBUFS, ENOMEM])
"""What the system says when it has no more of what a connection needs."""


class BackendPool(Keeper):
    """The connections to one backend.

    Args:
        upstream: Name of its upstream.
        backend: Its URL.
        host: The name or address in it.
        connect: Opens a connection.
        limits: How large the pool may be.
        most_lent: Connections, at most, that wait for their clients and do not count; see Note [Lent places].
        deadlines: Watches connections.
        now: Monotonic seconds.
        random: As `random.random`; spreads the ends of connections that were opened together.
        each: Streams that a connection is expected to take, until one has been opened.

    Attributes:
        upstream: Name of its upstream.
        backend: Its URL.
        host: The name or address in it.
        in_flight: Attempts under way, waiting ones included, and tunnels.
        picks: Attempts begun so far.
        aside: Connections that belong to one client.
    """

    def __init__(
        self,
        upstream: str,
        backend: str,
        host: str,
        connect: Connect,
        limits: PoolLimits,
        most_lent: int,
        deadlines: Deadlines,
        now: Callable[[], float],
        random: Callable[[], float],
        each: int = 1,
    ) -> None:
        self.upstream = upstream
        self.backend = backend
        self.host = host
        self.in_flight = 0
        self.picks = 0
        self.deadline = NEVER
        self.deadlines = deadlines
        self.now = now
        self.aside = Aside(self)
        self._openings = Openings(self, connect, self._opened, self._not_opened)
        self._complaints = Complaints(upstream, backend, now)
        self._limits = limits
        self._random = random
        # Dictionaries rather than sets: their order is the same in every run.
        self._open: dict[Connection, None] = {}
        self._idle: list[Connection] = []
        # In use, and with room for more streams.
        self._roomy: dict[Connection, None] = {}
        self._lent = LentPlaces(most_lent)
        self._overdrawn = False
        # How many streams a connection to this backend takes, as far as is known.
        self._each = each
        self._waiting = Waiting()
        self._retired = False
        self._empty: Deferred[None] | None = None

    @property
    def max_connections(self) -> int:
        """The cap."""
        return self._limits.max_connections

    @property
    def idle(self) -> int:
        """Connections that nobody uses."""
        return len(self._idle) + len(self.aside)

    @property
    def busy(self) -> int:
        """Connections in use."""
        return len(self._open) - self.idle

    @property
    def connecting(self) -> int:
        """Connections being opened."""
        return self._openings.count

    @property
    def pending(self) -> int:
        """Attempts that wait."""
        return len(self._waiting)

    @property
    def lent(self) -> int:
        """Connections that wait for their clients, and do not count."""
        return len(self._lent)

    def parts(self) -> list[BackendPool]:
        """Return the pools that it is made of: itself."""
        return [self]

    # Called by attempts. What is in flight is counted in the next two, and nowhere else.

    def leave(self) -> None:
        self.in_flight -= 1

    def acquire(self, hearer: Hearer) -> Stream | None:
        """Count an attempt, and get a stream for it now, or let it be told later.

        Args:
            hearer: Hears of the stream when there is none now; perhaps before this returns.

        Returns:
            A stream, or None: the hearer is in the queue.

        Raises:
            PoolExhausted: The queue is full; the attempt counts until it leaves, all the same.
        """
        self.in_flight += 1
        self.picks += 1
        idle = self._idle
        if self.aside.connections:
            own = self.aside.take(hearer.owner)
            if own is not None:
                if not hearer.fresh and self.now() < own.deadline:
                    return own.open()
                own.close()
            elif not idle and self._size >= self._limits.max_connections:
                self.aside.oldest().close()
        if self._roomy:
            roomiest = self._roomiest(hearer.fresh)
            if roomiest is not None:
                return self._open_stream(roomiest)
        if hearer.fresh:
            if idle and self._size >= self._limits.max_connections:
                idle[0].close()
        else:
            while idle:
                connection = idle.pop()
                if (connection.idle_for == NEVER == connection.expires) or self.now() < connection.deadline:
                    return connection.open() if connection.most == 1 else self._open_stream(connection)
                # It is too old, or the backend said that it would close it about now: what is sent could be lost.
                connection.close()
        self._queue(hearer)
        return None

    def withdraw(self, hearer: Hearer) -> None:
        """Wait no more; no error when it did not."""
        self._waiting.leave(hearer)

    # Called by connections (gateway.upstream.contract.Keeper).

    def release(self, connection: Connection, now: float) -> None:
        if connection.expires != NEVER and now >= connection.expires:
            self._roomy.pop(connection, None)
            connection.retired = True
            if not connection.streams:
                connection.close()
            return
        if self._overdrawn and self._settled_with(connection):
            return
        while self._waiting and connection.streams < connection.most:
            # Also when retired: an exchange that began before the reload may still come here.
            if not self._hand_over(connection):
                break
            if not connection.streams:
                return  # who it was handed to has closed it, or given it back: it is where it belongs
        if connection.streams:
            if connection.streams < connection.most and not connection.retired:
                self._roomy[connection] = None
            return
        if self._roomy:
            self._roomy.pop(connection, None)
        kept = self._limits.max_idle
        if self._retired or not kept or (self._waiting and self._wanted):
            # All who still wait want an unused connection, and the pool is full: a new one can be dialled in its place.
            connection.close()
            return
        longest = self._limits.idle_timeout
        if len(self._idle) >= kept:
            longest = min(longest, SURPLUS)
        unused = now + min(longest, connection.idle_for)
        connection.deadline = min(unused, connection.expires)
        self._idle.append(connection)

    def set_aside(self, connection: Connection, owner: object) -> None:
        before = self.aside.take(owner)
        if before is not None:
            before.close()
        if self._retired or self._wanted:
            connection.close()  # others wait for its place
            return
        if len(self.aside) >= max(1, self._limits.max_idle):
            self.aside.oldest().close()
        unused = self.now() + min(self._limits.idle_timeout, connection.idle_for)
        connection.deadline = min(unused, connection.expires)
        self.aside.put(connection, owner)

    def full(self, connection: Connection) -> None:
        self._roomy.pop(connection, None)
        if connection in self._idle:
            self._idle.remove(connection)

    def lend(self, connection: Connection) -> None:
        if connection in self._open and self._lent.lend(connection) and self._waiting:
            self._open_for_waiting()

    def reclaim(self, connection: Connection) -> None:
        # Where that makes one more than the cap, the next that is free goes.
        if self._lent.reclaim(connection):
            self._overdrawn = self._size > self._limits.max_connections

    def lost(self, connection: Connection) -> None:
        if connection not in self._open:
            return
        del self._open[connection]
        self._lent.reclaim(connection)
        self._roomy.pop(connection, None)
        if connection in self._idle:
            self._idle.remove(connection)
        elif connection in self.aside:
            self.aside.take(connection.owner)
        self._open_for_waiting()
        self._check_empty()

    # Called by who keeps the pools.

    def client_gone(self, owner: object) -> None:
        """A client's connection is gone: nobody else may have what was set aside for it."""
        connection = self.aside.take(owner)
        if connection is not None:
            connection.close()

    def retire_addresses(self, current: Iterable[str]) -> None:
        """The backend's name has other addresses now: leave those that are gone."""
        keep = frozenset(current)
        for connection in [connection for connection in self._open if connection.address not in keep]:
            connection.retired = True
            self._roomy.pop(connection, None)
            if connection in self._idle or connection in self.aside:
                connection.close()

    def retire(self) -> None:
        """Close idle connections now, busy ones when they are given back."""
        self._retired = True
        for connection in [*self._idle, *self.aside]:
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
        self._openings.cancel()
        for connection in list(self._open):
            connection.close(aborting=True)

    def on_deadline(self, now: float) -> None:
        """Attempts that have waited too long are refused."""
        for hearer in self._waiting.due(now):
            if self._waiting.leave(hearer):
                hearer.refused(PoolExhausted("No connection to the backend became free in time."))
        self.deadline = self._waiting.earliest
        if self.deadline == NEVER:
            self.deadlines.forget(self)

    # Who gets which, and what is opened.

    def _settled_with(self, connection: Connection) -> bool:
        """Close a connection that nobody uses, as long as there are more than the cap; returns whether it was."""
        self._overdrawn = self._size > self._limits.max_connections
        if not self._overdrawn or connection.streams:
            return False
        connection.close()
        return True

    @property
    def _size(self) -> int:
        return len(self._open) + self._openings.count - len(self._lent)

    @property
    def _unprovided(self) -> int:
        """How many wait for whom no connection is being opened; negative where there will be room left."""
        return len(self._waiting) - self._openings.count * self._each

    @property
    def _wanted(self) -> bool:
        """Whether somebody waits for the place that a connection takes."""
        return self._unprovided > 0 and self._size >= self._limits.max_connections

    def _queue(self, hearer: Hearer) -> None:
        full = self._size >= self._limits.max_connections
        # Those for whom one is being opened are not in the queue.
        if full and self._unprovided >= self._limits.max_pending:
            raise PoolExhausted()
        until = self.now() + self._limits.queue_timeout if full else NEVER
        self._waiting.join(hearer, until)
        if until < self.deadline:
            self.deadline = until
            self.deadlines.watch(self)
        self._open_for_waiting()

    def _roomiest(self, fresh: bool) -> Connection | None:
        """Return the connection in use that has the fewest streams, of those that have room."""
        least: Connection | None = None
        for connection in self._roomy:
            if (connection.fresh or not fresh) and (least is None or connection.streams < least.streams):
                least = connection
        return least

    def _open_stream(self, connection: Connection) -> Stream:
        """Open a stream on a connection that may have many, and note whether there is room for more."""
        stream = connection.open()
        if connection.streams < connection.most:
            self._roomy[connection] = None
        else:
            self._roomy.pop(connection, None)
        return stream

    def _hand_over(self, connection: Connection) -> bool:
        """Let the first that waits for such a connection have a stream of it; returns whether there was one."""
        hearer = self._waiting.first_for(connection.fresh)
        if hearer is None:
            return False
        # The deadline of the queue stays: a look too many is cheaper than a search for each.
        hearer.connected(self._open_stream(connection))
        return True

    def _open_for_waiting(self) -> None:
        while self._unprovided > 0 and self._size < self._limits.max_connections:
            if self._lent.all_lent:
                self._lent.give_up_longest()  # which comes back here
                return
            self._openings.begin()

    def _opened(self, connection: Connection) -> None:
        if connection.lost:
            self._open_for_waiting()
            self._check_empty()
            return
        expected, self._each = self._each, max(1, connection.most)
        self._open[connection] = None
        now = self.now()
        if self._limits.max_age:
            connection.expires = now + aged(self._limits.max_age, self._random)
        self.deadlines.watch(connection)
        self.release(connection, now)
        if self._each < expected:
            self._open_for_waiting()  # it was to serve more of them than it does

    def _not_opened(self, failure: Failure) -> None:
        if self._lent and getattr(failure.value, "osError", None) in _NONE_LEFT:
            self._lent.give_up_longest()
            return
        if not failure.check(CancelledError):  # by ourselves, when nobody waits any more
            self._complaints.dial_failed(failure)
        # It would have served so many of them.
        for _ in range(max(1, min(self._each, self._unprovided))):
            if self._waiting:
                self._waiting.first().refused(failure_to_error(failure))
        self._open_for_waiting()
        self._check_empty()

    def _check_empty(self) -> None:
        if self._empty is not None and not self._empty.called and not self._open and not self._openings.count:
            self._empty.callback(None)
