"""Commands that leave in one write, and who waits for their answers."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from gateway.storage.errors import StoreUnavailable


class Batch:
    """What one turn of the reactor asks of Redis.

    Attributes:
        commands: Encoded.
        waiting: A Deferred for each of them, or a `gateway.awaited.Hearer`, which costs less.
        answered: How many of them have their answer.
        started: Monotonic seconds.
        ticket: The breaker's.
        trouble: Code of an answer which says that the server serves nobody now (`LOADING`); empty for none.
    """

    __slots__ = ("answered", "commands", "started", "ticket", "trouble", "waiting")

    def __init__(self, started: float, ticket: int = 0) -> None:
        self.commands: list[bytes] = []
        self.waiting: list[Any] = []
        self.answered = 0
        self.started = started
        self.ticket = ticket
        self.trouble = ""

    def add(self, command: bytes) -> Deferred[Any]:
        """Send a command along; gives its answer, or fails with `StoreUnavailable`."""
        waiting: Deferred[Any] = Deferred()
        self.put(command, waiting)
        return waiting

    def put(self, command: bytes, waiting: Any) -> None:
        """Send a command along, and tell its answer to a Deferred or a `Hearer` that is there already."""
        self.commands.append(command)
        self.waiting.append(waiting)

    def fail(self, error: StoreUnavailable) -> None:
        """There will be no (more) answers."""
        left, self.answered = self.waiting[self.answered :], len(self.waiting)
        for waiting in left:
            waiting.errback(Failure(error))
