"""The shorter way of events: taken only by the reactor that it was written for."""

from __future__ import annotations

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from gateway.transport.loop import MOST, dispatch_directly, end_of_turn


def test_other_reactors_are_left_alone() -> None:
    """Their events go Twisted's own way."""
    clock = Clock()

    assert not dispatch_directly(clock)
    assert not hasattr(clock, "doIteration")


def test_a_reactor_made_from_epoll_s_is_left_alone() -> None:
    """It may have a way of its own."""

    class Special(EPollReactor):
        """Does something else."""

        def __init__(self) -> None:
            """Open nothing."""

    assert not dispatch_directly(Special())


class Selectable:
    """Something with a descriptor."""

    def __init__(self, why: object = None, fault: Exception | None = None) -> None:
        self.why = why
        self.fault = fault
        self.reads = 0

    def doRead(self) -> object:
        self.reads += 1
        if self.fault is not None:
            raise self.fault
        return self.why


class Poller:
    """Says what the test says."""

    def __init__(self) -> None:
        self.events: list[tuple[int, int]] = []
        self.asked: list[tuple[float, int]] = []
        self.error: OSError | None = None

    def poll(self, timeout: float, most: int) -> list[tuple[int, int]]:
        self.asked.append((timeout, most))
        if self.error is not None:
            raise self.error
        return self.events


def made() -> tuple[EPollReactor, Poller, dict[int, Selectable], list[tuple[object, ...]]]:
    """A reactor without sockets, its poller, what it watches, and what it was told."""
    reactor = EPollReactor.__new__(EPollReactor)
    poller = Poller()
    selectables: dict[int, Selectable] = {}
    told: list[tuple[object, ...]] = []
    reactor._poller = poller
    reactor._selectables = selectables
    reactor._doReadOrWrite = lambda *args: told.append(("twisted", *args))  # type: ignore[method-assign]
    reactor._disconnectSelectable = lambda *args: told.append(("lost", *args))  # type: ignore[method-assign]
    assert dispatch_directly(reactor)
    return reactor, poller, selectables, told


READABLE, WRITABLE, HANG_UP = 1, 4, 16


def test_what_is_readable_is_read() -> None:
    """Straight from the descriptor; `doIteration` is what the main loop calls."""
    reactor, poller, selectables, told = made()
    selectables[7] = Selectable()
    poller.events = [(7, READABLE)]
    reactor.doIteration(1.5)

    assert selectables[7].reads == 1
    assert told == []
    assert poller.asked == [(1.5, 1)]


def test_every_other_event_goes_twisted_s_way() -> None:
    """Writable, hung up, or both at once with readable."""
    reactor, poller, selectables, told = made()
    one = selectables[7] = Selectable()
    poller.events = [(7, WRITABLE), (7, READABLE | HANG_UP)]
    reactor.doIteration(None)

    assert told == [("twisted", one, 7, WRITABLE), ("twisted", one, 7, READABLE | HANG_UP)]
    assert poller.asked == [(-1, 1)]


def test_the_end_is_told() -> None:
    """With what `doRead` says why; a fault is logged and ends the connection too."""
    reactor, poller, selectables, told = made()
    fault = ValueError("of the protocol")
    one, two = selectables[7], selectables[8] = Selectable(why=EOFError()), Selectable(fault=fault)
    poller.events = [(7, READABLE), (8, READABLE)]
    reactor.doIteration(0)

    assert told == [("lost", one, one.why, True), ("lost", two, fault, True)]


def test_what_an_event_before_closed_is_skipped() -> None:
    """Its event was for a descriptor that is no more."""
    reactor, poller, _, told = made()
    poller.events = [(9, READABLE)]
    reactor.doIteration(0)

    assert told == []


def test_an_interrupted_wait_is_no_error() -> None:
    """A signal came; any other error is one."""
    import errno

    import pytest

    reactor, poller, _, _ = made()
    poller.error = OSError(errno.EINTR, "interrupted")
    reactor.doIteration(0)
    poller.error = OSError(errno.EBADF, "bad descriptor")
    with pytest.raises(OSError, match="bad descriptor"):
        reactor.doIteration(0)


def test_a_turn_has_so_many_events_at_most() -> None:
    """Room is taken for all that are asked for, in every turn: idle connections would cost it."""
    reactor, poller, selectables, _ = made()
    selectables.update({descriptor: Selectable() for descriptor in range(MOST + 1)})

    reactor.doIteration(0.5)

    assert poller.asked == [(0.5, MOST)]


def test_what_is_for_the_end_of_a_turn_is_called_then() -> None:
    """Behind all events of the turn, in order; what is added there has the next turn, which does not wait."""
    reactor, poller, selectables, _ = made()
    later = end_of_turn(reactor)
    called: list[object] = []
    one = Selectable()

    def again() -> None:
        later(lambda: called.append("third"))

    def read() -> None:
        later(lambda: called.append("first"))
        later(again)
        later(lambda: called.append(one.reads))

    one.doRead, selectables[7], selectables[8] = read, one, Selectable()  # type: ignore[method-assign]
    poller.events = [(7, READABLE), (8, READABLE)]
    reactor.doIteration(5)
    assert called == ["first", 0]
    assert selectables[8].reads == 1
    poller.events = []
    reactor.doIteration(5)

    assert called == ["first", 0, "third"]
    assert [timeout for timeout, _ in poller.asked] == [5, 0]


def test_a_fault_at_the_end_of_a_turn_is_logged() -> None:
    """And the others are called."""
    reactor, _, _, _ = made()
    later = end_of_turn(reactor)
    called: list[int] = []
    later(lambda: [][0])
    later(lambda: called.append(1))
    with capturedLogs() as events:
        reactor.doIteration(5)

    assert called == [1]
    assert [event["failure"].type for event in events if "failure" in event] == [IndexError]


def test_other_reactors_call_it_in_their_own_way() -> None:
    """In a turn of its own."""
    clock = Clock()
    called: list[int] = []
    end_of_turn(clock)(lambda: called.append(1))
    assert not called
    clock.advance(0)

    assert called == [1]
