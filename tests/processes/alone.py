"""One worker whose parent is in the same process: what is passed on comes back as JSON, and is answered here."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.application.service import IService
from twisted.internet.defer import Deferred, succeed

from gateway.answering.health import Health
from gateway.composition.failures import LastFailures
from gateway.composition.lifecycle import GatewayService
from gateway.composition.whole import Took
from gateway.discovery.contract import Source
from gateway.exchange import Exchange
from gateway.identity.refresh import MemoryGrants
from gateway.limiting.store import MemoryLimits
from gateway.processes.administering import Administering
from gateway.resilience.admission import Bulkhead
from gateway.telemetry.metrics import Metrics


class Alone:
    """What such a worker has in common with itself (a `gateway.composition.whole.Whole`).

    Args:
        service: Returns the gateway, when it is there.
        clock: The reactor.
    """

    def __init__(self, service: Callable[[], GatewayService], clock: Any) -> None:
        self.limits = MemoryLimits()
        self.grants = MemoryGrants()
        self._service = service
        self._clock = clock
        self._administering: Administering | None = None

    def bulkhead(self, name: str, limit: int, max_queue: int, look: Callable[[], object]) -> Bulkhead[Exchange]:
        """Make one of this process."""
        return Bulkhead(limit, max_queue)

    def agreed(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Agree."""
        return make()

    def tell(self, kind: str, body: Any, key: str = "", until: float | None = None) -> None:
        """Tell nobody."""

    def hear(self, kind: str, call: Callable[[Any], object]) -> None:
        """Hear nothing."""

    def probed(self, name: str, take: Took, make: Callable[[Took], IService]) -> IService:
        """Check."""
        return make(take)

    def source(self, name: str, source: Source) -> Source:
        """Ask."""
        return source

    def shows(
        self,
        metrics: Metrics,
        upstreams: Callable[[], list[dict[str, Any]]],
        health: Health,
        failures: LastFailures,
    ) -> None:
        """Note what there is to be shown."""
        self._metrics, self._upstreams, self._failures = metrics, upstreams, failures

    def exposition(self, accept: bytes) -> Deferred[tuple[bytes, bytes]]:
        """Return the figures."""
        return succeed(self._metrics.exposition(accept, self._clock.seconds()))

    def upstreams(self) -> Deferred[list[dict[str, Any]]]:
        """Return what is known of the upstreams."""
        return succeed(self._upstreams())

    def exchanges(self) -> Deferred[list[dict[str, Any]]]:
        """Return what failed."""
        return succeed(self._failures.summaries())

    def exchange(self, name: str) -> Deferred[dict[str, Any] | None]:
        """Return one of them."""
        return succeed(self._failures.find(name))

    def shows_live(self, look: Callable[[], dict[str, Any]]) -> None:
        """Note what tells of this worker."""
        self._look = look

    def live(self, after: int) -> Deferred[dict[str, Any]]:
        """Return what it tells."""
        return succeed({"last": after + 1, "rounds": [[json.loads(json.dumps(self._look()))]]})

    def administer(self, asked: dict[str, Any]) -> Deferred[dict[str, Any]]:
        """Answer, over JSON."""
        if self._administering is None:
            service = self._service()
            self._administering = Administering(service.changes, service._configured, self._clock, self._clock.seconds)
        return self._administering(json.loads(json.dumps(asked))).addCallback(lambda said: json.loads(json.dumps(said)))
