"""Measure how long upstreams take for what is asked beside clients' exchanges (`gateway.middleware.metrics` has those).

Tests: `tests/flow/test_aggregation.py::test_upstreams_are_measured`.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.exchange import Exchange
from gateway.middleware.metrics import UpstreamCells


class UpstreamTime:
    """Records the time that the upstream took.

    Args:
        upstream: `Metrics.upstream`.
    """

    __slots__ = ("_upstream",)

    name = "upstream_time"

    def __init__(self, upstream: Callable[[str], UpstreamCells]) -> None:
        self._upstream = upstream

    def on_finish(self, exchange: Exchange) -> None:
        """Record it, where a backend was tried."""
        if exchange.upstream_finished and exchange.upstream is not None:
            self._upstream(exchange.upstream).observe(exchange.upstream_finished - exchange.upstream_started)
