"""Check one backend again and again, and report each result.

A `Probe` makes the check (`probe_http`, `probe_tcp`, `probe_script`);
`gateway.upstream.standing` decides what a result means. One prober serves all
routes of an upstream, and lives as long as the backend is in a configuration.

# Note [The states of a prober]
*Stopped*: before `startService` and after `stopService`. *Starting* (`_starting`):
the moment of the first look has been drawn and is waited for. *Waiting*: the
timer looks `LOOKS` times an interval whether the next check is due (`_due`).
*Checking* (`_running`): a check is under way, and looks do nothing until it has
ended or its timeout has passed. Stopping cancels what the state has begun; a
check that is cancelled by that reports no result.

# Note [Detection within 30 s]
With checks every 10 s that take up to 5 s, three failures in a row would take
35 s in the worst case: the backend fails just after a check, and the next three
hang. So after a result in doubt (a failure of a backend that still counts as
healthy, or the other way round) the next check comes after half the interval:
at most 10 s to the first, then 3 x 5 s, and a look of the timer for each
(R-HC-14, D-31).
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
"""How many times in an interval the timer looks whether a check is due."""

SHORTEST_LOOK = 0.02
"""Least seconds between two looks."""

FIRST_WITHIN = 1.0
"""Seconds within which the first check begins, at a random moment, so that instances and backends do not check in
step."""

JITTER = 0.1
"""Part of the interval by which a check may come early; never late, so that Note [Detection within 30 s] holds."""

_log = Logger()


class CheckFailed(Exception):
    """The backend did not pass; the text says what was wrong."""


class Probe(Protocol):
    """One way to check a backend."""

    def run(self) -> Deferred[None]:
        """Check once.

        Returns:
            Fires when the backend has passed; fails with `CheckFailed`, or with what the dialer fails with. Cancelling
            it ends the check and all that belongs to it.
        """


class Prober(Service):
    """Checks one backend.

    Args:
        probe: Makes a check.
        interval: Seconds from the beginning of one check to that of the next.
        timeout: Most seconds of one check.
        random: Returns a number from 0.0 up to, not including, 1.0.
        clock: For the timers.
        on_result: Called with each result, and with what was wrong; returns whether the backend's health is in doubt.
        describe: Describes the dialer's failures.
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
        """Begin; the first check comes within `FIRST_WITHIN` seconds."""
        super().startService()
        self._due = self._clock.seconds()
        # The looks begin at the random moment too (D-33). If all probers began to look at once, their checks would be
        # rounded to the same few looks, which are seconds apart where the interval is long.
        self._starting = self._clock.callLater(self._random() * min(self._interval, FIRST_WITHIN), self._start)

    def stopService(self) -> None:
        """End; a check that is under way is cancelled."""
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
            return  # one check of a backend at a time
        self._began = now
        # maybeDeferred: what `run` raises is a failed check; raised in here it would end the LoopingCall.
        running = maybeDeferred(self._probe.run)
        # Set before callbacks are added: if `running` has fired already, they reset it at once.
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
