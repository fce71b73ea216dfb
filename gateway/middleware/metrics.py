"""Count every exchange when it is over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from gateway.errors import GatewayError
from gateway.exchange import Exchange
from gateway.middleware.outcome import status_of

LIMITED: Final = "limit.exceeded"
"""The reason of an answer that a rate limit made."""


class RouteCells(Protocol):
    """The counts of one route (`gateway.telemetry.series.RouteMetrics`)."""

    limited: int

    def record(self, method: bytes, status: int, seconds: float, /) -> None: ...


class UpstreamCells(Protocol):
    """The counts of one upstream (`gateway.telemetry.series.UpstreamMetrics`)."""

    def observe(self, seconds: float, /) -> None: ...


class RequestMetrics:
    """Record status and duration of an exchange, the time its upstream took, and its error.

    Since it knows what failed, it hands that to who keeps it.
    """

    __slots__ = ("_failed", "_keep", "_observe", "_observed", "_record", "_route", "_upstream")

    name = "metrics"

    def __init__(
        self,
        route: RouteCells,
        upstream: Callable[[str], UpstreamCells],
        failed: Callable[[Exchange, GatewayError], None],
        keep: Callable[[Exchange], object],
    ) -> None:
        """Bind the cells of one route.

        Args:
            route: `Metrics.route(name, pattern)`.
            upstream: `Metrics.upstream`; takes the name, since a route may split its traffic over several upstreams.
            failed: Takes an exchange that ended in an error (`gateway.middleware.failures.Failures.ended`).
            keep: Keeps an exchange that failed, whoever said so.
        """
        self._route = route
        self._record = route.record
        self._upstream = upstream
        # The upstream that was counted last: nearly always that of the next exchange, too.
        self._observed: str | None = None
        self._observe: Callable[[float], None] | None = None
        self._failed = failed
        self._keep = keep

    def on_finish(self, exchange: Exchange) -> None:
        """Count the exchange."""
        status = status_of(exchange)
        self._record(exchange.request.method, status, exchange.finished - exchange.started)
        upstream = exchange.upstream
        if exchange.upstream_finished and upstream is not None:
            observe = self._observe
            if observe is None or upstream != self._observed:
                observe = self._observe = self._upstream(upstream).observe
                self._observed = upstream
            observe(exchange.upstream_finished - exchange.upstream_started)
        error = exchange.error
        if error is not None:
            self._failed(exchange, error)
            if error.reason == LIMITED:
                self._route.limited += 1
            self._keep(exchange)
        elif status >= 500:
            self._keep(exchange)
