"""A dashboard as one page of HTML: no script, nothing from elsewhere, light or dark as the reader's system is.

Heights are computed, not found by the browser, so that a picture can be as high as the page (`picture`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from itertools import zip_longest
from typing import NamedTuple

from dashboards import graph
from dashboards.answers import Series, Window
from dashboards.panel import Dashboard, Panel, Row, Shown
from dashboards.sheet_style import STYLE
from dashboards.units import text

WIDTH = 1280
HEAD, HEADING, GAP, TITLE, SAYS, KEY = 84, 42, 12, 34, 18, 18
"""Heights: of the page's head, of a row's heading, between panels, of a panel's title, of what it says, of a line
of its legend."""

ROWS = 5
"""Of a legend, up to which it has one column."""
LETTERS = 17
"""Of the names in a legend, up to which it can have two columns."""

Answers = Callable[[Panel], Sequence[Series]]


class Sheet(NamedTuple):
    """What was made of a dashboard.

    Attributes:
        html: The page.
        height: Of it, where it is `WIDTH` wide.
        empty: Titles of the panels that have no data.
    """

    html: str
    height: int
    empty: list[str]


class _Box(NamedTuple):
    """A panel without its frame."""

    html: str
    height: int


def sheet(page: Dashboard, answers: Answers, shown: Window, theme: str = "") -> Sheet:
    """Draw a dashboard.

    Args:
        page: What is on it.
        answers: Gives the series of a panel.
        shown: The time that they are of.
        theme: `light` or `dark`; without one it is the reader's.
    """
    drawn = [(panel, answers(panel)) for panel in page.panels()]
    found = dict(zip(map(id, page.panels()), (series for _, series in drawn), strict=True))
    body: list[str] = []
    height = HEAD
    for row in page.rows:
        body.append(f"<h2>{escape(row.title)}</h2>")
        height += HEADING
        for line in _beside(row):
            boxes = [_box(panel, found[id(panel)], shown, len(line)) for panel in line]
            highest = max(box.height for box in boxes)
            kind = "figures" if line[0].shown is Shown.FIGURE else "halves"
            body.append(f'<div class="{kind}" style="height:{highest}px">{"".join(box.html for box in boxes)}</div>')
            height += highest + GAP
    begin, end = (datetime.fromtimestamp(time, UTC) for time in (shown.start, shown.end))
    html = (
        f'<!DOCTYPE html>\n<html lang="en" class="{theme}"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(page.title)}</title><style>{STYLE}</style></head><body><main>"
        f"<header><h1>{escape(page.title)}</h1><p>{escape(page.says)}</p>"
        f"<p class=when>{begin:%Y-%m-%d %H:%M:%S} to {end:%H:%M:%S} UTC, from a Prometheus;"
        " drawn by <code>python -m dashboards draw</code>, not by Grafana</p></header>"
        f"{''.join(body)}</main></body></html>\n"
    )
    return Sheet(html, height + GAP, [panel.title for panel, series in drawn if not series])


def _beside(row: Row) -> Iterator[list[Panel]]:
    """Walk the panels that stand beside each other: all figures, two of everything else."""
    figures = [panel for panel in row.panels if panel.shown is Shown.FIGURE]
    if figures:
        yield figures
    others = iter([panel for panel in row.panels if panel.shown is not Shown.FIGURE])
    for left, right in zip_longest(others, others):
        yield [panel for panel in (left, right) if panel is not None]


def _box(panel: Panel, series: Sequence[Series], shown: Window, beside: int) -> _Box:
    says = f"<p>{_marked(panel.says)}</p>" if panel.says and panel.shown is not Shown.FIGURE else ""
    height = TITLE + GAP + (SAYS if says else 0)
    if not series:
        inner, more = '<p class="nothing">No data</p>', 76
    elif panel.shown is Shown.FIGURE:
        inner, more = graph.figure(panel, series, shown, (WIDTH - 32 - GAP * (beside - 1)) / beside - 2), 76 - GAP + 10
    elif panel.shown is Shown.BARS:
        inner, more = graph.bars(panel, series), int(len(series[: graph.MOST]) * graph.BAR + 8)
    elif panel.shown is Shown.STATES:
        keys = _words(panel)
        more = int(len(series[: graph.MOST]) * graph.LANE + 4 + graph.BELOW) + KEY + 6
        inner = graph.states(panel, series, shown) + keys
    else:
        keys, count = _legend(panel, series)
        inner, more = (
            graph.lines(panel, series, shown) + keys,
            int(graph.TOP + graph.PLOT + graph.BELOW) + count * KEY + 6,
        )
    left_out = len(series) - graph.MOST
    if left_out > 0 and panel.shown is not Shown.FIGURE:
        inner += f'<p class="more">and {left_out} more</p>'
        more += KEY
    html = f'<section class="{panel.shown.name.lower()}"><h3>{escape(panel.title)}</h3>{says}{inner}</section>'
    return _Box(html, height + more)


def _legend(panel: Panel, series: Sequence[Series]) -> tuple[str, int]:
    """Write which line is which, with the latest figure and the highest; returns how many lines it takes, too."""
    kept = list(enumerate(series[: graph.MOST]))
    many = len(kept) > ROWS and all(len(one.name) <= LETTERS for _, one in kept)
    rows = -(-len(kept) // 2) if many else len(kept)
    columns = [kept[:rows], kept[rows:]] if many else [kept]
    tables = "".join(
        "<table><thead><tr><td></td><th>last</th><th>max</th></tr></thead><tbody>"
        + "".join(
            f'<tr><th title="{escape(one.name)}"><svg width="14" height="10"><path class="key {graph.ink(number)}"'
            f' d="M0 5H14"/></svg><span>{escape(one.name)}</span></th>'
            f"<td>{text(one.last, panel.unit)}</td><td>{text(one.highest, panel.unit)}</td></tr>"
            for number, one in column
        )
        + "</tbody></table>"
        for column in columns
    )
    return f'<div class="legend of{len(columns)}">{tables}</div>', rows + 1


def _marked(says: str) -> str:
    return re.sub("`(.*?)`", r"<code>\1</code>", escape(says))


def _words(panel: Panel) -> str:
    keys = "".join(
        '<span><svg width="12" height="12">'
        f'<rect class="state {colour}" width="12" height="12"/></svg>{escape(word)}</span>'
        for word, colour in panel.states.values()
    )
    return f'<p class="words">{keys}</p>'
