"""Count events, and those among them that are marked, over the last so many seconds.

Layer 2, used by the breaker (failures among exchanges) and the retry budget
(retries among exchanges). The window slides by tenths: it covers between nine
and ten of them, the last one being under way. Nothing moves unless an event
asks, so a quiet window costs nothing.

Hot paths count by themselves, which is a quarter of the cost of a call:

    if now >= window.end:
        window.roll(now)
    window.total += 1
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Final

PARTS: Final = 10


class Window:
    """A sliding window of two counters.

    Args:
        seconds: How far back it looks.

    Attributes:
        total: Events in the window, as of the last roll.
        marked: Those among them that failed, or were retries: the user says.
        end: When the part under way is over and `roll` is due.
    """

    __slots__ = ("_past", "_past_marked", "_past_total", "_width", "end", "marked", "seconds", "total")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._width = seconds / PARTS
        self._past: deque[tuple[int, int]] = deque()
        self.clear()

    def clear(self) -> None:
        """Forget everything; the next event begins a new window."""
        self._past.clear()
        self._past_total = self._past_marked = self.total = self.marked = 0
        self.end = -inf

    def roll(self, now: float) -> None:
        """Close the part under way and drop what is too old; called when `now` has reached `end`."""
        late = now - self.end
        if late >= self.seconds:
            self.clear()
            self.end = now + self._width
            return
        steps = int(late / self._width) + 1
        past = self._past
        past.append((self.total - self._past_total, self.marked - self._past_marked))
        past.extend([(0, 0)] * (steps - 1))
        while len(past) >= PARTS:
            total, marked = past.popleft()
            self.total -= total
            self.marked -= marked
        self._past_total, self._past_marked = self.total, self.marked
        self.end += steps * self._width

    def counts(self, now: float) -> tuple[int, int]:
        """Return the events in the window at `now`, and how many of them are marked."""
        if now >= self.end:
            self.roll(now)
        return self.total, self.marked
