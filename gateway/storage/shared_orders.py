"""Orders about credentials, shared by all instances through Redis.

What one instance is told (`gateway.identity.orders`) it publishes on a channel,
and puts into a sorted set what is refused from then on, by the time at which
that ends: an instance that starts, or comes back, reads it there. Requests
never wait for any of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger

from gateway.identity.orders import Control, NoRoom, Order, OrderUnreadable, decode
from gateway.identity.revocations import MOST
from gateway.storage.errors import StoreUnavailable

if TYPE_CHECKING:
    from gateway.storage.redis import RedisStore

CHANNEL = "gateway:credentials"
REFUSED = "gateway:credentials:refused"
"""A sorted set: orders by the Unix second until which they hold."""

RETRY = 5.0
"""Seconds until Redis is tried again."""
MOST_UNTOLD = 10_000
"""Orders that wait for Redis; past it the oldest go untold."""

_log = Logger()


class SharedOrders(Service):
    """Tells other instances, and hears them.

    Args:
        store: Where.
        reactor: Keeps time.
        wall_clock: Unix seconds.

    Attributes:
        control: Does what is heard; that of the configuration in force.
    """

    def __init__(self, store: RedisStore, reactor: Any, wall_clock: Callable[[], float]) -> None:
        self.control: Control | None = None
        self._store = store
        self._reactor = reactor
        self._wall_clock = wall_clock
        self._untold: deque[Order] = deque(maxlen=MOST_UNTOLD)
        self._telling = False
        self._loading = False
        self._end: Callable[[], None] | None = None
        self._timers: dict[str, Any] = {}

    def startService(self) -> None:
        """Listen, and read what is refused already."""
        super().startService()
        self._end = self._store.subscribe(CHANNEL, self._heard, self._missed)
        self._load()

    def stopService(self) -> Deferred[Any] | None:
        """Listen no more."""
        super().stopService()
        if self._end is not None:
            self._end()
        for timer in self._timers.values():
            if timer.active():
                timer.cancel()
        return None

    def tell(self, order: Order) -> None:
        """Tell the others, as soon as Redis can be reached."""
        self._untold.append(order)
        timer = self._timers.get("tell")
        if timer is None or not timer.active():
            self._tell()

    def _tell(self) -> None:
        if not self._telling:
            self._telling = True
            ensureDeferred(self._tell_all()).addErrback(lambda failure: _log.failure("Telling orders", failure))

    async def _tell_all(self) -> None:
        try:
            while self._untold:
                order = self._untold[0]
                if order.revoke:
                    await self._store.command(b"ZADD", REFUSED, str(order.until), order.encode())
                await self._store.publish(CHANNEL, order.encode())
                if self._untold and self._untold[0] is order:
                    self._untold.popleft()
        except StoreUnavailable as error:
            _log.warn(
                "{count} orders about credentials are not known to other instances yet: {error}",
                count=len(self._untold),
                error=error,
            )
            self._later("tell", self._tell)
        finally:
            self._telling = False

    def _load(self) -> None:
        if not self._loading:
            self._loading = True
            ensureDeferred(self._load_all()).addErrback(lambda failure: _log.failure("Reading orders", failure))

    async def _load_all(self) -> None:
        now = f"{self._wall_clock():.0f}"
        try:
            await self._store.command(b"ZREMRANGEBYSCORE", REFUSED, b"-inf", now)
            orders = await self._store.command(b"ZRANGEBYSCORE", REFUSED, now, b"+inf", b"LIMIT", b"0", str(MOST))
        except StoreUnavailable:
            self._later("load", self._load)
        else:
            for order in orders:
                self._heard(order)
            self._restore(set(orders))
        finally:
            self._loading = False

    def _restore(self, there: set[bytes]) -> None:
        """Put back the orders that this instance knows and Redis does not: Redis may have come back empty."""
        for order in [] if self.control is None else self.control.standing():
            if order.encode() not in there:
                self.tell(order)

    def _later(self, what: str, do: Callable[[], None]) -> None:
        if not self.running:
            return
        timer = self._timers.get(what)
        if timer is not None and timer.active():
            timer.reset(RETRY)
        else:
            self._timers[what] = self._reactor.callLater(RETRY, do)

    def _missed(self) -> None:
        """Something may have been ordered while we did not hear: look at every credential again."""
        if self.control is not None:
            self.control.obey(Order(False))
        self._load()

    def _heard(self, message: bytes) -> None:
        if self.control is None:
            return
        try:
            self.control.obey(decode(message))
        except (OrderUnreadable, NoRoom) as error:
            _log.warn("An order about credentials was not followed: {error}", error=error)
