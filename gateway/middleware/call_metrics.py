"""Count calls of gRPC by their outcome: all of them are answered 200.

A step of its own, on routes with backends that may be asked by HTTP/2: others pay nothing for it.

Tests: `tests/flow/test_grpc.py::test_calls_are_counted_by_their_outcome`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.exchange import Exchange
from gateway.http.grpc import is_call
from gateway.middleware.outcome import call_status

_KNOWN: Final = {status: str(status) for status in range(17)}


class CallMetrics:
    """Counts the calls of a route.

    Args:
        route: Its name.
        count: Takes it and the outcome.
    """

    __slots__ = ("_count", "_route")

    name = "call_metrics"

    def __init__(self, route: str, count: Callable[[str, str], None]) -> None:
        self._route = route
        self._count = count

    def on_finish(self, exchange: Exchange) -> None:
        """Count the exchange, where it is a call."""
        if is_call(exchange.request):
            status = call_status(exchange)
            # A backend can make up any number of others.
            self._count(self._route, "none" if status is None else _KNOWN.get(status, "other"))
