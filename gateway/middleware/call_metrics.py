"""Count calls of gRPC by their outcome: all of them are answered 200.

A step of its own, on routes with backends that may be asked by HTTP/2: others pay nothing for it.

Tests: `tests/flow/test_grpc.py::test_calls_are_counted_by_their_outcome`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.exchange import Exchange
from gateway.http.grpc import AS_HTTP, is_call
from gateway.middleware.outcome import call_status, status_of

_KNOWN: Final = {status: str(status) for status in range(17)}


class CallMetrics:
    """Counts the calls of a route.

    Args:
        route: Its name.
        count: Takes it and the outcome.
        keep: Keeps an exchange that failed: its 200 says nothing of that.
    """

    __slots__ = ("_count", "_keep", "_route")

    name = "call_metrics"

    def __init__(self, route: str, count: Callable[[str, str], None], keep: Callable[[Exchange], object]) -> None:
        self._route = route
        self._count = count
        self._keep = keep

    def on_finish(self, exchange: Exchange) -> None:
        """Count the exchange, where it is a call."""
        if is_call(exchange.request):
            status = call_status(exchange)
            # A backend can make up any number of others.
            self._count(self._route, "none" if status is None else _KNOWN.get(status, "other"))
            if status and AS_HTTP.get(status, 0) >= 500 and exchange.error is None and status_of(exchange) < 500:
                self._keep(exchange)  # others are seen by `gateway.middleware.metrics`
