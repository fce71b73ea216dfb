"""`play`: traffic through the real gateway in memory, from the first request to the last answer.

# Note [Time]
Time goes from one thing to the next: a request that comes, a call that the gateway or a backend asked for, a deadline.
Deadlines are looked at when they are in production, ten times a second, but only where one is due. So an hour in which
nothing happens costs nothing, and none of it depends on how fast this machine is.

Tests: `tests/simulation/test_playing.py`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil, inf
from typing import TYPE_CHECKING, Any, Final

import orjson
from twisted.logger import ILogObserver, LogEvent, LogPublisher, formatEvent, globalLogPublisher
from zope.interface import provider

from gateway.config import Settings
from gateway.config.schema.cases import TIME, CaseRequest
from gateway.config.schema.telemetry import AccessLog
from gateway.memory.gateway import MemoryGateway
from gateway.memory.network import MemoryNetwork
from gateway.memory.stand_ins import MemoryLog
from gateway.rehearsal.callers.credentials import Credentials
from gateway.rehearsal.enclosing import enclosed
from gateway.simulation.clock import JumpingClock
from gateway.simulation.failing import Failing
from gateway.simulation.faults import Fault
from gateway.simulation.figures import Event, Figures
from gateway.simulation.lines import Line
from gateway.simulation.mix import Call, Caller
from gateway.simulation.requests import Requests
from gateway.simulation.service import Service, service_of
from gateway.simulation.stations import Station
from gateway.transport.deadlines import INTERVAL

if TYPE_CHECKING:
    from gateway.simulation.redis import RedisServer

PATIENCE: Final = 600.0
"""Seconds after the end for which answers are waited for; who has none by then has none."""

TOLD: Final = (
    "breaker.",
    "backend.ejected",
    "backend.returned",
    "backend.healthy",
    "backend.unhealthy",
    "upstream.",
    "store.down",
    "store.up",
)
"""Beginnings of the names of events that a simulation tells of (`gateway.telemetry.events`)."""

_RECORD: Final = ("route", "status_code", "duration_ns", "attempts", "reason")


@dataclass(frozen=True)
class Scene:
    """What is played.

    Attributes:
        settings: The configuration.
        seconds: How long requests come.
        seed: The same one gives the same figures.
        requests: What is asked.
        callers: Who asks.
        services: What backends take, by the name of the upstream; empty for all.
        faults: What goes wrong.
    """

    settings: Settings
    seconds: float
    seed: int
    requests: Sequence[CaseRequest]
    callers: Sequence[Caller]
    services: Sequence[tuple[str, Service]] = ()
    faults: Sequence[Fault] = ()


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        figures: As counted.
        stations: The backends, by name: `orders[0]`.
        urls: Where they are, likewise.
    """

    figures: Figures
    stations: dict[str, Station] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)


class _Records(MemoryLog):
    """Hands each record of the access log on, and keeps none."""

    def __init__(self, heard: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self._heard = heard

    def write(self, line: bytes) -> None:
        """Take a record."""
        self._heard(orjson.loads(line))


class Play:
    """A gateway with its backends and its callers.

    Args:
        scene: What is played.
        publisher: Where the gateway logs.

    Attributes:
        outcome: What has come of it so far.
        in_flight: Requests without an answer.

    Raises:
        gateway.config.ConfigError: Something that the configuration names cannot be used.
        gateway.rehearsal.callers.credentials.CannotShow: A route wants a credential that cannot be made up.
    """

    def __init__(self, scene: Scene, publisher: LogPublisher = globalLogPublisher) -> None:
        self._scene = scene
        self._publisher = publisher
        self._clock = JumpingClock()
        self._clock.jump(1_000_000.0)
        self._zero = self._clock.seconds()
        self._network = MemoryNetwork(self._clock)
        self.outcome = Outcome(Figures(scene.seconds))
        self.in_flight = 0
        claims = [caller.claims for caller in scene.callers if caller.claims is not None]
        credentials = Credentials(enclosed(scene.settings, checks=True), claims)
        settings = credentials.settings.model_copy(
            update={"access_log": AccessLog(schema={name: name for name in _RECORD})}
        )
        self._settings = settings
        self._upstreams = {one.name for one in settings.upstreams}
        self._redis: RedisServer | None = None
        if scene.settings.rate_limit_store == "redis":
            from gateway.simulation.redis import with_redis  # loads Redis' client

            self._redis, settings = with_redis(settings, scene.settings.redis, self._network, self._wall_clock)
            self._settings = settings
        self._stations(settings)
        chance = random.Random(f"gateway {scene.seed}")  # noqa: S311  # to be repeated
        self._gateway = MemoryGateway(settings, self._network, chance, self._wall_clock, log=_Records(self._recorded))
        self._requests = Requests(
            scene.requests, scene.callers, credentials, settings, self._gateway, self._wall_clock() + scene.seconds
        )
        self._idle: dict[tuple[str, str, bool], list[Line]] = {}
        self._sweep = self._zero

    def run(self, calls: Iterable[tuple[float, Call]], progress: Callable[[float], object] = lambda at: None) -> None:
        """Play it.

        Args:
            calls: What is asked when, in seconds from the beginning, in order.
            progress: Is told how far it has come, in seconds, now and then.
        """
        column = 0

        @provider(ILogObserver)
        def hear(event: LogEvent) -> None:
            self._logged(event)

        self._publisher.addObserver(hear)
        try:
            self._gateway.start()
            self._network.pump()
            for fault in self._scene.faults:
                self._later(fault.span.start, self._begins, fault)
                if fault.span.end < inf:
                    self._later(fault.span.end, self._ends, fault)
            for at, call in calls:
                self._until(self._zero + at)
                self._come(call)
                if self.outcome.figures.column(at) != column:
                    column = self.outcome.figures.column(at)
                    progress(at)
            self._until(self._zero + self._scene.seconds)
            over = self._clock.seconds() + PATIENCE
            while self.in_flight and self._clock.seconds() < over:
                self._until(min(over, self._clock.seconds() + 1.0))
            for _ in range(self.in_flight):
                self.outcome.figures.answered(self._scene.seconds, 0, PATIENCE)
        finally:
            self._publisher.removeObserver(hear)

    # Time: Note [Time].

    def _wall_clock(self) -> float:
        return TIME + self._clock.seconds() - self._zero

    def _elapsed(self) -> float:
        return self._clock.seconds() - self._zero

    def _later(self, at: float, call: Callable[..., object], *arguments: object) -> None:
        self._clock.callLater(max(0.0, self._zero + at - self._clock.seconds()), call, *arguments)

    def _until(self, moment: float) -> None:
        """Let everything happen that is due until a moment, each thing at its time."""
        clock, network = self._clock, self._network
        while True:
            due = min(clock.next, moment)
            if due > self._sweep and self._sweeps(due):
                continue
            clock.jump(due)
            network.pump()
            if due >= moment:
                return

    def _sweeps(self, before: float) -> bool:
        """Look at the deadlines at the next time for it, if one is due by then; returns whether one was."""
        deadlines = self._gateway.parts.foundation.deadlines
        soonest = deadlines.soonest + (self._clock.seconds() - self._gateway.now())
        at = max(self._sweep, self._zero + ceil((soonest - self._zero) / INTERVAL) * INTERVAL) if soonest < inf else inf
        if at > before:
            # Between now and then nothing new can be due sooner than a sweep from now.
            self._sweep = self._zero + ceil((before - self._zero) / INTERVAL) * INTERVAL
            return False
        self._clock.jump(at)
        deadlines.sweep()
        self._network.pump()
        self._sweep = at + INTERVAL
        return True

    # Requests.

    def _come(self, call: Call) -> None:
        """Make a request, on a connection of its caller that waits for one, or on a new one."""
        sent = self._requests.of(call)
        idle = self._idle.setdefault(sent.where, [])
        while idle and not idle[-1].usable:
            idle.pop()
        if idle:
            line = idle.pop()
        else:
            address, listener, secure = sent.where
            line = Line(lambda line, status: self._answered(line, status, idle))
            self._gateway.accept(line, address, listener, secure)
        self.in_flight += 1
        line.ask(sent.octets, sent.is_head, self._clock.seconds())
        self._network.pump()

    def _answered(self, line: Line, status: int, idle: list[Line]) -> None:
        self.in_flight -= 1
        now = self._clock.seconds()
        self.outcome.figures.answered(line.asked_at - self._zero, status, now - line.asked_at)
        if line.usable:
            idle.append(line)

    def _recorded(self, record: dict[str, Any]) -> None:
        self.outcome.figures.recorded(
            record.get("route") or "",
            record.get("status_code") or 0,
            (record.get("duration_ns") or 0) / 1e9,
            record.get("attempts") or 0,
            record.get("reason") or "",
        )

    # Servers.

    def _stations(self, settings: Settings) -> None:
        """Make the backends; one that several upstreams have is one."""
        made: dict[tuple[str, int], Station] = {}
        for upstream in settings.upstreams:
            for place, backend in enumerate(upstream.backends):
                name, where = f"{upstream.name}[{place}]", (backend.host, backend.port)
                if where not in made:
                    self.outcome.figures.backends[name] = [0] * len(self.outcome.figures.columns)
                    made[where] = Station(
                        self._network,
                        *where,
                        service_of(upstream.name, self._scene.services),
                        random.Random(f"backend {name} {self._scene.seed}"),  # noqa: S311  # to be repeated
                        lambda name=name: self.outcome.figures.came(name, self._elapsed()),  # type: ignore[misc]  # mypy knows no default of a lambda
                    )
                self.outcome.stations[name] = made[where]
                self.outcome.urls[name] = backend.url

    def _of(self, fault: Fault) -> Sequence[Failing]:
        """Return whom a fault is of."""
        if fault.who not in self._upstreams:
            return [] if self._redis is None else [self._redis]
        if fault.place is not None:
            return [self.outcome.stations[f"{fault.who}[{fault.place}]"]]
        names = [name for name in self.outcome.stations if name.rpartition("[")[0] == fault.who]
        return list(dict.fromkeys(self.outcome.stations[name] for name in names))

    def _begins(self, fault: Fault) -> None:
        self._tell("fault.begins", str(fault))
        for station in self._of(fault):
            station.begin(fault)

    def _ends(self, fault: Fault) -> None:
        self._tell("fault.ends", str(fault))
        for station in self._of(fault):
            station.end(fault)

    # Events.

    def _logged(self, event: LogEvent) -> None:
        name = event.get("event")
        if isinstance(name, str) and name.startswith(TOLD):
            self._tell(name, formatEvent(event))

    def _tell(self, name: str, words: str) -> None:
        self.outcome.figures.happens(Event(self._elapsed(), name, words))


def play(
    scene: Scene, calls: Iterable[tuple[float, Call]], progress: Callable[[float], object] = lambda at: None
) -> Outcome:
    """Play a scene, and return what came of it; see `Play`."""
    playing = Play(scene)
    playing.run(calls, progress)
    return playing.outcome
