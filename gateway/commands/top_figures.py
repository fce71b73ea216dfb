"""What `gateway top` shows: rates between two scrapes of `/metrics`, and what `/upstreams` and `/exchanges` say.

Decides only: texts and data go in, data come out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from typing import Any, Final, NamedTuple

from gateway.telemetry.failures import merged

Labels = tuple[tuple[str, str], ...]
Series = dict[Labels, float]

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
        name, brace, labels = head.partition("{")
        if name in _WANTED:
            key = tuple((one, _plain(said)) for one, said in _LABEL.findall(labels)) if brace else ()
            found.setdefault(name, {})[key] = float(value)
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
    every = _by(requests, lambda labels: "")
    failed = {labels: rate for labels, rate in requests.items() if _label(labels, "status") >= "5"}
    reasons = _by(added(before, now, ERRORS), lambda labels: _label(labels, "reason"))
    return {
        "seconds": round(seconds, 3),
        "requests_per_second": _rate(every.get("", 0.0), seconds),
        "failed_per_second": _rate(sum(failed.values()), seconds),
        "latency_ms": _latency(buckets),
        "cpu": round(sum(added(before, now, CPU).values()) / seconds, 3),
        "statuses": _rates(_by(requests, lambda labels: f"{_label(labels, 'status')[:1]}xx"), seconds),
        "reasons": [{"reason": reason, "per_second": rate} for reason, rate in _most(_rates(reasons, seconds)) if rate],
        "routes": _routes(requests, failed, buckets, seconds),
    }


def added(before: Sample, now: Sample, metric: str) -> Series:
    """Return what was added to the series of a counter; one that has become less was begun anew."""
    old = before.series.get(metric, {})
    return {
        labels: value - old.get(labels, 0.0) if value >= old.get(labels, 0.0) else value
        for labels, value in now.series.get(metric, {}).items()
    }


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


def _latency(buckets: Series) -> dict[str, float | None]:
    bounds: dict[float, float] = {}
    for labels, count in buckets.items():
        bound = float(_label(labels, "le"))
        bounds[bound] = bounds.get(bound, 0.0) + count
    found = {}
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        seconds = quantile(share, bounds)
        found[name] = None if seconds is None else round(seconds * 1e3, 1)
    return found


def _routes(requests: Series, failed: Series, buckets: Series, seconds: float) -> list[dict[str, Any]]:
    """List the busiest, with how long the slowest of a hundred of their requests took at least."""

    def route(labels: Labels) -> str:
        return _label(labels, "route")

    wrong = _by(failed, route)
    busiest = [(name, count) for name, count in _most(_by(requests, route))[:ROUTES] if count]
    named = {name for name, _ in busiest}
    apart: dict[str, Series] = {}
    for labels, count in buckets.items():
        if route(labels) in named:
            apart.setdefault(route(labels), {})[labels] = count
    return [
        {
            "route": name,
            "requests_per_second": _rate(count, seconds),
            "failed_per_second": _rate(wrong.get(name, 0.0), seconds),
            "p99_ms": _latency(apart.get(name, {}))["p99"],
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


def _by(series: Series, key: Callable[[Labels], str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for labels, value in series.items():
        name = key(labels)
        found[name] = found.get(name, 0.0) + value
    return found


def _most(named: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(named.items(), key=lambda one: (-one[1], one[0]))


def _rates(counts: Mapping[str, float], seconds: float) -> dict[str, float]:
    return {name: _rate(count, seconds) for name, count in counts.items()}


def _rate(count: float, seconds: float) -> float:
    return round(count / seconds, 2)


def _label(labels: Iterable[tuple[str, str]], name: str) -> str:
    return next((value for label, value in labels if label == name), "")


def _plain(value: str) -> str:
    return re.sub(r"\\.", lambda found: _ESCAPED.get(found[0], found[0]), value) if "\\" in value else value
