"""How many requests come, and when: Poisson processes, as calls of many people who know nothing of each other are.

Decides only: chance is passed in.

Tests: `tests/simulation/test_traffic.py`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from heapq import merge
from typing import Final, NamedTuple

from gateway.config.problems import Unexpected
from gateway.simulation.spans import ALWAYS, Span, split

RATE: Final = "a rate such as 20/s, 600/m or 5000/h"
FASTEST: Final = 100_000.0
"""Requests a second."""

_RATE = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)/(s|m|h)")
_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}


class Load(NamedTuple):
    """Requests that come at random, at a rate.

    Attributes:
        rate: How many a second on average.
        span: When they come.
    """

    rate: float
    span: Span = ALWAYS

    def arrivals(self, seconds: float, chance: random.Random) -> Iterator[float]:
        """Yield when requests come, in seconds from the beginning.

        Args:
            seconds: How long the simulation is.
            chance: Draws the times between them, which are exponential.
        """
        now, end = self.span.start, min(self.span.end, seconds)
        while (now := now + chance.expovariate(self.rate)) < end:
            yield now


def is_rate(said: str) -> bool:
    """Whether a text is a rate, rightly written or not, and no name of a file."""
    return re.match(r"[-+]?(\d[\d.]*|nan|inf)(/|@|$)", said) is not None


def parse_load(said: str) -> Load:
    """Read `RATE/UNIT[@START[+LENGTH]]`.

    Raises:
        Unexpected: It is something else.
    """
    rate, span = split(said)
    found = _RATE.fullmatch(rate)
    a_second = float(found[1]) / _SECONDS[found[2]] if found else 0.0
    if not 0.0 < a_second <= FASTEST:
        raise Unexpected(f"{RATE}, of at most {FASTEST:,.0f} a second")
    return Load(a_second, span)


def arrivals(loads: Sequence[Load], seconds: float, seed: int) -> Iterator[float]:
    """Yield when the requests of several loads come, in order: what they bring adds up.

    Args:
        loads: Each draws from a source of its own, so that one more of them moves nobody's requests.
        seconds: How long the simulation is.
        seed: Of all sources.
    """
    sources = [random.Random(f"arrivals {number} {seed}") for number in range(len(loads))]  # noqa: S311  # to be repeated
    return merge(*(load.arrivals(seconds, chance) for load, chance in zip(loads, sources, strict=True)))
