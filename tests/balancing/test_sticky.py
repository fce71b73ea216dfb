"""A token leads to its backend, as long as that may be tried; everybody else goes by the strategy."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.balancing import STRATEGIES, build
from gateway.balancing.sticky import Sticky, token, token_of
from gateway.errors import NoBackendAvailable
from tests.contracts.test_balancer import FakeTarget, targets_of

SECRET = b"a secret of all instances"


def sticky(strategy: str, targets: list[FakeTarget]) -> Sticky[FakeTarget]:
    """Make one whose chance is always the same."""
    named = {token(SECRET, "shop", target.name): target for target in targets}
    return Sticky(named, build(strategy, targets, random.Random(7).random))


def bound(target: FakeTarget, key: bytes = b"key") -> bytes:
    """What a client of a backend is placed by."""
    return token(SECRET, "shop", target.name) + b" " + key


def test_a_token_is_the_same_for_ever() -> None:
    """At another instance, and in the next version: another one would move every client."""
    assert token(SECRET, "shop", "http://10.0.0.1:8080") == b"FSez6TwlOGdA1Re6UtGzcpry"
    assert token(b"", "shop", "http://10.0.0.1:8080") == b"825GyPIo9vzhiIquRPgLoUeh"


def test_whatever_goes_into_a_token_makes_another() -> None:
    """And no two ways of cutting the names into two make the same."""
    made = [
        token(secret, upstream, backend)
        for secret in (b"", b"a", b"a" * 100, b"a" * 101)
        for upstream, backend in (("a", "bc"), ("ab", "c"), ("a", "b"), ("", "abc"))
    ]

    assert len(set(made)) == len(made)
    assert all(len(one) == 24 and token_of(one + b".1f") == one for one in made)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_those_who_are_bound_disturb_nobody(strategy: str) -> None:
    """New clients have the shares that they have without them."""
    plain, shared = targets_of(1, 3), targets_of(1, 3)
    balancer, other = build(strategy, plain, random.Random(7).random), sticky(strategy, shared)
    without, beside = Counter[str](), Counter[str]()
    for number in range(200):
        key = b"198.51.100.%d" % number
        without[balancer.pick(key, 1.0).name] += 1
        assert other.pick(bound(shared[0], key), 1.0) is shared[0]
        beside[other.pick(b" " + key, 1.0).name] += 1

    assert without == beside


@given(st.sampled_from(STRATEGIES), st.data())
def test_a_pick_is_always_allowed(strategy: str, data: st.DataObject) -> None:
    """Whatever the states and exclusions are, and whoever the client is bound to."""
    targets = targets_of(*data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=4)))
    for target in targets:
        target.back_at = data.draw(st.sampled_from([0.0, 9.0]))
    excluded = data.draw(st.lists(st.sampled_from(targets), unique_by=id))
    mine = data.draw(st.sampled_from(targets))
    balancer = sticky(strategy, targets)
    willing = [target for target in targets if target.weight and not target.back_at]
    best = [target for target in willing if target not in excluded] or willing

    if not best:
        with pytest.raises(NoBackendAvailable):
            balancer.pick(bound(mine), 1.0, excluded)
    elif mine in willing and mine not in excluded:
        assert balancer.pick(bound(mine), 1.0, excluded) is mine
    else:
        assert balancer.pick(bound(mine), 1.0, excluded) in best
