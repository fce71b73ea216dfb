"""What happened since the last look: the figures of the live page, by differences of what is counted anyway.

Asked once a second while a page is open, and never otherwise. A look at a route to which nothing has happened is one
comparison, so that thousands of routes cost what those cost that are busy.

# Note [Percentiles out of buckets]

Single durations are not kept. The observations of a bucket are taken to lie where the sum of all says that they do on
average (`gateway.telemetry.statsd`, Note [Timers out of buckets]), so a percentile is as good as the buckets of
`metrics.buckets`: what is faster than the first bound has one figure, its mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import nlargest
from math import isfinite
from typing import Any, Final

from gateway.telemetry.metrics import Metrics
from gateway.telemetry.series import RouteMetrics
from gateway.telemetry.statsd import timers

BUSIEST: Final = 20
"""Routes that are shown."""

TOLD: Final = 100
"""Routes that one process tells of: the busiest of all are among the busiest of each."""

STALE: Final = 5.0
"""Seconds after which the last look is no start for a rate: nobody has looked for so long."""

CLASSES: Final = ("1xx", "2xx", "3xx", "4xx", "5xx")

Rate = dict[str, Any]
"""What one process counted between two looks, as JSON can say it."""


class _Seen:
    """A route at the last look.

    Args:
        buckets: Of its durations.
    """

    __slots__ = ("counts", "observed", "requests", "total")

    def __init__(self, buckets: int) -> None:
        self.observed = 0
        self.counts = [0] * buckets
        self.total = 0.0
        self.requests: dict[tuple[bytes, int], int] = {}


class Rates:
    """Looks at the counts of this process.

    Args:
        metrics: Where they are.
        now: Monotonic seconds.
    """

    def __init__(self, metrics: Metrics, now: Callable[[], float]) -> None:
        self._metrics = metrics
        self._now = now
        self._at: float | None = None
        self._seen: dict[RouteMetrics, _Seen] = {}
        self._errors: dict[tuple[str, ...], int] = {}

    def since(self) -> Rate | None:
        """Return what was counted since the last look; None where that was too long ago, or never."""
        now, before = self._now(), self._at
        if before is not None and not 0 < now - before <= STALE:
            before = None
        made = _Sum()
        cells = self._metrics.routes
        for route in cells:
            self._look(route, made)
        if len(self._seen) > len(cells):
            self._seen = {route: self._seen[route] for route in cells}
        errors = dict(self._metrics.errors.cells)
        failed = _reasons(errors, self._errors)
        self._errors, self._at = errors, now
        if before is None:
            return None
        busiest = nlargest(TOLD, made.routes.items(), key=lambda one: one[1][0])
        return {
            "seconds": now - before,
            "classes": dict(zip(CLASSES, made.classes[1:], strict=True)),
            "bounds": made.bounds,
            "counts": made.counts,
            "total": made.total,
            "failed": failed,
            "routes": dict(busiest),
        }

    def _look(self, route: RouteMetrics, made: _Sum) -> None:
        # Thousands may have changed: nothing is made anew that can be changed in its place.
        duration = route.duration
        counts = duration.counts
        observed = sum(counts)
        seen = self._seen.get(route)
        if seen is None:
            seen = self._seen[route] = _Seen(len(counts))
        if observed == seen.observed:
            return
        seen.observed = observed
        came = errors = 0
        before = seen.requests
        for key, count in route.requests.items():
            new = count - before.get(key, 0)
            if new:
                before[key] = count
                came += new
                status = key[1]
                made.classes[status // 100 if 100 <= status < 600 else 5] += new
                if status >= 500:
                    errors += new
        mine = made.routes.get(route.name)
        if mine is not None:  # what one name has in several patterns is one route, and shares its durations
            mine[0] += came
            mine[1] += errors
            seen.counts, seen.total = list(counts), duration.total
            return
        own, whole, past = [0] * len(counts), made.counts_of(duration.bounds), seen.counts
        for bucket, count in enumerate(counts):
            new = count - past[bucket]
            if new:
                own[bucket] = new
                whole[bucket] += new
                past[bucket] = count
        took = duration.total - seen.total
        seen.total = duration.total
        made.total += took
        made.routes[route.name] = [came, errors, own, took]


class _Sum:
    """What comes together of all routes.

    Attributes:
        classes: Requests by the hundreds of their status.
        bounds: Of the buckets.
        counts: Observations by bucket; none where nothing has happened.
        total: Their sum, seconds.
        routes: By name: requests, errors, observations by bucket, and their sum.
    """

    def __init__(self) -> None:
        self.classes = [0] * 6
        self.bounds: list[float] = []
        self.counts: list[int] = []
        self.total = 0.0
        self.routes: dict[str, list[Any]] = {}

    def counts_of(self, bounds: Sequence[float]) -> list[int]:
        """Return the observations by bucket, made for the first route; all have the same buckets."""
        if not self.counts:
            self.bounds = list(bounds)
            self.counts = [0] * (len(bounds) + 1)
        return self.counts


def _added(one: Sequence[int], other: Sequence[int]) -> list[int]:
    if len(one) != len(other):  # nothing yet, or buckets of before a change
        return list(other)
    return [mine + theirs for mine, theirs in zip(one, other, strict=True)]


def _reasons(now: Mapping[tuple[str, ...], int], before: Mapping[tuple[str, ...], int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for labels, count in now.items():
        new = count - before.get(labels, 0)
        if new > 0:
            found[labels[0]] = found.get(labels[0], 0) + new
    return found


def together(rates: Iterable[Rate | None]) -> Rate | None:
    """Return what several processes counted in the same second; None where none of them has anything to say."""
    whole: Rate | None = None
    for rate in rates:
        if rate is None:
            continue
        if whole is None:
            routes = {name: list(figures) for name, figures in rate["routes"].items()}
            whole = {**rate, "classes": dict(rate["classes"]), "failed": dict(rate["failed"]), "routes": routes}
            continue
        whole["seconds"] = max(whole["seconds"], rate["seconds"])
        for key in ("classes", "failed"):
            for name, count in rate[key].items():
                whole[key][name] = whole[key].get(name, 0) + count
        whole["bounds"] = whole["bounds"] or rate["bounds"]
        if rate["counts"]:
            whole["counts"] = _added(whole["counts"], rate["counts"])
        whole["total"] += rate["total"]
        for name, (came, errors, counts, total) in rate["routes"].items():
            mine = whole["routes"].setdefault(name, [0, 0, [], 0.0])
            mine[0], mine[1], mine[2] = mine[0] + came, mine[1] + errors, _added(mine[2], counts)
            mine[3] += total
    return whole


def shown(rate: Rate) -> dict[str, Any]:
    """Return the figures of a second: rates a second, percentiles in milliseconds (None where nothing ended)."""
    seconds, bounds = rate["seconds"], rate["bounds"]
    p50, p90, p99 = percentiles(bounds, rate["counts"], rate["total"], (0.5, 0.9, 0.99))
    busiest = sorted(rate["routes"].items(), key=lambda one: (-one[1][0], one[0]))[:BUSIEST]
    return {
        "requests": _a_second(sum(rate["classes"].values()), seconds),
        "classes": {name: _a_second(count, seconds) for name, count in rate["classes"].items()},
        "p50": p50,
        "p90": p90,
        "p99": p99,
        "failed": {reason: _a_second(count, seconds) for reason, count in sorted(rate["failed"].items())},
        "routes": [
            {
                "name": name,
                "requests": _a_second(came, seconds),
                "errors": _a_second(errors, seconds),
                "p99": percentiles(bounds, counts, total, (0.99,))[0],
            }
            for name, (came, errors, counts, total) in busiest
            if came
        ],
    }


def percentiles(
    bounds: Sequence[float], counts: Sequence[int], total: float, wanted: Sequence[float]
) -> list[float | None]:
    """Return percentiles in milliseconds; see Note [Percentiles out of buckets].

    Args:
        bounds: Of the buckets, seconds.
        counts: Observations by bucket, one more than bounds.
        total: Their sum, seconds.
        wanted: Parts of 1.
    """
    observed = sum(counts)
    if not observed:
        return [None] * len(wanted)
    places = timers(bounds, (tuple(counts), total), None)
    found: list[float | None] = []
    for part in wanted:
        running = 0
        value = places[-1][0]
        for seconds, count in places:
            running += count
            if running >= part * observed:
                value = seconds
                break
        found.append(round(value * 1000, 3) if isfinite(value) else None)
    return found


def _a_second(count: int, seconds: float) -> float:
    return round(count / seconds, 2)
