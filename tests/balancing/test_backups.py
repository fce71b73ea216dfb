"""Backups are picked when nothing else is left, whatever the strategy."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.balancing import STRATEGIES, build
from gateway.balancing.backups import Backups
from gateway.errors import NoBackendAvailable
from tests.contracts.test_balancer import FakeTarget

every_strategy = pytest.mark.parametrize("strategy", STRATEGIES)


def balancer(strategy: str, first: list[FakeTarget], backups: list[FakeTarget]) -> Backups[FakeTarget]:
    """Make one whose chance is always the same."""
    chance = random.Random(7).random
    return Backups(first, build(strategy, first, chance), backups, build(strategy, backups, chance))


def shares(balancer: Backups[FakeTarget], now: float = 1.0, excluded: tuple[FakeTarget, ...] = ()) -> Counter[str]:
    """Count who is picked."""
    return Counter(balancer.pick(b"198.51.100.%d" % number, now, excluded).name for number in range(300))


@every_strategy
def test_a_backup_waits_until_no_other_may_be_tried(strategy: str) -> None:
    """And is left alone again when one of the others is back."""
    first = [FakeTarget("a"), FakeTarget("b", back_at=5.0)]
    backups = [FakeTarget("x", 1), FakeTarget("y", 3)]
    made = balancer(strategy, first, backups)

    assert shares(made) == {"a": 300}
    first[0].back_at = 9.0
    out = shares(made)
    assert set(out) == {"x", "y"}
    if strategy not in ("ip_hash", "least_latency"):
        assert out["y"] > 2 * out["x"]
    assert shares(made, 5.0) == {"b": 300}
    first[1].weight = 0
    assert set(shares(made, 5.0)) == {"x", "y"}


@every_strategy
def test_a_backup_takes_over_when_the_others_were_tried(strategy: str) -> None:
    """Then the second backup, and after that the first attempt's kind again."""
    first, backups = [FakeTarget("a"), FakeTarget("b")], [FakeTarget("x"), FakeTarget("y")]
    made = balancer(strategy, first, backups)

    assert set(shares(made, excluded=(first[0],))) == {"b"}
    assert set(shares(made, excluded=(*first,))) <= {"x", "y"}
    assert set(shares(made, excluded=(*first, backups[0]))) == {"y"}
    assert set(shares(made, excluded=(*first, *backups))) <= {"a", "b"}


@given(st.sampled_from(STRATEGIES), st.data())
def test_no_backup_is_picked_in_vain(strategy: str, data: st.DataObject) -> None:
    """Whatever the weights, states and exclusions are."""
    targets = [
        FakeTarget(f"b{number}", data.draw(st.integers(0, 2)), back_at=data.draw(st.sampled_from([0.0, 9.0])))
        for number in range(data.draw(st.integers(0, 5)))
    ]
    split = data.draw(st.integers(0, len(targets)))
    first, backups = targets[:split], targets[split:]
    excluded = tuple(data.draw(st.lists(st.sampled_from(targets), unique_by=id))) if targets else ()
    made = balancer(strategy, first, backups)

    for kind in (first, backups):
        willing = [one for one in kind if one.weight and not one.back_at]
        fresh = [one for one in willing if one not in excluded]
        if fresh:
            assert made.pick(b"key", 1.0, excluded) in fresh
            return
    left = [one for kind in (first, backups) for one in kind if one.weight and not one.back_at]
    if left:
        assert made.pick(b"key", 1.0, excluded) in left
    else:
        with pytest.raises(NoBackendAvailable):
            made.pick(b"key", 1.0, excluded)
