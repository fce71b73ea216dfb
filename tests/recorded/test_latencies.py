"""What is told of how long requests took."""

from __future__ import annotations

import random

import pytest

from gateway.recorded.latencies import STEP, Latencies


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 0.99, 1.0])
def test_a_quantile_is_never_too_short_and_hardly_too_long(share: float) -> None:
    """By two hundredths at most, whatever the durations are."""
    chance = random.Random(7)
    durations = sorted(chance.lognormvariate(-3, 1) for _ in range(1000))
    latencies = Latencies()
    for seconds in durations:
        latencies.add(seconds)

    exact = durations[max(0, round(share * 1000) - 1)]

    assert exact <= latencies.quantile(share) * (1 + 1e-9)
    assert latencies.quantile(share) <= exact * STEP * (1 + 1e-9)


def test_no_time_at_all_is_a_microsecond() -> None:
    """What a clock cannot tell apart."""
    latencies = Latencies()
    latencies.add(0.0)

    assert (latencies.count, latencies.quantile(0.99)) == (1, 1e-6)


def test_of_nothing_nothing_is_told() -> None:
    """Not 0 seconds."""
    with pytest.raises(ValueError, match="no durations"):
        Latencies().quantile(0.99)


def test_the_share_that_took_longer() -> None:
    """Of some, and of none."""
    latencies = Latencies()
    assert latencies.share_over(1.0) == 0.0
    for seconds in (0.1, 0.2, 0.4, 5.0):
        latencies.add(seconds)

    assert [latencies.share_over(seconds) for seconds in (0.0, 0.3, 1.0, 9.0)] == [1.0, 0.5, 0.25, 0.0]
