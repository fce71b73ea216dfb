"""Write metrics in the two texts that Prometheus reads.

Used by `gateway.telemetry.metrics` at scrape time. Ours rather than
prometheus_client's `generate_latest`, which takes 19 µs a line: with some
thousand routes the reactor would stand still for seconds.

See https://prometheus.io/docs/instrumenting/exposition_formats/ and
https://prometheus.io/docs/specs/om/open_metrics_spec/.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.telemetry.series import Histogram

TEXT = b"text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = b"application/openmetrics-text; version=1.0.0; charset=utf-8"

Sample = tuple[tuple[str, ...], "float | Histogram"]
"""Label values in the order of the labels, and the figure."""


def wants_openmetrics(accept: bytes) -> bool:
    """Whether an `Accept` field asks for OpenMetrics; as in Prometheus' own clients, its weight is not looked at."""
    return b"application/openmetrics-text" in accept


def family(
    name: str, kind: str, text: str, labels: tuple[str, ...], samples: Iterable[Sample], *, openmetrics: bool
) -> Iterator[str]:
    """Write one metric: its description, then a line (a histogram: several) for every sample.

    Args:
        name: Full name; that of a counter ends in `_total`.
        kind: `counter`, `gauge` or `histogram`.
        text: What it means.
        labels: Names of its labels.
        samples: Label values in the order of `labels`, and figures.
        openmetrics: Whether it is written for OpenMetrics.
    """
    # OpenMetrics describes a counter under the name without the suffix.
    described = name.removesuffix("_total") if openmetrics and kind == "counter" else name
    yield f"# HELP {described} {_escape_help(text)}\n# TYPE {described} {kind}\n"
    for values, figure in samples:
        pairs = ",".join([f'{label}="{_escape(value)}"' for label, value in zip(labels, values, strict=True)])
        if isinstance(figure, Histogram):
            before = pairs + "," if pairs else ""
            count = 0
            for bound, count in figure.cumulative():
                yield f'{name}_bucket{{{before}le="{bound}"}} {count}\n'
            around = f"{{{pairs}}}" if pairs else ""
            yield f"{name}_sum{around} {figure.total}\n{name}_count{around} {count}\n"
        elif pairs:
            yield f"{name}{{{pairs}}} {figure}\n"
        else:
            yield f"{name} {figure}\n"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _escape_help(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")
