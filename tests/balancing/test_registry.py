"""Strategies by name."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gateway.balancing.hashing import ConsistentHash
from gateway.balancing.least_connections import LeastConnections
from gateway.balancing.random import Random
from gateway.balancing.registry import STRATEGIES, build
from gateway.balancing.round_robin import RoundRobin
from gateway.balancing.weighted_round_robin import WeightedRoundRobin


@dataclass(eq=False)
class FakeTarget:
    """A backend that is always willing."""

    name: str
    weight: int = 1
    in_flight: int = 0

    def may_try(self, now: float) -> bool:
        return True


@pytest.mark.parametrize(
    ("strategy", "equal", "unequal"),
    [
        ("round_robin", RoundRobin, WeightedRoundRobin),
        ("weighted_round_robin", RoundRobin, WeightedRoundRobin),
        ("least_connections", LeastConnections, LeastConnections),
        ("random", Random, Random),
        ("ip_hash", ConsistentHash, ConsistentHash),
        ("consistent_hash", ConsistentHash, ConsistentHash),
    ],
)
def test_each_name_has_its_strategy(strategy: str, equal: type, unequal: type) -> None:
    """Turns are plain where the weights that count are equal."""
    assert isinstance(build(strategy, [FakeTarget("a", 2), FakeTarget("b", 2), FakeTarget("c", 0)], float), equal)
    assert isinstance(build(strategy, [FakeTarget("a", 1), FakeTarget("b", 2)], float), unequal)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_one_backend_needs_no_strategy(strategy: str) -> None:
    """It is picked without a hash or a draw."""
    assert isinstance(build(strategy, [FakeTarget("a")], float), RoundRobin)
