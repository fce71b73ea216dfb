"""Bulkheads: the limit, the queue, and whose turn it is."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.resilience.admission import Bulkhead, Priority, Ticket, Verdict

LOW, NORMAL, HIGH = Priority


def queued(bulkhead: Bulkhead[str], waiter: str, priority: Priority = NORMAL) -> Ticket[str]:
    """Wait in the queue."""
    entry = bulkhead.enter(waiter, priority)
    assert entry.verdict is Verdict.QUEUED
    assert entry.ticket is not None
    return entry.ticket


def test_as_many_as_the_limit_are_admitted() -> None:
    """With no queue the next is refused, until one leaves."""
    bulkhead = Bulkhead[str](2)

    verdicts = [bulkhead.enter(name).verdict for name in "abc"]
    assert verdicts == [Verdict.ADMITTED, Verdict.ADMITTED, Verdict.REFUSED]
    assert bulkhead.leave() is None

    assert bulkhead.enter("d").verdict is Verdict.ADMITTED
    assert bulkhead.in_flight == 2


def test_the_queue_is_bounded() -> None:
    """A place in flight, one in the queue, and no more."""
    bulkhead = Bulkhead[str](1, max_queue=1)
    bulkhead.enter("a")
    queued(bulkhead, "b")

    assert bulkhead.enter("c").verdict is Verdict.REFUSED
    assert (bulkhead.in_flight, bulkhead.waiting) == (1, 1)


def test_who_leaves_hands_the_place_on() -> None:
    """By priority, then in the order of coming; the number in flight does not change."""
    bulkhead = Bulkhead[str](1, max_queue=10)
    bulkhead.enter("a")
    for waiter, priority in [("l1", LOW), ("n1", NORMAL), ("h1", HIGH), ("n2", NORMAL), ("h2", HIGH), ("l2", LOW)]:
        queued(bulkhead, waiter, priority)

    order = []
    while (ticket := bulkhead.leave()) is not None:
        assert bulkhead.in_flight == 1
        order.append(ticket.waiter)

    assert order == ["h1", "h2", "n1", "n2", "l1", "l2"]
    assert (bulkhead.in_flight, bulkhead.waiting) == (0, 0)


def test_who_withdraws_is_not_admitted() -> None:
    """Its place is free for another; a second time changes nothing."""
    bulkhead = Bulkhead[str](1, max_queue=2)
    bulkhead.enter("a")
    first, second = queued(bulkhead, "b"), queued(bulkhead, "c")

    assert bulkhead.withdraw(first)
    assert not bulkhead.withdraw(first)
    queued(bulkhead, "d")
    assert bulkhead.leave() is second

    assert not bulkhead.withdraw(second)
    assert bulkhead.waiting == 1


def test_a_full_queue_makes_room_for_what_matters_more() -> None:
    """The last to come of the lowest priority goes; equals do not displace each other."""
    bulkhead = Bulkhead[str](1, max_queue=3)
    bulkhead.enter("a")
    queued(bulkhead, "n", NORMAL)
    queued(bulkhead, "l1", LOW)
    last = queued(bulkhead, "l2", LOW)

    assert bulkhead.enter("l3", LOW).verdict is Verdict.REFUSED
    entry = bulkhead.enter("h", HIGH)

    assert entry.verdict is Verdict.QUEUED
    assert entry.displaced is last
    assert not bulkhead.withdraw(last)
    assert bulkhead.waiting == 3


def test_a_higher_limit_admits_those_who_wait() -> None:
    """As many as it has room for."""
    bulkhead = Bulkhead[str](1, max_queue=5)
    bulkhead.enter("a")
    for waiter in "bcd":
        queued(bulkhead, waiter)

    assert [ticket.waiter for ticket in bulkhead.resize(3)] == ["b", "c"]
    assert (bulkhead.in_flight, bulkhead.waiting) == (3, 1)


def test_a_lower_limit_is_reached_as_others_leave() -> None:
    """Nobody is thrown out, and nobody comes in until then."""
    bulkhead = Bulkhead[str](3, max_queue=5)
    for waiter in "abc":
        bulkhead.enter(waiter)
    ticket = queued(bulkhead, "d")

    assert bulkhead.resize(1) == []
    assert [bulkhead.leave(), bulkhead.leave()] == [None, None]
    assert bulkhead.leave() is ticket

    assert bulkhead.in_flight == 1


@pytest.mark.parametrize("limit", [0, -1])
def test_a_bulkhead_has_a_limit(limit: int) -> None:
    """No limit is no bulkhead."""
    with pytest.raises(ValueError, match="at least 1"):
        Bulkhead[str](limit)
    assert Bulkhead[str](5).resize(limit) == []


class BulkheadMachine(RuleBasedStateMachine):
    """Against lists that are searched: the books are right whatever happens."""

    @initialize(limit=st.integers(1, 4), max_queue=st.integers(0, 5))
    def make(self, limit: int, max_queue: int) -> None:
        """Begin empty."""
        self.bulkhead = Bulkhead[int](limit, max_queue)
        self.inside = 0
        self.queue: list[Ticket[int]] = []
        self.number = 0

    def admitted(self, ticket: Ticket[int] | None) -> None:
        """Check whose turn it was: the first to come of the highest priority."""
        if ticket is None:
            assert not self.queue or self.inside >= self.bulkhead.limit
            return
        top = max(other.priority for other in self.queue)
        assert ticket is next(other for other in self.queue if other.priority == top)
        self.queue.remove(ticket)
        self.inside += 1
        assert self.inside <= self.bulkhead.limit

    @rule(priority=st.sampled_from(Priority))
    def enter(self, priority: Priority) -> None:
        """One more comes."""
        self.number += 1
        entry = self.bulkhead.enter(self.number, priority)
        if entry.verdict is Verdict.ADMITTED:
            assert not self.queue
            self.inside += 1
            assert self.inside <= self.bulkhead.limit
        elif entry.verdict is Verdict.QUEUED:
            assert entry.ticket is not None
            if entry.displaced is not None:
                assert entry.displaced.priority == min(other.priority for other in self.queue) < priority
                self.queue.remove(entry.displaced)
            self.queue.append(entry.ticket)
        else:
            assert len(self.queue) == self.bulkhead.max_queue
            assert all(other.priority >= priority for other in self.queue)

    @precondition(lambda self: self.inside)
    @rule()
    def leave(self) -> None:
        """One is done."""
        self.inside -= 1
        self.admitted(self.bulkhead.leave())

    @precondition(lambda self: self.queue)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        """One gives up."""
        ticket = self.queue.pop(data.draw(st.integers(0, len(self.queue) - 1)))
        assert self.bulkhead.withdraw(ticket)

    @rule(limit=st.integers(1, 6))
    def resize(self, limit: int) -> None:
        """The limit changes."""
        for ticket in self.bulkhead.resize(limit):
            self.admitted(ticket)

    @invariant()
    def books(self) -> None:
        """The counts are right, the queue is bounded, and nobody waits beside a free place."""
        assert self.bulkhead.in_flight == self.inside
        assert self.bulkhead.waiting == len(self.queue) <= self.bulkhead.max_queue
        assert not self.queue or self.inside >= self.bulkhead.limit

    def teardown(self) -> None:
        """When all have left, nothing is in flight."""
        if hasattr(self, "bulkhead"):
            while self.inside:
                self.leave()
            assert (self.bulkhead.in_flight, self.bulkhead.waiting) == (0, 0)


TestBulkheadMachine = BulkheadMachine.TestCase
