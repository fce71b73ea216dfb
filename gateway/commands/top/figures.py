"""What `gateway top` shows: rates between two scrapes of `/metrics`, and what `/upstreams` and `/exchanges` say.

Decides only: texts and data go in, data come out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, Final, NamedTuple

from gateway.http.remembered import remembered
from gateway.telemetry.failures import merged

Series = dict[str, float]
"""Values by the labels of each, as the text has them: of thousands of series few have changed since the last look."""

REQUESTS: Final = "gateway_requests_total"
BUCKETS: Final = "gateway_request_duration_seconds_bucket"
ERRORS: Final = "gateway_errors_total"
CONNECTIONS: Final = "gateway_active_connections"
IN_FLIGHT: Final = "gateway_backend_in_flight"
LAG: Final = "gateway_event_loop_lag_seconds"
MEMORY: Final = "process_resident_memory_bytes"
CPU: Final = "process_cpu_seconds_total"

_WANTED: Final = (REQUESTS, BUCKETS, ERRORS, CONNECTIONS, IN_FLIGHT, LAG, MEMORY, CPU)

ROUTES: Final = 20
"""Routes that are told of: the busiest."""

FAILURES: Final = 10
"""Exchanges that are told of: the newest, and of as many kinds as there are."""

REMEMBERED: Final = 100_000
"""Labels of series that have been read."""

_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ESCAPED: Final = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


class Sample(NamedTuple):
    """One scrape.

    Attributes:
        at: Monotonic seconds.
        series: By metric.
    """

    at: float
    series: Mapping[str, Series]

    def sum(self, metric: str) -> float:
        """Return the sum of a metric's series."""
        return sum(self.series.get(metric, {}).values())


def read(text: str, at: float) -> Sample:
    """Read a scrape: of its metrics those that are shown.

    Args:
        text: As `/metrics` has it.
        at: Monotonic seconds when it came.
    """
    found: dict[str, Series] = {}
    for line in text.splitlines():
        if not line.startswith(_WANTED):
            continue
        head, _, value = line.rpartition(" ")
        name, _, labels = head.partition("{")
        if name in _WANTED:
            found.setdefault(name, {})[labels] = float(value)
    return Sample(at, found)


def figures(
    before: Sample | None, now: Sample, upstreams: Sequence[Mapping[str, Any]], failures: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return what is shown.

    Args:
        before: The scrape before; None for the first, which has no rates.
        now: This one.
        upstreams: As `/upstreams` has them.
        failures: As `/exchanges` has them.
    """
    return {
        **_traffic(before, now),
        "connections": int(now.sum(CONNECTIONS)),
        "in_flight": int(now.sum(IN_FLIGHT)),
        "loop_lag_ms": round(now.sum(LAG) * 1e3, 1),
        "memory_bytes": int(now.sum(MEMORY)),
        "upstreams": [_upstream(one) for one in upstreams],
        "failures": merged([list(failures)], FAILURES),
    }


def _traffic(before: Sample | None, now: Sample) -> dict[str, Any]:
    if before is None or now.at <= before.at:
        return {
            "seconds": None,
            "requests_per_second": None,
            "failed_per_second": None,
            "latency_ms": None,
            "cpu": None,
            "statuses": {},
            "reasons": [],
            "routes": [],
        }
    seconds = now.at - before.at
    requests = added(before, now, REQUESTS)
    buckets = added(before, now, BUCKETS)
    failed = {one: count for one, count in requests.items() if labels(one).get("status", "") >= "5"}
    reasons = _by(added(before, now, ERRORS), "reason")
    bounds = _bounds(now)
    return {
        "seconds": round(seconds, 3),
        "requests_per_second": _rate(sum(requests.values()), seconds),
        "failed_per_second": _rate(sum(failed.values()), seconds),
        "latency_ms": _latency(buckets, bounds),
        "cpu": round(sum(added(before, now, CPU).values()) / seconds, 3),
        "statuses": _rates(_kinds(requests), seconds),
        "reasons": [{"reason": reason, "per_second": rate} for reason, rate in _most(_rates(reasons, seconds)) if rate],
        "routes": _routes(requests, failed, buckets, bounds, seconds),
    }


def added(before: Sample, now: Sample, metric: str) -> Series:
    """Return what was added to the series of a counter, without those that are as they were.

    One that has become less was begun anew.
    """
    old, found = before.series.get(metric, {}), {}
    for one, value in now.series.get(metric, {}).items():
        last = old.get(one, 0.0)
        if value != last:
            found[one] = value - last if value > last else value
    return found


def quantile(share: float, bounds: Mapping[float, float]) -> float | None:
    """Return the seconds within which a share of what was observed lies; None where nothing was.

    Between two bounds it is taken to be spread evenly, as Prometheus does; beyond the last one that bound is returned.

    Args:
        share: From 0 to 1.
        bounds: How much lies at or below each bound.
    """
    ordered = sorted(bounds)
    total = bounds[ordered[-1]] if ordered else 0.0
    if total <= 0:
        return None
    wanted, below, under = share * total, 0.0, 0.0
    for bound in ordered:
        if bounds[bound] >= wanted:
            if bound == inf:
                return below
            within = bounds[bound] - under
            return bound if within <= 0 else below + (bound - below) * (wanted - under) / within
        below, under = bound, bounds[bound]
    return below


def _bounds(now: Sample) -> list[float]:
    """Return the bounds of the histogram, which are the same for all routes."""
    found: list[float] = []
    for one in now.series.get(BUCKETS, {}):
        found.append(float(labels(one)["le"]))
        if found[-1] == inf:
            break
    return found


def _latency(buckets: Series, bounds: Sequence[float]) -> dict[str, float | None]:
    counts = dict.fromkeys(bounds, 0.0)
    for one, count in buckets.items():
        bound = float(labels(one)["le"])
        counts[bound] = counts.get(bound, 0.0) + count
    found = {}
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        seconds = quantile(share, counts)
        found[name] = None if seconds is None else round(seconds * 1e3, 1)
    return found


def _routes(
    requests: Series, failed: Series, buckets: Series, bounds: Sequence[float], seconds: float
) -> list[dict[str, Any]]:
    """List the busiest, with how long the slowest of a hundred of their requests took at least."""
    wrong = _by(failed, "route")
    busiest = _most(_by(requests, "route"))[:ROUTES]
    apart: dict[str, Series] = {name: {} for name, _ in busiest}
    for one, count in buckets.items():
        route = labels(one).get("route", "")
        if route in apart:
            apart[route][one] = count
    return [
        {
            "route": name,
            "requests_per_second": _rate(count, seconds),
            "failed_per_second": _rate(wrong.get(name, 0.0), seconds),
            "p99_ms": _latency(apart[name], bounds)["p99"],
        }
        for name, count in busiest
    ]


def _upstream(shown: Mapping[str, Any]) -> dict[str, Any]:
    breaker = shown.get("circuit_breaker")
    return {
        "name": shown["name"],
        "breaker": None if breaker is None else breaker["state"],
        "why": "" if breaker is None else breaker["why"],
        "panic": bool(shown.get("panic")),
        "backends": [_backend(one) for one in shown["backends"]],
    }


def _backend(shown: Mapping[str, Any]) -> dict[str, Any]:
    state, why = _state(shown)
    errors = shown.get("last_errors") or [{}]
    return {
        "url": shown["url"],
        "state": state,
        "why": why or ("" if state == "up" else str(errors[-1].get("what", ""))),
        "in_flight": shown["in_flight"],
        "connections": shown["connections"]["idle"] + shown["connections"]["busy"],
        "pending": shown["connections"]["pending"],
    }


def _state(shown: Mapping[str, Any]) -> tuple[str, str]:
    """Return in a word how a backend is, and why that is so where it is said."""
    if shown.get("draining"):
        return "draining", ""
    if not shown.get("health", {}).get("healthy", True):
        return "down", ""
    breaker = shown.get("circuit_breaker", {})
    if breaker.get("state", "closed") != "closed":
        return str(breaker["state"]).replace("_", "-"), str(breaker["why"])
    return ("ejected", "") if shown.get("ejection", {}).get("ejected") else ("up", "")


def _by(series: Series, label: str) -> dict[str, float]:
    """Return the sums of what has the same value of a label."""
    found: dict[str, float] = {}
    for one, value in series.items():
        name = labels(one).get(label, "")
        found[name] = found.get(name, 0.0) + value
    return found


def _kinds(requests: Series) -> dict[str, float]:
    """Return how many requests had a status of each kind: `2xx`."""
    found: dict[str, float] = {}
    for status, count in _by(requests, "status").items():
        kind = f"{status[:1]}xx"
        found[kind] = found.get(kind, 0.0) + count
    return found


def _most(named: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(named.items(), key=lambda one: (-one[1], one[0]))


def _rates(counts: Mapping[str, float], seconds: float) -> dict[str, float]:
    return {name: _rate(count, seconds) for name, count in counts.items()}


def _rate(count: float, seconds: float) -> float:
    return round(count / seconds, 2)


def _plain(value: str) -> str:
    return re.sub(r"\\.", lambda found: _ESCAPED.get(found[0], found[0]), value) if "\\" in value else value


def _labels(text: str) -> Mapping[str, str]:
    return {name: _plain(said) for name, said in _LABEL.findall(text)}


labels: Final = remembered(_labels, REMEMBERED, longest=1024)
"""Returns the labels of a series by their names."""
