from __future__ import annotations

import pytest

from benchmarks import ab


@pytest.mark.parametrize(
    ("lower", "pairs", "chance"),
    [(8, 8, 2 / 256), (0, 8, 2 / 256), (4, 8, 1.0), (7, 8, 18 / 256), (1, 1, 1.0)],
)
def test_the_sign_test_counts_one_sided_splits(lower: int, pairs: int, chance: float) -> None:
    """The binomial tail on both sides, never over 1."""
    assert ab.sign_test(lower, pairs) == pytest.approx(chance)


def test_a_steady_difference_is_told_from_noise() -> None:
    """Eight of eight pairs lower: less."""
    text = ab.verdict([50.0] * 8, [47.5] * 8)

    assert "0.950" in text
    assert "less with a chance of error of 0.8%" in text


def test_a_wavering_difference_is_not() -> None:
    """Now higher, now lower: no verdict, whatever the median says."""
    assert "noise" in ab.verdict([50.0] * 6, [45.0, 56.0, 44.0, 57.0, 46.0, 55.0])
