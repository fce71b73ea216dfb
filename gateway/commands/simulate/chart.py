"""The chart that `gateway simulate --svg` writes: figures one above the other, over the same time.

Tests: `tests/commands/simulate/test_command.py::test_a_chart_is_written`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final, NamedTuple

from gateway.simulation.figures import COLUMNS, Figures

WIDTH: Final = 760
"""Pixels of the picture; the others are those of one plot, and of what is around it."""
HEIGHT: Final = 110
LEFT: Final = 64
RIGHT: Final = 28
TITLE: Final = 30
BELOW: Final = 28

COLOURS: Final = ("#0b62c4", "#c2410c", "#15803d", "#7e22ce", "#a16207", "#0e7490", "#be185d", "#4b5563")
"""Of lines; those beyond have the same again."""


class Line(NamedTuple):
    """One line of a plot.

    Attributes:
        name: What it is of.
        values: One for each part of the time.
    """

    name: str
    values: Sequence[float]


def draw(figures: Figures) -> str:
    """Return a picture as SVG: requests, failures, latencies, and what came to each backend; faults are shaded."""
    width = figures.seconds / COLUMNS
    columns = figures.columns
    plots = [
        ("requests a second", [Line("", [one.count / width for one in columns])]),
        ("failed, %", [Line("", [one.error_rate * 100.0 for one in columns])]),
        (
            "latency, ms",
            [
                Line(f"p{percent:g}", [one.latency.percentile(percent) * 1e3 for one in columns])
                for percent in (50.0, 90.0, 99.0)
            ],
        ),
        (
            "requests a second at each backend",
            [Line(name, [one / width for one in counts]) for name, counts in figures.backends.items()],
        ),
    ]
    parts = [part for place, (title, lines) in enumerate(plots) for part in _plot(place, title, lines, figures)]
    bottom = len(plots) * (HEIGHT + TITLE)
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        at = figures.seconds * share
        words = f"{at / 60:.3g} min" if figures.seconds >= 120 else f"{at:.3g} s"
        parts.append(f'<text x="{_across(share):.0f}" y="{bottom + 16}" text-anchor="middle">{words}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + BELOW}" width="{WIDTH}" '
        'font-family="DejaVu Sans, Verdana, sans-serif" font-size="11" fill="#333">'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def _across(share: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * share


def _label(value: float) -> str:
    """Write a figure at an axis: three digits, and no exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _plot(place: int, title: str, lines: Sequence[Line], figures: Figures) -> Iterator[str]:
    top = place * (HEIGHT + TITLE) + TITLE
    most = max((max(line.values) for line in lines), default=0.0) * 1.1 or 1.0
    for start, end in _faults(figures):
        wide = _across(end / figures.seconds) - _across(start / figures.seconds)
        yield (
            f'<rect x="{_across(start / figures.seconds):.1f}" y="{top}" width="{wide:.1f}" height="{HEIGHT}" '
            'fill="#fde8e8"/>'
        )
    yield f'<text x="{LEFT}" y="{top - 9}" font-weight="bold">{escape(title)}</text>'
    yield f'<path d="M{LEFT} {top}V{top + HEIGHT}H{WIDTH - RIGHT}" fill="none" stroke="#888"/>'
    for share in (0.0, 0.5, 0.9):
        y = top + HEIGHT * (1 - share) + 4
        yield f'<text x="{LEFT - 6}" y="{y:.0f}" text-anchor="end">{_label(most * share)}</text>'
    right = float(WIDTH - RIGHT)
    for number, line in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(
            f"{_across((column + 0.5) / COLUMNS):.1f},{top + HEIGHT * (1 - value / most):.1f}"
            for column, value in enumerate(line.values)
        )
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
    for number, line in reversed(list(enumerate(lines))):
        if line.name:
            yield (
                f'<text x="{right:.0f}" y="{top - 9}" text-anchor="end" fill="{COLOURS[number % len(COLOURS)]}">'
                f"{escape(line.name)}</text>"
            )
            right -= len(line.name) * 7.0 + 12


def _faults(figures: Figures) -> Iterator[tuple[float, float]]:
    """Yield when something was wrong, in seconds: from one to the end, where it does not end before."""
    begun: dict[str, float] = {}
    for event in figures.events:
        if event.name == "fault.begins":
            begun[event.words] = event.at
        elif event.name == "fault.ends":
            yield begun.pop(event.words, 0.0), min(event.at, figures.seconds)
    for start in begun.values():
        yield start, figures.seconds
