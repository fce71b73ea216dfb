"""A clock that jumps."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from gateway.simulation.clock import JumpingClock

DELAYS = st.lists(st.tuples(st.floats(0, 10), st.sampled_from(["stay", "cancel", "sooner", "later"])), max_size=20)


@given(DELAYS)
def test_it_calls_what_twisteds_clock_calls(delays: list[tuple[float, str]]) -> None:
    """Whatever was cancelled, put off or brought forward; and what is due first comes first."""
    called = []
    for clock in (Clock(), JumpingClock()):
        order: list[int] = []
        calls = []
        for number, (delay, becomes) in enumerate(delays):
            call = clock.callLater(delay, order.append, number)
            calls.append(call)
            if becomes == "cancel":
                call.cancel()
            elif becomes == "later":
                call.delay(1.5)
            elif becomes == "sooner":
                call.reset(delay / 2)
        clock.advance(11)
        times = [calls[number].getTime() for number in order]
        assert times == sorted(times)
        called.append(sorted(order))

    assert called[0] == called[1]


def test_each_call_finds_its_own_time() -> None:
    """Also what is asked for by one of them, in the same jump."""
    clock = JumpingClock()
    found: list[float] = []

    def again() -> None:
        found.append(clock.seconds())
        if len(found) < 3:
            clock.callLater(2.0, again)

    clock.callLater(1.0, again)
    clock.jump(10.0)

    assert found == [1.0, 3.0, 5.0]
    assert clock.seconds() == 10.0


def test_what_is_next_is_known() -> None:
    """Nothing is not; what was cancelled or put off is passed over."""
    clock = JumpingClock()
    assert clock.next == inf
    first, second = clock.callLater(1.0, int), clock.callLater(2.0, int)
    assert clock.next == 1.0

    first.cancel()
    assert clock.next == 2.0
    second.delay(1.0)
    assert clock.next == 3.0
    second.reset(0.5)
    assert clock.next == 0.5
    assert clock.getDelayedCalls() == [second]


def test_calls_of_the_same_time_come_in_their_order() -> None:
    """As they were asked for."""
    clock = JumpingClock()
    order: list[int] = []
    for number in range(5):
        clock.callLater(1.0, order.append, number)
    clock.advance(1.0)

    assert order == [0, 1, 2, 3, 4]


def test_a_timer_that_asks_for_nearly_nothing_comes_to_its_end() -> None:
    """Time goes on between two calls, as on a real clock, even where a delay is lost in rounding."""
    clock = JumpingClock()
    clock.jump(1_000_000.0)
    due, looks = clock.seconds() + 1e-9, []

    def look() -> None:
        looks.append(clock.seconds())
        if clock.seconds() < due:
            clock.callLater(1e-12, look)

    clock.callLater(0, look)
    clock.callLater(1.0, int)
    clock.jump(1_000_002.0)

    assert 1 <= len(looks) <= 2
