"""Put the parts together: what is made once, and in which order it hangs together.

`assemble` is the whole wiring of a gateway; `gateway.composition.lifecycle` starts, reloads
and stops what it returns.
"""

from __future__ import annotations

import os
import platform
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import twisted
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory

from gateway import __version__
from gateway.answering.health import Health
from gateway.composition import snapshot
from gateway.composition.builders.taking_over import NOTHING, Kept
from gateway.composition.carried import Carried
from gateway.composition.failures import LastFailures
from gateway.composition.foundation import Ending, Foundation, Waited
from gateway.composition.slices import Slices, at_once
from gateway.config import Settings
from gateway.config.endpoint_strings import address_of
from gateway.dialling.dialer import Dialer, SocketDialer
from gateway.dialling.refreshing import Refreshing
from gateway.dialling.resolver import Resolver
from gateway.forwarding.attempts import Attempts
from gateway.http.messages import DateClock
from gateway.http2.library import available
from gateway.listening.certificate_ends import CertificateEnds
from gateway.listening.client_lists import ClientLists
from gateway.listening.endpoints import Listening, listen
from gateway.listening.introduced import Introduced
from gateway.listening.listeners import Entry, Listeners, OpenPort
from gateway.resilience.occupancy import Occupancy
from gateway.serving import explaining
from gateway.serving.doors import Door
from gateway.serving.reception import Reception
from gateway.serving.site import GatewaySite
from gateway.serving.tree import Root
from gateway.telemetry.access_log import AccessLogWriter
from gateway.telemetry.logging import Levels
from gateway.telemetry.loop_lag import LoopLag
from gateway.telemetry.metrics import Metrics
from gateway.transport.deadlines import Deadlines
from gateway.transport.inherited import Inherited
from gateway.transport.loop import end_of_turn
from gateway.transport.port import ConnectionLimit
from gateway.transport.threads import Threads, ThreadService
from gateway.upstream.figures import Figures
from gateway.upstream.pool import ConnectionPool

if TYPE_CHECKING:
    from gateway.composition.whole import Whole


class AccessLogs:
    """The access log in force; a reload may exchange it for one at another path.

    Args:
        make: Makes a writer for a path.
    """

    def __init__(self, make: Callable[[str], AccessLogWriter]) -> None:
        self._make = make
        self._dropped_before = 0
        self.path: str | None = None
        self.writer: AccessLogWriter | None = None

    def at(self, path: str | None) -> AccessLogWriter | None:
        """Return the writer for a path: that in force where it has this path, else a new one that is not started."""
        if path == self.path:
            return self.writer
        return None if path is None else self._make(path)

    def exchange(self, path: str | None, writer: AccessLogWriter | None) -> AccessLogWriter | None:
        """Put a writer into force; return the previous one where it was replaced."""
        before = self.writer
        if writer is before:
            return None
        self.path, self.writer = path, writer
        if before is not None:
            self._dropped_before += before.dropped
        return before

    @property
    def dropped(self) -> int:
        """Lines lost, by this writer and those before it."""
        return self._dropped_before + (0 if self.writer is None else self.writer.dropped)


@dataclass(frozen=True, slots=True)
class Gateway:
    """The parts of one gateway, not started.

    Attributes:
        foundation: What snapshots are built on.
        root: Holds the snapshot in force.
        site: The clients' connections.
        listeners: The ports.
        client_lists: Which certificates of clients handshakes refuse.
        limit: How many connections they hold.
        access_logs: The access log.
        loop_lag: Measures how busy the reactor is.
        certificate_ends: Tells of certificates that end soon.
        names: Keeps the addresses of backends fresh; None where a dialer was passed in, which sees to that itself.
        figures: Shows what is known of the upstreams.
    """

    foundation: Foundation
    root: Root[snapshot.Snapshot]
    site: GatewaySite
    listeners: Listeners
    client_lists: ClientLists
    limit: ConnectionLimit
    access_logs: AccessLogs
    loop_lag: LoopLag
    certificate_ends: CertificateEnds
    names: Refreshing | None
    figures: Figures

    def build(self, settings: Settings, writer: AccessLogWriter | None) -> snapshot.Snapshot:
        """Build the snapshot of another configuration on the same foundation.

        Raises:
            gateway.config.ConfigError: A certificate of an upstream cannot be used.
        """
        return cast("snapshot.Snapshot", at_once(self.build_in_slices(settings, writer, None)))

    async def build_in_slices(
        self, settings: Settings, writer: AccessLogWriter | None, slices: Slices | None
    ) -> snapshot.Snapshot:
        """Build as `build` does, in slices, between which the reactor turns; one build at a time.

        What has not changed is taken over from the snapshot in force.
        """
        return await _build(settings, self.foundation, writer, self.root.tree.kept, slices)

    def put_in_force(self, tree: snapshot.Snapshot) -> None:
        """Let connections and exchanges that begin from now on go by a snapshot, each with the routes of its listener.

        A connection of a listener that the snapshot does not have goes on, with the routes that are on all.
        """
        self.site.apply(tree.options, tree.rules)
        self.root.tree = tree
        for address, door in self.site.doors.items():
            door.root.tree = tree.at(address)
            door.http2 = speaks_http2(tree.settings, address)


def assemble(
    settings: Settings,
    reactor: Any,
    *,
    now: Callable[[], float] = time.monotonic,
    wall_clock: Callable[[], float] = time.time,
    random_bytes: Callable[[int], bytes] = os.urandom,
    chance: Callable[[], float] = random.random,
    dialer: Dialer | None = None,
    make_writer: Callable[[str], AccessLogWriter] | None = None,
    open_port: OpenPort | None = None,
    inherited: Inherited | None = None,
    threads: Callable[[int, str], Threads] | None = None,
    terminal: bool = False,
    later: Callable[[Callable[[], None]], object] | None = None,
    whole: Whole | None = None,
) -> Gateway:
    """Make a gateway for a configuration.

    Args:
        settings: The first configuration.
        reactor: Listens, connects and keeps time.
        now: Monotonic seconds.
        wall_clock: Unix seconds.
        random_bytes: For identifiers.
        chance: From 0 up to 1, for balancing.
        dialer: Opens connections to backends; by default over TCP.
        make_writer: Makes an access log writer for a path.
        open_port: Opens the port of an endpoint string; None for `gateway.listening.endpoints.listen`.
        inherited: Sockets that this process was started with.
        threads: Makes threads: how many at most, and what they are called.
        terminal: Whether somebody sits at a terminal and reads the log.
        later: Calls something at the end of the reactor's turn; by default in the reactor's own way.
        whole: What is in common with the other workers, where there are some.

    Raises:
        gateway.config.ConfigError: A certificate of an upstream cannot be used.
    """
    deadlines = Deadlines(now)
    pool = ConnectionPool(reactor)
    names = None
    if dialer is None:
        resolver = Resolver(reactor, now)
        resolver.on_change(pool.addresses_changed)
        names = Refreshing(resolver, lambda: {one.host for one in pool.pools()}, reactor)
        dialer = SocketDialer(reactor, resolver)
    versions = (__version__, platform.python_version(), twisted.__version__)
    metrics = Metrics(settings.metrics.buckets, settings.metrics.aliases, versions)
    later = later or end_of_turn(reactor)
    foundation = Foundation(
        now=now,
        wall_clock=wall_clock,
        random_bytes=random_bytes,
        random=chance,
        dialer=dialer,
        pool=pool,
        attempts=Attempts(pool, deadlines, now),
        deadlines=deadlines,
        metrics=metrics,
        health=Health(),
        occupancy=Occupancy(),
        carried=Carried(),
        waited=Waited(now),
        ending=Ending(now),
        reactor=reactor,
        threads=threads or partial(ThreadService, reactor),
        later=later,
        failures=LastFailures(now, wall_clock),
        terminal=terminal,
        whole=whole,
    )
    client_lists = ClientLists()
    client_lists.follow(settings.auth)
    open_port = open_port or partial(_open_port, client_lists, inherited)
    access_logs = AccessLogs(make_writer or (lambda path: AccessLogWriter(path, reactor)))
    path = access_log_path(settings)
    writer = access_logs.at(path)
    access_logs.exchange(path, writer)
    first: snapshot.Snapshot = at_once(_build(settings, foundation, writer))
    foundation.carried.commit()
    root = Root(first, foundation.occupancy)
    foundation.health.checks = lambda: root.tree.readiness
    date = DateClock(wall_clock)
    site = GatewaySite(root, first.options, first.rules, deadlines, now, date, pool.client_gone, chance, later)
    foundation.waited.site = site
    refused = metrics.counter("gateway_proxy_protocol_refused_total")
    reception = Reception(site, refused.add)
    limit = ConnectionLimit(settings.limits.connections)
    loop_lag = LoopLag(reactor)
    floods = metrics.counter("gateway_http2_floods_total")
    site.on_flood = floods.add
    metrics.gauge("gateway_http2_connections_total", lambda: [((), site.http2_connections)])
    metrics.gauge("gateway_http2_streams_total", lambda: [((), site.http2_streams())])
    metrics.active_connections = lambda: len(site.channels)
    metrics.pools = pool.pools
    figures = Figures(lambda: root.tree.upstreams.values(), now)
    for name, ask in figures.gauges().items():
        metrics.gauge(name, ask)
    metrics.gauge(
        "gateway_retry_budget",
        lambda: [((route,), budget.balance(now())) for route, budget in root.tree.retry_budgets.items()],
    )
    metrics.access_log_dropped = lambda: access_logs.dropped
    metrics.loop_lag = loop_lag.worst
    listeners = Listeners(reactor, partial(entrance, site, reception), limit, open_port)

    def ends() -> list[tuple[str, str, float]]:
        return [(one.describe(), name, end) for one in listeners.open for name, end in one.certificates().items()]

    metrics.gauge(
        "gateway_certificate_end_timestamp_seconds",
        lambda: [((listener, name), end) for listener, name, end in ends()],
    )
    if whole is not None:
        whole.shows(metrics, figures.view, foundation.health, foundation.failures)
    return Gateway(
        foundation=foundation,
        root=root,
        site=site,
        listeners=listeners,
        client_lists=client_lists,
        limit=limit,
        access_logs=access_logs,
        loop_lag=loop_lag,
        certificate_ends=CertificateEnds(ends, reactor, wall_clock),
        names=names,
        figures=figures,
    )


def _open_port(
    lists: ClientLists,
    inherited: Inherited | None,
    reactor: Any,
    endpoint: str,
    factory: IProtocolFactory,
    limit: ConnectionLimit,
) -> Deferred[Listening]:
    inside = factory.inside if isinstance(factory, Introduced) else factory
    assert isinstance(inside, Door)
    return listen(reactor, endpoint, factory, limit, inside.acceptableProtocols(), lists, inherited)


def door(site: GatewaySite, endpoint: str) -> Door:
    """Return where the connections of an endpoint come in: one door for an address, whatever the endpoint's files."""
    address = address_of(endpoint)
    found = site.doors.get(address)
    if found is None:
        found = site.doors[address] = Door(site, Root(site.root.tree.at(address), site.root.occupancy))
        found.http2 = speaks_http2(site.root.tree.settings, address)
    return found


def entrance(site: GatewaySite, reception: Reception, entry: Entry) -> Door | Introduced:
    """Return the factory of a port: its door, behind the PROXY headers where connections begin with one."""
    found = door(site, entry.endpoint)
    found.offers(entry.http2)
    if not entry.introduced:
        return found
    from gateway.listening.introductions import Introduction  # loaded where a listener has them

    return Introduced(found, reception, Introduction)


def speaks_http2(settings: Settings, address: str) -> bool:
    """Whether clients of a listener may speak HTTP/2."""
    wanted = any(one.http2 for one in settings.listeners if address_of(one.endpoint) == address)
    return wanted and available()


def access_log_path(settings: Settings) -> str | None:
    """Return where the access log goes, None where there is none."""
    return str(settings.access_log.path) if settings.access_log.enabled else None


async def _build(
    settings: Settings,
    foundation: Foundation,
    writer: AccessLogWriter | None,
    before: Kept = NOTHING,
    slices: Slices | None = None,
) -> snapshot.Snapshot:
    levels = Levels()
    levels.configure(settings.log.level, settings.log.levels)
    foundation.carried.begin()
    write: Callable[[bytes], None] = _ignore if writer is None else writer.write
    if settings.log_shipping is not None:
        from gateway.composition.builders.log_shipping import shipped  # most send none

        write = shipped(settings, foundation, write)
    if settings.metrics.statsd is not None:
        from gateway.composition.builders.statsd import send_figures  # likewise

        send_figures(settings.metrics, foundation)
    return await snapshot.build(
        settings,
        foundation,
        write,
        logs_routing=levels.allows("gateway.routing", "debug"),
        explains=settings.log.format == "text" and levels.allows(explaining.__name__, "info"),
        before=before,
        slices=slices,
    )


def _ignore(line: bytes) -> None:
    """There is no access log."""
