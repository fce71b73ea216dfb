"""Why no connection to a backend came about, in the log: a reason alone does not say which certificate is wrong.

Told by the pool of the backend. A backend that is down must not fill the disk:
the same cause is told once a minute, another one once a second at most.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger
from twisted.python.failure import Failure

from gateway.dialling.failures import words

AGAIN = 60.0
"""Seconds until the same cause is told again."""

ANOTHER = 1.0
"""Seconds until another one is."""

_log = Logger()


class Complaints:
    """What is said of one backend.

    Args:
        upstream: The upstream's name.
        backend: Its URL.
        now: Monotonic seconds.
    """

    __slots__ = ("_again", "_another", "_backend", "_now", "_told", "_upstream")

    def __init__(self, upstream: str, backend: str, now: Callable[[], float]) -> None:
        self._upstream = upstream
        self._backend = backend
        self._now = now
        self._told = ""
        self._again = self._another = 0.0

    def dial_failed(self, failure: Failure) -> None:
        """A connection could not be opened."""
        now, cause = self._now(), words(failure.value)
        if now >= (self._again if cause == self._told else self._another):
            self._told, self._again, self._another = cause, now + AGAIN, now + ANOTHER
            _log.warn(
                "{upstream}: no connection to {backend}: {cause}",
                upstream=self._upstream,
                backend=self._backend,
                cause=cause,
                event="backend.unreachable",
            )
