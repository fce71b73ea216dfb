"""Who keeps to which of several weighted upstreams."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.balancing.split import Rendezvous, caller_key
from gateway.principal import Principal
from tests.balancing.test_keys import exchange_of

CALLERS = [f"user-{number}".encode() for number in range(10_000)]

NAMES = ["one", "two", "three", "four", "five"]
WEIGHTS = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 1000), min_size=1).map(lambda made: list(made.items()))


def places(*weights: tuple[str, int], callers: list[bytes] = CALLERS) -> list[str | None]:
    """Place all callers."""
    return list(map(Rendezvous(weights).place, callers))


POPULATIONS = [CALLERS] + [[f"{n}@{m}.example".encode() for n in range(10_000)] for m in range(8)]


@pytest.mark.parametrize("weights", [(90, 10), (99, 1), (95, 5), (1, 19), (1000, 1), (1, 0)])
def test_the_share_of_a_canary_holds_within_one_percent(weights: tuple[int, ...]) -> None:
    """Of each 10,000 callers."""
    for callers in POPULATIONS:
        found = Counter(places(*zip(NAMES, weights, strict=False), callers=callers))
        for name, weight in zip(NAMES, weights, strict=False):
            assert abs(found[name] / len(callers) - weight / sum(weights)) < 0.01


@pytest.mark.parametrize("weights", [(50, 50), (1, 2, 3), (5, 3, 2), (1, 1, 1, 1), (1, 2)])
def test_no_share_is_skewed(weights: tuple[int, ...]) -> None:
    """What larger shares deviate by is chance (0.5 % for a half of 10,000): of ten times as many it is less."""
    callers = [caller for some in POPULATIONS for caller in some]
    found = Counter(places(*zip(NAMES, weights, strict=False), callers=callers))
    for name, weight in zip(NAMES, weights, strict=False):
        assert abs(found[name] / len(callers) - weight / sum(weights)) < 0.004
    found = Counter(places(*zip(NAMES, weights, strict=False)))
    for name, weight in zip(NAMES, weights, strict=False):
        share = weight / sum(weights)
        assert abs(found[name] / len(CALLERS) - share) < 3 * (share * (1 - share) / len(CALLERS)) ** 0.5


def test_a_growing_share_takes_callers_and_gives_none_back() -> None:
    """From 1 to 100 %: who has the new version keeps it, and as many come as the share has grown."""
    shares = [1, 5, 10, 25, 50, 75, 90, 99]
    for less, more in pairwise(shares):
        before, after = places(("old", 100 - less), ("new", less)), places(("old", 100 - more), ("new", more))
        moved = Counter((one, other) for one, other in zip(before, after, strict=True) if one != other)
        assert set(moved) == {("old", "new")}
        assert abs(moved["old", "new"] / len(CALLERS) - (more - less) / 100) < 0.01


@given(WEIGHTS, st.sampled_from(NAMES), st.integers(0, 1000), st.lists(st.binary(min_size=1), min_size=1))
def test_only_those_move_who_must(weights: list[tuple[str, int]], name: str, now: int, callers: list[bytes]) -> None:
    """Where one weight grows, callers come to that upstream only; where it shrinks, they leave that one only."""
    before = dict(weights).get(name, 0)
    changed = dict(weights) | {name: now}
    placed = zip(places(*weights, callers=callers), places(*changed.items(), callers=callers), strict=True)
    for one, other in placed:
        if one != other:
            assert (other if now > before else one) == name


@given(WEIGHTS, st.integers(1, 1000), st.lists(st.binary(min_size=1), min_size=1))
def test_only_the_proportion_counts(weights: list[tuple[str, int]], factor: int, callers: list[bytes]) -> None:
    """Neither the order in which the upstreams stand, nor what the weights add up to."""
    scaled = [(name, weight * factor) for name, weight in reversed(weights)]
    assert places(*weights, callers=callers) == places(*scaled, callers=callers)


def test_a_weight_of_nothing_gets_nobody() -> None:
    """Where all have none, nobody is placed."""
    assert set(places(("old", 0), ("new", 1))) == {"new"}
    assert set(places(("old", 0), ("new", 0))) == {None}


def test_another_process_finds_the_same() -> None:
    """Nothing of the process goes into it, its seed of hashes least of all."""
    words = "from gateway.balancing.split import Rendezvous as R; p = R([('old', 7), ('new', 3)]).place; "
    words += "print([p(b'user-%d' % n) for n in range(200)])"
    found = {
        subprocess.run(
            [sys.executable, "-c", words],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert found == {str(places(("old", 7), ("new", 3))[:200])}
    assert places(("old", 7), ("new", 3))[:8] == ["old", "old", "new", "old", "old", "old", "old", "old"]


@pytest.mark.parametrize(
    ("split_on", "key"),
    [
        ("ip", b"203.0.113.9"),
        ("user", b"ann"),
        ("header:X-Tenant", b"acme, b"),
        ("header:X-Missing", b""),
        ("header:X-Empty", b""),
        ("cookie:sid", b"s1=="),
        ("cookie:missing", b""),
        ("cookie:empty", b""),
    ],
)
def test_who_is_calling(split_on: str, key: bytes) -> None:
    """Nothing for who does not say."""
    exchange = exchange_of(
        (b"X-Tenant", b"acme"), (b"x-tenant", b"b"), (b"X-Empty", b""), (b"Cookie", b"sid=s1==; empty=")
    )
    exchange.principal = Principal("ann") if split_on == "user" else None

    assert caller_key(split_on)(exchange) == key
    if split_on == "user":
        exchange.principal = None
        assert caller_key(split_on)(exchange) == b""


@pytest.mark.parametrize("split_on", ["", "claim:a", "header:", "cookie:", "header", "IP", "path"])
def test_anything_else_is_refused(split_on: str) -> None:
    """With what there is to choose from."""
    with pytest.raises(ValueError, match="expected ip, user, header:NAME or cookie:NAME"):
        caller_key(split_on)
