"""What counts as growing."""

from __future__ import annotations

import random

import pytest

from tests.endurance.chart import Line, draw
from tests.endurance.trends import Limit, slope, trend

TIMES = [float(5 * number) for number in range(360)]
"""Half an hour."""
LIMIT = Limit(0.05, 4.0)


def noisy(level: float, hourly: float, seed: int = 1) -> list[float]:
    """Samples around a line, with a spike here and there."""
    chance = random.Random(seed)
    return [
        level + hourly * time / 3600 + chance.gauss(0, 0.5) + (50.0 if chance.random() < 0.02 else 0.0)
        for time in TIMES
    ]


def test_the_slope_is_that_of_most_pairs() -> None:
    """Single samples that lie far off do not turn it."""
    assert slope([0.0, 1.0, 2.0, 3.0], [0.0, 2.0, 4.0, 6.0]) == 2.0
    assert slope([0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 2.0, 900.0, 6.0, 8.0]) == 2.0


@pytest.mark.parametrize("seed", range(5))
def test_a_leak_of_thirty_mebibytes_an_hour_is_seen_in_half_an_hour(seed: int) -> None:
    """Through noise and spikes."""
    assert not trend(TIMES, noisy(80.0, 30.0, seed), LIMIT).flat


@pytest.mark.parametrize("seed", range(5))
def test_noise_and_spikes_are_no_leak(seed: int) -> None:
    """Nor is what becomes less."""
    found = trend(TIMES, noisy(80.0, 0.0, seed), LIMIT)

    assert found.flat
    assert found.highest > 120.0
    assert abs(found.hourly) < 1.0
    assert trend(TIMES, noisy(80.0, -30.0, seed), LIMIT).flat


def test_what_settles_in_the_first_quarter_is_not_judged() -> None:
    """Memos fill, and the allocator grows to what the load needs."""
    figures = [60.0 + min(20.0, time / 20) for time in TIMES]

    assert trend(TIMES, figures, LIMIT).growth == 0.0


def test_too_few_samples_are_judged_by_nobody() -> None:
    """A run that sampled nothing has not shown anything."""
    with pytest.raises(ValueError, match="too few"):
        trend(TIMES[:4], [1.0] * 4, LIMIT)
    with pytest.raises(ValueError, match="too few"):
        trend([], [], LIMIT)


def test_a_chart_begins_at_zero() -> None:
    """So that what is flat looks flat: equal samples lie on one height."""
    drawn = draw([0.0, 1800.0], [Line("Memory & more", [80.0, 80.0], [900.0])])

    assert "Memory &amp; more" in drawn
    assert drawn.startswith("<svg ")
    (left, right) = drawn.split('points="')[1].split('"')[0].split(" ")
    assert left.split(",")[1] == right.split(",")[1]
