"""A load on every proxy, and its table."""

from __future__ import annotations

import pytest

from benchmarks.scenarios.load import beside


@pytest.mark.parametrize(
    ("name", "found"),
    [("gateway", 50e-6), ("gateway+chain", 70e-6), ("gateway+quiet", 50e-6), ("envoy+chain", 70e-6)],
)
def test_a_proxy_stands_beside_the_envoy_that_does_the_same(name: str, found: float) -> None:
    """The one of the same variant where there is one."""
    assert beside({"gateway": 1.0, "envoy": 50e-6, "envoy+chain": 70e-6}, name) == found


def test_the_whole_chain_is_the_measure_where_envoy_did_nothing_else() -> None:
    """And nothing is, where it was not measured."""
    assert beside({"gateway+redis": 1.0, "envoy+chain": 70e-6}, "gateway+redis") == 70e-6
    assert beside({"gateway": 1.0}, "gateway") is None
