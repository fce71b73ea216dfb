"""The percentile of the last answers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.resilience.latencies import EVERY, SAMPLES, Latencies


def test_nothing_is_known_before_there_are_enough() -> None:
    """A delay made up would be hedging at random."""
    latencies = Latencies(95)
    for _ in range(EVERY - 1):
        latencies.record(1.0)
    assert latencies.value is None

    latencies.record(1.0)
    assert latencies.value == 1.0


def test_the_past_is_forgotten() -> None:
    """A backend that has become fast is not measured by its bad day."""
    latencies = Latencies(95)
    for _ in range(SAMPLES):
        latencies.record(10.0)
    for _ in range(SAMPLES):
        latencies.record(0.1)

    assert latencies.value == 0.1


@given(st.lists(st.floats(0.0, 100.0), min_size=EVERY, max_size=2 * SAMPLES), st.sampled_from([50, 90, 95, 99, 100]))
def test_so_many_were_no_slower(times: list[float], percentile: int) -> None:
    """Of those that it looks back at."""
    times = times[: len(times) // EVERY * EVERY]
    latencies = Latencies(percentile)
    for seconds in times:
        latencies.record(seconds)

    recent = times[-SAMPLES:]
    assert latencies.value is not None
    assert sum(seconds <= latencies.value for seconds in recent) >= percentile / 100 * len(recent)
    assert sum(seconds < latencies.value for seconds in recent) <= percentile / 100 * len(recent)


def test_the_oldest_is_forgotten_first() -> None:
    """Of twice as many as are kept, all of the second half are there, and none of the first."""
    latencies = Latencies(50)
    for number in range(SAMPLES):
        latencies.record(100.0 + number)
    for _ in range(SAMPLES - EVERY):
        latencies.record(1.0)
    for _ in range(EVERY):
        latencies.record(2.0)

    assert latencies.value in (1.0, 2.0)
    assert max(latencies._recent) == 2.0
    assert len(latencies._recent) == SAMPLES
