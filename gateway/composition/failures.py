"""The last exchanges that failed, of whichever configuration: what remembers them is loaded with the first.

Tests: `tests/flow/test_failed_exchanges.py::test_they_outlive_a_change_of_the_configuration`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gateway.exchange import Exchange
from gateway.middleware.outcome import call_status, status_of

if TYPE_CHECKING:
    from gateway.telemetry.failures import Failures

Redactor = Callable[[bytes], str]
"""Makes text of a query, without what nobody is to read."""


class LastFailures:
    """Remembers exchanges that failed.

    Args:
        now: Monotonic seconds.
        wall_clock: Unix seconds.
    """

    __slots__ = ("_kept", "_now", "_wall_clock")

    def __init__(self, now: Callable[[], float], wall_clock: Callable[[], float]) -> None:
        self._now = now
        self._wall_clock = wall_clock
        self._kept: Failures | None = None

    @property
    def count(self) -> int:
        """How many were kept so far."""
        return 0 if self._kept is None else self._kept.count

    def keeper(self, redactor: Callable[[], Redactor]) -> Callable[[Exchange], None]:
        """Return what keeps the exchanges of one configuration.

        Args:
            redactor: Makes that configuration's, when the first one fails.
        """
        redacted: Redactor | None = None

        def keep(exchange: Exchange) -> None:
            nonlocal redacted
            if redacted is None:
                redacted = redactor()
            self._there().keep(exchange, status_of(exchange), call_status(exchange), redacted)

        return keep

    def summaries(self) -> list[dict[str, Any]]:
        """Return what a list of them shows, the newest first."""
        return [] if self._kept is None else self._kept.summaries()

    def find(self, name: str) -> dict[str, Any] | None:
        """Return all that is known of one, by its request id or trace id; None where it is not kept."""
        return None if self._kept is None else self._kept.find(name)

    def _there(self) -> Failures:
        if self._kept is None:
            from gateway.telemetry.failures import Failures

            self._kept = Failures(self._now, self._wall_clock)
        return self._kept
