"""The retry budget."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.resilience.budget import RetryBudget


def spend(budget: RetryBudget, now: float) -> int:
    """Withdraw until nothing is left."""
    count = 0
    while budget.withdraw(now):
        count += 1
    return count


def test_a_quiet_route_may_retry_three_times_a_second() -> None:
    """With no exchange to pay for it, for ever."""
    budget = RetryBudget()

    assert all(budget.withdraw(100.0 + third / 3.0) for third in range(3000))


def test_the_minimum_is_not_there_twice() -> None:
    """A window's worth at once, then three a second; saved up it is a window's worth again."""
    budget = RetryBudget()

    assert spend(budget, 100.0) == 30
    assert spend(budget, 102.0) == 6
    assert spend(budget, 1000.0) == 30


def test_a_share_of_the_exchanges_may_be_retried() -> None:
    """One in five, on top of the minimum."""
    budget = RetryBudget(minimum_per_second=0.0)
    for _ in range(100):
        budget.deposit(1.0)

    assert budget.balance(1.0) == 20
    assert spend(budget, 1.0) == 20
    assert budget.refused == 1


def test_an_outage_costs_no_more_than_the_share() -> None:
    """A thousand exchanges a second that all fail and want two retries each: 20 % more load, and 3 a second."""
    budget = RetryBudget()
    made = 0
    for millisecond in range(60_000):
        now = millisecond / 1000.0
        budget.deposit(now)
        made += budget.withdraw(now) + budget.withdraw(now)

    assert 0.95 * (0.2 * 60_000 + 3.0 * 60.0) <= made <= 0.2 * 60_000 + 3.0 * (60.0 + 10.0)


def test_deposits_are_forgotten_after_the_window() -> None:
    """A busy minute does not pay for a storm an hour later."""
    budget = RetryBudget(minimum_per_second=0.0)
    for _ in range(1000):
        budget.deposit(1.0)

    assert budget.balance(8.0) == 200
    assert budget.balance(11.0) == 0
    assert not budget.withdraw(11.0)


@given(
    st.lists(st.tuples(st.floats(0.0, 4.0), st.integers(0, 30), st.integers(0, 30)), max_size=60),
    st.floats(0.0, 1.0),
    st.floats(0.0, 5.0),
)
def test_never_more_than_the_share_and_the_minimum(
    steps: list[tuple[float, int, int]], ratio: float, minimum: float
) -> None:
    """Over any time, with one window's minimum to begin with."""
    budget = RetryBudget(ratio, minimum)
    now = begun = 1000.0
    exchanges = retries = 0
    for seconds, deposits, wanted in steps:
        now += seconds
        for _ in range(deposits):
            budget.deposit(now)
        exchanges += deposits
        retries += sum([budget.withdraw(now) for _ in range(wanted)])

        assert retries <= ratio * exchanges + minimum * (now - begun + 10.0) + 1e-6


def test_the_balance_is_what_can_be_spent() -> None:
    """The reserve, and what exchanges have earned."""
    budget = RetryBudget()
    before = budget.balance(100.0)
    for _ in range(100):
        budget.deposit(100.0)

    earned = budget.balance(100.0)

    assert before == 30
    assert earned > before
    assert spend(budget, 100.0) == earned
