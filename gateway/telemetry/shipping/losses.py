"""Say what was lost, at once and then once a minute: an outage must not fill the log."""

from __future__ import annotations

from typing import Any, Final

from twisted.logger import Logger

EVERY: Final = 60.0
"""Seconds between two records about losses."""

_log = Logger()


class Losses:
    """Counts what a shipper could not deliver, and says so.

    Args:
        what: What is lost, in the plural: `spans`.
        where: Where it should have gone.
        clock: For the time between two records.

    Attributes:
        total: How many were lost so far.
    """

    def __init__(self, what: str, where: str, clock: Any) -> None:
        self.total = 0
        self._what = what
        self._where = where
        self._clock = clock
        self._unsaid: dict[str, int] = {}
        self._timer: Any = None

    def add(self, count: int, cause: str) -> None:
        """Count items that are lost, and say so now or within a minute."""
        self.total += count
        self._unsaid[cause] = self._unsaid.get(cause, 0) + count
        if self._timer is None:
            self._say()
            self._timer = self._clock.callLater(EVERY, self._over)

    def close(self) -> None:
        """Say what has not been said."""
        self._say()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _over(self) -> None:
        self._timer = None
        if self._unsaid:
            self._say()
            self._timer = self._clock.callLater(EVERY, self._over)

    def _say(self) -> None:
        unsaid, self._unsaid = self._unsaid, {}
        for cause, count in unsaid.items():
            _log.error(
                "Lost {count} {what} on the way to {where}: {cause}",
                count=count,
                what=self._what,
                where=self._where,
                cause=cause,
                event="shipping.lost",
            )
