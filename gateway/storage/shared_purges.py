"""Purges of answers in memory, told to all instances through Redis: `cache_store: memory` beside a `redis` section.

What one instance is told to purge it publishes on a channel. Redis keeps no message for who is not there: an instance
that was not, for a moment, purges everything. One that Redis did not answer is published again until it does.

Tests: `tests/storage/test_shared_purges.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.logger import Logger

from gateway.caching.store import Purge
from gateway.storage.errors import StoreUnavailable

if TYPE_CHECKING:
    from gateway.storage.redis import RedisStore

CHANNEL: Final = "gateway:cache:purges"

RETRY: Final = 1.0
"""Seconds until Redis is tried again."""
_MOST: Final = 100
"""Purges that wait for Redis; where there are more, everything is purged."""

_log = Logger()


class SharedPurges(Service):
    """Tells other instances, and hears them.

    Args:
        redis: Through which.
        reactor: Keeps time.

    Attributes:
        hear: Purges here; that of the configuration in force.
    """

    def __init__(self, redis: RedisStore, reactor: Any) -> None:
        self.hear: Callable[[Purge], object] = _nowhere
        self._redis = redis
        self._reactor = reactor
        self._untold: list[Purge] = []
        self._end: Callable[[], None] | None = None
        self._timer: Any = None

    def startService(self) -> None:
        """Listen."""
        super().startService()
        self._end = self._redis.subscribe(CHANNEL, self._heard, lambda: self.hear(Purge()))

    def stopService(self) -> None:
        """Listen no more."""
        super().stopService()
        if self._end is not None:
            self._end()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def tell(self, purge: Purge) -> Deferred[bool]:
        """Tell the others; gives whether Redis has taken it."""
        return ensureDeferred(self._tell(purge))

    async def _tell(self, purge: Purge) -> bool:
        try:
            await self._redis.publish(CHANNEL, encode(purge))
        except (StoreUnavailable, CancelledError) as error:
            _log.warn("A purge is not known to other instances yet: {error}", error=error)
            self._untold = [Purge()] if len(self._untold) >= _MOST else [*self._untold, purge]
            self._later()
            return False
        return True

    def _later(self) -> None:
        if self.running and (self._timer is None or not self._timer.active()):
            self._timer = self._reactor.callLater(RETRY, self._again)

    def _again(self) -> None:
        untold, self._untold = self._untold, []
        for purge in untold:
            self.tell(purge)

    def _heard(self, message: bytes) -> None:
        purge = decode(message)
        if purge is None:
            _log.warn("A purge of another instance was not understood: everything is purged")
        self.hear(Purge() if purge is None else purge)


def encode(purge: Purge) -> bytes:
    """Return a purge as a message."""
    said = {"route": purge.route}
    for name, value in (("url", purge.url), ("query", purge.query), ("tag", purge.tag)):
        said[name] = None if value is None else value.decode("latin-1")
    return json.dumps(said).encode()


def decode(message: bytes) -> Purge | None:
    """Return the purge of a message; None where it is none of this version."""
    try:
        said = json.loads(message)
        route = said["route"]
        octets = [None if said[name] is None else said[name].encode("latin-1") for name in ("url", "query", "tag")]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return Purge(route, *octets) if route is None or isinstance(route, str) else None


def _nowhere(purge: Purge) -> None:
    """Stands in until there is a configuration."""
