"""What the live page is told each second: looked at in this process, or in all workers, and made into events.

Loaded when a page is opened. Nothing is looked at while none is.

Tests: `tests/admin/test_live.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred

from gateway.admin.feeds import Events
from gateway.composition.assembly import Gateway
from gateway.telemetry.log_tail import LogTail, follow
from gateway.telemetry.memory import resident
from gateway.telemetry.rates import Rates, shown, together

Moment = dict[str, Any]
"""What one process has to say of a second, as JSON can say it."""

FAILED = 20
"""Exchanges that failed in a second of which a process tells, the last ones; `/exchanges` has more."""

SUMMED = ("in_flight", "connections", "memory")


class Live:
    """Looks at this process.

    Args:
        gateway: Is looked at.
        tail: Has the lines of its log.
    """

    def __init__(self, gateway: Gateway, tail: LogTail | None = None) -> None:
        self._gateway = gateway
        self._rates = Rates(gateway.foundation.metrics, gateway.foundation.now)
        self._tail = tail or follow()
        self._failed = gateway.foundation.failures.count

    def moment(self) -> Moment:
        """Return what has happened since the last call."""
        foundation = self._gateway.foundation
        return {
            "at": foundation.wall_clock(),
            "rate": self._rates.since(),
            "now": {
                "in_flight": foundation.occupancy.in_flight,
                "connections": foundation.metrics.active_connections(),
                "memory": resident(),
                "loop_lag": foundation.metrics.loop_lag(),
            },
            "failed": self._failures(),
            "log": self._tail.taken(),
        }

    def _failures(self) -> list[dict[str, Any]]:
        failures = self._gateway.foundation.failures
        new, self._failed = failures.count - self._failed, failures.count
        return failures.summaries()[: min(new, FAILED)][::-1] if new > 0 else []

    def events(self) -> Events:
        """Return the same as events, of a gateway that is one process."""
        return events([self.moment()])


class LiveOfAll:
    """Looks at all workers.

    Args:
        ask: Asks all of them, for the rounds of answers after a number (`gateway.processes.rounds`).
    """

    def __init__(self, ask: Callable[[int], Deferred[dict[str, Any]]]) -> None:
        self._ask = ask
        self._after = 0

    def events(self) -> Deferred[Events]:
        """Return what has happened in them since the last call."""
        return self._ask(self._after).addCallback(self._answered)

    def _answered(self, said: dict[str, Any]) -> Events:
        self._after = said["last"]
        return [one for answers in said["rounds"] for one in events(answers)]


def events(moments: Iterable[Moment]) -> Events:
    """Make the events of a second of what processes say of it."""
    moments = list(moments)
    found: Events = [("log", line) for line in sorted(_all(moments, "log"), key=lambda line: str(line["timestamp"]))]
    found += [("failed", one) for one in sorted(_all(moments, "failed"), key=lambda one: str(one["time"]))]
    rate = together(moment["rate"] for moment in moments)
    if rate is not None:
        now = [moment["now"] for moment in moments]
        figures = {name: sum(one[name] for one in now) for name in SUMMED}
        figures["loop_lag"] = round(max(one["loop_lag"] for one in now) * 1000, 2)
        at = max(moment["at"] for moment in moments)
        found.append(("figures", {"at": round(at, 1), "processes": len(moments), **figures, **shown(rate)}))
    return found


def _all(moments: list[Moment], key: str) -> list[Any]:
    return [one for moment in moments for one in moment[key]]
