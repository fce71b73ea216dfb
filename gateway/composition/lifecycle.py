"""`GatewayService`: start, reload, drain and stop a gateway.

An `IService` that twistd runs (`gateway.tap`) and that an application can hang
under its own `MultiService`. Draining is ordered: stop accepting, finish what
is in flight, close the pools, then the admin listener and the log; a plain
`MultiService` would stop all at once.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from gateway.admin.resources import AdminRoot
from gateway.admin.service import AdminListener
from gateway.answering.health import State
from gateway.composition.admin_tree import admin_root
from gateway.composition.assembly import Gateway, assemble
from gateway.composition.changes import Changes
from gateway.composition.draining import Draining
from gateway.composition.greeting import greet
from gateway.composition.origin import Origin, origin_of
from gateway.composition.overlay_file import OverlayFile
from gateway.composition.ports import Ports
from gateway.composition.reader import Reader
from gateway.composition.slices import Slices
from gateway.composition.staging import Staging
from gateway.composition.starting import StartError, now
from gateway.config import ConfigError, Settings
from gateway.config.written import find_places
from gateway.listening.endpoints import listen
from gateway.listening.listeners import OpenPort, entries
from gateway.middleware.request_id import RequestId
from gateway.serving.gateway_tree import GatewayTree
from gateway.telemetry.logging import levels
from gateway.telemetry.memory import give_back
from gateway.transport import descriptors
from gateway.transport.deadlines import INTERVAL
from gateway.transport.inherited import Inherited

if TYPE_CHECKING:
    # Loaded with the first agent of an application.
    from gateway.serving.agent import ProxyAgent

_log = Logger()


class GatewayService(MultiService):
    """A whole gateway as one service.

    Args:
        configuration: Settings, a mapping as in the file, the path of a file or directory, or where it comes from.
        reactor: The running one by default.
        watch: Apply the file again when it changes (where `configuration` is a path).
        environ: For substitution and overrides; the process's own by default.
        open_port: Opens the port of an endpoint string; None for `gateway.listening.endpoints.listen`.
        inherited: Sockets that this process was started with: those of the process that it takes over from.
        says: Say in the log what is served, and what was applied: a worker's parent does that.
        parts: For `gateway.composition.assembly.assemble`: clocks, chance, dialer.

    Attributes:
        came_into_force: Called when another configuration has.
    """

    def __init__(
        self,
        configuration: Settings | Mapping[str, Any] | str | Path | Origin,
        reactor: Any = None,
        *,
        watch: bool = True,
        environ: Mapping[str, str] | None = None,
        open_port: OpenPort | None = None,
        inherited: Inherited | None = None,
        says: bool = True,
        **parts: Any,
    ) -> None:
        """Load and build; nothing is opened.

        Raises:
            ConfigError: The configuration is wrong, or something that it names cannot be used.
        """
        super().__init__()
        if reactor is None:
            # nosemgrep: global-reactor - for who embeds the gateway and has only one
            from twisted.internet import reactor
        self._reactor = reactor
        self._says = says
        self.came_into_force: Callable[[], object] = lambda: None
        if not isinstance(configuration, Origin):
            configuration = origin_of(configuration, reactor, os.environ if environ is None else environ, watch)
        self._origin = origin = configuration
        origin.changed = self.reload
        origin.setServiceParent(self)
        self._configured = origin.configured
        settings = self._configured.settings
        levels.configure(settings.log.level, settings.log.levels)
        try:
            self.gateway: Gateway = assemble(settings, reactor, open_port=open_port, inherited=inherited, **parts)
        except ConfigError as error:
            find_places(error, self._configured.tree(settings), settings)
            raise
        new_id = RequestId(self.gateway.foundation.random_bytes, ()).new
        open_admin = open_port or partial(listen, lists=self.gateway.client_lists, inherited=inherited)
        self._inherited = inherited or Inherited()
        self._admin = AdminListener(reactor, self._admin_root, new_id, open_admin)
        load = None if origin.path is None else self._configured.again
        foundation, slices = self.gateway.foundation, partial(Slices, reactor)
        self._changes = Changes(
            Staging(self.gateway, self._admin),
            foundation,
            slices,
            foundation.random_bytes,
            load,
            self._announce,
            self._in_force,
            says=says,
            written=self._configured.written,
        )
        self._configured.starts_as(self._changes.version)
        kept = OverlayFile(self.gateway.foundation.threads)
        kept.setServiceParent(self)
        self._configured.keep_in(kept)
        self._reader = Reader(self.gateway.foundation.threads, partial(Slices, reactor))
        self._reader.setServiceParent(self)
        self._configured.read_by(self._reader)
        self.ports = Ports(self.gateway.listeners, self._admin)
        if origin.documents is not None and watch:
            from gateway.composition.builders.discovery import follow_documents

            follow_documents(origin.documents, self.gateway.foundation, partial(self.reload, "etcd"))
            origin.documents.setServiceParent(self)
        self._draining = Draining(self.gateway, self._admin, reactor)
        self._sweeping = LoopingCall(self.gateway.foundation.deadlines.sweep)
        self._sweeping.clock = reactor
        self.gateway.loop_lag.setServiceParent(self)
        self.gateway.certificate_ends.setServiceParent(self)
        if self.gateway.names is not None:
            self.gateway.names.setServiceParent(self)
        self.gateway.foundation.carried.setServiceParent(self)

    @property
    def settings(self) -> Settings:
        """Return the configuration in force."""
        return self.gateway.root.tree.settings

    def resource(self, route: str | None = None) -> GatewayTree:
        """Return all routes, or one, as a `twisted.web` resource for an application's own site.

        Args:
            route: A route's name, whichever listeners it is on; None for all routes that are on every listener.

        Raises:
            LookupError: There is no such route.
        """
        site = self.gateway.site
        if route is None:
            return GatewayTree(site)
        if all(one.name != route for one in self.settings.routes):
            raise LookupError(f"The configuration in force has no route {route!r}.")
        from gateway.serving.one_route import OneRouteHost  # for applications

        return GatewayTree(OneRouteHost(site, route, lambda: self.gateway.root.tree.around(route)))

    def agent(
        self, upstream: str, *, timeout: str | float = 30.0, retry: Mapping[str, Any] | None = MappingProxyType({})
    ) -> ProxyAgent:
        """Return an `IAgent` that asks the backends of one upstream: `gateway://UPSTREAM/path`.

        It may be kept, whatever configurations follow.

        Args:
            upstream: Its name in the configuration in force.
            timeout: As a route's `timeout`.
            retry: As a route's `retry`; None for no retry but that of the keep-alive race.

        Raises:
            UnknownUpstream: There is none of this name.
            ValueError: `timeout` or `retry` is not as it has to be.
        """
        from gateway.composition.agents import AgentLeaf, agent_route  # for applications
        from gateway.serving.agent import ProxyAgent, UnknownUpstream

        if upstream not in self.gateway.root.tree.upstreams:
            raise UnknownUpstream(upstream)
        leaf = AgentLeaf(agent_route(upstream, timeout, retry), self.gateway)
        return ProxyAgent(upstream, leaf.find, self.gateway.site, self._reactor, leaf.timeout)

    @property
    def reads_files(self) -> bool:
        """Whether there is a configuration to read again: it was a path."""
        return self._origin.path is not None

    @property
    def addresses(self) -> list[str]:
        """Return the addresses that the gateway listens on, e.g. `tcp 127.0.0.1:8080`."""
        return [listening.describe() for listening in self.gateway.listeners.open]

    def privilegedStartService(self) -> None:
        """Open the ports, with the rights that twistd will give up after it.

        Raises:
            StartError: One cannot be opened.
        """
        now(self._open_ports(), self.settings, self._configured.tree)
        super().privilegedStartService()

    def startService(self) -> None:
        """Begin to serve.

        Raises:
            StartError: A port cannot be opened (where `privilegedStartService` was not called), or a plugin fails.
        """
        gateway = self.gateway
        if not gateway.listeners.open:
            now(self._open_ports(), self.settings, self._configured.tree)
        if gateway.access_logs.writer is not None:
            gateway.access_logs.writer.startService()
        self._sweeping.start(INTERVAL, now=False)
        try:
            super().startService()
        except ConfigError as error:
            raise StartError(f"gateway: {error}") from error  # a plugin would not start
        gateway.foundation.health.state = State.RUNNING
        if self._says:
            greet(self.settings, self.addresses, self._admin.address, self._origin.words, self._changes.version, 1)
            _tell_descriptors(self.settings)
        gateway.foundation.metrics.started(gateway.foundation.wall_clock())
        # Nearly all objects alive now live as long as the gateway: frozen, the collector does not look at them again.
        gc.collect()
        gc.freeze()
        give_back()

    @property
    def stopping(self) -> bool:
        """Whether it has begun to stop."""
        return self.gateway.foundation.health.state is State.DRAINING

    def stopService(self) -> Deferred[None]:
        """Drain for at most `timeouts.shutdown`, then close what is left."""
        return ensureDeferred(self._stop())

    def hurry(self) -> None:
        """Cut the drain short: what is still open is closed at once."""
        self._draining.hurry()

    @property
    def changes(self) -> Changes:
        """What plans, applies, rolls back and numbers the configurations."""
        return self._changes

    def reload(self, who: str = "application") -> Deferred[bool]:
        """Read the configuration again and apply it; what is wrong changes nothing and is logged.

        Args:
            who: Who asks, for the log and the list of versions.

        Returns:
            Whether it is in force.
        """
        return self._changes.reload(who)

    def apply(self, configuration: Settings | Mapping[str, Any]) -> Deferred[None]:
        """Put another configuration into force; fails, and changes nothing, when it cannot be.

        Returns:
            Fires when new exchanges use it; fails with `ConfigError`, `ListenFailed`, `Stopping`.
        """
        return self._changes.apply(lambda: self._configured.other(configuration)).addCallback(lambda version: None)

    def count_reload(self, done: bool) -> None:
        """Count a reload that was made for this gateway by its parent."""
        self.gateway.foundation.metrics.reloaded(done, self.gateway.foundation.wall_clock())

    def when_closed(self, call: Callable[[], object]) -> None:
        """Call when it stops and accepts no connection any more."""
        self._draining.closed = call

    def reopen_logs(self) -> None:
        """Open the access log anew: logrotate has moved it."""
        writer = self.gateway.access_logs.writer
        if writer is not None:
            writer.reopen()

    def _admin_root(self) -> AdminRoot:
        return admin_root(self.gateway, self._changes, self._configured, self._reactor)

    def _in_force(self, settings: Settings) -> None:
        self._configured.in_force(settings, self._changes.version)
        self.came_into_force()
        if self._says:
            _tell_descriptors(settings)

    def _announce(self, settings: Settings) -> None:
        # The files of both are watched: the new configuration may fail to build (a file is missing), and then the one
        # before stays in force.
        self._origin.watch(self.settings, settings)

    async def _open_ports(self) -> None:
        listeners = self.gateway.listeners
        ports = entries(self.settings)
        fresh = await listeners.prepare(ports)
        try:
            await self._admin.open(self.settings.admin)
        except BaseException:
            listeners.abandon(fresh)
            raise
        await listeners.commit(ports, fresh)
        self._inherited.close()

    async def _stop(self) -> None:
        self.gateway.foundation.health.state = State.DRAINING
        self._reader.give_up()
        await self._draining.unless_hurried(self._changes.settled())  # what is being applied is there first
        stop = super().stopService
        await self._draining.run(self.settings.timeouts, stop, handed_over=self.ports.handed_over)
        if self._sweeping.running:
            self._sweeping.stop()


def _tell_descriptors(settings: Settings) -> None:
    """Say how many descriptors are left beside those of clients; a warning where there will be too few."""
    connections, most = settings.limits.connections, descriptors.limit()
    short = descriptors.shortage(connections, most)
    if short is not None:
        _log.warn("{short}", short=short)
    elif most is not None:
        left = most - connections - descriptors.OWN
        _log.info("{left} of {most} descriptors are left for backends beside limits.connections", left=left, most=most)
