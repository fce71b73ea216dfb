"""Where one gateway's configurations are put into force: everything is built and opened aside, then exchanged at once.

Made by `gateway.composition.lifecycle` for `gateway.composition.changes`, which says when and in which order.

Tests: `tests/composition/test_changes.py::test_routes_come_and_go`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.admin.service import AdminListener
from gateway.answering.health import State
from gateway.composition.assembly import Gateway, access_log_path
from gateway.composition.changes import Keep
from gateway.composition.collecting import let_go
from gateway.composition.slices import LOOK, Slices
from gateway.composition.snapshot import Snapshot
from gateway.config import Settings
from gateway.listening.endpoints import Listening
from gateway.listening.listeners import Entry, entries
from gateway.telemetry.access_log import AccessLogWriter
from gateway.telemetry.logging import levels
from gateway.telemetry.metrics import Metrics, agents_name
from gateway.upstream.backend import Upstream


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything that a configuration needs, built and opened, and not in force.

    Attributes:
        snapshot: What is built from it.
        ports: Listeners that are new.
        admin: The admin port, where it is a new one.
        renewals: Put the certificates of the other ports into force, as they were read again.
        log_path: Where the access log goes.
        writer: Writes it.
    """

    snapshot: Snapshot
    ports: dict[Entry, Listening]
    admin: Listening | None
    renewals: tuple[Callable[[], None], ...]
    log_path: str | None
    writer: AccessLogWriter | None


class Staging:
    """The stage of one gateway.

    Args:
        gateway: What configurations are in force for.
        admin: Its admin listener.
    """

    def __init__(self, gateway: Gateway, admin: AdminListener) -> None:
        self._gateway = gateway
        self._admin = admin

    @property
    def settings(self) -> Settings:
        """Those in force."""
        return self._gateway.root.tree.settings

    @property
    def stopping(self) -> bool:
        """Whether it has begun to stop."""
        return self._gateway.foundation.health.state is State.DRAINING

    def reloaded(self, done: bool) -> None:
        """Count a reload."""
        self._gateway.foundation.metrics.reloaded(done, self._gateway.foundation.wall_clock())

    async def rehearse(self, settings: Settings) -> None:
        """Build everything but ports, and let go of it again."""
        gateway = self._gateway
        try:
            writer = gateway.access_logs.at(access_log_path(settings))
            built = await gateway.build_in_slices(settings, writer, self._slices())
            await gateway.foundation.carried.prepare()
        finally:
            self._let_go()
        routes: list[object] = [*built.kept.routes.values()]
        del built
        await let_go(routes, self._slices())

    async def prepare(self, settings: Settings, keep: Keep | None) -> Ready:
        """Build and open everything; a failure leaves all as it was."""
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
        return Ready(snapshot, ports, admin, renewals, path, writer)

    def _let_go(self) -> None:
        """Let go of what was built for a configuration that does not come into force."""
        gateway, in_force = self._gateway, self._gateway.root.tree
        gateway.client_lists.follow(in_force.settings.auth)
        gateway.foundation.pool.retain(in_force.pool_keys)
        gateway.foundation.carried.roll_back()
        retain_metrics(gateway.foundation.metrics, in_force.settings, in_force.upstreams.values())

    async def commit(self, settings: Settings, ready: Ready, in_force: Callable[[], None]) -> None:
        """Put what is ready into force: nothing here can fail, and nothing waits until the snapshot is in force."""
        gateway, snapshot, writer = self._gateway, ready.snapshot, ready.writer
        before: list[object] = [*gateway.root.tree.kept.routes.values()]
        for renew in ready.renewals:
            renew()
        if writer is not None and not writer.running:
            writer.startService()
        gateway.put_in_force(snapshot)
        in_force()
        gateway.limit.resize(settings.limits.connections)
        levels.configure(settings.log.level, settings.log.levels)
        gateway.foundation.pool.retain(snapshot.pool_keys)
        gateway.foundation.carried.commit()
        # What goes by all routes, and is not cut into parts, has a turn of its own.
        await self._slices().did(LOOK * len(settings.routes))
        retain_metrics(gateway.foundation.metrics, settings, snapshot.upstreams.values())
        await self._slices().did(LOOK * len(settings.routes))
        retired = gateway.access_logs.exchange(ready.log_path, writer)
        await gateway.listeners.commit(entries(settings), ready.ports)
        await self._admin.commit(ready.admin)
        if retired is not None:
            await retired.stopService()
        await let_go(before, self._slices())

    def _slices(self) -> Slices:
        return Slices(self._gateway.foundation.reactor)


def retain_metrics(metrics: Metrics, settings: Settings, upstreams: Iterable[Upstream]) -> None:
    """Forget the counts of what a configuration does not have; members that were found are in its upstreams."""
    metrics.retain(
        [
            *((route.name, route.pattern) for route in settings.routes),
            *((agents_name(upstream.name), "") for upstream in settings.upstreams),  # those that agents ask
        ],
        [
            (upstream.name, name)
            for upstream in upstreams
            for name in ["", *(backend.name for backend in upstream.backends)]
        ],
    )
