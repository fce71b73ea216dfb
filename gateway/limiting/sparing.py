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


class Trickle:
    """Says whether there may be a line more, of whatever kind.

    Args:
        now: Monotonic seconds, now.
    """

    __slots__ = ("_at", "_left")

    def __init__(self, now: float) -> None:
        self._at = now
        self._left = float(AT_ONCE)

    def takes(self, now: float) -> bool:
        """Whether a line may be told now; it then counts as told."""
        self._left = min(float(AT_ONCE), self._left + (now - self._at) * A_SECOND)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class Sparing:
    """Says whether something may be told.

    Args:
        now: Monotonic seconds.
    """

    __slots__ = ("_kinds", "_now", "_trickle")

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._trickle = Trickle(now())
        self._kinds: dict[Hashable, tuple[float, int]] = {}

    def may_tell(self, kind: Hashable) -> int | None:
        """Return how often it was not told since it was told last; None where it is not to be told now."""
        now = self._now()
        due, untold = self._kinds.get(kind, (now, 0))
        if now < due or not self._trickle.takes(now):
            self._keep(kind, (due, untold + 1))
            return None
        self._keep(kind, (now + AGAIN, 0))
        return untold

    def _keep(self, kind: Hashable, known: tuple[float, int]) -> None:
        if kind not in self._kinds and len(self._kinds) >= MOST:
            self._kinds.clear()
        self._kinds[kind] = known


def more(untold: int) -> str:
    """Return the end of a line: how often it could have been there before."""
    return f"; and {untold} more since this was said last" if untold else ""
