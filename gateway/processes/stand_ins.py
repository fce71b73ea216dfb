"""Who accepts at the queues of a worker that is not there: all others do, until it is there again. The parent's part.

The kernel goes on giving connections to every queue of an address (`gateway.listening.holding`, Note [A queue for each
worker]), whether or not anybody takes them. A worker that cannot start, since a file is gone that it needs, would keep
half of all clients waiting for as long as that takes. What the others do is in `gateway.processes.substitute`.

Tests: `tests/processes/test_stand_ins.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from gateway.processes.channel import ChannelLost
from gateway.transport.inherited import Given

STAND_IN, STAND_DOWN = "stand_in", "stand_down"
"""The kinds of the parent's words to a worker: the place of another, and for the first its sockets."""

_log = Logger()


class Channel(Protocol):
    """To a worker (`gateway.processes.channel.Channel`)."""

    def tell(self, kind: str, body: Any = None) -> None: ...
    def ask(
        self, kind: str, body: Any = None, patience: float = ..., descriptors: Sequence[int] = ()
    ) -> Deferred[Any]: ...


class StandIns:
    """Says who stands in for whom.

    Args:
        queues: Returns the sockets of a place that no other worker has.
    """

    def __init__(self, queues: Callable[[int], Sequence[Given]]) -> None:
        self._queues = queues
        self._told: dict[int, list[Channel]] = {}

    def look(self, absent: Sequence[int], there: Sequence[Channel]) -> None:
        """Have those who are there stand in for those who are not, and for nobody else.

        Args:
            absent: Places.
            there: Channels of the workers that accept.
        """
        for place in [place for place in self._told if place not in absent]:
            for channel in self._told.pop(place):
                channel.tell(STAND_DOWN, place)
        for place in absent:
            told = self._told.setdefault(place, [])
            for channel in there:
                if channel not in told:
                    told.append(channel)
                    self._tell(channel, place)

    def _tell(self, channel: Channel, place: int) -> None:
        queues = self._queues(place)
        said = {"place": place, "sockets": [list(given) for given in queues]}
        asked = channel.ask(STAND_IN, said, descriptors=[given.descriptor for given in queues])
        asked.addErrback(self._failed, place)

    def _failed(self, failure: Failure, place: int) -> None:
        if not failure.check(ChannelLost):
            words = failure.getErrorMessage()
            _log.warn("A worker does not stand in for worker {index}: {words}", index=place + 1, words=words)
