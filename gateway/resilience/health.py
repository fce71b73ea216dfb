"""What active checks know of one backend.

Layer 2: decides only. Told by the probes of `gateway.upstream` how each check
ended; asked before a backend is picked. One of these is shared by all routes
and kept across configurations, so its last result is the only one there is.
"""

from __future__ import annotations

from collections.abc import Callable

OnChange = Callable[[bool, str], None]
"""Called after a change with whether the backend is healthy now, and the cause in words."""


class Health:
    """Whether a backend is healthy, by checks in a row.

    A new backend counts as healthy until proven otherwise: a gateway that starts, or gets a backend, does not answer
    503 until the first checks are back.

    Args:
        unhealthy_threshold: Failed checks in a row that take it out.
        healthy_threshold: Successful checks in a row that bring it back.
        on_change: Hears of every change.

    Attributes:
        healthy: Whether it may be picked.
        since: When it came to that; None if it never changed.
        failures: Failed checks in a row, 0 after a success.
        successes: Successful checks in a row, 0 after a failure.
        checked: When the last check ended; None before the first.
        last_error: What the last failed check saw; it stays for the reader when all is well again.
    """

    __slots__ = (
        "_healthy_threshold",
        "_on_change",
        "_unhealthy_threshold",
        "checked",
        "failures",
        "healthy",
        "last_error",
        "since",
        "successes",
    )

    def __init__(
        self, unhealthy_threshold: int = 3, healthy_threshold: int = 2, on_change: OnChange | None = None
    ) -> None:
        self._unhealthy_threshold = unhealthy_threshold
        self._healthy_threshold = healthy_threshold
        self._on_change = on_change
        self.healthy = True
        self.since: float | None = None
        self.failures = 0
        self.successes = 0
        self.checked: float | None = None
        self.last_error = ""

    def record(self, ok: bool, now: float, why: str = "") -> None:
        """A check ended.

        Args:
            ok: Whether the backend passed.
            now: Monotonic seconds.
            why: What was wrong, where something was.
        """
        self.checked = now
        if ok:
            self.failures = 0
            self.successes += 1
            if not self.healthy and self.successes >= self._healthy_threshold:
                self._change(True, now, f"{_checks(self.successes)} in a row succeeded")
        else:
            self.successes = 0
            self.failures += 1
            self.last_error = why
            if self.healthy and self.failures >= self._unhealthy_threshold:
                cause = f"{_checks(self.failures)} in a row failed"
                self._change(False, now, f"{cause}, the last by {why}" if why else cause)

    def age(self, now: float) -> float | None:
        """Return the seconds since the last check; None before the first."""
        return None if self.checked is None else now - self.checked

    def _change(self, healthy: bool, now: float, cause: str) -> None:
        self.healthy, self.since = healthy, now
        if self._on_change is not None:
            self._on_change(healthy, cause)


def _checks(number: int) -> str:
    return "1 check" if number == 1 else f"{number} checks"
