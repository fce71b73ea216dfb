"""A peak that decays, and failures that never look fast."""

from __future__ import annotations

from math import e

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.balancing.answer_times import DECAY, FORGIVEN, LEAST, MOST, TOWARDS, UNHEARD, WORSE, AnswerTimes


def known(*seconds: float) -> AnswerTimes:
    """What is known after answers at time 0."""
    times = AnswerTimes()
    for one in seconds:
        times.answered(one, 0.0)
    return times


def test_nothing_is_known_before_the_first_answer() -> None:
    """Somebody who gave up makes it wait for the next try, however long that was."""
    times = AnswerTimes()
    assert times.seconds(0.0) is None
    times.given_up(0.001, 0.0)
    assert times.seconds(0.0) == pytest.approx(UNHEARD * WORSE)
    assert times.estimate(0.0) is None
    assert times.seconds(FORGIVEN) is None


def test_a_slow_answer_counts_at_once_and_less_from_then_on() -> None:
    """With time, and with each answer that is faster."""
    times = known(0.01, 1.0)

    assert times.seconds(0.0) == 1.0
    assert times.seconds(DECAY) == pytest.approx(1.0 / e)
    times.answered(0.0, DECAY)
    assert times.seconds(DECAY) == pytest.approx((1 - TOWARDS) / e)
    times.answered(0.5, DECAY)
    assert times.seconds(DECAY) == 0.5
    for _ in range(40):
        times.answered(0.01, DECAY)
    assert times.seconds(DECAY) == pytest.approx(0.01, rel=0.3)
    times.answered(0.01, 100 * DECAY)
    assert times.seconds(100 * DECAY) == 0.01
    assert times.seconds(1000 * DECAY) == LEAST


def test_who_gave_up_has_waited_that_long_at_least() -> None:
    """It makes an estimate worse, never better."""
    times = known(0.1)
    times.given_up(0.01, 0.0)
    assert times.seconds(0.0) == 0.1
    times.given_up(2.0, 0.0)
    assert times.seconds(0.0) == 2.0


def test_a_failure_never_looks_fast() -> None:
    """However soon it came; a slow one is slow as well."""
    times = known(0.1)
    times.failed(0.0, 0.0)
    assert times.seconds(0.0) == pytest.approx(0.1 * WORSE)
    times.failed(3.0, 0.0)
    assert times.seconds(0.0) == pytest.approx(3.0 * WORSE**2)


def test_failures_are_forgotten_by_time() -> None:
    """One in three seconds, and no more than three are remembered."""
    times = known(0.1)
    for _ in range(100):
        times.failed(0.0, 0.0)
    assert times.seconds(0.0) == pytest.approx(0.1 * WORSE**MOST)

    over = MOST * FORGIVEN
    assert times.seconds(over - 0.1) > 0.1 * e ** (-over / DECAY)
    assert times.seconds(over) == pytest.approx(0.1 * e ** (-over / DECAY))


def test_and_sooner_by_answers() -> None:
    """Half of them with each, the last one at once."""
    times = known(0.1)
    for _ in range(2):
        times.failed(0.0, 0.0)
    times.answered(0.1, 0.0)
    assert times.seconds(0.0) == pytest.approx(0.1 * WORSE)
    times.answered(0.1, 0.0)
    assert times.seconds(0.0) == pytest.approx(0.1)


def test_one_that_has_only_failed_waits_until_that_is_forgotten() -> None:
    """Then it is tried again."""
    times = AnswerTimes()
    times.failed(0.001, 0.0)

    assert times.seconds(0.0) == pytest.approx(UNHEARD * WORSE)
    assert times.seconds(FORGIVEN) is None


@given(st.lists(st.tuples(st.sampled_from(["answered", "failed", "given_up"]), st.floats(0, 60), st.floats(0, 60))))
def test_whatever_happens_it_is_a_time(events: list[tuple[str, float, float]]) -> None:
    """Finite, positive, and no failure makes it shorter."""
    times, now = AnswerTimes(), 0.0
    for what, seconds, pause in events:
        now += pause
        before = times.seconds(now)
        getattr(times, what)(seconds, now)
        after = times.seconds(now)
        assert after is None or LEAST <= after < float("inf")
        if what == "failed":
            assert after is not None
            assert before is None or after >= before * 0.999
