"""Deadlines: what is due is called, once it is due, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from gateway.transport.deadlines import NEVER, Deadlines, aged


class Timed:
    """Remembers when it was called."""

    def __init__(self, deadline: float, does: Callable[[], None] = lambda: None) -> None:
        self.deadline = deadline
        self.calls: list[float] = []
        self.does = does

    def on_deadline(self, now: float) -> None:
        self.calls.append(now)
        self.does()


class Now:
    """A clock to set."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@given(st.lists(st.floats(0, 100)), st.floats(0, 100))
def test_what_is_due_is_called(deadlines: list[float], at: float) -> None:
    """Never early; with the time that it is."""
    now = Now()
    watched = Deadlines(now)
    all_ = [Timed(deadline) for deadline in deadlines]
    for timed in all_:
        watched.watch(timed)
    now.seconds = at
    watched.sweep()

    assert [timed.calls for timed in all_] == [[at] if deadline <= at else [] for deadline in deadlines]


def test_never_is_never() -> None:
    """However late it is."""
    now = Now()
    watched = Deadlines(now)
    timed = Timed(NEVER)
    watched.watch(timed)
    now.seconds = 1e300
    watched.sweep()

    assert timed.calls == []


def test_one_that_moves_nothing_is_called_again() -> None:
    """At each look."""
    watched = Deadlines(Now())
    timed = Timed(0.0)
    watched.watch(timed)
    watched.sweep()
    watched.sweep()

    assert len(timed.calls) == 2


def test_watching_twice_is_watching_once() -> None:
    """And forgetting what is not watched is no error."""
    watched = Deadlines(Now())
    timed = Timed(0.0)
    watched.forget(timed)
    watched.watch(timed)
    watched.watch(timed)
    watched.sweep()
    assert len(timed.calls) == 1
    watched.forget(timed)
    watched.sweep()

    assert len(timed.calls) == 1
    assert len(watched) == 0


def test_one_may_forget_another() -> None:
    """The other is not called in the same look: whichever comes first."""
    watched = Deadlines(Now())
    pair: list[Timed] = []

    def forget_both() -> None:
        for timed in pair:
            watched.forget(timed)

    pair += [Timed(0.0, forget_both), Timed(0.0, forget_both)]
    for timed in pair:
        watched.watch(timed)
    watched.sweep()

    assert sum(len(timed.calls) for timed in pair) == 1


def test_one_may_move_another() -> None:
    """An answer that is given moves the deadline of its connection: that is not due any more."""
    watched = Deadlines(Now())
    pair: list[Timed] = []

    def move_both() -> None:
        for timed in pair:
            timed.deadline = 10.0

    pair += [Timed(0.0, move_both), Timed(0.0, move_both)]
    for timed in pair:
        watched.watch(timed)
    watched.sweep()

    assert sum(len(timed.calls) for timed in pair) == 1


def test_one_may_watch_another() -> None:
    """It is looked at the next time."""
    watched = Deadlines(Now())
    late = Timed(0.0)
    timed = Timed(0.0, lambda: watched.watch(late))
    watched.watch(timed)
    watched.sweep()
    assert late.calls == []
    watched.sweep()

    assert len(late.calls) == 1


@given(st.floats(0.001, 1e6), st.floats(0, 1, exclude_max=True))
def test_an_age_is_never_more_than_was_said(seconds: float, drawn: float) -> None:
    """And never more than a tenth less; different draws give different ages."""
    age = aged(seconds, lambda: drawn)

    assert 0.9 * seconds * (1 - 1e-9) <= age <= seconds
    assert aged(seconds, lambda: 0.0) == seconds


def test_a_clock_can_jump_to_the_first_deadline() -> None:
    """There is none where nothing is watched."""
    watched = Deadlines(Now())
    assert watched.soonest == NEVER

    for deadline in (7.0, 3.0, NEVER):
        watched.watch(Timed(deadline))

    assert watched.soonest == 3.0
