"""How long an answer usually takes, as a percentile of the last ones.

Layer 2: decides only. Asked by the forwarder for the delay after which a
second attempt is worth its cost ("The Tail at Scale", Dean and Barroso, 2013:
hedged requests after the 95th percentile cost 5 % more load).
"""

from __future__ import annotations

SAMPLES = 256
"""How many answers are looked back at."""

EVERY = 32
"""The percentile is worked out after each so many answers: 0.2 µs an answer. Before the first so many it is unknown."""


class Latencies:
    """The last answers' times.

    Args:
        percentile: Which one is asked for, from 50 to 100 (the slowest).
    """

    __slots__ = ("_place", "_recent", "_share", "value")

    def __init__(self, percentile: float) -> None:
        self._share = percentile / 100.0
        self._recent: list[float] = []
        self._place = 0
        self.value: float | None = None

    def record(self, seconds: float) -> None:
        """An answer's head came after so long."""
        recent, place = self._recent, self._place
        if len(recent) < SAMPLES:
            recent.append(seconds)
        else:
            recent[place % SAMPLES] = seconds
        self._place = place = place + 1
        if place % EVERY == 0:
            ordered = sorted(recent)
            self.value = ordered[min(len(ordered) - 1, int(len(ordered) * self._share))]
