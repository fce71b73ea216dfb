"""Token buckets, by hand and under every interleaving."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.limiting.limit import Limit
from gateway.limiting.token_bucket import TokenBucket


def bucket(requests: int = 10, window: float = 10.0, burst: int = 3) -> TokenBucket:
    """A token a second, three at once."""
    return TokenBucket(Limit(b"", "ip", requests, window, burst))


def admitted(rule: TokenBucket, times: list[float]) -> list[float]:
    """The times at which a request passed."""
    state, passed = None, []
    for now in times:
        if rule.wait(state, now) <= 0:
            state = rule.take(state, now)
            passed.append(now)
    return passed


def test_a_full_bucket_lets_a_burst_through_and_no_more() -> None:
    """Then a request has to wait for the next token."""
    rule = bucket()

    assert admitted(rule, [100.0] * 5) == [100.0] * 3


def test_a_token_comes_back_when_it_is_said_to() -> None:
    """And not earlier."""
    rule = bucket()
    state = None
    for _ in range(3):
        state = rule.take(state, 100.0)

    wait = rule.wait(state, 100.25)

    assert wait == pytest.approx(0.75, abs=1e-5)
    assert rule.wait(state, 100.25 + wait - 0.01) > 0
    assert rule.wait(state, 100.25 + wait) <= 0


def test_what_is_left_is_told_in_whole_requests() -> None:
    """Half a token is none, and a bucket deeper than the limit shows no more than the limit."""
    rule = bucket()
    state = rule.take(None, 100.0)

    assert rule.remaining(state, 100.0) == 2
    assert rule.remaining(state, 100.5) == 2
    assert rule.remaining(state, 101.0) == 3
    deep = bucket(requests=2, burst=10)
    assert deep.remaining(deep.take(None, 100.0), 100.0) == 2


def test_the_state_is_the_moment_when_the_bucket_is_full() -> None:
    """There is nothing to remember after it."""
    rule = bucket()

    assert rule.take(rule.take(None, 100.0), 100.0) == pytest.approx(102.0)


@given(
    gaps=st.lists(st.one_of(st.just(0.0), st.floats(0, 0.5), st.floats(0, 30)), max_size=120),
    requests=st.integers(1, 50),
    window=st.sampled_from([0.5, 1.0, 7.0, 60.0]),
    burst=st.integers(1, 20),
)
def test_no_interleaving_gets_more_than_burst_and_rate_times_time(
    gaps: list[float], requests: int, window: float, burst: int
) -> None:
    """Between any two requests that passed."""
    passed = admitted(bucket(requests, window, burst), list(accumulate(gaps, initial=1e6)))

    for first, start in enumerate(passed):
        for last in range(first, len(passed)):
            most = burst + (passed[last] - start) * requests / window
            assert last - first + 1 <= most + 1e-3


@given(requests=st.integers(1, 50), window=st.sampled_from([0.5, 1.0, 7.0]), burst=st.integers(1, 20))
def test_whoever_asks_all_the_time_gets_the_whole_rate(requests: int, window: float, burst: int) -> None:
    """A busy caller loses nothing."""
    step = window / requests / 7
    times = [1e6 + number * step for number in range(700)]

    passed = admitted(bucket(requests, window, burst), times)

    assert len(passed) >= min(len(times), int(burst + (times[-1] - times[0]) * requests / window))
