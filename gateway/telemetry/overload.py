"""`OverloadWatch`: looks whether the gateway is short of time or memory.

A service that `gateway.composition.builders.admission` makes where `limits.loop_lag` or
`limits.memory` is set. It measures; what follows is decided by
`gateway.resilience.shedding`, whose level the step of each route looks at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from gateway.errors import Overloaded
from gateway.resilience.admission import Priority
from gateway.resilience.shedding import Shedder, StandingLag
from gateway.telemetry.loop_lag import LoopLag
from gateway.telemetry.memory import resident

LOOK = 0.05
"""Seconds between two looks at the event loop: each costs some 10 µs."""

PERIOD = 0.25
"""Seconds between two decisions."""

LONGEST_RETRY = 30.0
"""Most seconds that `Retry-After` says."""

_SHED = ("nothing", "low priority", "low and normal priority", "every priority")

_log = Logger()


class Count(Protocol):
    """Counts by labels (`gateway.telemetry.series.Counts.add`)."""

    def __call__(self, *labels: str) -> None: ...


class OverloadWatch(Service):
    """Measures, and says what is shed.

    Args:
        clock: The reactor.
        loop_lag_mark: `limits.loop_lag`.
        memory_mark: `limits.memory`.
        count: Counts what is shed, by priority and cause.
        memory: Tells the octets of resident memory.

    Attributes:
        shedder: Decides.
    """

    name = "overload"

    def __init__(
        self,
        clock: IReactorTime,
        loop_lag_mark: float,
        memory_mark: int,
        count: Count,
        memory: Callable[[], int] = resident,
    ) -> None:
        self.shedder = Shedder(loop_lag_mark, memory_mark, self._changed)
        self._clock = clock
        self._memory = memory if memory_mark else int
        self._count = count
        self._loop_lag = LoopLag(clock, LOOK, self._looked)
        self._standing = StandingLag()
        self._worst = 0.0
        self._decide_at = 0.0
        self._since = 0.0

    def startService(self) -> None:
        """Begin to look; memory counts at once."""
        super().startService()
        self._decide()
        self._loop_lag.startService()

    def stopService(self) -> None:
        """Look no more."""
        super().stopService()
        self._loop_lag.stopService()

    def refusal(self, priority: Priority) -> Overloaded:
        """Count an exchange that is shed, and return its error.

        `Retry-After` is the time for which the overload has lasted so far: nothing better is known of when it ends.
        """
        self._count(priority.name.lower(), self.shedder.by)
        return Overloaded(min(LONGEST_RETRY, self._clock.seconds() - self._since))

    def _looked(self, late: float) -> None:
        self._worst = max(self._worst, late)
        if self._clock.seconds() >= self._decide_at:
            self._decide()

    def _decide(self) -> None:
        self._decide_at = self._clock.seconds() + PERIOD
        lag = self._standing.observe(self._worst)
        self._worst = 0.0
        self.shedder.observe(lag, self._memory())

    def _changed(self, before: int, level: int, cause: str) -> None:
        if not before:
            self._since = self._clock.seconds()
        if level:
            _log.warn("Overload: {shed} is shed ({cause})", shed=_SHED[level], cause=cause, event="overload.changed")
        else:
            _log.info("Overload is over: nothing is shed any more ({cause})", cause=cause, event="overload.ended")
