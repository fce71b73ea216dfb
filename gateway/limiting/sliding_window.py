"""A sliding window: never more than the limit in any window, wherever it begins.

Two counters, weighted by how far the window under way has come, as they are
often used, let more through when requests are uneven. Here the window is cut
into parts and the requests of each are counted; a request may pass if those of
its own part and of as many parts before it as make up a window are below the
limit. Any window lies within so many parts, so none has more. Under load that
lets through 64/65 of the limit. Up to 64 requests, each one's own microsecond
is its part, and the rule is exact.

It remembers at most 65 parts for a key, and those only that had requests.
"""

from __future__ import annotations

from math import ceil
from typing import Any, Final

from gateway.limiting.limit import EXACT, Limit, Rule

MICROSECOND: Final = 1e-6


def parts_of(limit: Limit) -> tuple[int, int]:
    """Cut a limit's window: microseconds of a part, and parts of a window."""
    window = max(1, ceil(round(limit.counted_window * 1e6, 3)))
    if limit.requests <= EXACT:
        return 1, window
    part = ceil(window / EXACT)
    return part, ceil(window / part)


class SlidingWindow(Rule):
    """The rule of one limit; the state is `[end, total, part, count, part, count, …]`, None for no request.

    Parts are numbers: of the microsecond in `now`, divided by their length. `end` is when nothing counts any more.
    """

    __slots__ = ("_limit", "_part", "_parts", "_window")

    def __init__(self, limit: Limit) -> None:
        part, self._parts = parts_of(limit)
        self._part = part * MICROSECOND
        self._limit = limit.requests
        self._window = limit.window

    def wait(self, state: list[Any] | None, now: float) -> float:
        """Return the seconds until a request may pass: 0.0 or less where it may now. Forgets what is past."""
        if state is None:
            return 0.0
        first = int(now / self._part) - self._parts
        while len(state) > 2 and state[2] < first:
            state[1] -= state[3]
            del state[2:4]
        if state[1] < self._limit:
            return 0.0
        return min(self._gone(state[2]) - now, self._window)

    def take(self, state: list[Any] | None, now: float) -> list[Any]:
        """Return the state after a request that may pass."""
        part = int(now / self._part)
        if state is None:
            return [self._gone(part), 1, part, 1]
        state[1] += 1
        if len(state) > 2 and state[-2] >= part:  # a request may have waited, and be older than the one before it
            state[-1] += 1
        else:
            state[0] = self._gone(part)
            state += (part, 1)
        return state

    def give_back(self, state: list[Any] | None, taken: float, full: float, now: float) -> list[Any] | None:
        """Return the state without a request that was taken at `taken`; None for nothing to remember.

        A request that was counted late stands in a later part than its own. So the first part that is not before its
        own gives one up; the requests that stay are remembered for as long as they have to be.
        """
        if state is None:
            return None
        part = int(taken / self._part)
        for at in range(2, len(state), 2):
            if state[at] >= part:
                state[1] -= 1
                state[at + 1] -= 1
                if not state[at + 1]:
                    del state[at : at + 2]
                break
        if len(state) == 2:
            return None
        state[0] = self._gone(state[-2])
        return state

    def remaining(self, state: Any, now: float) -> int:
        """Return how many more may pass at once."""
        left: int = self._limit - state[1]
        return left

    def _gone(self, part: int) -> float:
        """When a part leaves the window."""
        return (part + self._parts + 1) * self._part
