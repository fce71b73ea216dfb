"""Workers in memory: real ones, each with its gateway, without sockets and processes, before the stage of a parent."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from gateway.composition.changes import Changes
from gateway.composition.configured import Configured
from gateway.composition.lifecycle import GatewayService
from gateway.composition.origin import Origin
from gateway.composition.slices import Slices
from gateway.listening.endpoints import ListenFailed, Listening
from gateway.processes.assignment import Assignment
from gateway.processes.channel import Channel
from gateway.processes.sockets import Fresh, Share
from gateway.processes.whole_stage import WholeStage
from gateway.processes.worker import Worker
from gateway.testing import MemoryNetwork
from gateway.transport.inherited import Inherited
from tests.composition.world import CONFIGURATION, Log, Port
from tests.processes.channels import channels


class Running(Clock):
    """A reactor that runs, and notes that it is to stop."""

    stopped = 0

    def callWhenRunning(self, call: Any, *arguments: Any) -> None:  # Twisted's name
        """Call it."""
        call(*arguments)

    def stop(self) -> None:
        """Note it."""
        self.stopped += 1

    def adoptStreamConnection(self, descriptor: int, family: int, factory: Any) -> None:
        """The channel has its transport."""

    def running(self) -> None:
        """Turn until nothing more is to be done at once."""
        for _ in range(5):
            self.advance(0)


class Member:
    """One worker.

    Attributes:
        worker: It.
        channel: The parent's end of its channel.
        taken: Endpoints that it cannot open.
    """

    def __init__(self, edition: Any, number: int) -> None:
        self.reactor = Running()
        self.network = MemoryNetwork(self.reactor)
        self.ports: list[Port] = []
        self.taken: set[str] = set()
        self.told: list[tuple[str, Any]] = []
        self.inherited = Inherited()
        self.signals: list[int] = []
        nothing = os.open(os.devnull, os.O_RDONLY)
        assignment = Assignment(number, nothing, edition.kept(), -1, (), ())
        self.channel, end = channels(self.reactor, (f"worker {number}", "the parent"))
        for kind in ("up", "failed", "closed"):
            self.channel.on(kind, partial(self._heard, kind))
        take = lambda number, handler: self.signals.append(number)  # noqa: E731
        self.worker = Worker(assignment, end, self.reactor, {}, self._make, take_signal=take)

    def start(self) -> Member:
        """Let it serve."""
        self.worker.startService()
        self.reactor.running()
        return self

    def _heard(self, kind: str, body: Any) -> None:
        self.told.append((kind, body))

    @property
    def routes(self) -> list[str]:
        """What it serves."""
        return [route.name for route in self.worker.gateway.settings.routes]

    @property
    def open(self) -> list[str]:
        """Where it listens."""
        return [port.endpoint for port in self.ports if port.open]

    def _make(self, origin: Origin, inherited: Inherited) -> GatewayService:
        self.inherited = inherited
        return GatewayService(
            origin,
            self.reactor,
            says=False,
            now=self.reactor.seconds,
            wall_clock=self.reactor.seconds,
            dialer=self.network,
            make_writer=Log,
            open_port=self._open,
        )

    def _open(self, reactor: Any, endpoint: str, factory: Any, limit: Any) -> Deferred[Listening]:
        if endpoint in self.taken:
            return fail(ListenFailed(endpoint, "this worker cannot"))
        self.ports.append(Port(endpoint))
        return succeed(cast("Listening", self.ports[-1]))


class Held:
    """The sockets of a parent that has none."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.taken = False

    async def prepare(self, settings: Any) -> Fresh:
        """Open what is new."""
        if self.taken:
            raise ListenFailed("tcp:1", "address already in use")
        self.steps.append("prepared")
        return Fresh({}, {})

    async def commit(self, settings: Any, fresh: Fresh) -> None:
        """Keep it."""
        self.steps.append("committed")

    def abandon(self, fresh: Fresh) -> None:
        """Close it again."""
        self.steps.append("abandoned")

    def share(self, index: int, fresh: Fresh | None = None) -> Share:
        """Nobody gets anything."""
        return Share([], [])


class Crew:
    """The team of a parent, of workers in memory."""

    def __init__(self) -> None:
        self.members: list[Member] = []
        self.held = False

    def serving(self) -> list[tuple[int, Channel]]:
        """Return those that are there."""
        return [(index, member.channel) for index, member in enumerate(self.members) if not member.channel.gone]

    def steady(self) -> bool:
        """None is starting."""
        return True

    def rest(self, still: bool) -> None:
        """Nobody stands in for another."""

    def release(self, *, anew: bool = False) -> None:
        """Start processes again."""
        self.held = False

    def when(self, so: Any) -> Deferred[None]:
        """It is so."""
        return succeed(None)


class Whole:
    """A parent's stage and so many workers.

    Attributes:
        changes: What changes all of them.
    """

    def __init__(self, path: Path, count: int = 2) -> None:
        self.path = path
        path.write_text(CONFIGURATION)
        self.configured = Configured(path, {}, lambda: None)
        self.sockets = Held()
        self.crew = Crew()
        self.stopping = False
        sockets: Any = self.sockets
        crew: Any = self.crew
        self.stage = WholeStage(self.configured, sockets, crew, lambda: self.stopping)
        self.crew.members = [Member(self.stage.edition, index).start() for index in range(count)]
        self.changes = Changes(
            self.stage,
            Times(),
            Slices,
            os.urandom,
            self.configured.again,
            lambda settings: None,
            self._in_force,
            written=self.configured.written,
        )
        self.configured.starts_as(self.changes.version)

    @property
    def members(self) -> list[Member]:
        """The workers."""
        return self.crew.members

    def turn(self) -> None:
        """Let all say what they have to say."""
        for _ in range(5):
            for member in self.members:
                member.reactor.running()

    def change(self, before: str, after: str) -> bool:
        """Edit the file and reload; returns whether it is in force."""
        text = self.path.read_text()
        assert before in text
        self.path.write_text(text.replace(before, after))
        done: list[bool] = []
        self.changes.reload("SIGHUP").addCallback(done.append)
        self.turn()
        return done[0]

    def _in_force(self, settings: Any) -> None:
        self.configured.in_force(settings, self.changes.version)


class Times:
    """It is always the same time."""

    def now(self) -> float:
        """Monotonic seconds."""
        return 0.0

    def wall_clock(self) -> float:
        """Unix seconds."""
        return 0.0
