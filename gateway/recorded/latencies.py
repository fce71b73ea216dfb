"""How long requests took, kept as counts of what is alike: a log of any size has a few hundred of them.

Tests: `tests/recorded/test_latencies.py`.
"""

from __future__ import annotations

from math import ceil, log
from typing import Final

STEP: Final = 1.02
"""How many times longer one count is for than the one before it: what is told is at most two hundredths too much."""

_SCALE: Final = log(STEP)
_LEAST: Final = 1e-6


class Latencies:
    """Durations.

    Attributes:
        count: How many there are.
    """

    def __init__(self) -> None:
        self.count = 0
        self._counts: dict[int, int] = {}

    def add(self, seconds: float) -> None:
        """Count one."""
        place = ceil(log(max(seconds, _LEAST) / _LEAST) / _SCALE)
        self._counts[place] = self._counts.get(place, 0) + 1
        self.count += 1

    def quantile(self, share: float) -> float:
        """Return the seconds that a share of them did not take longer than.

        Args:
            share: From 0 to 1.

        Raises:
            ValueError: There are none.
        """
        if not self.count:
            raise ValueError("no durations")
        wanted, seen = ceil(share * self.count), 0
        for place in sorted(self._counts):
            seen += self._counts[place]
            if seen >= wanted:
                break
        return _LEAST * STEP**place

    def share_over(self, seconds: float) -> float:
        """Return the share of them that took longer, as far as they are told apart; 0 where there are none."""
        most = ceil(log(max(seconds, _LEAST) / _LEAST) / _SCALE)
        over = sum(count for place, count in self._counts.items() if place > most)
        return over / self.count if self.count else 0.0
