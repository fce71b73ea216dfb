"""How often the log may say the same again, where clients cause what it says: nobody may fill a disk with it.

Of each kind one line a minute; of all kinds together twenty at once, and then one in two seconds. What is not said is
counted, and the next line of its kind says how often that was.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final

AGAIN: Final = 60.0
"""Seconds until the same kind is told again."""

AT_ONCE: Final = 20
"""Lines of all kinds that may come one after the other."""

A_SECOND: Final = 0.5
"""Lines that may come again for each second."""

MOST: Final = 1000
"""Kinds that are known at a time."""


class Sparing:
    """Says whether something may be told.

    Args:
        now: Monotonic seconds.
    """

    __slots__ = ("_at", "_kinds", "_left", "_now")

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._at = now()
        self._left = float(AT_ONCE)
        self._kinds: dict[Hashable, tuple[float, int]] = {}

    def may_tell(self, kind: Hashable) -> int | None:
        """Return how often it was not told since it was told last; None where it is not to be told now."""
        now = self._now()
        due, untold = self._kinds.get(kind, (now, 0))
        self._left = min(float(AT_ONCE), self._left + (now - self._at) * A_SECOND)
        self._at = now
        if now < due or self._left < 1.0:
            self._keep(kind, (due, untold + 1))
            return None
        self._left -= 1.0
        self._keep(kind, (now + AGAIN, 0))
        return untold

    def _keep(self, kind: Hashable, known: tuple[float, int]) -> None:
        if kind not in self._kinds and len(self._kinds) >= MOST:
            self._kinds.clear()
        self._kinds[kind] = known


def more(untold: int) -> str:
    """Return the end of a line: how often it could have been there before."""
    return f"; and {untold} more since this was said last" if untold else ""
