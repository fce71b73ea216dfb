"""The hash ring: stable, fair enough, and little moved by change."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.balancing.hashing import ConsistentHash, HashRing

KEYS = [b"198.51.%d.%d" % (number >> 8, number & 255) for number in range(2000)]


@dataclass(eq=False)
class FakeTarget:
    """A backend that says of itself whether it may be tried."""

    name: str
    weight: int = 1
    in_flight: int = 0
    willing: bool = True

    def may_try(self, now: float) -> bool:
        return self.willing


def ring_of(*names: str) -> ConsistentHash[FakeTarget]:
    """Make a ring of backends of equal weight."""
    return ConsistentHash([FakeTarget(name) for name in names])


def placed(balancer: ConsistentHash[FakeTarget]) -> dict[bytes, str]:
    """Say where each key goes."""
    return {key: balancer.pick(key, 1.0).name for key in KEYS}


def test_a_key_stays_where_it_is() -> None:
    """Today and tomorrow, in every process, in whatever order the backends are listed."""
    assert placed(ring_of("a", "b", "c")) == placed(ring_of("c", "a", "b"))
    assert [ring_of("a", "b", "c").pick(key, 1.0).name for key in (b"1", b"2", b"3", b"4")] == ["b", "b", "c", "a"]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 9999), min_size=2, max_size=10, unique=True), st.data())
def test_only_the_keys_of_a_backend_that_goes_are_moved(numbers: list[int], data: st.DataObject) -> None:
    """About 1/n of them, whichever it is; and they come back with it."""
    names = [f"http://10.0.{number}.1:80" for number in numbers]
    leaver = data.draw(st.sampled_from(names))

    before, after = placed(ring_of(*names)), placed(ring_of(*(name for name in names if name != leaver)))

    moved = [key for key in KEYS if before[key] != after[key]]
    assert all(before[key] == leaver for key in moved)
    assert len(moved) / len(KEYS) == pytest.approx(1 / len(names), rel=0.5)


def test_an_ejected_backend_moves_the_keys_that_its_removal_would() -> None:
    """Its keys go to the next clockwise and return when it does."""
    targets = [FakeTarget(name) for name in "abcd"]
    balancer = ConsistentHash(targets)
    before = placed(balancer)
    targets[1].willing = False

    assert placed(balancer) == placed(ring_of("a", "c", "d"))
    targets[1].willing = True
    assert placed(balancer) == before


def test_weights_make_larger_shares() -> None:
    """And leave the keys of the others alone."""
    weighted = ConsistentHash([FakeTarget("a", 3), FakeTarget("b", 1)])
    even = placed(ring_of("a", "b"))

    counted = Counter(placed(weighted).values())

    assert counted["a"] / counted["b"] == pytest.approx(3, rel=0.3)
    assert all(name == "a" for key, name in placed(weighted).items() if even[key] == "a")


def test_without_weights_shares_are_even() -> None:
    """As `ip_hash` has it; a weight of 0 is still no backend."""
    balancer = ConsistentHash([FakeTarget("a", 9), FakeTarget("b", 1), FakeTarget("c", 0)], weighted=False)

    counted = Counter(placed(balancer).values())

    assert set(counted) == {"a", "b"}
    assert counted["a"] == pytest.approx(1000, rel=0.2)


def test_a_weight_raised_from_zero_is_found() -> None:
    """When nobody else is left, at the latest."""
    targets = [FakeTarget("a"), FakeTarget("b", 0)]
    balancer = ConsistentHash(targets)
    targets[0].willing, targets[1].weight = False, 1

    assert balancer.pick(b"key", 1.0) is targets[1]


def test_large_weights_do_not_make_a_large_ring() -> None:
    """The points are bounded; the shares stay."""
    ring = HashRing([("a", 30_000), ("b", 10_000)])

    counted = Counter(next(ring.owners(key)) for key in KEYS)

    assert len(list(ring.owners(b""))) <= 65_536
    assert counted[0] / counted[1] == pytest.approx(3, rel=0.2)


def test_a_walk_goes_around_once() -> None:
    """From the owner of the key past every point."""
    ring = HashRing([("a", 1), ("b", 1)])
    walk = list(ring.owners(b"key"))

    assert len(walk) == 2048
    assert Counter(walk) == {0: 1024, 1: 1024}


def test_backends_of_one_name_are_one() -> None:
    """The second is used when the first may not be."""
    targets = [FakeTarget("a"), FakeTarget("a")]
    balancer = ConsistentHash(targets)

    assert balancer.pick(b"key", 1.0) is targets[0]
    targets[0].willing = False
    assert balancer.pick(b"key", 1.0) is targets[1]
