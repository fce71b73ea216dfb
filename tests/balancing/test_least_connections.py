"""The least busy backend."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from gateway.balancing.least_connections import LeastConnections


@dataclass(eq=False)
class FakeTarget:
    """A backend that is always willing."""

    name: str
    weight: int = 1
    in_flight: int = 0

    def may_try(self, now: float) -> bool:
        return True


def test_the_fewest_in_flight_wins() -> None:
    """Whoever's turn it would be."""
    targets = [FakeTarget("a", in_flight=3), FakeTarget("b", in_flight=1), FakeTarget("c", in_flight=2)]
    balancer = LeastConnections(targets)

    assert [balancer.pick(b"", 1.0).name for _ in range(3)] == ["b", "b", "b"]


def test_in_flight_counts_by_weight() -> None:
    """Three of weight 4 is less than one of weight 1."""
    balancer = LeastConnections([FakeTarget("a", 1, in_flight=1), FakeTarget("b", 4, in_flight=3)])

    assert balancer.pick(b"", 1.0).name == "b"


def test_equals_take_turns() -> None:
    """An idle upstream is shared, by weight."""
    plain = LeastConnections([FakeTarget("a"), FakeTarget("b"), FakeTarget("busy", in_flight=1)])
    weighted = LeastConnections([FakeTarget("a", 3), FakeTarget("b", 1)])

    assert "".join(plain.pick(b"", 1.0).name for _ in range(4)) == "abab"
    assert Counter(weighted.pick(b"", 1.0).name for _ in range(8)) == {"a": 6, "b": 2}


def test_load_settles_where_the_weights_say() -> None:
    """When every pick stays in flight, the shares are those of the weights."""
    targets = [FakeTarget("a", 1), FakeTarget("b", 2), FakeTarget("c", 3)]
    balancer = LeastConnections(targets)

    for _ in range(60):
        balancer.pick(b"", 1.0).in_flight += 1

    assert [target.in_flight for target in targets] == [10, 20, 30]
