"""The connections to one backend that are being opened."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from gateway.upstream.contract import Connect, Connection, Keeper


class Openings:
    """What a keeper opens.

    Args:
        keeper: For whom.
        connect: Opens one.
        opened: Called with each that is there; it does not count here any more.
        failed: Called for each that will not be, likewise.

    Attributes:
        count: How many are being opened.
    """

    __slots__ = ("_connect", "_failed", "_keeper", "_opened", "_under_way", "count")

    def __init__(
        self,
        keeper: Keeper,
        connect: Connect,
        opened: Callable[[Connection], None],
        failed: Callable[[Failure], None],
    ) -> None:
        self.count = 0
        self._keeper = keeper
        self._connect = connect
        self._opened = opened
        self._failed = failed
        # A dictionary rather than a set: its order is the same in every run.
        self._under_way: dict[Deferred[None], None] = {}

    def begin(self) -> None:
        """Open one more."""
        self.count += 1
        opening: Deferred[None] = self._connect(self._keeper).addCallbacks(self._succeed, self._fail)
        if not opening.called:
            self._under_way[opening] = None
            opening.addBoth(self._forget, opening)

    def cancel(self) -> None:
        """Open none of them; each is told to have failed."""
        for opening in list(self._under_way):
            opening.cancel()

    def _forget(self, result: None, opening: Deferred[None]) -> None:
        self._under_way.pop(opening, None)

    def _succeed(self, connection: Connection) -> None:
        self.count -= 1
        self._opened(connection)

    def _fail(self, failure: Failure) -> None:
        self.count -= 1
        self._failed(failure)
