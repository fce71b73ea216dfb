"""The share of a backend that has recovered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.resilience.slow_start import factor


@pytest.mark.parametrize(
    ("elapsed", "expected"),
    [(-1e-6, 0.1), (0.0, 0.1), (3.0, 0.1), (6.0, 0.2), (15.0, 0.5), (29.7, 0.99), (30.0, 1.0), (1e9, 1.0)],
)
def test_the_share_grows_to_full_over_the_period(elapsed: float, expected: float) -> None:
    """A tenth at first, then in a line."""
    assert factor(elapsed, 30.0) == pytest.approx(expected)


@pytest.mark.parametrize("elapsed", [-1e-6, 0.0, 5.0])
def test_without_a_period_there_is_no_slow_start(elapsed: float) -> None:
    """`slow_start: 0s`, the default."""
    assert factor(elapsed, 0.0) == 1.0


@given(st.floats(0.0, 1e6), st.floats(0.0, 1e6), st.floats(0.0, 1e5))
def test_it_never_falls_and_is_never_nothing(elapsed: float, more: float, period: float) -> None:
    """Nor more than the whole."""
    assert 0.1 <= factor(elapsed, period) <= factor(elapsed + more, period) <= 1.0
