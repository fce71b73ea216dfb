"""A token bucket: requests at a steady rate, and so many at once.

As one number: the moment at which the bucket is full again. Each request moves
it on by the time that one token takes; a request that would move it further
ahead than a whole bucket takes may not pass. (This is the generic cell rate
algorithm of ATM, ITU-T I.371, as virtual scheduling.)
"""

from __future__ import annotations

from typing import Any, Final

from gateway.limiting.limit import Limit, Rule

TOLERANCE: Final = 1e-6
"""Of a token: what adding up floating-point times may be off by."""


class TokenBucket(Rule):
    """The rule of one limit; the state is the moment at which the bucket is full, None for a full one.

    Within any time t it lets through at most `burst + t * requests / window`.
    """

    __slots__ = ("_depth", "_interval", "_most", "_tolerance")

    def __init__(self, limit: Limit) -> None:
        self._interval = limit.window / limit.requests
        self._depth = limit.burst * self._interval
        self._tolerance = self._interval * TOLERANCE
        self._most = limit.requests

    def wait(self, state: float | None, now: float) -> float:
        """Return the seconds until a request may pass: 0.0 or less where it may now."""
        return 0.0 if state is None else state + self._interval - self._depth - self._tolerance - now

    def take(self, state: float | None, now: float) -> float:
        """Return the state after a request that may pass."""
        return (now if state is None or state < now else state) + self._interval

    def give_back(self, state: float | None, taken: float, full: float, now: float) -> float | None:
        """Return the state without a request after which the bucket was to be full at `full`.

        Past that the bucket may have been full meanwhile: then the token is there again, and is not given twice.
        """
        return state if state is None or now >= full else state - self._interval

    def remaining(self, state: Any, now: float) -> int:
        """Return how many more may pass at once; not more than a window's requests."""
        left = int((self._depth - max(0.0, state - now)) / self._interval + TOLERANCE)
        return min(self._most, left)
