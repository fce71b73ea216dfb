"""Tell adaptive limits how long answers take.

The decision is in `gateway.resilience.gradient`; this step measures and sets
what comes of it on the gate of the upstream.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twisted.logger import Logger

from gateway.errors import BackendTimeout
from gateway.exchange import Exchange
from gateway.middleware.gate import Gate
from gateway.resilience.gradient import Gradient

_log = Logger()


class AdaptiveLimit:
    """The limit of one upstream that follows its answers; kept as long as its rules stay the same.

    Args:
        gradient: Decides.
        now: Monotonic seconds.

    Attributes:
        gradient: What it has learnt.
    """

    def __init__(self, gradient: Gradient, now: Callable[[], float]) -> None:
        self.gradient = gradient
        self._now = now

    def hold(self, gate: Gate) -> None:
        """Decide on the limit of a gate from now on."""
        gate.holder = self
        gate.resize(self.gradient.limit)

    def observe(self, exchange: Exchange, gate: Gate) -> None:
        """Learn from the last attempt of an exchange, and give the gate another limit where there is one."""
        now = self._now()
        changed = self.gradient.record(now - exchange.upstream_started, gate.in_flight, now)
        # Not from an exchange that began under rules that hold no more.
        if changed and gate.holder is self:
            _log.debug(
                "Upstream {upstream}: limit {before} to {after}, as answers take {usual:.3f} s in the long run",
                upstream=gate.name,
                before=gate.limit,
                after=self.gradient.limit,
                usual=self.gradient.usual,
            )
            gate.resize(self.gradient.limit)


class AdaptiveConcurrency:
    """Measure answers to their head: how long a body takes is in the hands of the client, too.

    Args:
        limits: By name of the upstream, each with the gate that it is set on.
    """

    name = "adaptive_concurrency"
    __slots__ = ("_limits",)

    def __init__(self, limits: Mapping[str, tuple[AdaptiveLimit, Gate]]) -> None:
        self._limits = limits

    def on_response(self, exchange: Exchange) -> None:
        """Learn from what a backend answered, and from its silence."""
        # One that is refused, or out of time, before it was tried says nothing about the upstream.
        upstream = exchange.upstream
        if upstream is None or not exchange.attempts or upstream not in self._limits:
            return
        error, response = exchange.error, exchange.response
        # A failure that comes fast (refused, 503) would pass for a backend that has time for more.
        if isinstance(error, BackendTimeout) or (error is None and response is not None and response.status < 500):
            limit, gate = self._limits[upstream]
            limit.observe(exchange, gate)
