"""One connection to Redis: txredisapi's protocol, with batches in place of its queue.

hiredis reads the answers. txredisapi's own way of sending a command
makes a list, two Deferreds and a queue entry for each, 25 µs in all; what is
sent here is encoded once, written together, and answered in order: 4 µs.

Importing this imports txredisapi, and that the reactor: `gateway.composition.builders.storage`
does so when a configuration first asks for Redis.

Tests: `tests/storage/test_redis_link.py`.
"""

# mypy: allow-untyped-calls, allow-subclassing-any
# (txredisapi carries no types.)

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import txredisapi
from hiredis import Reader
from twisted.python.failure import Failure

from gateway.storage.batch import Batch
from gateway.storage.errors import CommandRefused, StoreUnavailable
from gateway.storage.replies import Meaning

Refused = Callable[[CommandRefused, bytes, Any], bool]


class RedisConnection(txredisapi.RedisProtocol):
    """A connection; octets in, octets out.

    Attributes:
        answered: Hears of each batch that has all its answers.
        refused: Hears of each answer that is an error, with its command and who waits for it; returns whether it sees
            to who waits.
        lost: Called once when the connection is gone, before `under_way` fails.
        pushed: Takes what comes unasked, once it is in subscriber mode.
    """

    def __init__(self) -> None:
        # Octets as they are: by default "34" comes back as a number and text decoded.
        super().__init__(charset=None, convertNumbers=False)
        self.answered: Callable[[Batch], None] = _ignore
        self.refused: Refused = _fail_it
        self.lost: Callable[[RedisConnection], None] = _ignore
        self.pushed: Callable[[Any], None] | None = None
        self._batches: deque[Batch] = deque()
        self._reader = Reader(protocolError=txredisapi.InvalidData, replyError=txredisapi.ResponseError)

    @property
    def oldest(self) -> float | None:
        """When the batch that has waited longest was sent; None where nothing is under way."""
        return self._batches[0].started if self._batches else None

    @property
    def under_way(self) -> list[Batch]:
        """Batches that wait for answers, the oldest first."""
        return list(self._batches)

    def send(self, batch: Batch) -> None:
        """Write a batch."""
        self._batches.append(batch)
        self.transport.write(b"".join(batch.commands))

    def connectionMade(self) -> None:
        """The greeting is the link's: txredisapi's own gives up for good when it is refused."""

    def dataReceived(self, data: bytes) -> None:
        """Read answers, and give each to who waits for it."""
        # As txredisapi, which looks besides at every value of every answer for a number or a text to make of it, and
        # for an answer of a transaction: a microsecond for that of the script of limits (D-263).
        reader = self._reader
        reader.feed(data)
        while (reply := reader.gets()) is not False:
            self.replyReceived(reply)

    def replyReceived(self, reply: Any) -> None:  # noqa: N802  # txredisapi's name
        """Give an answer to who waits for it."""
        if self.pushed is not None:
            self.pushed(reply)
            return
        if not self._batches:
            return  # given up already
        batch = self._batches[0]
        position = batch.answered
        waiting = batch.waiting[position]
        batch.answered += 1
        error = CommandRefused(str(reply)) if isinstance(reply, Exception) else None
        if error is not None and error.meaning is Meaning.NOT_NOW:
            batch.trouble = error.code
        if batch.answered == len(batch.waiting):
            self._batches.popleft()
            self.answered(batch)
        if error is None:
            waiting.callback(reply)
        elif not self.refused(error, batch.commands[position], waiting):
            waiting.errback(Failure(error))

    def give_up(self, reason: str) -> list[Batch]:
        """Close at once and fail what is under way; returns that."""
        batches = self.under_way
        self._batches.clear()
        self.transport.abortConnection()
        for batch in batches:
            batch.fail(StoreUnavailable(reason))
        return batches

    def connectionLost(self, why: Failure) -> None:
        """Fail what is under way."""
        self.lost(self)
        batches = self.under_way
        self._batches.clear()
        for batch in batches:
            batch.fail(StoreUnavailable("lost"))


def _ignore(_: Any) -> None:
    """Stands in for a hook until the link sets it."""


def _fail_it(error: CommandRefused, command: bytes, waiting: Any) -> bool:
    """Who waits hears of it."""
    return False
