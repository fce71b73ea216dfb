"""Whether a store answers, as its users notice it: told when it changes, and shown in the metrics.

Of stores that are asked without a breaker (an SQL database); Redis has one, and tells of it by itself.

Tests: `tests/storage/test_key_sql.py::test_a_database_that_does_not_answer_is_told_and_shown`.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

_log = Logger()


class StoreStanding:
    """Remembers whether a store answered last.

    Args:
        what: It is, for the log, at the beginning of a sentence.
        address: Where it is, without credentials.
        now: Monotonic seconds.
        count: Told the reason of each failure, for `gateway_store_failures_total`.

    Attributes:
        up: Whether it answered last; True before anybody has asked.
    """

    def __init__(self, what: str, address: str, now: Callable[[], float], count: Callable[[str], object]) -> None:
        self.up = True
        self._what = what
        self._address = address
        self._now = now
        self._count = count
        self._down_since = 0.0

    def answered(self) -> None:
        """It has answered."""
        if not self.up:
            self.up = True
            _log.info(
                "{what} ({address}) answers again, after {seconds:.1f} s",
                what=self._what,
                address=self._address,
                seconds=self._now() - self._down_since,
                event="store.up",
            )

    def failed(self, reason: str, cause: str) -> None:
        """It has not.

        Args:
            reason: As in `gateway_store_failures_total`.
            cause: For the log, without credentials.
        """
        self._count(reason)
        if self.up:
            self.up = False
            self._down_since = self._now()
            _log.warn(
                "{what} ({address}) does not answer: {cause}",
                what=self._what,
                address=self._address,
                cause=cause,
                event="store.down",
            )
