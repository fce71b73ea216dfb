"""Requests over a limit that wait for their turn."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from gateway.errors import LimitUnavailable
from gateway.limiting.limit import Decide, Limit, Verdict
from gateway.limiting.store import MemoryLimits
from gateway.middleware.shaping import Lines, Shaped
from gateway.resilience.admission import Priority

TEN = Limit(b"ten", "ip", requests=10, window=1.0, burst=1)
"""One, and another every 100 ms."""


class Stand:
    """Several routes under one limit, with a clock."""

    def __init__(self, limit: Limit = TEN, size: int = 3, timeout: float = 1.0) -> None:
        self.clock = Clock()
        self.clock.advance(1000.0)
        self.store: Any = MemoryLimits()
        self.lines = Lines()
        self.queued = 0
        self.ended: list[tuple[str, bool]] = []
        self._limit = limit
        self._size = size
        self._timeout = timeout
        self.low, self.normal, self.high = (self.route(priority) for priority in Priority)

    def route(self, priority: Priority) -> Decide:
        """Another route under the limit."""
        shaped = Shaped(
            self.store, self.lines, priority, self._size, self._timeout, self.clock, self.clock.seconds, self._count
        )
        return shaped.bind([self._limit])

    def ask(self, name: str, route: Decide | None = None, key: bytes = b"k") -> Deferred[Verdict] | None:
        """Make a request; its end will stand in `ended`. Return what it waits for."""
        answer = (route or self.normal)([key], self.clock.seconds())
        if isinstance(answer, Verdict):
            self.ended.append((name, answer.allowed))
            return None
        assert isinstance(answer, Deferred)
        answer.addCallback(lambda verdict: self.ended.append((name, verdict.allowed)))
        return answer

    def pass_time(self, *seconds: float) -> list[tuple[str, bool]]:
        """Let time pass; return what has ended meanwhile."""
        self.ended.clear()
        for some in seconds:
            self.clock.advance(some)
        return self.ended

    def _count(self) -> None:
        self.queued += 1


def test_who_is_over_the_limit_waits_for_their_turn() -> None:
    """One request every 100 ms, first come, first served; in the end nothing is left of the line."""
    stand = Stand()
    for name in "abcd":
        stand.ask(name)

    assert stand.ended == [("a", True)]
    assert stand.pass_time(0.099) == []
    assert stand.pass_time(0.002) == [("b", True)]
    assert stand.pass_time(0.1, 0.1) == [("c", True), ("d", True)]
    assert stand.lines == {}
    assert stand.queued == 3
    assert stand.pass_time(0.2) == []
    stand.ask("e")
    assert stand.ended == [("e", True)]
    assert not stand.clock.getDelayedCalls()


def test_a_higher_priority_goes_first() -> None:
    """Over all routes under the limit; requests of one priority keep their order."""
    stand = Stand()
    stand.ask("first")
    for name, route in (("low", stand.low), ("normal", stand.normal), ("high", stand.high), ("later", stand.high)):
        stand.ask(name, route)

    assert stand.pass_time(*[0.1001] * 4) == [("high", True), ("later", True), ("normal", True), ("low", True)]


def test_those_with_another_key_do_not_wait_with_them() -> None:
    """Each key has a line of its own."""
    stand = Stand()
    for name, key in (("a", b"1"), ("b", b"1"), ("c", b"2"), ("d", b"2")):
        stand.ask(name, key=key)

    assert stand.ended == [("a", True), ("c", True)]
    assert sorted(stand.pass_time(0.1001)) == [("b", True), ("d", True)]


def test_when_the_queue_is_full_they_are_refused_at_once() -> None:
    """With the last verdict of the limits."""
    stand = Stand(size=1)
    for name in "abc":
        stand.ask(name)

    assert stand.ended == [("a", True), ("c", False)]


def test_nobody_waits_longer_than_they_may() -> None:
    """A request that would have to is refused at once; one whose turn does not come in time, at its timeout."""
    stand = Stand(timeout=0.25)
    for name in "abcd":
        stand.ask(name)
    assert stand.pass_time(0.1001, 0.1001, 0.06) == [("b", True), ("c", True), ("d", False)]
    assert stand.lines == {}

    slow = Stand(limit=Limit(b"one", "ip", requests=1, window=60.0, burst=1))
    slow.ask("a")
    slow.ask("b")
    assert slow.ended == [("a", True), ("b", False)]


def test_who_gives_up_leaves_no_trace() -> None:
    """The next one takes its turn; when the last gives up, the line and its timer are gone."""
    stand = Stand()
    stand.ask("a")
    waiting = [stand.ask(name) for name in "bc"]
    for one in waiting:
        assert one is not None
        one.addErrback(lambda failure: failure.trap(CancelledError) and None)
    assert waiting[0] is not None
    waiting[0].cancel()

    assert stand.pass_time(0.1001) == [("c", True)]

    last = stand.ask("d")
    assert last is not None
    last.addErrback(lambda failure: failure.trap(CancelledError) and None)
    last.cancel()
    assert stand.lines == {}
    assert not stand.clock.getDelayedCalls()


class Slow:
    """A store that answers when the test tells it to."""

    def __init__(self) -> None:
        self.asked: list[Deferred[Verdict]] = []

    def bind(self, limits: Sequence[Limit]) -> Decide:
        """As a store."""

        def decide(keys: Sequence[bytes], now: float) -> Awaitable[Verdict]:
            self.asked.append(Deferred())
            return self.asked[-1]

        return decide

    def answer(self, allowed: bool) -> None:
        """Answer the question asked longest ago."""
        self.asked.pop(0).callback(Verdict(allowed, TEN, 0, 0.0 if allowed else 0.1, 0.1))


@pytest.fixture
def remote() -> Stand:
    """A stand whose store answers later."""
    stand = Stand()
    stand.store = Slow()
    stand.normal = stand.route(Priority.NORMAL)
    return stand


def test_a_store_that_has_to_be_waited_for(remote: Stand) -> None:
    """The same order of events: refused, waiting, asked again, let through."""
    remote.ask("a")
    remote.store.answer(False)
    remote.ask("b")
    assert (remote.ended, len(remote.store.asked)) == ([], 0)

    remote.clock.advance(0.11)
    remote.store.answer(True)
    assert remote.ended == [("a", True)]
    remote.store.answer(False)
    remote.clock.advance(0.11)
    remote.store.answer(True)

    assert remote.ended == [("a", True), ("b", True)]
    assert remote.lines == {}


def test_who_leaves_while_the_store_is_asked(remote: Stand) -> None:
    """The request that the store allows goes to the next in line, or is lost where there is none."""
    first, second = remote.ask("a"), None
    remote.store.answer(False)
    second = remote.ask("b")
    for one in (first, second):
        assert one is not None
        one.addErrback(lambda failure: failure.trap(CancelledError) and None)
    remote.clock.advance(0.11)
    assert first is not None
    first.cancel()
    remote.store.answer(True)
    assert remote.ended == [("b", True)]

    assert remote.lines == {}
    assert not remote.clock.getDelayedCalls()


def test_a_store_that_fails_while_somebody_waits(remote: Stand) -> None:
    """The first in line gets its error; for the others the store is asked again."""
    failures: list[Any] = []
    first = remote.ask("a")
    assert first is not None
    first.addErrback(failures.append)
    remote.store.answer(False)
    remote.ask("b")

    remote.clock.advance(0.11)
    remote.store.asked.pop(0).errback(LimitUnavailable())
    remote.store.answer(True)

    assert failures[0].check(LimitUnavailable)
    assert remote.ended == [("b", True)]


@given(
    st.lists(
        st.tuples(st.sampled_from(["ask", "cancel", "time"]), st.sampled_from(list(Priority)), st.floats(0, 0.3)),
        max_size=60,
    )
)
def test_never_more_than_the_limit_and_nobody_is_forgotten(steps: list[tuple[str, Priority, float]]) -> None:
    """Whatever comes and goes: at most one in each 100 ms, and in the end no request waits."""
    stand = Stand(size=5, timeout=0.5)
    routes = {Priority.LOW: stand.low, Priority.NORMAL: stand.normal, Priority.HIGH: stand.high}
    through: list[float] = []
    open_: list[Deferred[Any]] = []
    asked = ended = 0

    def seen(verdict: Verdict) -> None:
        nonlocal ended
        ended += 1
        if verdict.allowed:
            through.append(stand.clock.seconds())

    def gone(failure: Any) -> None:
        nonlocal ended
        failure.trap(CancelledError)
        ended += 1

    for what, priority, seconds in steps:
        if what == "ask":
            asked += 1
            answer = routes[priority]([b"k"], stand.clock.seconds())
            if isinstance(answer, Verdict):
                seen(answer)
            else:
                assert isinstance(answer, Deferred)
                open_.append(answer.addCallbacks(seen, gone))
        elif what == "cancel" and open_:
            open_.pop(int(seconds * 1000) % len(open_)).cancel()
        else:
            stand.clock.pump([seconds / 10] * 10)
    stand.clock.pump([0.05] * 40)

    assert ended == asked
    assert all(later - one >= 0.1 - 1e-6 for one, later in itertools.pairwise(through))
    assert stand.lines == {}
    assert not stand.clock.getDelayedCalls()


def test_one_caller_does_not_take_all_places_of_a_route() -> None:
    """Alone it may; when others come, the last of the longest line makes room for them."""
    stand = Stand(size=4)
    for number in range(6):
        stand.ask(f"a{number}", key=b"a")
    assert stand.ended == [("a0", True), ("a5", False)]
    stand.ended.clear()

    for key in (b"b", b"c"):
        for number in range(4):
            stand.ask(f"{key.decode()}{number}", key=key)

    # Each of b and c has its first at once; then b has two places, and c one: no line is shorter by two.
    assert [name for name, passed in stand.ended if passed] == ["b0", "c0"]
    assert [name for name, passed in stand.ended if not passed] == ["a4", "a3", "b3", "a2", "c2", "c3"]
    assert stand.pass_time(0.101) == [("a1", True), ("b1", True), ("c1", True)]
    assert stand.pass_time(0.1) == [("b2", True)]
    assert not stand.lines
