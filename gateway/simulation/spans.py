"""`@START+LENGTH`: when something on the command line of a simulation holds.

Tests: `tests/simulation/test_spans.py`.
"""

from __future__ import annotations

from math import inf
from typing import Final, NamedTuple

from gateway.config.problems import Unexpected
from gateway.config.units import parse_duration

WHEN: Final = "@START or @START+LENGTH behind it, as in @10m+5m"


class Span(NamedTuple):
    """A stretch of a simulation.

    Attributes:
        start: Seconds from its beginning.
        end: Likewise; infinity for the end of the simulation.
    """

    start: float = 0.0
    end: float = inf


ALWAYS: Final = Span()


def split(said: str) -> tuple[str, Span]:
    """Return what stands before `@`, and when it holds: all the time, where nothing is said.

    Raises:
        Unexpected: What stands behind it is no time.
    """
    what, at, when = said.partition("@")
    if not at:
        return what, ALWAYS
    begins, plus, length = when.partition("+")
    try:
        start = parse_duration(begins)
        return what, Span(start, start + parse_duration(length) if plus else inf)
    except Unexpected:
        raise Unexpected(WHEN) from None
