"""A service that follows something for as long as it runs, by one coroutine.

Tests: `tests/discovery/test_finder.py::test_members_are_told_now_and_when_they_change`.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred


class Following(Service):
    """Runs `_run` from its start to its stop; what it put off is put off no more after that."""

    _running: Deferred[None] | None = None
    _later: Any = None

    def startService(self) -> None:
        """Begin to follow."""
        super().startService()
        self._running = ensureDeferred(self._run())
        self._running.addErrback(lambda failure: failure.trap(CancelledError) and None)

    def stopService(self) -> None:
        """Follow no more."""
        super().stopService()
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if self._running is not None:
            self._running.cancel()
            self._running = None

    async def _run(self) -> None:
        raise NotImplementedError
