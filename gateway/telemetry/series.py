"""The cells that count while traffic flows.

Made and kept by `gateway.telemetry.metrics`; hot paths hold on to them. All of
them are used on the reactor's thread only, so there is no lock in here.
Plain lists and dictionaries, because prometheus_client's children take 0.37
and 0.80 µs for what `RouteMetrics.record` does in 0.3 µs as a whole.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

METHODS: Final = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE", b"CONNECT"})
"""Methods that are label values as they stand; a client can make up any number of others."""


class PoolFigures(Protocol):
    """What the pool of one backend tells when a scrape asks.

    Attributes:
        upstream: Name of the upstream.
        backend: The backend, in the text that the access log and the attempts are counted under.
        idle: Connections kept for the next exchange.
        busy: Connections that work on one.
        connecting: Connections being made.
        pending: Exchanges that wait for a connection.
        in_flight: Exchanges that the backend is working on.
        picks: Times the balancer chose it, since it was configured.
        max_connections: Cap on idle, busy and connecting together.
    """

    @property
    def upstream(self) -> str: ...
    @property
    def backend(self) -> str: ...
    @property
    def idle(self) -> int: ...
    @property
    def busy(self) -> int: ...
    @property
    def connecting(self) -> int: ...
    @property
    def pending(self) -> int: ...
    @property
    def in_flight(self) -> int: ...
    @property
    def picks(self) -> int: ...
    @property
    def max_connections(self) -> int: ...


Exemplar = tuple[str, float, float]
"""Trace id in hexadecimal digits, value, Unix seconds."""


class Histogram:
    """Observations in buckets, of which the last has no upper bound.

    Attributes:
        bounds: Upper bounds of the others.
        counts: Of each bucket.
        total: Of all observations.
        exemplars: The latest observation of a bucket whose trace is kept, by the number of the bucket: trace id, value,
            and when (Unix seconds).
    """

    __slots__ = ("bounds", "counts", "exemplars", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0
        self.exemplars: dict[int, Exemplar] | None = None

    def observe(self, value: float) -> None:
        """Count one observation; a value equal to a bound belongs to its bucket."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def exemplify(self, value: float, trace_id: str, at: float) -> None:
        """Let an observation that was counted stand for its bucket."""
        if self.exemplars is None:
            self.exemplars = {}
        self.exemplars[bisect_left(self.bounds, value)] = (trace_id, value, at)

    def cumulative(self) -> Iterator[tuple[str, int]]:
        """Walk the buckets as (`le`, observations up to it), `+Inf` last."""
        running = 0
        for bound, count in zip((*map(str, map(float, self.bounds)), "+Inf"), self.counts, strict=True):
            running += count
            yield bound, running


class Cell:
    """What is still to be added to one combination of label values; whoever holds it counts in it without a look-up.

    Attributes:
        count: How much that is.
    """

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


class Counts:
    """A counter with labels: how often each combination of label values was met."""

    __slots__ = ("_added", "_apart")

    def __init__(self) -> None:
        self._added: dict[tuple[str, ...], int] = {}
        self._apart: dict[tuple[str, ...], Cell] = {}

    @property
    def cells(self) -> dict[tuple[str, ...], int]:
        """How often each combination was met so far."""
        for labels, cell in self._apart.items():
            count = cell.count
            if count:
                cell.count = 0
                self._added[labels] = self._added.get(labels, 0) + count
        return self._added

    def cell(self, *labels: str) -> Cell:
        """Return where to count under these label values, given in the order of the list of metrics."""
        return self._apart.setdefault(labels, Cell())

    def add(self, *labels: str) -> None:
        """Count one more under these label values, given in the order of the list of metrics."""
        self._added[labels] = self._added.get(labels, 0) + 1

    def add_many(self, count: int, *labels: str) -> None:
        """Count several more."""
        self.cells[labels] = self.cells.get(labels, 0) + count


class RouteMetrics:
    """What happened to the requests of one route.

    Attributes:
        name: Route name, empty for requests that matched none.
        pattern: Path pattern of the route.
        duration: Durations; routes that only changed their pattern share it.
        limited: Requests refused by a rate limit.
    """

    __slots__ = ("_count", "_least", "_method", "_requests", "_status", "duration", "limited", "name", "pattern")

    def __init__(self, name: str, pattern: str, duration: Histogram) -> None:
        self.name = name
        self.pattern = pattern
        self.duration = duration
        self.limited = 0
        self._least = duration.bounds[0] if duration.bounds else 0.0
        self._requests: dict[tuple[bytes, int], int] = {}
        # Of the requests that ended last, all alike, and not in the dictionary yet.
        self._method = b""
        self._status = 0
        self._count = 0

    @property
    def requests(self) -> dict[tuple[bytes, int], int]:
        """Return how many requests have ended, by (method, status)."""
        self._settle()
        return self._requests

    def record(self, method: bytes, status: int, seconds: float) -> None:
        """Count one finished request: about 0.2 µs."""
        # Most requests end as the one before: those are counted together.
        if status != self._status or method != self._method:
            self._settle()
            self._method, self._status = method, status
        self._count += 1
        # Histogram.observe, written out: the call would be a third of the cost. Most observations are in the first
        # bucket, which is found without another call.
        duration = self.duration
        duration.counts[0 if seconds <= self._least else bisect_left(duration.bounds, seconds)] += 1
        duration.total += seconds

    def _settle(self) -> None:
        count, method = self._count, self._method
        if count:
            self._count = 0
            key = (method if method in METHODS else b"OTHER", self._status)
            self._requests[key] = self._requests.get(key, 0) + count


class UpstreamMetrics:
    """What happened to the attempts on one upstream.

    Attributes:
        name: Name of the upstream.
        duration: Of the last attempt of each exchange, to the end of its answer or to its failure.
        attempts: Attempts by (backend, outcome).
    """

    __slots__ = ("attempts", "duration", "name")

    def __init__(self, name: str, duration: Histogram) -> None:
        self.name = name
        self.duration = duration
        self.attempts: dict[tuple[str, str], int] = {}

    def observe(self, seconds: float) -> None:
        """Count the time that one attempt took."""
        self.duration.observe(seconds)

    def attempt(self, backend: str, outcome: str) -> None:
        """Count one attempt; `outcome` is `ok` or the reason of the error it ended in."""
        key = (backend, outcome)
        self.attempts[key] = self.attempts.get(key, 0) + 1
