"""Tell adaptive limits how long answers take.

`gateway.resilience.gradient` decides on the limit; this step measures, and sets
the limit on the gate of the upstream.
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
    """The adaptive limit of one upstream; carried over to the next configuration if its rules stay the same.

    Args:
        gradient: Decides on the limit.
        now: Monotonic seconds.

    Attributes:
        gradient: As given; has what was learnt from the answers so far.
    """

    def __init__(self, gradient: Gradient, now: Callable[[], float]) -> None:
        self.gradient = gradient
        self._now = now

    def hold(self, gate: Gate) -> None:
        """Take over the limit of a gate: from now on only this object changes it."""
        gate.holder = self
        gate.resize(self.gradient.limit)

    def observe(self, exchange: Exchange, gate: Gate) -> None:
        """Learn from the last attempt of an exchange, and resize the gate where that changes the limit."""
        now = self._now()
        changed = self.gradient.record(now - exchange.upstream_started, gate.taken, now)
        # An exchange that began under an earlier configuration may end after another object has taken the gate over.
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
    """Measure the time until the head of each answer: how long a body takes depends on the client as well (D-44).

    Args:
        limits: The limit of each upstream, by the upstream's name, with the gate that it is set on.
    """

    name = "adaptive_concurrency"
    __slots__ = ("_limits",)

    def __init__(self, limits: Mapping[str, tuple[AdaptiveLimit, Gate]]) -> None:
        self._limits = limits

    def on_response(self, exchange: Exchange) -> None:
        """Learn from what a backend answered, and from a backend that did not answer in time."""
        # An exchange that is refused, or times out, before its first attempt says nothing about the upstream.
        upstream = exchange.upstream
        if upstream is None or not exchange.attempts or upstream not in self._limits:
            return
        error, response = exchange.error, exchange.response
        # Failures (refused, 503) do not count: they often come fast, and a short time would raise the limit.
        if isinstance(error, BackendTimeout) or (error is None and response is not None and response.status < 500):
            limit, gate = self._limits[upstream]
            limit.observe(exchange, gate)
