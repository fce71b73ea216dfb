"""Panels as SVG: lines, one figure, bars and states over time. Draws only; `answers` has asked.

All lengths are in CSS pixels. Colours are names of CSS variables, which `sheet` gives for light and dark.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from html import escape

from dashboards.answers import Series, Window
from dashboards.panel import Panel
from dashboards.units import steps, text, time_step

COLOURS = 10
"""Of series; those beyond have the same again, dashed."""
WIDTH = 592.0
PLOT = 140.0
"""Height of a graph without its labels."""
TOP = 12.0
"""Above a graph."""
BELOW = 22.0
"""Height of the labels of time."""
BAR, LANE = 26.0, 24.0
"""Height of one bar, and of one row of states."""
MOST = 12
"""Series that are shown; of the rest it is said how many there are."""
LETTER = 6.3
"""Width of a letter of a label, at most: of DejaVu Sans, the widest of those that the page asks for, at 11 px."""
NAME = 44
"""Letters of a name beside its bar or states, at most."""


def lines(panel: Panel, series: Sequence[Series], shown: Window) -> str:
    """Draw lines over time, with faint areas below them."""
    marks = steps(max(0.0, *(one.highest for one in series)), panel.unit)
    labels = [text(mark, panel.unit) for mark in marks]
    left = max(map(len, labels)) * LETTER + 12
    across = _Time(shown, left, WIDTH - 10)
    top = TOP

    def y(figure: float) -> float:
        return top + PLOT * (1 - max(0.0, figure) / marks[-1])

    parts = [
        f'<path class="grid" d="M{left:.0f} {y(mark):.1f}H{WIDTH - 10:.0f}"/>'
        f'<text class="axis" x="{left - 7:.0f}" y="{y(mark) + 4:.1f}" text-anchor="end">{label}</text>'
        for mark, label in zip(marks, labels, strict=True)
    ]
    parts += across.labels(top + PLOT)
    for number, one in reversed(list(enumerate(series[:MOST]))):
        for run in _runs(one.points, shown.step):
            places = [(across.x(time), y(figure)) for time, figure in run]
            if len(places) == 1:
                parts.append(
                    f'<circle class="dot {ink(number)}" cx="{places[0][0]:.1f}" cy="{places[0][1]:.1f}" r="2"/>'
                )
                continue
            path = "L".join(f"{right:.1f} {down:.1f}" for right, down in places)
            floor = f"L{places[-1][0]:.1f} {top + PLOT:.1f}L{places[0][0]:.1f} {top + PLOT:.1f}Z"
            parts.append(f'<path class="area {ink(number)}" d="M{path}{floor}"/>')
            parts.append(f'<path class="line {ink(number)}" d="M{path}"/>')
    return _svg(top + PLOT + BELOW, parts, panel.title)


def figure(panel: Panel, series: Sequence[Series], shown: Window, width: float) -> str:
    """Draw the latest figure, and faintly how it came to be."""
    one, height = series[0], 76.0
    highest = max(one.highest, 0.0) or 1.0
    colour = judged(panel, one.last)
    across = _Time(shown, 0, width)
    parts = []
    for run in _runs(one.points, shown.step):
        places = [(across.x(time), height - 30 * max(0.0, figure) / highest) for time, figure in run]
        path = "L".join(f"{right:.1f} {down:.1f}" for right, down in places)
        parts.append(f'<path class="spark {colour}" d="M{places[0][0]:.1f} {height}L{path}V{height}Z"/>')
    said = text(one.last, panel.unit)
    parts.append(f'<text class="figure {colour}" x="{width / 2:.0f}" y="38" text-anchor="middle">{said}</text>')
    return _svg(height, parts, panel.title, width)


def bars(panel: Panel, series: Sequence[Series]) -> str:
    """Draw a bar for each series, the longest first."""
    kept = sorted(series, key=lambda one: -one.last)[:MOST]
    names = [_short(one.name) for one in kept]
    left = max(map(len, names)) * LETTER + 12
    right = max(len(text(one.last, panel.unit)) for one in kept) * (LETTER + 1) + 10
    highest = 1.0 if panel.unit == "percentunit" else max(max(one.last for one in kept), 0.0) or 1.0
    room = WIDTH - left - right
    parts = []
    for number, (one, name) in enumerate(zip(kept, names, strict=True)):
        y = number * BAR + 4
        colour = judged(panel, one.last) if panel.thresholds else "ink0"
        said = text(one.last, panel.unit)
        long = room * min(1.0, max(0.0, one.last) / highest)
        parts.append(
            f'<text class="name" x="{left - 8:.0f}" y="{y + 14:.0f}" text-anchor="end">{escape(name)}'
            f"<title>{escape(one.name)}</title></text>"
            f'<rect class="track" x="{left:.1f}" y="{y:.0f}" width="{room:.1f}" height="18"/>'
            f'<rect class="bar {colour}" x="{left:.1f}" y="{y:.0f}" width="{max(2.0, long):.1f}" height="18"/>'
            f'<text class="value" x="{WIDTH:.0f}" y="{y + 14:.0f}" text-anchor="end">{said}</text>'
        )
    return _svg(len(kept) * BAR + 8, parts, panel.title)


def states(panel: Panel, series: Sequence[Series], shown: Window) -> str:
    """Draw which state each series was in when."""
    kept = sorted(series, key=lambda one: one.name)[:MOST]
    names = [_short(one.name) for one in kept]
    left = max(map(len, names)) * LETTER + 12
    across = _Time(shown, left, WIDTH - 10)
    parts = across.labels(len(kept) * LANE + 4)
    for number, (one, name) in enumerate(zip(kept, names, strict=True)):
        y = number * LANE + 4
        parts.append(
            f'<text class="name" x="{left - 8:.0f}" y="{y + 14:.0f}" text-anchor="end">{escape(name)}'
            f"<title>{escape(one.name)}</title></text>"
        )
        for run in _runs(one.points, shown.step):
            for value, begin, end in _spells(run):
                word, colour = panel.states.get(round(value), (f"{value:g}", "none"))
                x = across.x(begin)
                wide = max(2.0, across.x(min(shown.end, end + shown.step)) - x)
                parts.append(
                    f'<rect class="state {colour}" x="{x:.1f}" y="{y:.0f}" width="{wide:.1f}" height="19">'
                    f"<title>{escape(word)}</title></rect>"
                )
                if wide > len(word) * LETTER + 12:  # for those who do not tell red from green
                    parts.append(f'<text class="word" x="{x + 6:.1f}" y="{y + 14:.0f}">{escape(word)}</text>')
    return _svg(len(kept) * LANE + 4 + BELOW, parts, panel.title)


def judged(panel: Panel, figure: float) -> str:
    """Return the colour that a figure has by the thresholds of its panel."""
    return next((colour for begin, colour in reversed(panel.thresholds) if figure >= begin), "green")


class _Time:
    """The axis of time.

    Args:
        shown: From when to when.
        left: Where it begins.
        right: Where it ends.
    """

    def __init__(self, shown: Window, left: float, right: float) -> None:
        self._shown, self._left, self._right = shown, left, right

    def x(self, time: float) -> float:
        """Return the place of a time."""
        return self._left + (self._right - self._left) * (time - self._shown.start) / (
            self._shown.end - self._shown.start
        )

    def labels(self, y: float) -> list[str]:
        """Draw the labels, below a height."""
        step = time_step(self._shown.end - self._shown.start)
        words = "%H:%M:%S" if step < 60 else "%H:%M" if step < 86400 else "%d %b"
        half = 8 * LETTER / 2
        found = []
        for number in range(math.ceil(self._shown.start / step), math.floor(self._shown.end / step) + 1):
            x = self.x(number * step)
            found.append(f'<path class="grid" d="M{x:.1f} {y:.1f}v4"/>')
            if x + half <= WIDTH and x - half >= 0:
                said = datetime.fromtimestamp(number * step, UTC).strftime(words)
                found.append(f'<text class="axis" x="{x:.1f}" y="{y + 17:.1f}" text-anchor="middle">{said}</text>')
        return found


def ink(number: int) -> str:
    """Return the classes of the line of a series."""
    return f"ink{number % COLOURS}" + (" again" if number >= COLOURS else "")


def _short(name: str) -> str:
    """Cut a name in its middle: its beginning says what it is of, its end tells it from the others."""
    return name if len(name) <= NAME else f"{name[: NAME // 2 - 1]}…{name[-(NAME // 2) :]}"


def _runs(points: Iterable[tuple[float, float]], step: float) -> Iterator[list[tuple[float, float]]]:
    """Walk the parts between which there were no figures."""
    run: list[tuple[float, float]] = []
    for point in points:
        if run and point[0] - run[-1][0] > 1.5 * step:
            yield run
            run = []
        run.append(point)
    if run:
        yield run


def _spells(run: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float, float]]:
    """Walk the times without a change: the value, when it began and when it was seen last."""
    begin = 0
    for number in range(1, len(run) + 1):
        if number == len(run) or run[number][1] != run[begin][1]:
            yield run[begin][1], run[begin][0], run[number - 1][0]
            begin = number


def _svg(height: float, parts: Iterable[str], title: str, width: float = WIDTH) -> str:
    return (
        f'<svg role="img" aria-label="{escape(title)}" width="{width:.0f}" height="{height:.0f}"'
        f' viewBox="0 0 {width:.0f} {height:.0f}">{"".join(parts)}</svg>'
    )
