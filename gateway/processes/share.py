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
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from gateway.composition.whole import Took
from gateway.discovery.contract import Source
from gateway.exchange import Exchange
from gateway.identity.refresh import GrantStore
from gateway.processes.agreed import agreed
from gateway.processes.figures import COUNTS, EVERY, FIGURES, Told
from gateway.processes.grants import AskedGrants
from gateway.processes.limits import SharedLimits
from gateway.processes.memory import SharedMemory
from gateway.processes.news import NEWS, Hearers
from gateway.processes.once import Election, Named, Probed, SharedSource, no_fault
from gateway.processes.places import LooksAgain, Places, SharedBulkhead
from gateway.resilience.admission import Bulkhead
from gateway.telemetry.metrics import Metrics

ELECTED: Final = "elected"
"""The kind of the parent's word whether this worker does what is done once."""

WELCOME: Final = "welcome"
"""The kind of the question what stands: `{"news": [[kind, key, body, until], …], "elected": …}`."""

CHECKED, MEMBERS = "checked", "members"


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
        self._telling = LoopingCall(self._tell_counts)
        self._telling.clock = reactor
        self.limits = SharedLimits(memory)
        self.grants: GrantStore = AskedGrants(channel)
        self.hear(CHECKED, self._checked.heard)
        self.hear(MEMBERS, self._members.heard)
        channel.on(NEWS, lambda news: self._hearers.heard(tuple(news)))
        channel.on(ELECTED, self._election.set)

    def welcome(self) -> Deferred[None]:
        """Ask what stands: Note [First what stands]."""
        return self._channel.ask(WELCOME).addCallback(self._welcomed)

    def count(self, metrics: Metrics) -> None:
        """Say whose figures are told to the parent."""
        told = self._told = Told(metrics)
        self._channel.on(FIGURES, lambda _: told.all())

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
        return SharedSource(name, source, self._election, self._members, partial(self._publish, MEMBERS))

    def _publish(self, kind: str, body: list[Any], stands: bool) -> None:
        self.tell(kind, body, body[0] if stands else "")

    def _welcomed(self, said: dict[str, Any]) -> None:
        for news in said["news"]:
            self._hearers.heard(tuple(news))
        self._election.set(said["elected"])

    def _tell_counts(self, last: bool = False) -> None:
        changed = None if self._told is None else self._told.changed(others=last)
        if changed is not None:
            self._channel.tell(COUNTS, changed)
