"""Sliding windows: no window, wherever it begins, has more than the limit."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.limiting.limit import EXACT, Limit
from gateway.limiting.sliding_window import SlidingWindow


def window(requests: int = 3, seconds: float = 10.0) -> SlidingWindow:
    """The rule of a limit."""
    return SlidingWindow(Limit(b"", "ip", requests, seconds, requests, sliding=True))


def admitted(rule: SlidingWindow, times: list[float]) -> list[float]:
    """The times at which a request passed."""
    state: list[Any] | None = None
    passed = []
    for now in times:
        if rule.wait(state, now) <= 0:
            state = rule.take(state, now)
            passed.append(now)
            assert len(state) <= 2 + 2 * (EXACT + 1)
    return passed


def test_it_slides() -> None:
    """What was late in one window counts in the next: a fixed window would let all six through."""
    rule = window()

    assert admitted(rule, [9.0, 9.5, 9.9, 10.1, 11.0, 19.001, 19.2]) == [9.0, 9.5, 9.9, 19.001]


def test_a_request_comes_back_when_it_is_said_to() -> None:
    """When the oldest leaves the window."""
    rule = window()
    state: list[Any] | None = None
    for now in (100.0, 101.0, 102.0):
        state = rule.take(state, now)

    wait = rule.wait(state, 104.0)

    assert wait == pytest.approx(6.0, abs=1e-5)
    assert rule.wait(state, 104.0 + wait - 0.001) > 0
    assert rule.wait(state, 104.0 + wait) <= 0


def test_nobody_is_told_to_wait_longer_than_a_window() -> None:
    """The part under way is counted whole, which is no business of the client's."""
    rule = window(1000, 60.0)
    state: list[Any] | None = None
    for _ in range(1000):
        state = rule.take(state, 100.0)

    assert rule.wait(state, 100.0) == 60.0


def test_what_is_left_is_the_limit_less_what_is_in_the_window() -> None:
    """As of the last look."""
    rule = window()
    state = rule.take(None, 100.0)

    assert rule.remaining(state, 100.0) == 2
    assert rule.wait(state, 111.0) <= 0
    assert rule.remaining(state, 111.0) == 3


def test_a_request_that_is_older_than_the_last_one_counts_with_it() -> None:
    """It waited, for its credential to be looked at for instance."""
    rule = window()
    state = rule.take(rule.take(None, 101.0), 100.0)

    assert rule.wait(state, 110.5) <= 0
    assert rule.remaining(state, 110.5) == 1


@given(
    gaps=st.lists(st.one_of(st.just(0), st.integers(0, 50_000), st.integers(0, 3_000_000)), max_size=300),
    requests=st.one_of(st.integers(1, 12), st.integers(EXACT + 1, EXACT + 40)),
    seconds=st.sampled_from([0.1, 1.0, 3.0]),
)
def test_no_window_has_more_than_the_limit(gaps: list[int], requests: int, seconds: float) -> None:
    """Wherever it begins, and however the requests come."""
    times = [micros / 1e6 for micros in accumulate(gaps, initial=1_000_000_000_000)]
    passed = admitted(window(requests, seconds), times)

    for position, start in enumerate(passed):
        assert bisect_left(passed, start + seconds - 1e-6) - position <= requests


@pytest.mark.parametrize("requests", [5, EXACT, EXACT + 1, 100, 1000])
def test_a_steady_caller_gets_nearly_all_of_it(requests: int) -> None:
    """Not less than 98 % of the limit, over a long time."""
    step = min(0.001, 1.0 / requests / 3)
    times = [1e6 + number * step for number in range(int(40 / step))]

    passed = admitted(window(requests, 1.0), times)

    assert 0.98 * requests * 40 <= len(passed) <= requests * 40 + requests
