"""A change of configuration: planned, then put into force whole, or rolled back whole; one at a time.

Made by `gateway.composition.lifecycle`; SIGHUP, the watcher and who embeds the gateway call it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, DeferredLock, ensureDeferred
from twisted.logger import Logger

from gateway.admin.service import AdminListener
from gateway.answering.health import State
from gateway.composition.agents import route_name
from gateway.composition.assembly import Gateway, access_log_path
from gateway.composition.snapshot import Snapshot
from gateway.config import ConfigError, Settings
from gateway.config.endpoint_strings import IN_THE_CLEAR, parse
from gateway.config.summary import differences
from gateway.dialling.tls import TLSSettingsError
from gateway.http2.library import available
from gateway.listening.endpoints import ListenFailed, Listening
from gateway.listening.listeners import Entry
from gateway.telemetry.access_log import AccessLogWriter
from gateway.telemetry.logging import levels

_log = Logger()


class Stopping(Exception):
    """The gateway is stopping: its configuration does not change any more."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a configuration needs, built and opened, and not in force.

    Attributes:
        snapshot: What is built from it.
        ports: Listeners that are new.
        renewals: Put the certificates of the other ports into force, as they were read again.
        log_path: Where the access log goes.
        writer: Writes it.
    """

    snapshot: Snapshot
    ports: dict[Entry, Listening]
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

    Attributes:
        version: Number of the configuration in force; that of the start is 1.
    """

    def __init__(
        self,
        gateway: Gateway,
        admin: AdminListener,
        load: Callable[[], Settings] | None,
        announce: Callable[[Settings], None],
        applied: Callable[[Settings], None],
    ) -> None:
        self.version = 1
        self._gateway = gateway
        self._admin = admin
        self._load = load
        self._announce = announce
        self._applied = applied
        self._lock = DeferredLock()
        self._asked: list[Deferred[bool]] = []

    def reload(self) -> Deferred[bool]:
        """Read the configuration again and apply it; what is wrong changes nothing and is logged.

        Those who ask while a reload runs share the one that follows it.

        Returns:
            Whether it is in force.

        Raises:
            ValueError: There is no file to read.
        """
        if self._load is None:
            raise ValueError("The configuration was not read from a file: call apply")
        load = self._load
        asked: Deferred[bool] = Deferred()
        self._asked.append(asked)
        if len(self._asked) == 1:
            self._lock.run(lambda: ensureDeferred(self._answer(load)))
        return asked

    def apply(self, read: Callable[[], Settings]) -> Deferred[None]:
        """Put what `read` returns into force; fails, and changes nothing, when it cannot be.

        Returns:
            Fires when new exchanges use it; fails with `ConfigError`, `ListenFailed`, `TLSSettingsError`, `Stopping`.
        """
        return self._lock.run(lambda: ensureDeferred(self._apply(read())))

    def settled(self) -> Deferred[Any]:
        """Fire when no change is under way any more, however the last one ended."""
        return self._lock.run(lambda: None)

    async def _answer(self, load: Callable[[], Settings]) -> None:
        # Callers from now on get another reload: they may have changed the file after this one read it.
        asked, self._asked = self._asked, []
        in_force = await self._reload(load)
        for each in asked:
            each.callback(in_force)

    async def _reload(self, load: Callable[[], Settings]) -> bool:
        metrics, wall_clock = self._gateway.foundation.metrics, self._gateway.foundation.wall_clock
        try:
            await self._apply(load())
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

    async def _apply(self, settings: Settings) -> None:
        if self._gateway.foundation.health.state is State.DRAINING:
            raise Stopping()  # applied now, a configuration would open ports that the stop has closed
        self._announce(settings)
        await self._commit(settings, await self._plan(settings))

    async def _plan(self, settings: Settings) -> Plan:
        gateway = self._gateway
        gateway.client_lists.follow(settings.auth)  # before any certificate is read
        path = access_log_path(settings)
        writer = gateway.access_logs.at(path)
        ports = await gateway.listeners.prepare(entries(settings))
        try:
            renewals = gateway.listeners.read_certificates(), self._admin.read_certificates()
            snapshot = gateway.build(settings, writer)
            await gateway.foundation.carried.prepare()
            await self._admin.open(settings.admin)
        except BaseException:
            self._roll_back(ports)
            raise
        return Plan(snapshot, ports, renewals, path, writer)

    def _roll_back(self, ports: dict[Entry, Listening]) -> None:
        """Let go of what was made for a configuration that does not come into force."""
        gateway = self._gateway
        gateway.foundation.pool.retain(gateway.root.tree.pool_keys)
        gateway.foundation.carried.roll_back()
        gateway.listeners.abandon(ports)

    async def _commit(self, settings: Settings, plan: Plan) -> None:
        """Put a plan into force: nothing here can fail, and nothing waits until the snapshot is in force."""
        gateway, snapshot, writer = self._gateway, plan.snapshot, plan.writer
        for renew in plan.renewals:
            renew()
        if writer is not None and not writer.running:
            writer.startService()
        before = gateway.root.tree.settings
        gateway.put_in_force(snapshot)
        self.version += 1
        gateway.limit.resize(settings.limits.connections)
        levels.configure(settings.log.level, settings.log.levels)
        gateway.foundation.pool.retain(snapshot.pool_keys)
        gateway.foundation.carried.commit()
        gateway.foundation.metrics.retain(
            [
                *((route.name, route.pattern) for route in settings.routes),
                *((route_name(upstream.name), "") for upstream in settings.upstreams),  # those that agents ask
            ],
            [(upstream.name, backend.url) for upstream in settings.upstreams for backend in upstream.backends],
        )
        retired = gateway.access_logs.exchange(plan.log_path, writer)
        await gateway.listeners.commit(entries(settings), plan.ports)
        if retired is not None:
            await retired.stopService()
        self._applied(settings)
        _log.info(
            "Configuration applied: {routes} routes, {upstreams} upstreams; version {version} changes {changed}",
            routes=len(settings.routes),
            upstreams=len(settings.upstreams),
            version=self.version,
            changed=differences(before, settings),
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
