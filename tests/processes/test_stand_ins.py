"""Who stands in for whom: told to workers that only note it."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import capturedLogs, formatEvent

from gateway.processes.channel import ChannelLost, Refused
from gateway.processes.stand_ins import StandIns
from gateway.transport.inherited import Given


class Worker:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []
        self.error: Exception | None = None

    def tell(self, kind: str, body: Any = None) -> None:
        """See `gateway.processes.channel.Channel`."""
        self.told.append((kind, body))

    def ask(self, kind: str, body: Any = None, patience: float = 5, descriptors: Any = ()) -> Deferred[Any]:
        """See `gateway.processes.channel.Channel`."""
        self.told.append((kind, body["place"], [given[3] for given in body["sockets"]], list(descriptors)))
        return succeed(None) if self.error is None else fail(self.error)


def queues(place: int) -> list[Given]:
    """Each place has one."""
    return [Given(2, "127.0.0.1", 80, 10 + place)]


def test_all_others_accept_at_its_queues_until_it_is_there_again() -> None:
    """Each is told once, also one that comes later."""
    first, second, later = Worker(), Worker(), Worker()
    stand_ins = StandIns(queues)
    stand_ins.look([1], [first, second])
    stand_ins.look([1], [first, second, later])
    assert first.told == second.told == later.told == [("stand_in", 1, [11], [11])]

    stand_ins.look([], [first, second, later])
    stand_ins.look([], [first, second, later])
    assert first.told[1:] == second.told[1:] == later.told[1:] == [("stand_down", 1)]

    stand_ins.look([0], [second])
    assert second.told[2:] == [("stand_in", 0, [10], [10])]


def test_one_that_cannot_is_told_of_and_one_that_is_gone_is_not() -> None:
    """Its end is noticed anyway."""
    gone, refuses = Worker(), Worker()
    gone.error, refuses.error = ChannelLost("it is gone"), Refused("no descriptors")
    with capturedLogs() as events:
        StandIns(queues).look([0], [gone, refuses])

    assert [formatEvent(event) for event in events] == ["A worker does not stand in for worker 1: no descriptors"]
