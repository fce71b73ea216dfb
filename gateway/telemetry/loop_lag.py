"""How late timers are: the one figure that shows a reactor kept busy.

A service under the gateway's `MultiService`; `gateway.telemetry.metrics` asks
for `worst()` at scrape time. `gateway.telemetry.overload` has one of its own,
which looks more often and tells it each time.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime

INTERVAL = 0.5
"""Seconds between two looks."""

WINDOW = 15.0
"""Seconds over which the worst is kept; a scrape sees this window and the one before."""


class LoopLag(Service):
    """Measures how much later than asked for the reactor calls back.

    Args:
        clock: The reactor.
        interval: Seconds between two looks.
        on_look: Hears of the lateness, each time.
    """

    name = "loop-lag"

    def __init__(
        self, clock: IReactorTime, interval: float = INTERVAL, on_look: Callable[[float], None] | None = None
    ) -> None:
        self._clock = clock
        self._interval = interval
        self._on_look = on_look
        self._call: IDelayedCall | None = None
        self._due = 0.0
        self._window_ends = 0.0
        self._worst = 0.0
        self._worst_before = 0.0

    def startService(self) -> None:
        """Begin to measure."""
        Service.startService(self)
        self._window_ends = self._clock.seconds() + WINDOW
        self._schedule()

    def stopService(self) -> None:
        """Measure no more."""
        Service.stopService(self)
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def worst(self) -> float:
        """Return the worst lateness of this window and the last, in seconds; reading changes nothing."""
        return max(self._worst, self._worst_before)

    def _schedule(self) -> None:
        # Not a LoopingCall: that one makes up for lateness, which is what is measured here.
        self._due = self._clock.seconds() + self._interval
        self._call = self._clock.callLater(self._interval, self._tick)

    def _tick(self) -> None:
        now = self._clock.seconds()
        if now >= self._window_ends:
            self._worst_before, self._worst = self._worst, 0.0
            self._window_ends = now + WINDOW
        late = now - self._due
        self._worst = max(self._worst, late)
        if self._on_look is not None:
            self._on_look(late)
        self._schedule()
