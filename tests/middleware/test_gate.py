"""Gates: who has a place, who waits, and who gets none."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.defer import CancelledError, Deferred

from gateway.errors import TooManyInFlight
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.message import Request
from gateway.middleware.gate import LONGEST_RETRY, Gate
from gateway.resilience.admission import Priority
from gateway.telemetry.series import Counts
from gateway.transport.deadlines import Deadlines
from tests.peers import direct

LOW, NORMAL, HIGH = Priority


def new() -> Exchange:
    """Make an exchange; a gate does not look into it."""
    return Exchange(Request(b"GET", b"/", Headers()), None, direct(""), 0.0, 30.0)  # type: ignore[arg-type]


class Stand:
    """A gate, its clock, and what became of those who came.

    Attributes:
        outcomes: By number of the exchange: `in`, `waits`, or why not.
    """

    def __init__(self, limit: int = 1, max_queue: int = 0, timeout: float = 5.0) -> None:
        self.now = 100.0
        self.deadlines = Deadlines(lambda: self.now)
        self.queued, self.refused = Counts(), Counts()
        self.gate = Gate(
            "route",
            "users",
            limit=limit,
            max_queue=max_queue,
            timeout=timeout,
            deadlines=self.deadlines,
            now=lambda: self.now,
            queued=self.queued.add,
            refused=self.refused.add,
        )
        self.exchanges: list[Exchange] = []
        self.places: dict[int, Deferred[None]] = {}
        self.outcomes: list[str] = []
        self.then: Callable[[int], None] = lambda number: None

    def come(self, priority: Priority = NORMAL) -> int:
        """Let another exchange come; returns its number."""
        exchange, number = new(), len(self.exchanges)
        self.exchanges.append(exchange)
        self.outcomes.append("waits")
        try:
            place = self.gate.enter(exchange, priority)
        except TooManyInFlight as error:
            self.outcomes[number] = error.reason
            return number
        if place is None:
            self.outcomes[number] = "in"
        else:
            self.places[number] = place
            place.addCallbacks(lambda _: self._let_in(number), lambda failure: self._told(number, failure.value))
        return number

    def _let_in(self, number: int) -> None:
        self.outcomes[number] = "in"
        self.then(number)

    def _told(self, number: int, error: Exception) -> None:
        self.outcomes[number] = "gave up" if isinstance(error, CancelledError) else str(error)

    def leave(self, number: int) -> None:
        self.gate.leave(self.exchanges[number])

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.deadlines.sweep()

    @property
    def causes(self) -> dict[str, int]:
        """Refusals by cause."""
        assert all(labels[:2] == ("route", "users") for labels in self.refused.cells)
        return {labels[2]: count for labels, count in self.refused.cells.items()}


def test_who_finds_a_place_does_not_wait() -> None:
    """There is no Deferred and no deadline; without a queue the next one is refused."""
    stand = Stand(limit=2)

    for _ in range(3):
        stand.come()

    assert stand.outcomes == ["in", "in", "limit.in_flight"]
    assert (stand.gate.in_flight, stand.gate.waiting, len(stand.deadlines)) == (2, 0, 0)
    assert stand.causes == {"full": 1}
    assert not stand.queued.cells


def test_who_leaves_hands_its_place_on() -> None:
    """To the highest priority, among equals to the first that came; each wait is counted once."""
    stand = Stand(max_queue=4)
    first, low, normal, high = stand.come(), stand.come(LOW), stand.come(), stand.come(HIGH)

    for leaving in (first, high, normal):
        stand.leave(leaving)

    assert stand.outcomes == ["in"] * 4
    assert stand.gate.in_flight == 1
    assert stand.queued.cells == {("route", "users"): 3}
    assert len(stand.deadlines) == 0
    stand.leave(low)
    assert stand.gate.in_flight == 0


def test_leaving_counts_once_and_only_for_who_is_in() -> None:
    """A second `leave`, or one for an exchange that was refused, changes nothing."""
    stand = Stand(limit=2)
    one, _, refused = stand.come(), stand.come(), stand.come()

    for number in (refused, one, one):
        stand.leave(number)

    assert stand.gate.in_flight == 1


def test_the_wait_is_bounded() -> None:
    """After its timeout an exchange is refused, and its place in the queue is free."""
    stand = Stand(max_queue=1, timeout=5.0)
    first, late = stand.come(), stand.come()

    stand.pass_time(4.9)
    assert stand.outcomes[late] == "waits"
    stand.pass_time(0.2)
    assert stand.outcomes[late] == "limit.in_flight"
    assert stand.causes == {"timeout": 1}

    other = stand.come()
    stand.leave(first)
    assert stand.outcomes[other] == "in"
    assert len(stand.deadlines) == 0


def test_who_gives_up_leaves_the_queue() -> None:
    """It is never let in, and holds no place."""
    stand = Stand(max_queue=2)
    first, gone, next_ = stand.come(), stand.come(), stand.come()

    stand.places[gone].cancel()
    stand.leave(gone)
    stand.leave(first)

    assert stand.outcomes == ["in", "gave up", "in"]
    assert (stand.gate.in_flight, stand.gate.waiting, len(stand.deadlines)) == (1, 0, 0)
    stand.leave(next_)
    assert not stand.causes


def test_a_full_queue_makes_room_for_what_matters_more() -> None:
    """The last of the lowest priority is refused at once; one of the same priority is not displaced."""
    stand = Stand(max_queue=2)
    stand.come()
    early, late, high, equal = stand.come(LOW), stand.come(LOW), stand.come(HIGH), stand.come(LOW)

    assert [stand.outcomes[number] for number in (early, late, high, equal)] == [
        "waits",
        "limit.in_flight",
        "waits",
        "limit.in_flight",
    ]
    assert stand.causes == {"displaced": 1, "full": 1}


def test_a_larger_limit_lets_in_who_waits() -> None:
    """A smaller one is reached as others leave; exchanges that wait go on waiting when the queue is taken away."""
    stand = Stand(max_queue=3)
    first, second, third, fourth = [stand.come() for _ in range(4)]

    stand.gate.resize(3)
    assert [stand.outcomes[number] for number in (first, second, third, fourth)] == ["in", "in", "in", "waits"]

    stand.gate.configure(1, 0, 1.0)
    refused = stand.come()
    stand.leave(first)
    stand.leave(second)
    assert [stand.outcomes[number] for number in (fourth, refused)] == ["waits", "limit.in_flight"]
    stand.leave(third)
    assert stand.outcomes[fourth] == "in"


def test_a_place_is_given_back_by_who_goes_before_it_is_told() -> None:
    """A larger limit lets two in, and the first cancels the second before that is told: its place is free again."""
    stand = Stand(limit=2, max_queue=2)
    for _ in range(4):
        stand.come()
    stand.then = lambda number: stand.places[3].cancel() if number == 2 else None

    stand.gate.resize(4)
    stand.leave(3)

    assert stand.outcomes == ["in", "in", "in", "gave up"]
    assert stand.gate.in_flight == 3


def test_a_queue_of_any_length_may_be_over_at_once() -> None:
    """Each exchange that is let in fails and lets the next in, without recursion."""
    stand = Stand(max_queue=10_000, timeout=60.0)
    first = stand.come()
    for _ in range(10_000):
        stand.come()
    depth: set[int] = set()

    def fail_at_once(number: int) -> None:
        depth.add(_depth())
        stand.leave(number)

    stand.then = fail_at_once
    stand.leave(first)

    assert set(stand.outcomes) == {"in"}
    assert len(depth) == 1
    assert (stand.gate.in_flight, stand.gate.waiting, len(stand.deadlines)) == (0, 0, 0)


def _depth() -> int:
    frame, depth = sys._getframe(), 0
    while frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    return depth


def test_retry_after_says_when_a_newcomer_would_have_its_turn() -> None:
    """Three wait for two places that are held for four seconds each: eight seconds."""
    stand = Stand(limit=2, max_queue=3)
    assert stand.gate.retry_after() == 0.0
    for number in range(2):
        stand.come()
        stand.pass_time(4.0)
        stand.leave(number)
    for _ in range(5):
        stand.come()

    with pytest.raises(TooManyInFlight) as caught:
        stand.gate.enter(new())

    assert caught.value.headers == ((b"Retry-After", b"8"),)


def test_retry_after_stays_a_figure_that_means_something() -> None:
    """At most a minute, though tunnels hold places for hours, and at least a second."""
    stand = Stand()
    tunnel = stand.come()
    stand.now += 7200.0
    stand.leave(tunnel)

    assert stand.gate.retry_after() == LONGEST_RETRY
    assert TooManyInFlight(0.0).headers == ((b"Retry-After", b"1"),)


def test_nothing_keeps_an_exchange_that_is_over() -> None:
    """The gate refers to no exchange that left, gave up, timed out or was refused."""
    stand = Stand(max_queue=2, timeout=5.0)
    first, gone, _ = stand.come(), stand.come(), stand.come()
    stand.come()
    stand.places[gone].cancel()
    stand.pass_time(6.0)
    stand.leave(first)
    held = [*stand.exchanges]
    stand.exchanges.clear()
    stand.places.clear()
    gc.collect()

    assert [kind for one in held for kind in gc.get_referrers(one) if isinstance(kind, dict)] == []


class Traffic(RuleBasedStateMachine):
    """Any events in any order: the gate's counts are those of a model."""

    def __init__(self) -> None:
        super().__init__()
        self.stand = Stand(limit=2, max_queue=3, timeout=5.0)
        self.left: set[int] = set()

    def some(self, outcome: str) -> list[int]:
        return [n for n, found in enumerate(self.stand.outcomes) if found == outcome and n not in self.left]

    @rule(priority=st.sampled_from(Priority))
    def come(self, priority: Priority) -> None:
        self.stand.come(priority)

    @precondition(lambda self: self.some("in"))
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(self.some("in")))
        self.left.add(number)
        self.stand.leave(number)

    @precondition(lambda self: self.some("waits"))
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        self.stand.places[data.draw(st.sampled_from(self.some("waits")))].cancel()

    @rule(seconds=st.floats(0.0, 6.0))
    def pass_time(self, seconds: float) -> None:
        self.stand.pass_time(seconds)

    @rule(limit=st.integers(1, 5), max_queue=st.integers(0, 4))
    def configure(self, limit: int, max_queue: int) -> None:
        self.stand.gate.configure(limit, max_queue, 5.0)

    @invariant()
    def books_are_right(self) -> None:
        gate = self.stand.gate
        assert gate.in_flight == len(self.some("in"))
        assert gate.waiting == len(self.some("waits")) == len(self.stand.deadlines)
        assert not gate.waiting or gate.in_flight >= gate.limit


TestTraffic = Traffic.TestCase
