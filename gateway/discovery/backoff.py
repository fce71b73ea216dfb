"""How long a source rests before it is asked again: longer from fault to fault, and never for all gateways alike.

Pure: chance is passed in.

Tests: `tests/discovery/test_finder.py::test_pauses_grow_and_differ`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

FIRST: Final = 0.25
"""Seconds after the first fault: a registry that restarts is back in force within a second of its return."""
LONGEST: Final = 5.0
"""Seconds between two tries at a registry; a source may have less."""


class BackOff:
    """Counts faults in a row.

    Args:
        chance: From 0 up to 1.
        longest: Seconds that a pause may take.
    """

    def __init__(self, chance: Callable[[], float], longest: float) -> None:
        self._chance = chance
        self._longest = longest
        self._next = FIRST

    def reset(self) -> None:
        """There was an answer."""
        self._next = FIRST

    def pause(self) -> float:
        """Return the seconds until the next try: between half of the step and the whole."""
        step, self._next = self._next, min(self._longest, self._next * 2)
        return step * (0.5 + self._chance() / 2)
