"""Deadlines of many connections, looked at a few times a second.

A timer per request costs more than the request's own work (1.1 µs and heap
clean-up); one attribute and a sweep over the open connections costs 0.03 µs a
connection and sweep. Deadlines are kept up to `INTERVAL` late, never early.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

INTERVAL: Final = 0.1
"""Seconds between sweeps."""

NEVER: Final = float("inf")


def aged(seconds: float, random: Callable[[], float]) -> float:
    """Return an age that a connection may reach: up to a tenth less, so that those opened together do not end together.

    Args:
        seconds: The most.
        random: As `random.random`.
    """
    return seconds * (1.0 - 0.1 * random())


class Timed(Protocol):
    """Something with a deadline.

    Attributes:
        deadline: Monotonic seconds, `NEVER` for none.
    """

    deadline: float

    def on_deadline(self, now: float) -> None:
        """The deadline has passed; called again at the next sweep unless it is moved."""


class Deadlines:
    """Everything that has a deadline.

    Args:
        now: Monotonic seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        # A dictionary, since the order of a set is that of addresses in memory: a run could not be replayed.
        self._watched: dict[Timed, None] = {}

    def watch(self, timed: Timed) -> None:
        """Look at `timed.deadline` from now on."""
        self._watched[timed] = None

    def forget(self, timed: Timed) -> None:
        """Look no more; no error when it was not watched."""
        self._watched.pop(timed, None)

    def sweep(self) -> None:
        """Call `on_deadline` of everything that is due."""
        now = self._now()
        for timed in [timed for timed in self._watched if timed.deadline <= now]:
            # Asked again: what was due before it may have moved or ended it.
            if timed.deadline <= now and timed in self._watched:
                timed.on_deadline(now)

    @property
    def soonest(self) -> float:
        """The first deadline there is, in monotonic seconds; `NEVER` for none. For clocks that jump to it."""
        return min((timed.deadline for timed in self._watched), default=NEVER)

    def __len__(self) -> int:
        return len(self._watched)
