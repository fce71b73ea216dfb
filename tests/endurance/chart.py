"""The samples of a run as a picture: figures one above the other over the same time, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT, LEFT, RIGHT, TITLE = 760, 120, 58, 12, 26
"""Pixels: of the picture, of one plot, beside it, and above it."""


class Line(NamedTuple):
    """One figure.

    Attributes:
        title: What it is, and its unit.
        figures: One for each time.
        marks: Times at which something happened.
    """

    title: str
    figures: Sequence[float]
    marks: Sequence[float] = ()


def draw(times: Sequence[float], lines: Sequence[Line]) -> str:
    """Draw figures over time, each from zero, so that what is flat looks flat.

    Args:
        times: Seconds from the beginning.
        lines: What is drawn, from top to bottom.
    """
    longest = max(times[-1], 1.0)

    def across(time: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * time / longest

    parts = []
    for number, line in enumerate(lines):
        top = number * (HEIGHT + TITLE) + TITLE
        most = max(*line.figures, 1e-9) * 1.1
        places = " ".join(
            f"{across(time):.1f},{top + HEIGHT * (1 - figure / most):.1f}"
            for time, figure in zip(times, line.figures, strict=True)
        )
        marks = "".join(f"M{across(mark):.1f} {top + HEIGHT - 4}v4" for mark in line.marks)
        parts += [
            f'<text x="{LEFT}" y="{top - 8}" font-weight="bold">{escape(line.title)}</text>',
            f'<path d="M{LEFT} {top}V{top + HEIGHT}H{WIDTH - RIGHT}" fill="none" stroke="#888"/>',
            *(
                f'<text x="{LEFT - 6}" y="{top + HEIGHT * (1 - part) + 4:.0f}" text-anchor="end">'
                f"{most * part:.3g}</text>"
                for part in (0.0, 0.5, 0.9)
            ),
            f'<path d="{marks}" stroke="#c60" fill="none"/>' if marks else "",
            f'<polyline points="{places}" fill="none" stroke="#06c" stroke-width="1.5"/>',
        ]
    bottom = len(lines) * (HEIGHT + TITLE)
    parts += [
        f'<text x="{across(longest * part):.0f}" y="{bottom + 16}" text-anchor="middle">'
        f"{longest * part / 60:.3g} min</text>"
        for part in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 24}" width="{WIDTH}" '
        f'font-family="DejaVu Sans, Verdana, sans-serif" font-size="11" fill="#333">'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'
    )
