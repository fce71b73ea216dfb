"""Backends and upstreams as balancers see them."""

from __future__ import annotations

from typing import Any, cast

from gateway.upstream.backend import Backend, Share, Upstream
from tests.upstream.conftest import Bench


def test_a_backend_is_as_busy_as_its_pool(bench: Bench) -> None:
    """Pools outlive snapshots: two backends over one pool, from two of them, agree."""
    before, after = Backend("http://orders:80", 1, bench.pool), Backend("http://orders:80", 5, bench.pool)
    bench.pool.in_flight = 3

    assert (before.in_flight, after.in_flight) == (3, 3)
    assert before.may_try(0.0)
    assert repr(after) == "<Backend http://orders:80 weight=5>"


def test_a_share_stands_for_its_upstream() -> None:
    """By name and weight; it may always be tried, as its own balancer decides further."""
    upstream = Upstream("orders", cast("Any", None), [], None, lambda name, outcome: None)
    share = Share(upstream, 9)

    assert (share.name, share.weight, share.in_flight, share.may_try(0.0)) == ("orders", 9, 0, True)
