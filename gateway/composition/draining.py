"""Stop a gateway in order: say so, accept nothing more, finish what is in flight, close what is left.

Made by `gateway.composition.lifecycle`. A plain `MultiService` would stop everything at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger

from gateway.admin.service import AdminListener
from gateway.answering.health import State
from gateway.composition.assembly import Gateway
from gateway.composition.patience import within

PARTING = 5.0
"""Seconds for which connections may be idle once another process has the ports: an answer closes them, and says so, and
a request that is on its way meets an open connection."""

CLOSE = 1.0
"""Seconds that connections and services may take to close once exchanges are not waited for any more."""

_log = Logger()


class Times(Protocol):
    """Of the section `timeouts`."""

    @property
    def shutdown_delay(self) -> float: ...

    @property
    def shutdown(self) -> float: ...


class Draining:
    """The end of one gateway.

    Args:
        gateway: Its parts.
        admin: Its admin listener, which answers until everything else is closed.
        clock: Keeps time.

    Attributes:
        closed: Called when no connection is accepted any more.
    """

    def __init__(self, gateway: Gateway, admin: AdminListener, clock: Any) -> None:
        self._gateway = gateway
        self._admin = admin
        self._clock = clock
        self._hurried: Deferred[None] = Deferred()
        self.closed: Callable[[], object] = lambda: None

    def hurry(self) -> None:
        """Wait for no exchange any more; connections and services still get `CLOSE` seconds to close."""
        if not self._hurried.called:
            _log.warn("Not waiting for what is in flight", event="drain.hurried")
            self._hurried.callback(None)

    async def run(
        self, times: Times, stop_services: Callable[[], Deferred[Any] | None], *, handed_over: bool = False
    ) -> None:
        """Drain, then close.

        Args:
            times: How long it may take.
            stop_services: Stops probes, the watcher, what configurations carry over.
            handed_over: Another process serves at the same ports already: load balancers need to notice nothing.
        """
        gateway = self._gateway
        gateway.foundation.health.state = State.DRAINING
        if not handed_over:
            await self._announce(times.shutdown_delay)
        await gateway.listeners.stop_accepting()
        self.closed()
        if handed_over:
            await self._part(min(PARTING, times.shutdown))
        gateway.foundation.ending.until = gateway.foundation.now() + times.shutdown
        await self._finish(times.shutdown)
        pool = gateway.foundation.pool
        if not await self._within(pool.closeCachedConnections(), CLOSE):
            pool.abort()
        await self.unless_hurried(maybeDeferred(stop_services))
        await self._admin.close()
        writer = gateway.access_logs.writer
        if writer is not None and writer.running:
            await self.unless_hurried(writer.stopService())
        _log.info("Stopped", event="process.stopped")

    async def unless_hurried(self, waiting: Deferred[Any]) -> None:
        """Wait for something however long it takes; once there is a hurry, for `CLOSE` seconds only."""
        if not await self._within(waiting, None):
            await within(waiting, CLOSE, self._clock)

    async def _announce(self, delay: float) -> None:
        """Answer `/ready` with 503 and go on serving, until load balancers have had the time to notice."""
        if delay:
            _log.info("Not ready any more; serving for another {delay} s", delay=delay, event="drain.announced")
            self._gateway.site.part()
            await self._within(Deferred(), delay)

    async def _part(self, timeout: float) -> None:
        """Let every answer close its connection before those that are idle are closed."""
        site = self._gateway.site
        site.part()
        await self._within(site.emptied(), timeout)

    async def _finish(self, timeout: float) -> None:
        site = self._gateway.site
        _log.info(
            "Draining: {count} connections, for at most {timeout} s",
            count=len(site.channels),
            timeout=timeout,
            event="drain.began",
        )
        if not await self._within(site.drain(), timeout):
            _log.warn("{count} connections were not done in time", count=len(site.channels), event="drain.overdue")
            site.abort()
            await within(site.drain(), CLOSE, self._clock)

    async def _within(self, waiting: Deferred[Any], timeout: float | None) -> bool:
        return await within(waiting, timeout, self._clock, self._hurried)
