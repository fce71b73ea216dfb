"""A change of configuration: planned, then put into force whole, or rolled back whole; one at a time.

Made by `gateway.composition.lifecycle`; SIGHUP, the watcher, the admin API and who embeds the gateway call it.

Note [Read under the lock]

What a change is made from is read when its turn has come: a change that takes a part of the configuration in force
(one route by the admin API) is made from what the change before it has left, and whether that is the version that its
caller has seen (`expected`) is asked at the same moment.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

from twisted.internet.defer import Deferred, DeferredLock, ensureDeferred
from twisted.logger import Logger

from gateway.admin.service import AdminListener
from gateway.answering.health import State
from gateway.composition.assembly import Gateway, access_log_path
from gateway.composition.reader import CannotRead
from gateway.composition.sharing import share
from gateway.composition.slices import LOOK, Slices
from gateway.composition.snapshot import Snapshot
from gateway.composition.versions import OtherVersion, Version, Versions
from gateway.config import ConfigError, Settings
from gateway.config.differences import Difference, differences
from gateway.config.endpoint_strings import IN_THE_CLEAR, parse
from gateway.config.summary import described
from gateway.dialling.tls import TLSSettingsError
from gateway.http2.library import available
from gateway.listening.endpoints import ListenFailed, Listening
from gateway.listening.listeners import Entry
from gateway.telemetry.access_log import AccessLogWriter
from gateway.telemetry.logging import levels
from gateway.telemetry.metrics import Metrics
from gateway.upstream.backend import Upstream

_log = Logger()

Read = Callable[[], "Settings | Awaitable[Settings]"]
"""Reads a configuration, perhaps somewhere else than in the reactor's thread; raises `ConfigError`."""

Keep = Callable[[Settings], "Awaitable[None] | None"]
"""Writes down what a change leaves, so that a restart finds it; what it raises stops the change."""


_MARK = 4
"""Random octets that mark a start in the names of versions: one start in four milliards has those of another."""


class Stopping(Exception):
    """The gateway is stopping: its configuration does not change any more."""


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


@dataclass(frozen=True, slots=True)
class _Ready:
    """Everything that a configuration needs, built and opened, and not in force.

    Attributes:
        snapshot: What is built from it.
        changes: What it has other than the configuration in force.
        ports: Listeners that are new.
        admin: The admin port, where it is a new one.
        renewals: Put the certificates of the other ports into force, as they were read again.
        log_path: Where the access log goes.
        writer: Writes it.
    """

    snapshot: Snapshot
    changes: tuple[Difference, ...]
    ports: dict[Entry, Listening]
    admin: Listening | None
    renewals: tuple[Callable[[], None], ...]
    log_path: str | None
    writer: AccessLogWriter | None


class Changes:
    """Puts configurations into force, one after the other.

    Args:
        gateway: What they are in force for.
        admin: Its admin listener.
        load: Reads the configuration again; None where there is no file.
        announce: Told the settings before anything is built from them.
        applied: Told the settings when they are in force.

    """

    def __init__(
        self,
        gateway: Gateway,
        admin: AdminListener,
        load: Read | None,
        announce: Callable[[Settings], None],
        applied: Callable[[Settings], None],
    ) -> None:
        foundation = gateway.foundation
        start = foundation.random_bytes(_MARK).hex()
        self._versions = Versions(gateway.root.tree.settings, foundation.wall_clock(), start)
        self._gateway = gateway
        self._admin = admin
        self._load = load
        self._announce = announce
        self._applied = applied
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
            `TLSSettingsError`, `OtherVersion`, `Stopping`, and what `keep` raises.
        """
        return self._lock.run(lambda: ensureDeferred(self._apply(read, who, expected, keep)))

    def plan(self, read: Read, expected: str | None = None) -> Deferred[Plan]:
        """Say what `apply` would do with the same `read`; everything is built for it, and let go again.

        Ports are not opened: whether one is free shows when it is taken.

        Args:
            read: As for `apply`.
            expected: As for `apply`.

        Returns:
            Fires with the plan; fails with `ConfigError`, `TLSSettingsError`, `OtherVersion`, `Stopping`.
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
        return self.apply(lambda: self._versions.named(version).settings, who, expected, keep)

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
        metrics, wall_clock = self._gateway.foundation.metrics, self._gateway.foundation.wall_clock
        try:
            await self._apply(load, who, None, None)
        except (ConfigError, ListenFailed, TLSSettingsError) as error:
            _log.error("The configuration was not applied, the one before stays:\n{error}", error=error)
        except Stopping:
            _log.info("The configuration is not read again: the gateway is stopping")
            return False
        except Exception:  # noqa: BLE001 - whatever it is, what is in force stays in force
            _log.failure("The configuration was not applied, the one before stays")
        else:
            metrics.reloaded(True, wall_clock())
            return True
        metrics.reloaded(False, wall_clock())
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
        await share(settings, self._gateway.root.tree.settings, self._slices())
        return settings

    def _slices(self) -> Slices:
        return Slices(self._gateway.foundation.reactor)

    def _unless_stopping(self) -> None:
        if self._gateway.foundation.health.state is State.DRAINING:
            raise Stopping()  # applied now, a configuration would open ports that the stop has closed

    async def _planned(self, read: Read, expected: str | None) -> Plan:
        settings = await self._read(read, expected)
        gateway = self._gateway
        before = gateway.root.tree.settings
        try:
            writer = gateway.access_logs.at(access_log_path(settings))
            await gateway.build_in_slices(settings, writer, self._slices())
            await gateway.foundation.carried.prepare()
        finally:
            self._let_go()
        return Plan(self.version, differences(before, settings), settings)

    async def _apply(self, read: Read, who: str, expected: str | None, keep: Keep | None) -> Version:
        settings = await self._read(read, expected)
        at = self._gateway.foundation.now()
        self._announce(settings)
        ready = await self._prepare(settings, keep)
        return await self._commit(settings, ready, who, at)

    async def _prepare(self, settings: Settings, keep: Keep | None) -> _Ready:
        gateway = self._gateway
        gateway.client_lists.follow(settings.auth)  # before any certificate is read
        path = access_log_path(settings)
        writer = gateway.access_logs.at(path)
        ports: dict[Entry, Listening] = {}
        admin = None
        try:
            ports = await gateway.listeners.prepare(entries(settings))
            renewals = gateway.listeners.read_certificates(), self._admin.read_certificates()
            snapshot = await gateway.build_in_slices(settings, writer, self._slices())
            await gateway.foundation.carried.prepare()
            changes = differences(gateway.root.tree.settings, settings)
            admin = await self._admin.prepare(settings.admin)
            # Last: what is written down is in force, unless the process ends in this very moment.
            kept = None if keep is None else keep(settings)
            if kept is not None:
                await kept
        except BaseException:
            gateway.listeners.abandon(ports)
            self._admin.abandon(admin)
            self._let_go()
            raise
        return _Ready(snapshot, changes, ports, admin, renewals, path, writer)

    def _let_go(self) -> None:
        """Let go of what was built for a configuration that does not come into force."""
        gateway, in_force = self._gateway, self._gateway.root.tree
        gateway.client_lists.follow(in_force.settings.auth)
        gateway.foundation.pool.retain(in_force.pool_keys)
        gateway.foundation.carried.roll_back()
        _retain_metrics(gateway.foundation.metrics, in_force.settings, in_force.upstreams.values())

    async def _commit(self, settings: Settings, ready: _Ready, who: str, read_at: float) -> Version:
        """Put what is ready into force: nothing here can fail, and nothing waits until the snapshot is in force."""
        gateway, snapshot, writer = self._gateway, ready.snapshot, ready.writer
        for renew in ready.renewals:
            renew()
        if writer is not None and not writer.running:
            writer.startService()
        gateway.put_in_force(snapshot)
        took = gateway.foundation.now() - read_at
        version = self._versions.add(settings, gateway.foundation.wall_clock(), who, ready.changes)
        gateway.limit.resize(settings.limits.connections)
        levels.configure(settings.log.level, settings.log.levels)
        gateway.foundation.pool.retain(snapshot.pool_keys)
        gateway.foundation.carried.commit()
        await self._slices().did(LOOK * len(settings.routes))
        _retain_metrics(gateway.foundation.metrics, settings, snapshot.upstreams.values())
        retired = gateway.access_logs.exchange(ready.log_path, writer)
        await gateway.listeners.commit(entries(settings), ready.ports)
        await self._admin.commit(ready.admin)
        if retired is not None:
            await retired.stopService()
        self._applied(settings)
        _log.info(
            "Configuration applied: {routes} routes, {upstreams} upstreams; "
            "version {version} changes {changed} ({who}), in force {ms:.0f} ms after it was read",
            routes=len(settings.routes),
            upstreams=len(settings.upstreams),
            version=version.name,
            changed=described(ready.changes),
            who=who,
            ms=took * 1000,
        )
        return version


def _retain_metrics(metrics: Metrics, settings: Settings, upstreams: Iterable[Upstream]) -> None:
    """Forget the counts of what a configuration does not have; members that were found are in its upstreams."""
    from gateway.composition.agents import route_name  # loaded with the first change, or the first agent

    metrics.retain(
        [
            *((route.name, route.pattern) for route in settings.routes),
            *((route_name(upstream.name), "") for upstream in settings.upstreams),  # those that agents ask
        ],
        [
            (upstream.name, name)
            for upstream in upstreams
            for name in ["", *(backend.name for backend in upstream.backends)]
        ],
    )


def entries(settings: Settings) -> list[Entry]:
    """Return what the ports of a configuration are opened by."""
    return [
        Entry(
            listener.endpoint,
            listener.proxy_protocol,
            listener.http2 and available() and parse(listener.endpoint).kind not in IN_THE_CLEAR,
        )
        for listener in settings.listeners
    ]
