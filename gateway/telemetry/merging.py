"""The figures of several processes made into those of one gateway, by the rule of each metric (`catalog.Spec.whole`).

Figures travel as JSON: for each metric a list of series, which are label values and a figure. A figure is a number, a
text where JSON has no number for it, or `[bounds, counts, total]` for a histogram, and its exemplars where it has some.
What other collectors have (process and garbage collector figures, those of plugins) travels beside it, series by the
names of samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from gateway.telemetry.catalog import METRICS
from gateway.telemetry.exposition import Sample
from gateway.telemetry.series import Histogram

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

Series = dict[tuple[str, ...], Any]
"""Figures by label values."""

Families = dict[str, Series]
"""By metric."""

RULES: Final = {spec.name: spec.whole for spec in METRICS}
COUNTED: Final = frozenset(spec.name for spec in METRICS if spec.kind != "gauge")
"""Those that count: a process that has ended has not taken back what it counted."""

_OF_OTHERS: Final = {
    "process_start_time_seconds": "min",
    "process_max_fds": "min",
    "python_info": "max",
}
"""Gauges of other collectors that are not summed."""

_RULES = {"max": max, "min": min}


def plain(samples: Iterable[Sample]) -> list[list[Any]]:
    """Return the samples of a metric as JSON can say them."""
    return [[list(labels), _plain(figure)] for labels, figure in samples]


def series(said: Iterable[list[Any]]) -> Series:
    """Read them again."""
    return {tuple(labels): figure for labels, figure in said}


def samples(of: Series) -> Iterator[Sample]:
    """Return series as samples, which can be written."""
    for labels, figure in of.items():
        yield labels, _histogram(figure) if isinstance(figure, list) else _number(figure)


def merge(into: Families, families: Mapping[str, Series]) -> None:
    """Add the figures of one process to those of others."""
    for name, found in families.items():
        rule, there = RULES.get(name, "sum"), into.setdefault(name, {})
        for labels, figure in found.items():
            there[labels] = _together(rule, there[labels], figure) if labels in there else figure


def collected(registry: CollectorRegistry) -> list[list[Any]]:
    """Return what other collectors have: type, name, help, and the series by the names of samples."""
    return [
        [
            family.type,
            family.name,
            family.documentation,
            [[one.name, sorted(one.labels.items()), _plain(one.value)] for one in family.samples],
        ]
        for family in registry.collect()
    ]


class Others:
    """What the other collectors of several processes have: for prometheus_client it is a registry."""

    def __init__(self) -> None:
        self._families: dict[str, tuple[str, str, dict[tuple[Any, ...], Any]]] = {}

    def add(self, said: Iterable[list[Any]]) -> None:
        """Add what one process has."""
        for kind, name, text, rows in said:
            _, _, there = self._families.setdefault(name, (kind, text, {}))
            for sample, labels, figure in rows:
                key = (sample, *map(tuple, labels))
                rule = "min" if sample.endswith("_created") else _OF_OTHERS.get(sample, "sum")
                there[key] = _together(rule, there[key], figure) if key in there else figure

    def counted(self) -> list[list[Any]]:
        """Return those that stay when a process has ended."""
        return [said for said in self.plain() if said[0] in ("counter", "histogram", "summary")]

    def plain(self) -> list[list[Any]]:
        """Return all, as `collected` does."""
        return [
            [kind, name, text, [[sample, list(map(list, labels)), one] for (sample, *labels), one in rows.items()]]
            for name, (kind, text, rows) in self._families.items()
        ]

    def collect(self) -> Iterator[Metric]:
        """See `prometheus_client.registry.Collector`."""
        from prometheus_client.metrics_core import Metric

        for name, (kind, text, rows) in self._families.items():
            family = Metric(name, text, kind)
            for (sample, *labels), figure in rows.items():
                family.add_sample(sample, dict(labels), _number(figure))
            yield family


def _plain(figure: Any) -> Any:
    if isinstance(figure, Histogram):
        more = [] if figure.exemplars is None else [[[bucket, *one] for bucket, one in figure.exemplars.items()]]
        return [list(figure.bounds), list(figure.counts), figure.total, *more]
    return figure if isfinite(figure) else str(figure)


def _number(figure: Any) -> Any:
    return float(figure) if isinstance(figure, str) else figure


def _histogram(said: list[Any]) -> Histogram:
    bounds, counts, total, *more = said
    histogram = Histogram(bounds)
    histogram.counts, histogram.total = counts, total
    for exemplars in more:
        histogram.exemplars = {bucket: (trace_id, value, at) for bucket, trace_id, value, at in exemplars}
    return histogram


def _together(rule: str, one: Any, other: Any) -> Any:
    if isinstance(one, list):
        if one[0] != other[0]:  # a worker of before an upgrade of the buckets: its observations cannot be placed
            return one
        exemplars = [each for figure in (one, other) for told in figure[3:] for each in told]
        # The latest of each bucket.
        more = [list({each[0]: each for each in sorted(exemplars, key=itemgetter(3))}.values())] if exemplars else []
        counts = [mine + theirs for mine, theirs in zip(one[1], other[1], strict=True)]
        return [one[0], counts, one[2] + other[2], *more]
    one, other = _number(one), _number(other)
    made = _RULES[rule](one, other) if rule in _RULES else one + other
    return made if isfinite(made) else str(made)
