"""The sockets of a parent: opened, held and closed by it, and shared out among its workers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from twisted.internet.defer import ensureDeferred
from twisted.internet.protocol import Factory

from gateway.config import Settings
from gateway.listening.endpoints import Listening
from gateway.listening.holding import holding
from gateway.listening.listeners import Entry, Listeners, entries
from gateway.transport.inherited import Given, Inherited
from gateway.transport.port import ConnectionLimit


class Fresh(NamedTuple):
    """What was opened for a configuration that is not in force.

    Attributes:
        listeners: Those that are new.
        admin: The admin listener, where it is new.
    """

    listeners: dict[Entry, Listening]
    admin: dict[Entry, Listening]


class Share(NamedTuple):
    """What one worker gets.

    Attributes:
        sockets: Where it accepts.
        shared: Where others do as well.
    """

    sockets: list[Given]
    shared: list[tuple[str, int]]


class Sockets:
    """All of them; for an upgrade they are what `gateway.composition.ports.Ports` is for one process.

    Args:
        reactor: The real one.
        workers: How many there are.
        inherited: Sockets that this process was started with.

    Attributes:
        handed_over: Another process has them.
    """

    def __init__(self, reactor: Any, workers: int, inherited: Inherited) -> None:
        nobody = Factory()
        nobody.noisy = False
        self._workers = workers
        self._inherited = inherited
        self._listeners = Listeners(reactor, lambda _: nobody, ConnectionLimit(), holding(workers, inherited))
        # One queue for all: whoever asks for metrics or health is answered by any worker that is awake.
        self._admin = Listeners(reactor, lambda _: nobody, ConnectionLimit(), holding(1, inherited))
        self.handed_over = False

    @property
    def addresses(self) -> list[str]:
        """Return the addresses of the listeners."""
        return [listening.describe() for listening in self._listeners.open]

    @property
    def admin_address(self) -> str | None:
        """Return that of the admin listener."""
        return next((listening.describe() for listening in self._admin.open), None)

    async def open(self, settings: Settings) -> None:
        """Open all that a configuration has, and close what this process was started with and nobody needs.

        Raises:
            gateway.listening.endpoints.ListenFailed: One cannot be opened; none stays open.
        """
        await self.commit(settings, await self.prepare(settings))
        self._inherited.close()

    async def prepare(self, settings: Settings) -> Fresh:
        """Open what is new in a configuration, and see whether the certificates of the rest can be used.

        Raises:
            gateway.listening.endpoints.ListenFailed: Nothing has changed.
        """
        listeners = await self._listeners.prepare(entries(settings))
        try:
            self._listeners.read_certificates()
            self._admin.read_certificates()
            return Fresh(listeners, await self._admin.prepare(_admin(settings)))
        except BaseException:
            self._listeners.abandon(listeners)
            raise

    def abandon(self, fresh: Fresh) -> None:
        """Close again what was prepared."""
        self._listeners.abandon(fresh.listeners)
        self._admin.abandon(fresh.admin)

    async def commit(self, settings: Settings, fresh: Fresh) -> None:
        """Keep what a configuration has, and close the rest."""
        await self._listeners.commit(entries(settings), fresh.listeners)
        await self._admin.commit(_admin(settings), fresh.admin)

    def share(self, index: int, fresh: Fresh | None = None) -> Share:
        """Return what one worker gets: of each address a queue of its own, where there are enough.

        Args:
            index: Its place.
            fresh: Only what is new with this; None for all.
        """
        if fresh is None:
            listenings = [*self._listeners.open, *self._admin.open]
        else:
            listenings = [*fresh.listeners.values(), *fresh.admin.values()]
        sockets: list[Given] = []
        shared: list[tuple[str, int]] = []
        for listening in listenings:
            there = listening.given()
            own = there[index :: self._workers] if len(there) >= self._workers else there
            sockets += own
            if len(there) < self._workers:
                shared += {(given.where, given.port) for given in there}
        return Share(sockets, shared)

    def queues(self, index: int) -> list[Given]:
        """Return the sockets of one worker that no other has: connections wait there while it is not there."""
        share = self.share(index)
        return [given for given in share.sockets if (given.where, given.port) not in share.shared]

    def sockets(self) -> list[Given]:
        """Describe all, for a process that takes over."""
        return [given for listening in self._all() for given in listening.given()]

    def hand_over(self) -> None:
        """Another process serves at them from now on: a stop leaves them and their files to it."""
        self.handed_over = True
        for listening in self._all():
            listening.let_go()

    def take_over(self) -> None:
        """Have the files of the sockets that this process was started with: the process before it lets go of them."""
        for listening in self._all():
            listening.take_over()

    async def stop_accepting(self) -> None:
        """Close the listeners."""
        await self._listeners.stop_accepting()

    def give_up(self) -> None:
        """Close all, and wait for none: the process may have no further turn."""
        for listening in self._all():
            ensureDeferred(listening.stop_accepting())

    async def close(self) -> None:
        """Close all."""
        await self._listeners.stop_accepting()
        await self._admin.stop_accepting()

    def _all(self) -> Iterable[Listening]:
        return [*self._listeners.open, *self._admin.open]


def _admin(settings: Settings) -> list[Entry]:
    return [Entry(settings.admin.endpoint)]
