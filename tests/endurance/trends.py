"""Whether a figure stays where it is: the slope of its samples, judged. No clock, no processes."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

SETTLING = 0.25
"""Part of a run that is not judged: memos fill, pools and the allocator grow to what the load needs."""


class Limit(NamedTuple):
    """How much a figure may have grown from the first judged sample to the last.

    Attributes:
        part: Of its median.
        least: In its own unit: a little is always allowed, since one page, or one connection more, is no leak.
    """

    part: float
    least: float


class Trend(NamedTuple):
    """What became of a figure.

    Attributes:
        first: Median of the first tenth of what is judged; `last` that of the last.
        middle: Median of all that is judged.
        highest: Of all that is judged.
        growth: By the slope, from the beginning of what is judged to its end.
        hourly: The slope, in an hour.
        allowed: Most that it may have grown.
    """

    first: float
    last: float
    middle: float
    highest: float
    growth: float
    hourly: float
    allowed: float

    @property
    def flat(self) -> bool:
        """Whether it stays where it is."""
        return self.growth <= self.allowed


def slope(times: Sequence[float], figures: Sequence[float]) -> float:
    """Return the slope, in units a second, that half of all pairs of samples are above (Theil and Sen).

    A few samples that lie far off, as on a machine that others use too, do not turn it.
    """
    pairs = [
        (figures[later] - figures[earlier]) / (times[later] - times[earlier])
        for earlier in range(len(times))
        for later in range(earlier + 1, len(times))
        if times[later] > times[earlier]
    ]
    return statistics.median(pairs) if pairs else 0.0


def trend(times: Sequence[float], figures: Sequence[float], limit: Limit) -> Trend:
    """Judge the samples of one figure.

    Args:
        times: Seconds, rising.
        figures: One for each time.
        limit: What may be.

    Raises:
        ValueError: There are too few to say anything.
    """
    settled = times[0] + SETTLING * (times[-1] - times[0]) if times else 0.0
    judged = [(time, figure) for time, figure in zip(times, figures, strict=True) if time >= settled]
    if len(judged) < 4:
        raise ValueError(f"{len(judged)} samples are too few to be judged")
    times, figures = [time for time, _ in judged], [figure for _, figure in judged]
    tenth = max(1, len(figures) // 10)
    middle, rises = statistics.median(figures), slope(times, figures)
    return Trend(
        statistics.median(figures[:tenth]),
        statistics.median(figures[-tenth:]),
        middle,
        max(figures),
        rises * (times[-1] - times[0]),
        rises * 3600,
        max(limit.part * middle, limit.least),
    )
