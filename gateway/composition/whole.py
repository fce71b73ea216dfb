"""What a worker has in common with the others of its gateway (`processes: n`): the contract of `gateway.processes`.

A builder that makes something which holds for the whole gateway asks `foundation.whole` for it. None is there where a
gateway is one process: then nothing of this is loaded, and nothing costs more.

Tests: `tests/processes/test_share.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.application.service import IService
from twisted.internet.defer import Deferred

from gateway.answering.health import Health
from gateway.composition.failures import LastFailures
from gateway.discovery.contract import Source
from gateway.exchange import Exchange
from gateway.identity.refresh import GrantStore
from gateway.limiting.limit import LimitStore
from gateway.resilience.admission import Bulkhead
from gateway.telemetry.exposition import Sample
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.spec import Spec

Took = Callable[[bool, str], bool]
"""Takes the result of a check, and what was wrong; returns whether the backend's health is in doubt."""


class Whole(Protocol):
    """All workers together.

    Attributes:
        limits: Counts requests for all (`rate_limit_store: memory`).
        grants: Keeps refresh tokens for all (`refresh_store: memory`).
    """

    @property
    def limits(self) -> LimitStore: ...

    @property
    def grants(self) -> GrantStore: ...

    def bulkhead(self, name: str, limit: int, max_queue: int, look: Callable[[], object]) -> Bulkhead[Exchange]:
        """Make a limit on exchanges in flight of all workers.

        Args:
            name: The same in all of them.
            limit: Most in flight.
            max_queue: Most that wait in this worker.
            look: Lets in who waits, where there is a place: called again and again while somebody does.
        """

    def agreed(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return octets that are the same in all workers: the first that asks makes them."""

    def tell(self, kind: str, body: Any, key: str = "", until: float | None = None) -> None:
        """Tell all other workers something.

        Args:
            kind: Who hears it there.
            body: What JSON can say.
            key: Of what stands: it is told to workers that come later too, and replaces what stood by the same key.
            until: Unix seconds when it stands no more.
        """

    def hear(self, kind: str, call: Callable[[Any], object]) -> None:
        """Call with what other workers tell, in place of who was called so far; at once with what stands."""

    def probed(self, name: str, take: Took, make: Callable[[Took], IService]) -> IService:
        """Have one worker check a backend, and all take the results.

        Args:
            name: Of the check, the same in all workers.
            take: Takes a result in this worker.
            make: Makes what checks, given what takes a result in all workers.
        """

    def shows(
        self,
        metrics: Metrics,
        upstreams: Callable[[], list[dict[str, Any]]],
        health: Health,
        failures: LastFailures,
    ) -> None:
        """Say what there is to be shown of this worker."""

    def exposition(self, accept: bytes) -> Deferred[tuple[bytes, bytes]]:
        """Return content type and text for a scrape of all workers."""

    def figures(self) -> Deferred[list[tuple[Spec, list[Sample]]]] | None:
        """Ask for the figures of all workers that do not add up; None where another worker tells of them."""

    def upstreams(self) -> Deferred[list[dict[str, Any]]]:
        """Return what is known of the upstreams in all workers."""

    def exchanges(self) -> Deferred[list[dict[str, Any]]]:
        """Return the last exchanges that failed in all workers, the newest first."""

    def exchange(self, name: str) -> Deferred[dict[str, Any] | None]:
        """Return all that is known of one of them, by its request id or trace id."""

    def shows_live(self, look: Callable[[], dict[str, Any]]) -> None:
        """Say what there is to be told of this worker to the live page: what has happened since the last look."""

    def live(self, after: int) -> Deferred[dict[str, Any]]:
        """Return what was told of all workers after a round: `last`, the number of the newest, and `rounds`."""

    def administer(self, asked: dict[str, Any]) -> Deferred[dict[str, Any]]:
        """Ask who keeps the configuration of all workers (`gateway.admin.passing`)."""

    def elected(self) -> bool:
        """Whether this worker does what is done once, and says what came of it."""

    def source(self, name: str, source: Source) -> Source:
        """Have one worker ask a source of members, and all hear the answers."""
