"""Figures as texts, by Grafana's names of units, and where an axis has its lines."""

from __future__ import annotations

import math
from collections.abc import Sequence

_SECONDS = (
    (1e-6, "µs"),
    (1e-3, "ms"),
    (1.0, "s"),
    (60.0, "min"),
    (3600.0, "h"),
    (86400.0, "days"),
)
_BYTES = tuple((1024.0**power, f"{letter}B") for power, letter in enumerate(("", "Ki", "Mi", "Gi", "Ti")))
_COUNTS = ((1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G"))
_PER_SECOND = {"reqps": "req/s", "ops": "ops/s"}
_TIMES = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
"""Seconds between two labels of an axis of time."""


def text(figure: float, unit: str) -> str:
    """Write a figure with its unit, in three digits."""
    if unit == "percentunit":
        return f"{_digits(figure * 100)}%"
    if unit in _PER_SECOND:
        size, prefix = _scale(figure, _COUNTS)
        return f"{_digits(figure / size)}{prefix} {_PER_SECOND[unit]}"
    size, word = _scale(figure, {"s": _SECONDS, "bytes": _BYTES}.get(unit, _COUNTS))
    if unit == "short":
        return f"{_digits(figure / size)}{word}"
    if figure == 0 and unit == "s":
        word = "s"
    return f"{_digits(figure / size)} {word}"


def steps(highest: float, unit: str, count: int = 4) -> list[float]:
    """Return the lines of an axis that begins with 0, the last at or above `highest`; about `count` of them."""
    if highest <= 0:
        return [0.0, 1.0]
    size = _scale(highest, {"s": _SECONDS, "bytes": _BYTES}.get(unit, ((1.0, ""),)))[0]
    wanted = highest / size / count
    power = 10.0 ** math.floor(math.log10(wanted))
    step = next(each * power for each in (1, 2, 2.5, 5, 10) if each * power >= wanted * 0.999) * size
    return [number * step for number in range(math.ceil(highest / step - 1e-9) + 1)]


def time_step(seconds: float, count: int = 6) -> int:
    """Return the seconds between two labels of an axis of so many seconds."""
    return next((each for each in _TIMES if each * count >= seconds), _TIMES[-1] * math.ceil(seconds / count / 86400))


def _scale(figure: float, sizes: Sequence[tuple[float, str]]) -> tuple[float, str]:
    return next(
        ((size, word) for size, word in reversed(sizes) if abs(figure) >= size * 0.9995),
        sizes[0],
    )


def _digits(figure: float) -> str:
    written = f"{figure:.3g}" if abs(figure) < 999.5 else f"{figure:.0f}"
    return f"{float(written):g}"
