"""A change of configuration: planned, then put into force whole, or rolled back whole; one at a time.

Made by `gateway.composition.lifecycle`, and for several processes by their parent; SIGHUP, the watcher, the admin API
and who embeds the gateway call it.

Note [Read under the lock]

What a change is made from is read when its turn has come: a change that takes a part of the configuration in force
(one route by the admin API) is made from what the change before it has left, and whether that is the version that its
caller has seen (`expected`) is asked at the same moment.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, Protocol

from twisted.internet.defer import Deferred, DeferredLock, ensureDeferred
from twisted.logger import Logger

from gateway.composition.collecting import Collector
from gateway.composition.reader import CannotRead
from gateway.composition.sharing import COMPARED, share
from gateway.composition.slices import Slices
from gateway.composition.versions import OtherVersion, Version, Versions
from gateway.config import ConfigError, Settings
from gateway.config.differences import Difference, in_parts
from gateway.config.nodes import MapNode
from gateway.config.problems import NotPossible
from gateway.config.processes import how_many
from gateway.config.summary import described
from gateway.config.written import find_places
from gateway.listening.endpoints import ListenFailed
from gateway.telemetry.memory import resident

_log = Logger()

Read = Callable[[], "Settings | Awaitable[Settings]"]
"""Reads a configuration, perhaps somewhere else than in the reactor's thread; raises `ConfigError`."""

Keep = Callable[[Settings], "Awaitable[None] | None"]
"""Writes down what a change leaves, so that a restart finds it; what it raises stops the change."""


Written = Callable[[Settings], Awaitable[MapNode | None]]
"""Returns what settings were made from that were read last; None where that is not known."""

_MARK = 4
"""Random octets that mark a start in the names of versions: one start in four milliards has those of another."""


class Unfit(NotPossible):
    """A configuration that can be read cannot be put into force here; the text says why."""


class Stopping(Exception):
    """The gateway is stopping: its configuration does not change any more."""


class Times(Protocol):
    """Tells how late it is."""

    @property
    def now(self) -> Callable[[], float]:
        """Monotonic seconds."""

    @property
    def wall_clock(self) -> Callable[[], float]:
        """Unix seconds."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a change would do.

    Attributes:
        version: The version in force that it would change.
        changes: What would be other than in that one.
        settings: What would be in force.
    """

    version: str
    changes: tuple[Difference, ...]
    settings: Settings


class Stage(Protocol):
    """Where configurations are put: one gateway (`gateway.composition.staging`), or all workers of one."""

    @property
    def settings(self) -> Settings:
        """Those in force."""

    @property
    def stopping(self) -> bool:
        """Whether it has begun to stop."""

    async def rehearse(self, settings: Settings) -> None:
        """Build everything that a configuration needs, as far as nobody notices, and let go of it again."""

    async def prepare(self, settings: Settings, keep: Keep | None) -> Any:
        """Do all that can fail, and `keep` last; returns what `commit` takes. A failure leaves all as it was."""

    async def commit(self, settings: Settings, ready: Any, in_force: Callable[[], None]) -> None:
        """Put what is ready into force, and call `in_force` at once when it is: before anything else is awaited."""

    def reloaded(self, done: bool) -> None:
        """Count a reload."""


class Changes:
    """Puts configurations into force, one after the other.

    Args:
        stage: Where they are put into force.
        times: Tells how late it is.
        slices: Makes what counts the work.
        random_bytes: Marks this start.
        load: Reads the configuration again; None where there is no file.
        announce: Told the settings before anything is built from them.
        applied: Told the settings when they are in force.
        says: Say in the log what was applied; a worker's parent does that.
        written: As `Written`; None where nobody knows.
    """

    def __init__(
        self,
        stage: Stage,
        times: Times,
        slices: Callable[[], Slices],
        random_bytes: Callable[[int], bytes],
        load: Read | None,
        announce: Callable[[Settings], None],
        applied: Callable[[Settings], None],
        *,
        says: bool = True,
        written: Written | None = None,
    ) -> None:
        self._versions = Versions(stage.settings, times.wall_clock(), random_bytes(_MARK).hex())
        self._stage = stage
        self._times = times
        self._slices = slices
        self._says = says
        self._written = written
        self._load = load
        self._announce = announce
        self._applied = applied
        self._collector = Collector(resident)
        self._lock = DeferredLock()
        self._asked: dict[Deferred[bool], str] = {}

    @property
    def version(self) -> str:
        """The name of the version in force."""
        return self._versions.current.name

    def versions(self) -> list[Version]:
        """Return the versions that are kept, that in force first."""
        return self._versions.newest_first()

    def reload(self, who: str = "application") -> Deferred[bool]:
        """Read the configuration again and apply it; what is wrong changes nothing and is logged.

        Those who ask while a reload runs share the one that follows it.

        Args:
            who: Who asks.

        Returns:
            Whether it is in force.

        Raises:
            ValueError: There is no file to read.
        """
        if self._load is None:
            raise ValueError("The configuration was not read from a file: call apply")
        load = self._load
        asked: Deferred[bool] = Deferred()
        self._asked[asked] = who
        if len(self._asked) == 1:
            self._lock.run(lambda: ensureDeferred(self._answer(load)))
        return asked

    def apply(
        self, read: Read, who: str = "application", expected: str | None = None, keep: Keep | None = None
    ) -> Deferred[Version]:
        """Put what `read` returns into force; fails, and changes nothing, when it cannot be.

        Args:
            read: Called when no other change is under way: Note [Read under the lock].
            who: Who asks.
            expected: The version that has to be in force when `read` is called; None for any.
            keep: Called when all that can fail has succeeded, and nothing is in force yet.

        Returns:
            Fires with the version when new exchanges use it; fails with `ConfigError`, `ListenFailed`,
            `Unfit`, `OtherVersion`, `Stopping`, and what `keep` raises.
        """
        return self._lock.run(lambda: ensureDeferred(self._apply(read, who, expected, keep)))

    def plan(self, read: Read, expected: str | None = None) -> Deferred[Plan]:
        """Say what `apply` would do with the same `read`; everything is built for it, and let go again.

        Ports are not opened: whether one is free shows when it is taken.

        Args:
            read: As for `apply`.
            expected: As for `apply`.

        Returns:
            Fires with the plan; fails with `ConfigError`, `OtherVersion`, `Stopping`.
        """
        return self._lock.run(lambda: ensureDeferred(self._planned(read, expected)))

    def roll_back(
        self, version: str, who: str = "application", expected: str | None = None, keep: Keep | None = None
    ) -> Deferred[Version]:
        """Put the settings of an earlier version into force again, as a new version.

        Files that they name (certificates, users) are as they are now.

        Args:
            version: Its name.
            who: As for `apply`.
            expected: As for `apply`.
            keep: As for `apply`.

        Returns:
            As of `apply`; fails also with `UnknownVersion`.
        """
        return self.apply(lambda: self._versions.settings(version, self._slices()), who, expected, keep)

    def settled(self) -> Deferred[Any]:
        """Fire when no change is under way any more, however the last one ended."""
        return self._lock.run(lambda: None)

    async def _answer(self, load: Read) -> None:
        # Callers from now on get another reload: they may have changed the file after this one read it.
        asked, self._asked = self._asked, {}
        in_force = await self._reload(load, ", ".join(dict.fromkeys(asked.values())))
        for each in asked:
            each.callback(in_force)

    async def _reload(self, load: Read, who: str) -> bool:
        try:
            await self._apply(load, who, None, None)
        except (ConfigError, ListenFailed, Unfit) as error:
            _log.error(
                "The configuration was not applied, the one before stays:\n{cause}",
                cause=str(error),
                event="reload.failed",
            )
        except Stopping:
            _log.info("The configuration is not read again: the gateway is stopping")
            return False
        except Exception:  # noqa: BLE001 - whatever it is, what is in force stays in force
            _log.failure("The configuration was not applied, the one before stays", event="reload.failed")
        else:
            self._stage.reloaded(True)
            return True
        self._stage.reloaded(False)
        return False

    async def _read(self, read: Read, expected: str | None) -> Settings:
        """Read what is to be in force; see Note [Read under the lock]."""
        self._unless_stopping()
        if expected is not None and expected != self.version:
            raise OtherVersion(expected, self.version)
        settings = read()
        if isawaitable(settings):
            try:
                settings = await settings
            except CannotRead:
                raise Stopping from None
            self._unless_stopping()
        assert isinstance(settings, Settings)  # for the type checker
        before, wanted = how_many(self._stage.settings.processes), how_many(settings.processes)
        if before != wanted:
            words = f"{wanted} in the place of {before} takes an upgrade: `gateway upgrade PIDFILE`, or SIGUSR2"
            unfit = Unfit(words)
            unfit.path = "processes"
            await self._find_places(unfit, settings)
            raise unfit
        await share(settings, self._stage.settings, self._slices())
        return settings

    def _unless_stopping(self) -> None:
        if self._stage.stopping:
            raise Stopping()  # applied now, a configuration would open ports that the stop has closed

    async def _planned(self, read: Read, expected: str | None) -> Plan:
        with self._collector.resting():
            settings = await self._read(read, expected)
            try:
                await self._stage.rehearse(settings)
            except ConfigError as error:
                await self._find_places(error, settings)
                raise
            return Plan(self.version, await self._differences(settings), settings)

    async def _differences(self, settings: Settings) -> tuple[Difference, ...]:
        """Find what settings have other than those in force."""
        slices, parts = self._slices(), in_parts(self._stage.settings, settings)
        while True:
            try:
                compared = next(parts)
            except StopIteration as done:
                found: tuple[Difference, ...] = done.value
                return found
            await slices.did(compared * COMPARED)

    async def _apply(self, read: Read, who: str, expected: str | None, keep: Keep | None) -> Version:
        with self._collector.resting():
            return await self._put(read, who, expected, keep)

    async def _put(self, read: Read, who: str, expected: str | None, keep: Keep | None) -> Version:
        settings = await self._read(read, expected)
        read_at = self._times.now()
        self._announce(settings)
        changed: list[Difference] = []

        async def compared(settings: Settings) -> None:
            changed.extend(await self._differences(settings))
            kept = None if keep is None else keep(settings)
            if kept is not None:
                await kept

        try:
            ready = await self._stage.prepare(settings, compared)
        except (ConfigError, ListenFailed) as error:
            await self._find_places(error, settings)
            raise
        self._collector.keep()
        noted: list[tuple[Version, float]] = []

        def in_force() -> None:
            took = self._times.now() - read_at
            noted.append((self._versions.add(settings, self._times.wall_clock(), who, tuple(changed)), took))

        await self._stage.commit(settings, ready, in_force)
        ((version, took),) = noted
        self._applied(settings)
        await self._pack()
        if not self._says:
            return version
        _log.info(
            "Configuration applied: {routes} routes, {upstreams} upstreams; "
            "version {version} changes {changed} ({who}), in force {ms:.0f} ms after it was read",
            routes=len(settings.routes),
            upstreams=len(settings.upstreams),
            version=version.name,
            changed=described(version.changes),
            who=who,
            ms=took * 1000,
            event="reload.done",
        )
        return version

    async def _find_places(self, error: ConfigError | NotPossible, settings: Settings) -> None:
        """Have an error say where what cannot be had is asked for."""
        root = None if self._written is None else await self._written(settings)
        find_places(error, root, settings)

    async def _pack(self) -> None:
        """Pack what was in force before; a version that cannot be packed is kept as it is."""
        try:
            await self._versions.pack(self._slices())
        except Exception:  # noqa: BLE001 - settings of an application; what was changed is in force
            _log.failure("What was in force before cannot be packed: it is kept as it is")
