"""`Share`: a worker's part in what holds for the whole gateway (a `gateway.composition.whole.Whole`).

Made by the worker before its gateway is built, with its channel to the parent and the memory that all share. What the
parent does is in `gateway.processes.center`.

# Note [First what stands]
A worker asks its parent what stands (`welcome`), and serves when that is answered: a token that was revoked an hour ago
must not be good in a worker that is a second old.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from gateway.answering.health import CheckResult, Health
from gateway.composition.failures import LastFailures
from gateway.composition.whole import Took
from gateway.discovery.contract import Source
from gateway.errors import ShuttingDown
from gateway.exchange import Exchange
from gateway.identity.refresh import GrantStore
from gateway.processes.agreed import agreed
from gateway.processes.channel import ChannelError
from gateway.processes.exchanges import EXCHANGES, answer, ask_for_all, ask_for_one
from gateway.processes.figures import COUNTS, EVERY, FIGURES, Told
from gateway.processes.grants import AskedGrants
from gateway.processes.limits import SharedLimits
from gateway.processes.memory import SharedMemory
from gateway.processes.news import NEWS, Hearers
from gateway.processes.once import Election, Named, Probed, SharedSource, no_fault
from gateway.processes.places import LooksAgain, Places, SharedBulkhead
from gateway.processes.views import merged
from gateway.resilience.admission import Bulkhead
from gateway.telemetry.catalog import METRICS
from gateway.telemetry.exposition import OPENMETRICS, TEXT, Sample, wants_openmetrics
from gateway.telemetry.merging import Others, samples, series
from gateway.telemetry.metrics import MEMO_SECONDS, Metrics
from gateway.telemetry.spec import Spec

ELECTED: Final = "elected"
"""The kind of the parent's word whether this worker does what is done once."""

WELCOME: Final = "welcome"
"""The kind of the question what stands: `{"news": [[kind, key, body, until], …], "elected": …}`."""

CHECKED, MEMBERS, READY = "checked", "members", "ready"

UPSTREAMS, ADMIN, LIVE = "upstreams", "admin", "live"
"""The kinds of the questions what is known of upstreams (the parent's to a worker, and a worker's about all), of a
request that is passed on to who keeps the configuration, and what has happened since the last look (`rounds`)."""

SHOWN: Final = 3.0
"""Seconds for what is shown of all workers; after that what this one knows is shown."""

ANSWER: Final = 60.0
"""Seconds for a change of the configuration of all workers."""


_log = Logger()


class Channel(Protocol):
    """To the parent (`gateway.processes.channel.Channel`)."""

    def tell(self, kind: str, body: Any = None) -> None: ...
    def ask(self, kind: str, body: Any = None, patience: float = ...) -> Deferred[Any]: ...
    def on(self, kind: str, handler: Callable[[Any], Any]) -> None: ...


class Share(Service):
    """A worker's part.

    As a service it tells the parent what is counted.

    Args:
        channel: To the parent.
        memory: Shared by all workers.
        worker: The number of this one: its counters in that memory. The parent gives a number to one worker at a time.
        reactor: Keeps time.
        wall_clock: Unix seconds.
    """

    def __init__(
        self, channel: Channel, memory: SharedMemory, worker: int, reactor: Any, wall_clock: Callable[[], float]
    ) -> None:
        self._channel = channel
        self._memory = memory
        self._places = Places(memory, worker)
        self._again = LooksAgain(reactor)
        self._hearers = Hearers(wall_clock)
        self._election = Election()
        self._checked = Named()
        self._members = Named(no_fault)
        self._told: Told | None = None
        self._metrics: Metrics | None = None
        self._health: Health | None = None
        self._own_upstreams: Callable[[], list[dict[str, Any]]] = list
        self._own_exchanges: Callable[[str | None], list[dict[str, Any]]] = lambda name: []
        self._clock = reactor
        self._now: Callable[[], float] = reactor.seconds
        self._written: dict[bytes, tuple[float, bytes]] = {}
        self._ready: dict[str, str] = {}
        self._ready_elsewhere: dict[int, dict[str, CheckResult]] = {}
        self._worker = worker
        self._telling = LoopingCall(self._tell_all)
        self._telling.clock = reactor
        self.limits = SharedLimits(memory)
        self.grants: GrantStore = AskedGrants(channel)
        self.hear(CHECKED, self._checked.heard)
        self.hear(MEMBERS, self._members.heard)
        self.hear(READY, self._heard_ready)
        channel.on(NEWS, lambda news: self._hearers.heard(tuple(news)))
        channel.on(ELECTED, self._election.set)

    def welcome(self) -> Deferred[None]:
        """Ask what stands: Note [First what stands]."""
        return self._channel.ask(WELCOME).addCallback(self._welcomed)

    def shows(
        self,
        metrics: Metrics,
        upstreams: Callable[[], list[dict[str, Any]]],
        health: Health,
        failures: LastFailures,
    ) -> None:
        """Say what there is to be shown of this worker."""
        told = self._told = Told(metrics)
        self._metrics, self._health, self._own_upstreams = metrics, health, upstreams
        self._channel.on(FIGURES, lambda _: told.all())
        self._channel.on(UPSTREAMS, lambda _: upstreams())
        self._own_exchanges = partial(answer, failures)
        self._channel.on(EXCHANGES, self._own_exchanges)
        health.others = self._ready_elsewhere.values

    async def _exposition(self, accept: bytes) -> tuple[bytes, bytes]:
        metrics, now = self._metrics, self._now()
        assert metrics is not None  # who asks is built on it
        openmetrics = wants_openmetrics(accept)
        content_type = OPENMETRICS if openmetrics else TEXT
        at, body = self._written.get(content_type, (-MEMO_SECONDS, b""))
        if now - at < MEMO_SECONDS:
            return content_type, body
        try:
            said = await self._channel.ask(FIGURES, None, SHOWN)
        except ChannelError:
            _log.warn("The parent process says nothing of the other workers: these figures are of one")
            return metrics.exposition(accept, now)
        families = {name: series(rows) for name, rows in said["of"].items()}
        others = Others()
        others.add(said["others"])
        body = metrics.written(lambda spec: samples(families.get(spec.name, {})), others, openmetrics)
        self._written[content_type] = (now, body)
        return content_type, body

    def exposition(self, accept: bytes) -> Deferred[tuple[bytes, bytes]]:
        """Return content type and text for a scrape of all workers."""
        return ensureDeferred(self._exposition(accept))

    def figures(self) -> Deferred[list[tuple[Spec, list[Sample]]]] | None:
        """Ask for the figures of all workers that do not add up; None where another worker tells of them."""
        return ensureDeferred(self._figures()) if self._election.elected else None

    async def _figures(self) -> list[tuple[Spec, list[Sample]]]:
        try:
            said = await self._channel.ask(FIGURES)
        except ChannelError:
            return []  # the parent is gone: this worker drains
        families = ((spec, said["of"].get(spec.name, ())) for spec in METRICS if not spec.adds_up)
        return [(spec, list(samples(series(rows)))) for spec, rows in families]

    def upstreams(self) -> Deferred[list[dict[str, Any]]]:
        """Return what is known of the upstreams in all workers."""
        return ensureDeferred(self._upstreams())

    async def _upstreams(self) -> list[dict[str, Any]]:
        try:
            said = await self._channel.ask(UPSTREAMS, None, SHOWN)
        except ChannelError:
            _log.warn("The parent process says nothing of the other workers: these upstreams are as one knows them")
            return self._own_upstreams()
        return merged(said)

    def exchanges(self) -> Deferred[list[dict[str, Any]]]:
        """Return the last exchanges that failed in all workers, the newest first."""
        return ask_for_all(self._channel, self._own_exchanges, SHOWN)

    def exchange(self, name: str) -> Deferred[dict[str, Any] | None]:
        """Return all that is known of one of them."""
        return ask_for_one(self._channel, name, self._own_exchanges, SHOWN)

    def shows_live(self, look: Callable[[], dict[str, Any]]) -> None:
        """Say what there is to be told of this worker to the live page."""
        self._channel.on(LIVE, lambda _: look())

    def live(self, after: int) -> Deferred[dict[str, Any]]:
        """Return what was told of all workers after a round."""
        return self._channel.ask(LIVE, after)

    def administer(self, asked: dict[str, Any]) -> Deferred[dict[str, Any]]:
        """Pass a request on to who keeps the configuration."""
        return ensureDeferred(self._administer(asked))

    async def _administer(self, asked: dict[str, Any]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = await self._channel.ask(ADMIN, asked, ANSWER)
        except ChannelError as error:
            _log.warn("The parent process has not answered: {error}", error=error)
            raise ShuttingDown("The process that keeps the configuration does not answer.") from error
        return answer

    def startService(self) -> None:
        """Begin to tell."""
        super().startService()
        self._telling.start(EVERY, now=False)

    def stopService(self) -> None:
        """Tell for the last time."""
        super().stopService()
        self._telling.stop()
        self._tell_counts(last=True)

    def bulkhead(self, name: str, limit: int, max_queue: int, look: Callable[[], object]) -> Bulkhead[Exchange]:
        """Make a limit on exchanges in flight of all workers.

        Raises:
            gateway.processes.places.NoRow: There are too many.
        """
        made: SharedBulkhead[Exchange] = SharedBulkhead(limit, max_queue, self._places.row(name), self._again.waits)
        self._again.by(made, look)
        return made

    def agreed(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return octets that are the same in all workers."""
        return agreed(self._memory, name, make)

    def tell(self, kind: str, body: Any, key: str = "", until: float | None = None) -> None:
        """Tell all other workers something."""
        self._channel.tell(NEWS, [kind, key, body, until])

    def hear(self, kind: str, call: Callable[[Any], object]) -> None:
        """Call with what other workers tell."""
        self._hearers.hear(kind, call)

    def probed(self, name: str, take: Took, make: Callable[[Took], IService]) -> IService:
        """Have one worker check a backend, and all take the results."""
        return Probed(name, take, make, self._election, self._checked, partial(self._publish, CHECKED))

    def source(self, name: str, source: Source) -> Source:
        """Have one worker ask a source of members, and all hear the answers."""
        return SharedSource(name, source, self._election, self._members, partial(self._publish, MEMBERS), self._clock)

    def elected(self) -> bool:
        """Whether this worker does what is done once, and says what came of it."""
        return self._election.elected

    def _publish(self, kind: str, body: list[Any], stands: bool) -> None:
        self.tell(kind, body, body[0] if stands else "")

    def _welcomed(self, said: dict[str, Any]) -> None:
        for news in said["news"]:
            self._hearers.heard(tuple(news))
        self._election.set(said["elected"])

    def _tell_all(self) -> None:
        self._tell_counts()
        ready = {} if self._health is None else {name: found.value for name, found in self._health.found().items()}
        if ready != self._ready:
            self._ready = ready
            self.tell(READY, [self._worker, ready], str(self._worker))

    def _heard_ready(self, said: list[Any]) -> None:
        worker, ready = said
        if ready is None:
            self._ready_elsewhere.pop(worker, None)
        elif worker != self._worker:
            self._ready_elsewhere[worker] = {name: CheckResult(found) for name, found in ready.items()}

    def _tell_counts(self, last: bool = False) -> None:
        changed = None if self._told is None else self._told.changed(others=last)
        if changed is not None:
            self._channel.tell(COUNTS, changed)
