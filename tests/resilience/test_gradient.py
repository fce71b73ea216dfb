"""The limit that follows how long exchanges take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.resilience.gradient import Gradient, GradientRules


class Load:
    """An upstream that is asked for as much as the limit allows, unless said otherwise."""

    def __init__(self, gradient: Gradient) -> None:
        self.gradient = gradient
        self.now = 1000.0

    def run(self, windows: int, seconds: float, in_flight: int | None = None) -> int:
        """Let exchanges of a length be answered for so many windows, ten in each; return the limit."""
        for _ in range(windows * 10):
            self.now += 0.1000001
            self.gradient.record(seconds, self.gradient.limit if in_flight is None else in_flight, self.now)
        return self.gradient.limit


def test_the_limit_grows_while_exchanges_take_as_long_as_ever() -> None:
    """By less than one a window, up to the most."""
    load = Load(Gradient(GradientRules(most=100)))

    assert 20 < load.run(10, 0.05) <= 28
    assert load.run(200, 0.05) == 100


def test_the_limit_shrinks_when_they_take_longer() -> None:
    """Four times as long: a queue is forming over there."""
    load = Load(Gradient())
    before = load.run(100, 0.05)

    assert load.run(20, 0.2) < before / 2


def test_it_never_falls_below_the_least() -> None:
    """Else nobody would find out that all is well again."""
    load = Load(Gradient())
    load.run(100, 0.05)

    assert load.run(100, 5.0) >= 20


def test_it_recovers_when_they_are_fast_again() -> None:
    """Also after an overload so long that it has become usual."""
    load = Load(Gradient())
    before = load.run(100, 0.05)
    load.run(600, 1.0)
    assert load.gradient.usual > 0.5

    assert load.run(300, 0.05) >= before
    assert load.gradient.usual < 0.11


def test_a_little_longer_is_still_usual() -> None:
    """Half as long again does not shrink it."""
    load = Load(Gradient())
    before = load.run(50, 0.05)

    assert load.run(10, 0.074) >= before


def test_without_demand_it_stays() -> None:
    """What the clients do not ask for says nothing about the limit."""
    load = Load(Gradient())

    assert load.run(100, 0.05, in_flight=9) == 20
    assert load.run(20, 5.0, in_flight=9) == 20
    assert load.run(1, 0.05, in_flight=10) > 0


def test_one_odd_window_is_no_collapse() -> None:
    """Hundred times as long, once: a tenth less at most."""
    load = Load(Gradient())
    before = load.run(100, 0.05)

    assert load.run(1, 5.0) >= 0.9 * before


def test_it_says_when_the_limit_is_another() -> None:
    """So that the bulkhead hears of it; between the ends of windows nothing changes."""
    gradient, now, changes = Gradient(), 0.0, []
    for _ in range(100):
        now += 0.05
        before = gradient.limit
        assert gradient.record(0.05, gradient.limit, now) is (gradient.limit != before)
        changes.append(gradient.limit != before)

    assert 1 <= sum(changes) <= 5


def test_a_window_waits_for_enough_samples() -> None:
    """Nine exchanges in a minute are not enough to judge by."""
    gradient = Gradient(GradientRules(least=1))
    for number in range(9):
        assert not gradient.record(0.05, 20, number * 7.0)
    assert gradient.usual == 0.0

    gradient.record(0.05, 20, 70.0)

    assert gradient.usual == pytest.approx(0.05)


@given(st.lists(st.tuples(st.floats(0.0, 100.0), st.integers(0, 2000)), max_size=300), st.integers(1, 50))
def test_the_limit_is_always_between_the_least_and_the_most(samples: list[tuple[float, int]], least: int) -> None:
    """Whatever is measured."""
    gradient = Gradient(GradientRules(initial=50, least=least, most=60, min_samples=1))
    for number, (seconds, in_flight) in enumerate(samples):
        gradient.record(seconds, in_flight, float(number))

        assert least <= gradient.limit <= 60


def test_a_window_lasts_as_long_as_the_rules_say() -> None:
    """However many exchanges are answered in it."""
    gradient = Gradient(GradientRules(window=1.0))
    changed = [gradient.record(0.05, 20, 1000.0 + number / 1000.0) for number in range(1000)]

    assert not any(changed)
    assert gradient.usual == 0.0
    gradient.record(0.05, 20, 1001.0)
    assert gradient.usual == pytest.approx(0.05)


def test_what_is_usual_is_at_first_the_plain_average_of_the_windows() -> None:
    """Of ten; then each counts for as much as the memory has it."""
    gradient = Gradient(GradientRules(memory=99))
    begun = iter(range(1000, 1100))

    def window(seconds: float) -> None:
        now = float(next(begun))
        for number in range(1, 11):
            gradient.record(seconds, 20, now + number / 10.0)

    gradient.record(0.1, 20, 1000.0)  # the first of all begins the first window
    for seconds in (0.1, 0.1, 0.1, 0.1, 0.1, 0.2, 0.2, 0.2, 0.2, 0.2):
        window(seconds)
    assert gradient.usual == pytest.approx(0.15)

    window(0.25)

    assert gradient.usual == pytest.approx(0.15 + (0.25 - 0.15) * 2.0 / 100.0)
