"""What the live page is told of all workers: the parent asks them, once a second for all who look.

# Note [Each look is for everybody]
A worker says what has happened since it was asked last, so two pages on the admin ports of two workers must not ask
apart: each would hear half. The parent asks all workers in rounds, numbers these, and keeps the last few: whoever asks
gets those that he has not had.

Loaded in the parent with the first page that is opened.

Tests: `tests/processes/test_rounds.py`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

FRESH: Final = 0.9
"""Seconds within which a round is not made again."""

KEPT: Final = 5
"""Rounds that are kept for who asks seldom."""


class Rounds:
    """Asks all workers.

    Args:
        ask: Asks each of them once; fires with what they said.
        now: Seconds.
    """

    def __init__(self, ask: Callable[[], Deferred[list[Any]]], now: Callable[[], float]) -> None:
        self._ask = ask
        self._now = now
        self._at: float | None = None
        self._last = 0
        self._rounds: deque[tuple[int, list[Any]]] = deque(maxlen=KEPT)
        self._waiting: list[Deferred[None]] | None = None

    def __call__(self, after: int) -> Deferred[dict[str, Any]]:
        """Return the rounds after a number: of who had none the last only."""
        return self._fresh().addCallback(lambda _: self._after(after))

    def _fresh(self) -> Deferred[None]:
        there: Deferred[None] = Deferred()
        if self._waiting is not None:
            self._waiting.append(there)
        elif self._at is not None and 0 <= self._now() - self._at < FRESH:
            there.callback(None)
        else:
            self._waiting = [there]
            self._ask().addCallbacks(self._answered, self._failed)
        return there

    def _answered(self, said: list[Any]) -> None:
        self._at = self._now()
        self._last += 1
        self._rounds.append((self._last, said))
        self._end(None)

    def _failed(self, failure: Failure) -> None:
        self._end(failure)

    def _end(self, result: Any) -> None:
        waiting, self._waiting = self._waiting or [], None
        for one in waiting:
            one.callback(result)

    def _after(self, number: int) -> dict[str, Any]:
        # A number that was never given is one of the parent before an upgrade.
        known = 0 < number <= self._last
        found = [said for at, said in self._rounds if at > number or not known]
        return {"last": self._last, "rounds": found if known else found[-1:]}
