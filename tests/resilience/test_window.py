"""Counting over the last so many seconds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.resilience.window import Window


def count(window: Window, now: float, *, marked: bool = False) -> None:
    """Count one event the way that hot paths do."""
    if now >= window.end:
        window.roll(now)
    window.total += 1
    window.marked += marked


def test_an_event_is_counted_at_once_and_for_nine_tenths_of_the_window() -> None:
    """Then it may drop out, and after the whole window it has."""
    window = Window(60.0)
    count(window, 100.0, marked=True)

    assert window.counts(100.0) == (1, 1)
    assert window.counts(153.9) == (1, 1)
    assert window.counts(160.0) == (0, 0)


def test_old_events_drop_out_part_by_part() -> None:
    """One event a second: the window holds what came in its last nine or ten parts."""
    window = Window(10.0)
    for second in range(30):
        count(window, float(second), marked=second % 2 == 0)

    assert window.counts(29.5) == (10, 5)
    assert window.counts(30.0) == (9, 4)
    assert window.counts(38.0) == (1, 0)


def test_a_long_silence_empties_it() -> None:
    """However long, in one step."""
    window = Window(10.0)
    count(window, 1.0)

    assert window.counts(1e9) == (0, 0)


def test_clearing_forgets() -> None:
    """And counting goes on from the next event."""
    window = Window(10.0)
    count(window, 1.0, marked=True)
    window.clear()
    count(window, 2.0)

    assert window.counts(2.0) == (1, 0)


@given(st.lists(st.tuples(st.floats(0.0, 30.0), st.booleans()), max_size=60), st.floats(0.5, 100.0))
def test_the_counters_are_those_of_the_time_that_is_covered(steps: list[tuple[float, bool]], seconds: float) -> None:
    """Against a list of all events: none younger than 0.9 of the window is missed, none older than it counted."""
    window, now, events = Window(seconds), 1000.0, list[tuple[float, bool]]()
    for step, marked in steps:
        now += step
        count(window, now, marked=marked)
        events.append((now, marked))

        slack = 1e-6
        surely = [mark for at, mark in events if at > now - 0.9 * seconds + slack]
        perhaps = [mark for at, mark in events if at >= now - seconds - slack]
        assert len(surely) <= window.total <= len(perhaps)
        assert sum(surely) <= window.marked <= sum(perhaps)
