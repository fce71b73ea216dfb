"""Check one backend again and again, and tell how each check ended.

What is tried is a `Probe` (`probe_http`, `probe_tcp`, `probe_script`); what a
result means is for `gateway.upstream.standing`. One prober serves all routes of
an upstream and lives as long as the backend is in a configuration.

# Note [Detection within 30 s]
With checks every 10 s that take up to 5 s, three in a row would take 35 s in
the worst case: a failure just after a check, then three that hang. So a check
that is in doubt (a failure of a backend that still counts as healthy, or the
other way round) is followed by the next after half the interval: at most
10 s to the first, then 3 x 5 s, and a look of the timer for each (R-HC-14).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.application.service import Service
from twisted.internet.defer import (
    CancelledError,
    Deferred,
    TimeoutError,  # noqa: A004  # Twisted's name for it
    maybeDeferred,
)
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

LOOKS = 20
"""How often within an interval the timer looks whether a check is due."""

SHORTEST_LOOK = 0.02
"""Seconds between two looks at the least."""

FIRST_WITHIN = 1.0
"""Seconds within which the first check begins, at a drawn moment: neither instances nor backends march in step."""

JITTER = 0.1
"""Part of the interval by which a check may come early; never late, because of what is promised above."""

_log = Logger()


class CheckFailed(Exception):
    """The backend did not pass; the words say what was wrong."""


class Probe(Protocol):
    """One way to check a backend."""

    def run(self) -> Deferred[None]:
        """Check once.

        Returns:
            Fires when the backend is well; fails with `CheckFailed`, or with what the dialer fails with. Cancelled, it
            leaves nothing behind.
        """


class Prober(Service):
    """Checks one backend.

    Args:
        probe: How.
        interval: Seconds between two checks.
        timeout: Seconds that one may take.
        random: Returns a number from 0.0 up to, not including, 1.0.
        clock: Keeps time.
        on_result: Hears of each result, with what was wrong; returns whether that leaves it in doubt.
        describe: Puts a failure into words.
    """

    def __init__(
        self,
        probe: Probe,
        interval: float,
        timeout: float,
        random: Callable[[], float],
        clock: Any,
        on_result: Callable[[bool, str], bool],
        describe: Callable[[Failure], str],
    ) -> None:
        self._probe = probe
        self._interval = interval
        self._timeout = timeout
        self._random = random
        self._clock = clock
        self._on_result = on_result
        self._describe = describe
        self._due = 0.0
        self._began = 0.0
        self._running: Deferred[None] | None = None
        self._starting: IDelayedCall | None = None
        self._looking = LoopingCall(self._look)
        self._looking.clock = clock

    def startService(self) -> None:
        """Begin; the first check comes soon."""
        super().startService()
        self._due = self._clock.seconds()
        # The looks themselves begin at that moment: with the same beginning for all, whatever is drawn would be
        # rounded to the same few looks, which are seconds apart where the interval is long.
        self._starting = self._clock.callLater(self._random() * min(self._interval, FIRST_WITHIN), self._start)

    def stopService(self) -> None:
        """End; a check under way is given up."""
        super().stopService()
        if self._starting is not None:
            self._starting.cancel()
            self._starting = None
        else:
            self._looking.stop()
        running, self._running = self._running, None
        if running is not None:
            running.cancel()

    def _start(self) -> None:
        self._starting = None
        self._looking.start(max(SHORTEST_LOOK, self._interval / LOOKS))

    def _look(self) -> None:
        now = self._clock.seconds()
        if self._running is not None or now < self._due:
            return  # never two of one backend at once
        self._began = now
        # What it raises is a failed check; in here it would end the looks for good.
        running = maybeDeferred(self._probe.run)
        # Fired or not: what it does now must not be taken for the next one.
        self._running = running
        running.addTimeout(self._timeout, self._clock)
        running.addCallbacks(lambda _: self._over(True, ""), self._failed)
        running.addErrback(lambda failure: _log.failure("A health check could not be judged", failure))

    def _failed(self, failure: Failure) -> None:
        if not self.running and failure.check(CancelledError):
            return
        if failure.check(TimeoutError):
            self._over(False, f"no answer within {self._timeout:g} s")
        elif failure.check(CheckFailed):
            self._over(False, str(failure.value))
        else:
            self._over(False, self._describe(failure))

    def _over(self, ok: bool, why: str) -> None:
        self._running = None
        if not self.running:
            return
        doubtful = self._on_result(ok, why)
        wait = self._interval / 2 if doubtful else self._interval * (1.0 - JITTER * self._random())
        self._due = self._began + wait
