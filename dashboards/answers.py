"""What a Prometheus answers to the queries of a panel, over the time that a page shows.

Asked by `drawing`. Grafana's variables are filled in as Grafana does: everything is chosen, and rates are over four
scrapes at least.
"""

from __future__ import annotations

import json
import math
import re
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, NamedTuple

from dashboards.panel import Panel, Shown

POINTS = 280
"""Of a graph, at most: one for two points of its width."""
PATIENCE = 60.0
"""Seconds for an answer."""
FEW = 5
"""Series that are seen at once, whichever comes first."""
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class NoAnswer(Exception):
    """The Prometheus cannot be reached, or does not understand what it is asked."""


class Window(NamedTuple):
    """The time that is shown.

    Attributes:
        start: Its beginning, in seconds of Unix time.
        end: Its end.
        step: Seconds from one point to the next.
        scrape: Seconds between two scrapes.
    """

    start: float
    end: float
    step: float
    scrape: float

    def filled_in(self, expr: str) -> str:
        """Return a query as Grafana would ask it."""
        values = {
            "__rate_interval": _duration(max(4 * self.scrape, self.step + self.scrape)),
            "__range": _duration(self.end - self.start),
            "instance": ".*",
            "route": ".*",
        }
        for variable, value in values.items():
            expr = expr.replace(f"${variable}", value)
        return expr


class Series(NamedTuple):
    """One line of a graph, or one bar.

    Attributes:
        name: As the legend of the query has it.
        points: Unix time and figure; what is no figure is left out.
    """

    name: str
    points: tuple[tuple[float, float], ...]

    @property
    def last(self) -> float:
        """The latest figure."""
        return self.points[-1][1]

    @property
    def highest(self) -> float:
        """The highest figure."""
        return max(figure for _, figure in self.points)


def window(start: float, end: float, scrape: float) -> Window:
    """Choose the points of a time."""
    return Window(start, end, max(scrape, (end - start) / POINTS), scrape)


class Prometheus:
    """Asks one.

    Args:
        url: Of its first page.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def scrape(self) -> float:
        """Return the seconds between two scrapes of a gateway.

        Raises:
            NoAnswer: It scrapes none.
        """
        found = [
            sum(float(figure) * _UNITS[unit] for figure, unit in re.findall(r"(\d+)(ms|[smhd])", each))
            for each in (
                one["scrapeInterval"]
                for one in self.ask("targets", state="active")["activeTargets"]
                if one["labels"]["job"] == "gateway"
            )
        ]
        if not found:
            raise NoAnswer(f'{self._url} scrapes nothing as job="gateway"')
        return max(found)

    def series(self, panel: Panel, shown: Window) -> list[Series]:
        """Ask for what a panel shows: the latest figures for bars, all of the time for everything else."""
        found: list[Series] = []
        for query in panel.queries:
            expr = shown.filled_in(query.expr)
            if panel.shown is Shown.BARS:
                answer = self.ask("query", query=expr, time=str(shown.end))
            else:
                answer = self.ask(
                    "query_range", query=expr, start=str(shown.start), end=str(shown.end), step=str(shown.step)
                )
            each = [_series(one, query.legend) for one in answer["result"]]
            found += _in_order([one for one in each if one.points])
        return found

    def ask(self, what: str, **parameters: str) -> Any:
        """Ask its API; returns `data`.

        Raises:
            NoAnswer: It gave none.
        """
        asked = f"{self._url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:  # noqa: S310 - the operator's own URL
                return json.loads(answer.read())["data"]
        except urllib.error.HTTPError as error:
            raise NoAnswer(f"{parameters}: {error.read().decode()}") from None
        except (OSError, ValueError) as error:
            raise NoAnswer(f"{self._url}: {error}") from None


def named(legend: str, labels: dict[str, str]) -> str:
    """Put labels into a legend; labels that a series does not have are empty."""
    name = re.sub(r"{{\s*(\w+)\s*}}", lambda found: labels.get(found[1], ""), legend)
    return " ".join(name.split()) or "(none)"


def _in_order(series: list[Series]) -> list[Series]:
    """Sort a few by their names, so that an instance has the same colour in each panel; of many, the highest first."""
    if len(series) <= FEW:
        return sorted(series, key=lambda one: one.name)
    return sorted(series, key=lambda one: (-one.highest, one.name))


def _series(answer: dict[str, Any], legend: str) -> Series:
    values = answer["values"] if "values" in answer else [answer["value"]]
    points = ((float(time), float(figure)) for time, figure in values)
    return Series(named(legend, answer["metric"]), tuple(point for point in points if math.isfinite(point[1])))


def _duration(seconds: float) -> str:
    return f"{math.ceil(seconds * 1000)}ms"
