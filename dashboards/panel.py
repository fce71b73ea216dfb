"""The nouns of a dashboard: what is asked, how it is shown, and where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import NamedTuple

GATEWAY = 'job="gateway",instance=~"$instance"'
"""Selects the instances that are chosen; in the braces of every query."""

ROUTES = f'{GATEWAY},route=~"$route"'
"""Selects the routes that are chosen, too."""

STEP = "$__rate_interval"
"""Grafana's: at least four scrapes, at least one point of the graph."""


def rate(metric: str, by: str, selected: str = GATEWAY) -> str:
    """Ask how often a second something is counted, by labels."""
    return f"sum by ({by}) (rate({metric}{{{selected}}}[{STEP}]))"


def increase(metric: str, by: str, selected: str = GATEWAY) -> str:
    """Ask how often something was counted from one point of the graph to the next, by labels."""
    return f"sum by ({by}) (increase({metric}{{{selected}}}[{STEP}]))"


def now(metric: str, by: str, selected: str = GATEWAY) -> str:
    """Ask for a gauge, summed by labels."""
    return f"sum by ({by}) ({metric}{{{selected}}})"


class Shown(Enum):
    """How the answer to a query is shown."""

    LINES = "timeseries"
    FIGURE = "stat"
    BARS = "bargauge"
    STATES = "state-timeline"


class Query(NamedTuple):
    """What is asked of Prometheus.

    Attributes:
        expr: PromQL, with Grafana's variables in it.
        legend: Of each series, with `{{label}}` in it.
    """

    expr: str
    legend: str


class Panel(NamedTuple):
    """One graph, figure or set of bars.

    Attributes:
        title: What it shows.
        queries: At least one.
        shown: How.
        unit: By Grafana's name for it (`reqps`, `s`, `percentunit`, `short`, `bytes`).
        says: A sentence for who does not know the metric: what to conclude from it.
        thresholds: From which figure on it has which colour.
        states: Words for figures, where it shows states: the word and its colour.
    """

    title: str
    queries: tuple[Query, ...]
    shown: Shown = Shown.LINES
    unit: str = "short"
    says: str = ""
    thresholds: tuple[tuple[float, str], ...] = ()
    states: Mapping[int, tuple[str, str]] = {}


class Row(NamedTuple):
    """Panels below a heading."""

    title: str
    panels: tuple[Panel, ...]


class Dashboard(NamedTuple):
    """One page.

    Attributes:
        name: Of its file, and in its address.
        title: Above it.
        says: What it is for.
        rows: Top to bottom.
    """

    name: str
    title: str
    says: str
    rows: tuple[Row, ...]

    def panels(self) -> Iterator[Panel]:
        """Walk all panels."""
        for row in self.rows:
            yield from row.panels


def lines(title: str, *queries: tuple[str, str], unit: str = "short", says: str = "") -> Panel:
    """Show series over time; each query is its PromQL and its legend."""
    return Panel(title, tuple(Query(*query) for query in queries), unit=unit, says=says)


def figure(title: str, expr: str, unit: str = "short", says: str = "", *, bad_from: tuple[float, ...] = ()) -> Panel:
    """Show one figure.

    Args:
        title: What it is.
        expr: Gives one series.
        unit: Of the figure.
        says: See `Panel`.
        bad_from: Where it turns orange and red; one value for red alone.
    """
    colours = ("orange", "red")[-len(bad_from) :] if bad_from else ()
    return Panel(title, (Query(expr, title),), Shown.FIGURE, unit, says, tuple(zip(bad_from, colours, strict=True)))


def bars(
    title: str,
    expr: str,
    legend: str,
    unit: str = "short",
    says: str = "",
    *,
    bad_from: tuple[float, float] | None = None,
) -> Panel:
    """Show what is the case now, a bar for each series; `bad_from` as in `figure`."""
    thresholds = () if bad_from is None else tuple(zip(bad_from, ("orange", "red"), strict=True))
    return Panel(title, (Query(expr, legend),), Shown.BARS, unit, says, thresholds)


def states(title: str, expr: str, legend: str, words: Mapping[int, tuple[str, str]], says: str = "") -> Panel:
    """Show which state each series was in when."""
    return Panel(title, (Query(expr, legend),), Shown.STATES, says=says, states=words)
