"""How many retries a route may spend, so that retries never multiply an outage.

Layer 2: decides only. The retry budget of Finagle and linkerd: each exchange
deposits a share of a retry, each retry withdraws a whole one, and both are
forgotten after the window. A minimum per second lets a quiet route retry too.
In Finagle the minimum is a part of the window; here it is a token bucket beside
it, which fills by itself. So over any time there are never more retries than
`ratio` of the exchanges and `minimum_per_second`, with one window's minimum to
begin with, and whoever asks for no more than the minimum always gets it.
"""

from __future__ import annotations

from math import inf

from gateway.resilience.window import Window


class RetryBudget:
    """The budget of one route.

    Args:
        ratio: Retries for each exchange.
        minimum_per_second: Retries that are there without any exchange.
        window: Seconds after which exchanges and retries are forgotten.

    Attributes:
        refused: Retries that were not made because nothing was left.
    """

    __slots__ = ("_filled", "_minimum", "_most", "_ratio", "_reserve", "_window", "refused")

    def __init__(self, ratio: float = 0.2, minimum_per_second: float = 3.0, window: float = 10.0) -> None:
        self._ratio = ratio
        self._minimum = minimum_per_second
        self._reserve = self._most = minimum_per_second * window
        self._filled = inf
        self._window = Window(window)
        self.refused = 0

    def deposit(self, now: float) -> None:
        """An exchange begins: 0.09 µs."""
        window = self._window
        if now >= window.end:
            window.roll(now)
        window.total += 1

    def withdraw(self, now: float) -> bool:
        """Pay for a retry: from the deposits, which the window forgets, and then from the minimum.

        Returns:
            Whether there was enough; without it the retry must not be made.
        """
        earned, reserve = self._left(now)
        if earned >= 1.0:
            self._window.marked += 1
        elif reserve >= 1.0:
            self._reserve = reserve - 1.0
            self._filled = now
        else:
            self.refused += 1
            return False
        return True

    def balance(self, now: float) -> int:
        """Return the retries that may be made now."""
        earned, reserve = self._left(now)
        return int(max(0.0, earned)) + int(reserve)

    def _left(self, now: float) -> tuple[float, float]:
        # `earned` can be negative: a deposit may leave the window before the retry it paid for.
        exchanges, retries = self._window.counts(now)
        filling = max(0.0, now - self._filled) * self._minimum
        return self._ratio * exchanges - retries, min(self._most, self._reserve + filling)
