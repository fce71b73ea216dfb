"""Write metrics in the two texts that Prometheus reads.

Used by `gateway.telemetry.metrics` at scrape time. Ours rather than
prometheus_client's `generate_latest`, which takes ten times as long (D-20):
with some thousand routes the reactor would stand still for a second.

See https://prometheus.io/docs/instrumenting/exposition_formats/ and
https://prometheus.io/docs/specs/om/open_metrics_spec/.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from gateway.telemetry.series import Exemplar, Histogram

TEXT = b"text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = b"application/openmetrics-text; version=1.0.0; charset=utf-8"

Sample = tuple[tuple[str, ...], "float | Histogram"]
"""Label values in the order of the labels, and the figure."""


def _pairs(labels: Iterable[tuple[str, str]]) -> str:
    return ",".join([f'{label}="{_escape(value)}"' for label, value in labels])


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


class OwnLabels:
    """Labels that the operator gives, ready to be written.

    Args:
        always: Labels of every series.
        by_route: Of the series of a route, by its name; they come before those of every series.
    """

    __slots__ = ("_always", "_by_route")

    def __init__(
        self, always: Mapping[str, str] | None = None, by_route: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        always = always or {}
        self._always = _pairs(always.items())
        self._by_route = {
            route: _pairs({**always, **labels}.items()) for route, labels in (by_route or {}).items() if labels
        }

    def of(self, labels: tuple[str, ...], values: tuple[str, ...]) -> str:
        """Return the operator's labels for a series with these labels and values."""
        if self._by_route and labels and labels[0] == "route":
            return self._by_route.get(values[0], self._always)
        return self._always


NO_LABELS = OwnLabels()


def wants_openmetrics(accept: bytes) -> bool:
    """Whether an `Accept` field asks for OpenMetrics; as in Prometheus' own clients, its weight is not looked at."""
    return b"application/openmetrics-text" in accept


def family(
    name: str,
    kind: str,
    text: str,
    labels: tuple[str, ...],
    samples: Iterable[Sample],
    *,
    openmetrics: bool,
    own: OwnLabels = NO_LABELS,
) -> Iterator[str]:
    """Write one metric: its description, then a line (a histogram: several) for every sample.

    Args:
        name: Full name; that of a counter ends in `_total`.
        kind: `counter`, `gauge` or `histogram`.
        text: What it means.
        labels: Names of its labels.
        samples: Label values in the order of `labels`, and figures.
        openmetrics: Whether it is written for OpenMetrics.
        own: Further labels.
    """
    # OpenMetrics describes a counter under the name without the suffix.
    described = name.removesuffix("_total") if openmetrics and kind == "counter" else name
    yield f"# HELP {described} {_escape_help(text)}\n# TYPE {described} {kind}\n"
    for values, figure in samples:
        more = own.of(labels, values)
        pairs = _pairs(zip(labels, values, strict=True))
        pairs += "," + more if pairs and more else more
        if isinstance(figure, Histogram):
            before = pairs + "," if pairs else ""
            exemplars = (figure.exemplars or {}) if openmetrics else {}
            count = 0
            for bucket, (bound, count) in enumerate(figure.cumulative()):
                yield f'{name}_bucket{{{before}le="{bound}"}} {count}{_exemplar(exemplars.get(bucket))}\n'
            around = f"{{{pairs}}}" if pairs else ""
            yield f"{name}_sum{around} {figure.total}\n{name}_count{around} {count}\n"
        elif pairs:
            yield f"{name}{{{pairs}}} {figure}\n"
        else:
            yield f"{name} {figure}\n"


def _exemplar(found: Exemplar | None) -> str:
    # https://prometheus.io/docs/specs/om/open_metrics_spec/#exemplars
    if found is None:
        return ""
    trace_id, value, at = found
    return f' # {{trace_id="{trace_id}"}} {value:.6g} {at:.3f}'


def _escape_help(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")
