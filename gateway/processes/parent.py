"""The parent of several workers: it holds their sockets, starts and watches them, and changes what they serve.

Made by `gateway.tap` in the place of a `GatewayService`, whose methods it has. No request ever comes here, and nothing
is built from the configuration here but sockets.
"""

from __future__ import annotations

import os
import random as chance
import time
from collections.abc import Callable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, Final

from twisted.application.service import MultiService
from twisted.internet import process
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger

from gateway.composition.changes import Changes
from gateway.composition.greeting import greet
from gateway.composition.origin import Origin
from gateway.composition.overlay_file import OverlayFile
from gateway.composition.patience import within
from gateway.composition.reader import Reader
from gateway.composition.slices import Slices
from gateway.composition.starting import StartError, now
from gateway.config import Settings
from gateway.config.processes import how_many
from gateway.dialling.dialer import SocketDialer
from gateway.dialling.resolver import Resolver
from gateway.processes.administering import Administering
from gateway.processes.launching import Launcher
from gateway.processes.sockets import Sockets
from gateway.processes.stand_ins import StandIns
from gateway.processes.team import Center, Team
from gateway.processes.whole_stage import WholeStage
from gateway.telemetry.logging import levels
from gateway.transport.inherited import Inherited
from gateway.transport.threads import ThreadService

TURN: Final = 0.05
"""Seconds of a turn of the reactor while a start waits for its workers."""
KILLED: Final = 5.0
"""Seconds that workers may take to end beyond those of the drain, until they are killed."""

_log = Logger()


class Times:
    """The clocks of the process."""

    now = staticmethod(time.monotonic)
    wall_clock = staticmethod(time.time)


class Parent(MultiService):
    """The whole gateway as one service.

    Args:
        origin: Where its configurations come from.
        reactor: The running one.
        command: Starts this process.
        directory: Where it was started.
        inherited: Sockets that it was started with.
        center: What the workers have in common, and the descriptor of the memory for it.
        random: From 0 to 1.
        files: Returns a descriptor of the memory with files that workers may not read, if there are any.

    Attributes:
        ports: Its sockets.
        changes: What plans, applies, rolls back and numbers the configurations.
        configured: What the configuration in force was made from.
        team: The workers.
        came_into_force: Called when another configuration has.
    """

    def __init__(
        self,
        origin: Origin,
        reactor: Any,
        command: Sequence[str],
        directory: str,
        inherited: Inherited,
        center: Center,
        random: Callable[[], float] = chance.random,
        files: Callable[[], int | None] = lambda: None,
    ) -> None:
        super().__init__()
        settings = origin.settings
        levels.configure(settings.log.level, settings.log.levels)
        self._reactor = reactor
        self._origin = origin
        self._stopping = False
        self.came_into_force: Callable[[], object] = lambda: None
        self._hurried: Deferred[None] = Deferred()
        self.configured = origin.configured
        origin.changed = self.reload
        origin.setServiceParent(self)
        self.ports = Sockets(reactor, how_many(settings.processes), inherited)
        launcher = Launcher(
            reactor,
            command,
            directory,
            self.ports.share,
            lambda: self._stage.edition,
            center.descriptor,
            files=files,
        )
        self.team = Team(reactor, random, center, launcher, StandIns(self.ports.queues).look)
        self._stage = WholeStage(self.configured, self.ports, self.team, lambda: self._stopping)
        threads = partial(ThreadService, reactor)
        slices = partial(Slices, reactor)
        load = None if origin.path is None else self.configured.again
        self.changes = Changes(
            self._stage,
            Times(),
            slices,
            os.urandom,
            load,
            self._announce,
            self._in_force,
            written=self.configured.written,
        )
        self.configured.starts_as(self.changes.version)
        center.administers(Administering(self.changes, self.configured, reactor))
        kept, reader = OverlayFile(threads), Reader(threads, slices)
        for each in (kept, reader):
            each.setServiceParent(self)
        self.configured.keep_in(kept)
        self.configured.read_by(reader)
        self._reader = reader
        if origin.documents is not None:
            from gateway.composition.builders.discovery import follow_documents  # loads what asks registries: few do

            dialer = SocketDialer(reactor, Resolver(reactor, Times.now))
            asks: Any = SimpleNamespace(reactor=reactor, dialer=dialer, random=random)
            follow_documents(origin.documents, asks, partial(self.reload, "etcd"))
            origin.documents.setServiceParent(self)

    @property
    def settings(self) -> Settings:
        """Return the configuration in force."""
        return self.configured.settings

    @property
    def stopping(self) -> bool:
        """Whether it has begun to stop."""
        return self._stopping

    @property
    def reads_files(self) -> bool:
        """Whether there is a configuration to read again."""
        return self._origin.path is not None

    def reload(self, who: str = "application") -> Deferred[bool]:
        """Read the configuration again, and put it into force in all workers; what is wrong changes nothing."""
        return self.changes.reload(who)

    def reopen_logs(self) -> None:
        """Have all workers open their access logs anew: logrotate has moved them."""
        self.team.tell("logs")

    def hurry(self) -> None:
        """Cut the drain short."""
        self.team.tell("hurry")
        if not self._hurried.called:
            self._hurried.callback(None)

    def privilegedStartService(self) -> None:
        """Open the ports, with the rights that twistd will give up after it.

        Raises:
            StartError: One cannot be opened.
        """
        now(self.ports.open(self.settings), self.settings, self.configured.tree)
        super().privilegedStartService()

    def startService(self) -> None:
        """Start the workers; when this returns they serve.

        Raises:
            StartError: One of them does not come up.
        """
        team = self.team
        team.start(how_many(self.settings.processes))
        while not (team.all_up() or team.failed):
            # twistd tells whoever started it how this went when this returns, and runs the reactor after that.
            self._reactor.iterate(TURN)
            process.reapAllProcesses()
        if team.failed:
            words = team.failed
            team.kill()
            self.ports.give_up()
            raise StartError(words if words.startswith("gateway: ") else f"gateway: a worker has ended: {words}")
        team.formed = True
        super().startService()
        addresses, admin = self.ports.addresses, self.ports.admin_address
        greet(self.settings, addresses, admin, self._origin.words, self.changes.version, len(team.places))

    def stopService(self) -> Deferred[None]:
        """Drain all workers."""
        self._stopping = True
        return ensureDeferred(self._stop())

    async def _stop(self) -> None:
        team = self.team
        self._reader.give_up()
        await within(self.changes.settled(), None, self._reactor, self._hurried)
        team.leave(self.ports.handed_over)
        team.when(team.accepts_nothing).addCallback(lambda _: ensureDeferred(self.ports.stop_accepting()))
        times = self.settings.timeouts
        longest = times.shutdown_delay + times.shutdown + KILLED
        if not await within(team.when(team.gone), longest + KILLED, self._reactor):
            _log.error("Workers that have not ended are killed")
            team.kill()
            await within(team.when(team.gone), KILLED, self._reactor)
        await self.ports.close()
        await super().stopService()
        _log.info("Stopped", event="process.stopped")

    def _announce(self, settings: Settings) -> None:
        self._origin.watch(self.settings, settings)

    def _in_force(self, settings: Settings) -> None:
        self.configured.in_force(settings, self.changes.version)
        self.came_into_force()
        levels.configure(settings.log.level, settings.log.levels)
