"""The page of metrics, made from the one list.

`python -m gateway.telemetry.reference > docs/reference/metrics.md`; a test
compares the two.
"""

from __future__ import annotations

import sys

from gateway.telemetry.catalog import METRICS
from gateway.telemetry.metrics import BUCKETS

_HEAD = """\
# Metrics

<!-- Made by `python -m gateway.telemetry.reference`; do not edit. -->

`GET /metrics` on the admin listener (and on the listeners, with `admin.metrics_public: true`) answers in
Prometheus' text format, or in OpenMetrics where `Accept` asks for it. Labels are names and patterns out of the
configuration, never what a client sent. The query of each shows one way to use it, where Prometheus scrapes the gateway
as the job `gateway`; a real Prometheus has run them, on figures of each.

| metric | type | labels | meaning | query |
| --- | --- | --- | --- | --- |
"""

_TAIL = """
Buckets of the histograms, in seconds: {buckets}.

Beside these stand `process_*` (CPU, memory, open files, start time) and `python_gc_*` as every program with the
Prometheus client library has them. Where traces are exported (`tracing`), buckets of durations have exemplars with a
trace id, in OpenMetrics.
"""


def markdown() -> str:
    """Write the page."""
    rows = []
    for spec in METRICS:
        labels = ", ".join(f"`{label}`" for label in spec.labels)
        query = spec.query.replace("|", "\\|")  # it would end a cell, also within code
        names = f"`{spec.name}`" + (f", also as `{spec.alias}`" if spec.alias else "")
        rows.append(f"| {names} | {spec.kind} | {labels} | {spec.help} | `{query}` |\n")
    return _HEAD + "".join(rows) + _TAIL.format(buckets=", ".join(f"{bound:g}" for bound in BUCKETS))


if __name__ == "__main__":
    sys.stdout.write(markdown())
