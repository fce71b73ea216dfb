"""Where the counts of one process are kept, and how they are written for a scrape.

The names are those of `gateway.telemetry.catalog`, loaded when somebody asks for figures. Hot paths get their cells
from a `Metrics` when a snapshot is built (`route`, `upstream`, `counter`);
gauges are asked for only when somebody scrapes (`gauge`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING

from gateway.exchange import Exchange
from gateway.telemetry.exposition import NO_LABELS, OPENMETRICS, TEXT, Sample, family, wants_openmetrics
from gateway.telemetry.series import Counts, Histogram, PoolFigures, RouteMetrics, UpstreamMetrics
from gateway.telemetry.spec import Spec

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.registry import Collector

BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0)
"""Upper bounds of the duration buckets, in seconds, unless the configuration gives others."""

MEMO_SECONDS = 0.5
"""How long an exposition may be served again: figures stay younger than the second that is promised."""


@cache
def _all() -> tuple[Spec, ...]:
    from gateway.telemetry.catalog import METRICS

    return METRICS


@cache
def _of_backends() -> dict[str, tuple[str, ...]]:
    return {spec.name: spec.labels for spec in _all() if {"upstream", "backend"} <= set(spec.labels)}


def agents_name(upstream: str) -> str:
    """Return what the agents of an upstream that an application uses are called, in a route's place."""
    return f"gateway://{upstream}"


class Metrics:
    """All counts of one process.

    Attributes:
        errors: Exchanges that ended in an error: `errors.add(reason, source)`.
        active_connections: Asked at scrape time, like the three after it.
        pools: The pools of the snapshot in force.
        access_log_dropped: Records lost so far.
        loop_lag: Seconds.
        own_labels: What the operator has every series, and those of routes, carry.
    """

    def __init__(
        self,
        buckets: Sequence[float] = BUCKETS,
        aliases: bool = True,
        versions: tuple[str, str, str] = ("", "", ""),
        registry: CollectorRegistry | None = None,
    ) -> None:
        """Start from nothing.

        Args:
            buckets: Upper bounds of the duration buckets in seconds, ascending.
            aliases: Whether metrics that go by two names are exposed under both (C-09).
            versions: Of the gateway, Python and Twisted.
            registry: Where other collectors are; a fresh one with process and GC figures by default.
        """
        self._registry = registry
        self.errors = Counts()
        self.active_connections: Callable[[], int] = lambda: 0
        self.pools: Callable[[], Iterable[PoolFigures]] = tuple
        self.access_log_dropped: Callable[[], int] = lambda: 0
        self.loop_lag: Callable[[], float] = lambda: 0.0
        self.own_labels = NO_LABELS
        self._buckets = tuple(buckets)
        self._aliases = aliases
        self._versions = versions
        self._routes: dict[tuple[str, str], RouteMetrics] = {}
        self._durations: dict[str, Histogram] = {}
        self._upstreams: dict[str, UpstreamMetrics] = {}
        self._reloads = {"success": 0, "failure": 0}
        self._last_reload_successful = 0
        self._last_reload = 0.0
        self._memo: dict[bool, tuple[float, bytes]] = {}
        self._counters: dict[str, Counts] = {}
        self._gauges: dict[str, Callable[[], Iterable[Sample]]] = {}

    def counter(self, name: str) -> Counts:
        """Return the cells of a counter of the catalog, the same ones for the same name."""
        return self._counters.setdefault(name, Counts())

    def gauge(self, name: str, ask: Callable[[], Iterable[Sample]]) -> None:
        """Ask for the samples of a gauge of the catalog whenever somebody scrapes.

        Args:
            name: As in the catalog.
            ask: Gives label values, in the order of the catalog, each with its figure.
        """
        self._gauges[name] = ask

    def route(self, name: str, pattern: str) -> RouteMetrics:
        """Return the cells of a route, the same ones for the same name and pattern; empty texts for no route."""
        cells = self._routes.get((name, pattern))
        if cells is None:
            duration = self._durations.get(name)
            if duration is None:
                duration = self._durations[name] = Histogram(self._buckets)
            cells = self._routes[name, pattern] = RouteMetrics(name, pattern, duration)
        return cells

    @property
    def routes(self) -> Collection[RouteMetrics]:
        """Return the cells of all routes."""
        return self._routes.values()

    def upstream(self, name: str) -> UpstreamMetrics:
        """Return the cells of an upstream, the same ones for the same name."""
        cells = self._upstreams.get(name)
        if cells is None:
            cells = self._upstreams[name] = UpstreamMetrics(name, Histogram(self._buckets))
        return cells

    def exemplify(self, exchange: Exchange, trace_id: bytes, at: float) -> None:
        """Let an exchange whose trace is kept stand for the buckets that its durations are counted in.

        Args:
            exchange: It is over.
            trace_id: Its trace's, 32 hexadecimal digits.
            at: When it was over, Unix seconds.
        """
        name, upstream = trace_id.decode("ascii"), exchange.upstream
        duration = self._durations.get("" if exchange.route is None else exchange.route.name)
        if duration is not None:
            duration.exemplify(exchange.finished - exchange.started, name, at)
        cells = None if upstream is None or not exchange.upstream_finished else self._upstreams.get(upstream)
        if cells is not None:
            cells.duration.exemplify(exchange.upstream_finished - exchange.upstream_started, name, at)

    def retain(self, routes: Iterable[tuple[str, str]], backends: Iterable[tuple[str, str]]) -> None:
        """Forget what a reload removed; everything else keeps its counts.

        Args:
            routes: Name and pattern of every route in force.
            backends: Upstream and backend (as in `PoolFigures`) of every backend in force; of an upstream whose
                backends are yet to be found its name, and an empty text.
        """
        stay = {*routes, ("", "")}
        names = {name for name, _ in stay}
        self._routes = {key: cells for key, cells in self._routes.items() if key in stay}
        self._durations = {name: cells for name, cells in self._durations.items() if name in names}
        pairs = set(backends)
        upstreams = {upstream for upstream, _ in pairs}
        self._upstreams = {name: cells for name, cells in self._upstreams.items() if name in upstreams}
        for cells in self._upstreams.values():
            # In place: the forwarder of an unchanged upstream holds on to these cells.
            for key in [key for key in cells.attempts if (cells.name, key[0]) not in pairs]:
                del cells.attempts[key]

    def forget(self, upstream: str, backend: str) -> None:
        """Forget the series of a backend that is a member no more: what comes and goes all day must not add up."""
        cells = self._upstreams.get(upstream)
        for key in [key for key in (() if cells is None else cells.attempts) if key[0] == backend]:
            del cells.attempts[key]  # type: ignore[union-attr]
        for name, labels in _of_backends().items():
            counts = self._counters.get(name)
            places = labels.index("upstream"), labels.index("backend")
            for series in [] if counts is None else list(counts.cells):
                if (series[places[0]], series[places[1]]) == (upstream, backend):
                    del counts.cells[series]  # type: ignore[union-attr]

    def started(self, now: float) -> None:
        """The first configuration is in force since `now` (Unix seconds)."""
        self._last_reload_successful = 1
        self._last_reload = now

    def reloaded(self, success: bool, now: float) -> None:
        """Another configuration was tried at `now` (Unix seconds)."""
        self._reloads["success" if success else "failure"] += 1
        self._last_reload_successful = int(success)
        if success:
            self._last_reload = now

    @property
    def registry(self) -> CollectorRegistry:
        """Where process and garbage collector figures are, and what a plugin counts.

        Made when somebody asks: prometheus_client takes 1.2 MB, and a gateway that nobody scrapes does not need it.
        """
        if self._registry is None:
            from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector

            self._registry = CollectorRegistry()
            ProcessCollector(registry=self._registry)
            GCCollector(registry=self._registry)
        return self._registry

    def exposition(self, accept: bytes, now: float) -> tuple[bytes, bytes]:
        """Return content type and text for a scrape.

        Args:
            accept: The `Accept` field; OpenMetrics where it is named there.
            now: Monotonic seconds. What was written less than `MEMO_SECONDS` ago is returned again, so that a storm
                of scrapes costs little.
        """
        openmetrics = wants_openmetrics(accept)
        content_type = OPENMETRICS if openmetrics else TEXT
        memo = self._memo.get(openmetrics)
        if memo is not None and 0 <= now - memo[0] < MEMO_SECONDS:
            return content_type, memo[1]
        body = self.written(self._samples, self.registry, openmetrics)
        self._memo[openmetrics] = (now, body)
        return content_type, body

    def written(self, samples: Callable[[Spec], Iterable[Sample]], others: Collector, openmetrics: bool) -> bytes:
        """Write an exposition, with the names and labels of this one.

        Args:
            samples: Returns those of a metric.
            others: What other collectors have.
            openmetrics: Whether it is written for OpenMetrics.
        """
        self._check()
        ours = "".join(chain.from_iterable(self._write(spec, samples(spec), openmetrics) for spec in _all())).encode()
        # prometheus_client's part comes last: it brings the "# EOF" that ends OpenMetrics.
        from prometheus_client.exposition import generate_latest
        from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

        theirs: bytes = generate_openmetrics(others) if openmetrics else generate_latest(others)
        return ours + theirs

    def samples(self) -> Iterator[tuple[Spec, Iterable[Sample]]]:
        """Walk all figures as they are now."""
        self._check()
        for spec in _all():
            yield spec, self._samples(spec)

    def _check(self) -> None:
        # Here, and not where they are asked for: then the list would be loaded at the start.
        unknown = {*self._counters, *self._gauges} - {spec.name for spec in _all()}
        assert not unknown, f"not in the list of metrics: {unknown}"

    def _write(self, spec: Spec, samples: Iterable[Sample], openmetrics: bool) -> Iterator[str]:
        samples = list(samples)  # written twice where there is an alias
        for name in (spec.name, spec.alias) if spec.alias and self._aliases else (spec.name,):
            yield from family(
                name, spec.kind, spec.help, spec.labels, samples, openmetrics=openmetrics, own=self.own_labels
            )

    def _samples(self, spec: Spec) -> Iterable[Sample]:
        own: Callable[[], Iterable[Sample]] | None = getattr(self, "_" + spec.name, None)
        if own is not None:
            return own()
        if spec.name in self._gauges:
            return self._gauges[spec.name]()
        return self._counters[spec.name].cells.items() if spec.name in self._counters else ()

    # Methods named after their metric; label values come in the order of the catalog.

    def _gateway_requests_total(self) -> Iterator[Sample]:
        for cells in self._routes.values():
            for (method, status), count in cells.requests.items():
                yield (cells.name, cells.pattern, method.decode("ascii"), str(status)), count

    def _gateway_request_duration_seconds(self) -> Iterator[Sample]:
        return (((name,), histogram) for name, histogram in self._durations.items() if any(histogram.counts))

    def _gateway_active_connections(self) -> Iterator[Sample]:
        yield (), self.active_connections()

    def _gateway_errors_total(self) -> Iterable[Sample]:
        return self.errors.cells.items()

    def _gateway_rate_limit_violations_total(self) -> Iterable[Sample]:
        limited = Counts()
        for cells in self._routes.values():
            if cells.limited:
                limited.cells[(cells.name,)] = limited.cells.get((cells.name,), 0) + cells.limited
        return limited.cells.items()

    def _gateway_upstream_duration_seconds(self) -> Iterator[Sample]:
        return (((name,), cells.duration) for name, cells in self._upstreams.items() if any(cells.duration.counts))

    def _gateway_upstream_attempts_total(self) -> Iterator[Sample]:
        for name, cells in self._upstreams.items():
            for (backend, outcome), count in cells.attempts.items():
                yield (name, backend, outcome), count

    def _gateway_backend_in_flight(self) -> Iterable[Sample]:
        return self._pools(lambda pool: [((), pool.in_flight)])

    def _gateway_backend_picks_total(self) -> Iterable[Sample]:
        return self._pools(lambda pool: [((), pool.picks)])

    def _gateway_pool_connections(self) -> Iterable[Sample]:
        return self._pools(
            lambda pool: [(("idle",), pool.idle), (("busy",), pool.busy), (("connecting",), pool.connecting)]
        )

    def _gateway_pool_max_connections(self) -> Iterable[Sample]:
        return self._pools(lambda pool: [((), pool.max_connections)])

    def _gateway_pool_pending(self) -> Iterable[Sample]:
        return self._pools(lambda pool: [((), pool.pending)])

    def _gateway_config_reloads_total(self) -> Iterator[Sample]:
        return (((result,), count) for result, count in self._reloads.items())

    def _gateway_config_last_reload_successful(self) -> Iterator[Sample]:
        yield (), self._last_reload_successful

    def _gateway_config_last_reload_timestamp_seconds(self) -> Iterator[Sample]:
        yield (), self._last_reload

    def _gateway_access_log_dropped_total(self) -> Iterator[Sample]:
        yield (), self.access_log_dropped()

    def _gateway_event_loop_lag_seconds(self) -> Iterator[Sample]:
        yield (), self.loop_lag()

    def _gateway_build_info(self) -> Iterator[Sample]:
        yield self._versions, 1

    def _pools(self, figures: Callable[[PoolFigures], Iterable[tuple[tuple[str, ...], int]]]) -> Iterable[Sample]:
        # Summed, because a pool that drains and the one that took its place may both be listed: a series that is
        # there twice would make Prometheus refuse the whole scrape.
        sums: dict[tuple[str, ...], int] = {}
        for pool in self.pools():
            for more, figure in figures(pool):
                key = (pool.upstream, pool.backend, *more)
                sums[key] = sums.get(key, 0) + figure
        return sums.items()
