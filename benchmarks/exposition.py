"""What a scrape costs: our writer beside prometheus_client's, on the same series.

python -m benchmarks.exposition
"""

from __future__ import annotations

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client import Histogram as ClientHistogram
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from gateway.telemetry.exposition import family
from gateway.telemetry.series import Histogram

_ROUTES = 2000
_LABELS = ("route", "path", "method")


def _theirs() -> CollectorRegistry:
    registry = CollectorRegistry()
    requests = Counter("requests", "Requests.", _LABELS, registry=registry)
    seconds = ClientHistogram("seconds", "Seconds.", _LABELS, registry=registry)
    for values in _series():
        requests.labels(*values).inc()
        seconds.labels(*values).observe(0.1)
    return registry


def _ours(openmetrics: bool) -> Callable[[], bytes]:
    counts, seconds = [], []
    for values in _series():
        histogram = Histogram(ClientHistogram.DEFAULT_BUCKETS[:-1])
        histogram.observe(0.1)
        counts.append((values, 1.0))
        seconds.append((values, histogram))

    def write() -> bytes:
        lines = [
            *family("requests_total", "counter", "Requests.", _LABELS, counts, openmetrics=openmetrics),
            *family("seconds", "histogram", "Seconds.", _LABELS, seconds, openmetrics=openmetrics),
        ]
        return "".join(lines).encode()

    return write


def _series() -> list[tuple[str, ...]]:
    return [(f"route{number}", f"/api/v1/things{number}/*", "GET") for number in range(_ROUTES)]


def _microseconds_a_line(write: Callable[[], bytes]) -> float:
    """The best of five."""
    lines = write().count(b"\n")
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        write()
        best = min(best, time.process_time() - began)
    return best * 1e6 / lines


if __name__ == "__main__":
    registry = _theirs()
    for name, ours, theirs in (
        ("text", _ours(openmetrics=False), lambda: generate_latest(registry)),
        ("OpenMetrics", _ours(openmetrics=True), lambda: generate_openmetrics(registry)),
    ):
        print(
            f"{name}: {_microseconds_a_line(ours):.1f} us a line, prometheus_client {_microseconds_a_line(theirs):.1f}"
        )
