"""Smooth weighted turns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from gateway.balancing.weighted_round_robin import WeightedRoundRobin


@dataclass(eq=False)
class FakeTarget:
    """A backend that says of itself whether it may be tried."""

    name: str
    weight: int = 1
    in_flight: int = 0
    willing: bool = True

    def may_try(self, now: float) -> bool:
        return self.willing


def turns(balancer: WeightedRoundRobin[FakeTarget], count: int) -> str:
    """Pick so many times."""
    return "".join(balancer.pick(b"", 1.0).name for _ in range(count))


def test_heavy_backends_are_not_picked_in_a_row() -> None:
    """The example of nginx: weights 5, 1, 1."""
    targets = [FakeTarget("a", 5), FakeTarget("b", 1), FakeTarget("c", 1)]

    assert turns(WeightedRoundRobin(targets), 14) == "aabacaa" * 2


def test_the_share_of_an_ejected_backend_is_divided_by_weight() -> None:
    """And it comes back without a burst."""
    targets = [FakeTarget("a", 4), FakeTarget("b", 2), FakeTarget("c", 1)]
    balancer = WeightedRoundRobin(targets)
    targets[0].willing = False

    assert Counter(turns(balancer, 300)) == {"b": 200, "c": 100}
    targets[0].willing = True
    assert Counter(turns(balancer, 7)) == {"a": 4, "b": 2, "c": 1}


def test_a_weight_that_changes_counts_at_once() -> None:
    """Nothing has to be built anew."""
    targets = [FakeTarget("a", 1), FakeTarget("b", 1)]
    balancer = WeightedRoundRobin(targets)
    turns(balancer, 10)
    targets[0].weight = 3

    assert Counter(turns(balancer, 40)) == {"a": 30, "b": 10}


@given(st.lists(st.integers(1, 20), min_size=1, max_size=6))
def test_shares_are_exact_after_each_cycle(weights: list[int]) -> None:
    """And the next cycle begins where the first did."""
    targets = [FakeTarget("abcdef"[number], weight) for number, weight in enumerate(weights)]
    balancer = WeightedRoundRobin(targets)

    for _ in range(2):
        assert Counter(turns(balancer, sum(weights))) == {target.name: target.weight for target in targets}
