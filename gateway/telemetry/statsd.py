"""Send the figures of the catalog by the protocol of StatsD, once an interval.

Counters go as what was added since the last time, gauges as they are, histograms as timers in milliseconds. Nothing of
it is on the way of a request, and nothing waits: a datagram that the system does not take at once is dropped.

# Note [Timers out of buckets]

Single durations are not kept, only how many fell between two bounds, and their sum. For each bucket one line stands
for all of its observations, with the sample rate that says how many they are. Its value lies between the bounds, at the
same part of the way in each bucket, chosen so that the sum is right: so the mean is exact, and percentiles are as good
as the buckets. What is above the last bound gets what is left of the sum.

# Note [Of several processes]

A server adds up what counters and timers say, whoever sends them, so each worker sends its own. Of a gauge it keeps the
last that came: those go from one worker, as they are of all, and so do counters that all workers count alike.

See https://github.com/statsd/statsd/blob/master/docs/metric_types.md and
https://docs.datadoghq.com/developers/dogstatsd/datagram_shell/.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, Final

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from gateway.telemetry.exposition import Sample
from gateway.telemetry.series import Histogram
from gateway.telemetry.spec import Spec

UDP_MOST: Final = 1432
"""Octets of a datagram that passes through an Ethernet in one piece, below IPv6 too."""

UNIX_MOST: Final = 8192
"""Octets of a datagram at a UNIX socket; what the Datadog agent reads at once."""

Families = Iterable[tuple[Spec, Iterable[Sample]]]
"""Figures, by metric."""

_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_-]+")
_NOT_IN_TAGS: Final = re.compile(r"[\s|,#]+")


class Lines:
    """Turns figures into lines, and remembers those of the last time.

    Args:
        prefix: Of all names.
        tagged: Whether labels are tags; else they are parts of the name.
        own: Tags of every line.
    """

    def __init__(self, prefix: str, *, tagged: bool, own: Mapping[str, str] | None = None) -> None:
        self._prefix = prefix
        self._tagged = tagged
        self._own = [f"{name}:{_tag(value)}" for name, value in (own or {}).items()] if tagged else []
        self._counts: dict[tuple[str, tuple[str, ...]], float] = {}
        self._histograms: dict[tuple[str, tuple[str, ...]], tuple[tuple[int, ...], float]] = {}

    def __call__(self, families: Families) -> Iterator[bytes]:
        """Return the lines of all figures that have changed, and of all gauges."""
        counts, self._counts = self._counts, {}
        histograms, self._histograms = self._histograms, {}
        for spec, samples in families:
            name = self._prefix + "." + spec.name.removeprefix("gateway_").removesuffix("_total")
            for values, figure in samples:
                key = spec.name, values
                if isinstance(figure, Histogram):
                    now = (tuple(figure.counts), figure.total)
                    self._histograms[key] = now
                    bare, tags = self._called(name.removesuffix("_seconds"), spec, values)
                    for value, count in timers(figure.bounds, now, histograms.get(key)):
                        rate = "" if count == 1 else f"|@{1 / count:.9g}"
                        yield f"{bare}:{value * 1000:.6g}|ms{rate}{tags}".encode()
                elif spec.kind == "counter":
                    self._counts[key] = figure
                    before = counts.get(key, 0)
                    added = figure - before if figure >= before else figure  # it began anew
                    if added:
                        bare, tags = self._called(name, spec, values)
                        yield f"{bare}:{added:.15g}|c{tags}".encode()
                elif isfinite(figure):
                    bare, tags = self._called(name, spec, values)
                    if figure < 0:  # a sign would mean a change of the gauge
                        yield f"{bare}:0|g{tags}".encode()
                    yield f"{bare}:{figure:.15g}|g{tags}".encode()

    def _called(self, name: str, spec: Spec, values: Sequence[str]) -> tuple[str, str]:
        if not self._tagged:
            return ".".join([name, *(_NOT_IN_NAMES.sub("_", value) or "_" for value in values)]), ""
        pairs = zip(spec.labels, values, strict=True)
        tags = [*(f"{label}:{_tag(value)}" for label, value in pairs if value), *self._own]
        return name, "|#" + ",".join(tags) if tags else ""


def _tag(value: str) -> str:
    return _NOT_IN_TAGS.sub("_", value)


def timers(
    bounds: Sequence[float], now: tuple[tuple[int, ...], float], before: tuple[tuple[int, ...], float] | None
) -> list[tuple[float, int]]:
    """Return seconds that stand for the observations since `before`, and how many they are; see the note above.

    Args:
        bounds: Of the buckets; the last bucket has no upper one.
        now: Observations by bucket, and their sum.
        before: The same at the last time; None for nothing.
    """
    counts, total = now
    if before is not None and all(new >= old for new, old in zip(counts, before[0], strict=True)):
        counts = tuple(new - old for new, old in zip(counts, before[0], strict=True))
        total -= before[1]
    finite = [(low, high, count) for low, high, count in zip((0.0, *bounds), bounds, counts, strict=False) if count]
    least = sum(low * count for low, _, count in finite)
    width = sum((high - low) * count for low, high, count in finite)
    above = counts[-1]
    part = 0.5 if above or not width else min(max((total - least) / width, 0.0), 1.0)
    found = [(low + part * (high - low), count) for low, high, count in finite]
    if above:
        last = bounds[-1] if bounds else 0.0
        found.append((max(last, (total - sum(value * count for value, count in found)) / above), above))
    return found


def datagrams(lines: Iterable[bytes], most: int) -> Iterator[bytes]:
    """Put as many lines into each datagram as it holds; a line that is longer by itself is left out."""
    gathered: list[bytes] = []
    size = 0
    for line in lines:
        if len(line) > most:
            continue
        if gathered and size + 1 + len(line) > most:
            yield b"\n".join(gathered)
            gathered, size = [], 0
        size += len(line) + (1 if gathered else 0)
        gathered.append(line)
    if gathered:
        yield b"\n".join(gathered)


class StatsD(Service):
    """Sends the figures, once an interval and at the end.

    Args:
        figures: Walks them all (`Metrics.samples`).
        lines: Writes them.
        send: Sends a datagram; returns False where it was dropped.
        most: Octets of a datagram.
        interval: Seconds.
        clock: For the interval.
        dropped: Told of each datagram that was dropped.
        close: Called at the end.
        of_all: Asks for those of all processes, where there are several: Note [Of several processes]. It returns None
            where this one does not send them.
        lines_of_all: Writes those.
    """

    def __init__(
        self,
        figures: Callable[[], Families],
        lines: Lines,
        send: Callable[[bytes], bool],
        most: int,
        interval: float,
        clock: Any,
        dropped: Callable[[], object],
        close: Callable[[], object] = lambda: None,
        of_all: Callable[[], Deferred[Any] | None] = lambda: None,
        lines_of_all: Lines | None = None,
    ) -> None:
        self._of_all = of_all
        self._lines_of_all = lines_of_all
        self._compared = False
        self._figures = figures
        self._lines = lines
        self._send = send
        self._most = most
        self._interval = interval
        self._dropped = dropped
        self._close = close
        self._loop = LoopingCall(self._tell)
        self._loop.clock = clock

    def startService(self) -> None:
        """Begin: what was counted before is not sent as if it had come now."""
        super().startService()
        for _ in self._lines(self._figures()):
            pass
        self._loop.start(self._interval, now=False)
        self._ask()

    def stopService(self) -> None:
        """Send what has come since the last time, and end."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()
            self._tell()
        self._close()

    def _tell(self) -> None:
        self._write(self._lines(self._figures()))
        if self._loop.running:
            self._ask()

    def _ask(self) -> None:
        asked = self._of_all()
        if asked is None:
            self._compared = False
        else:
            asked.addCallback(self._tell_of_all)

    def _tell_of_all(self, families: Families) -> None:
        if self.running and self._lines_of_all is not None:
            lines = list(self._lines_of_all(families))
            if self._compared:  # else another one has sent what was counted before
                self._write(lines)
            self._compared = True

    def _write(self, lines: Iterable[bytes]) -> None:
        for datagram in datagrams(lines, self._most):
            if not self._send(datagram):
                self._dropped()
