"""What is counted."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.simulation.figures import COLUMNS, EVENTS, Event, Figures, Histogram, Tally


@given(st.lists(st.floats(1e-4, 1e4), min_size=1, max_size=200), st.sampled_from([1.0, 50.0, 90.0, 99.0, 100.0]))
def test_a_percentile_is_right_within_one_in_a_hundred(times: list[float], percent: float) -> None:
    """The time that so many of 100 are not above (nearest rank)."""
    histogram = Histogram()
    for time in times:
        histogram.add(time)

    exact = sorted(times)[ceil(len(times) * percent / 100) - 1]
    assert histogram.percentile(percent) == pytest.approx(exact, rel=0.0101)
    assert histogram.max == max(times)
    assert histogram.mean == pytest.approx(sum(times) / len(times))


def test_nothing_counted_is_nought() -> None:
    """And so is what takes no time at all."""
    histogram = Histogram()
    assert (histogram.percentile(99.0), histogram.mean, histogram.max) == (0.0, 0.0, 0.0)

    histogram.add(0.0)
    assert (histogram.percentile(99.0), histogram.count) == (0.0, 1)


def test_it_needs_no_more_room_for_more_times() -> None:
    """From 10 microseconds to an hour there are fewer than 1,000 classes."""
    histogram = Histogram()
    for number in range(100_000):
        histogram.add(1e-5 * (3.6e8 ** (number / 100_000)))

    assert len(histogram._classes) < 1000


@pytest.mark.parametrize(
    ("status", "errors", "limited"), [(200, 0, 0), (404, 0, 0), (429, 0, 1), (500, 1, 0), (0, 1, 0)]
)
def test_what_a_failure_is(status: int, errors: int, limited: int) -> None:
    """A status from 500, or no answer; 429 is counted by itself."""
    tally = Tally()
    tally.add(status, 0.1)

    assert (tally.count, tally.errors, tally.limited) == (1, errors, limited)
    assert tally.latency.count == (status != 0)


def test_what_is_counted_has_its_place_in_time() -> None:
    """By when it was asked; what comes after the end is in the last part."""
    figures = Figures(600.0)
    for at in (0.0, 9.9, 10.0, 599.9, 700.0):
        figures.answered(at, 200, 0.1)

    assert [one.count for one in figures.columns] == [2, 1, *[0] * (COLUMNS - 3), 2]
    assert figures.tally.count == 5


def test_events_are_kept_up_to_a_number() -> None:
    """Those beyond are counted."""
    figures = Figures(600.0)
    for number in range(EVENTS + 5):
        figures.happens(Event(float(number), "breaker.open", ""))

    assert len(figures.events) == EVENTS
    assert figures.happened["breaker.open"] == EVENTS + 5


def test_retries_are_attempts_beyond_the_first() -> None:
    """Nobody has been asked where there was none."""
    figures = Figures(600.0)
    for attempts in (0, 1, 3):
        figures.recorded("orders", 200, 0.1, attempts, "")
    figures.recorded("", 404, 0.1, 0, "routing.no_route")

    assert figures.retries == 2
    assert figures.routes["orders"].count == 3
    assert figures.reasons == {"routing.no_route": 1}
