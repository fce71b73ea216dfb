"""What the health paths answer, on the admin listener and on the ordinary ones.

Pure: the state is set by `gateway.composition.lifecycle`, the checks are passed in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from enum import Enum

PATHS = (b"/health", b"/ready", b"/health/live", b"/health/ready", b"/health/startup")
"""Every health path (C-13)."""


class State(Enum):
    """Where the gateway is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    DRAINING = "draining"


class CheckResult(Enum):
    """What a readiness check found; `DEGRADED` where the gateway works on without the dependency."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILED = "failed"


Check = Callable[[], CheckResult]


class Health:
    """Liveness, readiness and start-up (C-41: liveness never asks about dependencies).

    Attributes:
        state: Where the gateway is in its life.
        checks: Returns the readiness checks of the current snapshot, by name.
        others: Returns what the other workers have found, where there are some.
    """

    def __init__(self) -> None:
        self.state = State.STARTING
        self.checks: Callable[[], Mapping[str, Check]] = dict
        self.others: Callable[[], Iterable[Mapping[str, CheckResult]]] = tuple

    def report(self, path: bytes) -> tuple[int, bytes]:
        """Return status and JSON body for one of `PATHS`."""
        if path in (b"/ready", b"/health/ready"):
            return self._ready()
        if path == b"/health/startup":
            started = self.state is not State.STARTING
            return (200 if started else 503), _json(status="ok" if started else self.state.value)
        if path == b"/health/live":
            return 200, _json(status="ok")
        return 200, _json(status="ok", state=self.state.value)

    def found(self) -> dict[str, CheckResult]:
        """Return what the checks of this process find."""
        return {name: check() for name, check in self.checks().items()}

    def _ready(self) -> tuple[int, bytes]:
        if self.state is not State.RUNNING:
            return 503, _json(status=self.state.value)
        results = self.found()
        for other in self.others():
            for name, result in other.items():
                # What fails in one worker and not in another fails for some exchanges.
                results[name] = result if results.get(name, result) is result else CheckResult.DEGRADED
        found = {name: result.value for name, result in results.items()}
        if CheckResult.FAILED in results.values():
            return 503, _json(status="failed", checks=found)
        status = "degraded" if CheckResult.DEGRADED in results.values() else "ok"
        return 200, _json(status=status, checks=found) if found else _json(status=status)


def _json(**document: object) -> bytes:
    return json.dumps(document).encode()
