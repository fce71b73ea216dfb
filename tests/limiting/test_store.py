"""Counts in memory: bounded, and all or nothing."""

from __future__ import annotations

import tracemalloc
from typing import cast

import pytest

from gateway.limiting.limit import Limit, Verdict
from gateway.limiting.store import MemoryLimits

SLIDING = Limit(b"s" * 8, "ip", 2, 10.0, 2, sliding=True)
BUCKET = Limit(b"b" * 8, "ip", 2, 10.0, 2)


def ask(store: MemoryLimits, limits: list[Limit], keys: list[bytes], now: float = 100.0) -> Verdict:
    """Take a request."""
    return cast("Verdict", store.bind(limits)(keys, now))


@pytest.mark.parametrize("limit", [SLIDING, BUCKET])
def test_the_key_that_was_asked_for_longest_ago_goes_first(limit: Limit) -> None:
    """A million keys by default; here three."""
    store = MemoryLimits(most=3)
    for key in (b"a", b"a", b"b", b"c"):
        ask(store, [limit], [key])
    ask(store, [limit], [b"b"])

    ask(store, [limit], [b"d"])

    assert len(store) == 3
    assert ask(store, [limit], [b"c"]).remaining == 0  # still known
    assert ask(store, [limit], [b"a"]).remaining == 1  # forgotten


@pytest.mark.parametrize("limit", [SLIDING, BUCKET])
def test_what_is_over_is_forgotten_as_new_keys_come(limit: Limit) -> None:
    """Clients that came once do not occupy memory for ever."""
    store = MemoryLimits()
    for number in range(100):
        ask(store, [limit], [b"%d" % number], 100.0)

    for number in range(60):
        ask(store, [limit], [b"new %d" % number], 200.0)

    assert len(store) == 60


def test_a_key_costs_little_memory() -> None:
    """A million of them fit into a quarter of a gigabyte."""
    store = MemoryLimits()
    decide = store.bind([BUCKET])
    tracemalloc.start()
    try:
        for number in range(20_000):
            decide([b"10.0.%d.%d" % divmod(number, 250)], 100.0)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert used / 20_000 < 260


def test_a_refused_request_is_taken_from_none_of_its_limits() -> None:
    """All must let it pass, or none counts it."""
    store = MemoryLimits()
    wide = Limit(b"w" * 8, "user", 100, 10.0, 100)
    for _ in range(2):
        assert ask(store, [BUCKET, wide], [b"a", b"u"]).allowed

    for _ in range(5):
        assert not ask(store, [BUCKET, wide], [b"a", b"u"]).allowed

    assert ask(store, [wide], [b"u"]).remaining == 97


@pytest.mark.parametrize("limits", [[BUCKET], [BUCKET, SLIDING]])
def test_a_refusal_says_that_nothing_is_left_and_when_all_is_back(limits: list[Limit]) -> None:
    """Alone and among several, whatever the clock shows."""
    store = MemoryLimits()
    keys = [b"a"] * len(limits)
    for _ in range(2):
        assert ask(store, limits, keys, 5000.0).allowed

    refused = ask(store, limits, keys, 5000.0)

    assert (refused.allowed, refused.remaining) == (False, 0)
    assert 0.0 < refused.retry_after <= refused.full_in <= 20.0


@pytest.mark.parametrize("limits", [[BUCKET], [BUCKET, SLIDING]])
def test_a_request_that_may_pass_need_not_wait(limits: list[Limit]) -> None:
    """Nor does this store's clock say at which Unix time all is back."""
    verdict = ask(MemoryLimits(), limits, [b"a"] * len(limits))

    assert (verdict.allowed, verdict.retry_after, verdict.reset) == (True, 0.0, 0)
    assert verdict.full_in > 0


@pytest.mark.parametrize("limits", [[BUCKET], [BUCKET, SLIDING]])
def test_a_verdict_says_under_which_limit(limits: list[Limit]) -> None:
    """Permissions and refusals: the client is told of that one."""
    store = MemoryLimits()

    for _ in range(3):
        assert ask(store, limits, [b"a"] * len(limits)).limit in limits
