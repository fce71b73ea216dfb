"""Close a tunnel when the credential that opened it is revoked, or where that is wished, when it ends.

A request is let in once and answered; a WebSocket that was let in may last for days. Stands behind authentication on
the routes that ask for it, and does nothing for what is no tunnel (D-101).
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any, Protocol

from gateway.exchange import Exchange
from gateway.identity.revocations import Revocations
from gateway.identity.tunnels import ENDED, POLICY_VIOLATION, REVOKED, OpenTunnels
from gateway.message import Tunnel
from gateway.principal import Principal

LONGEST_WAIT = 86_400.0
"""Seconds until the clock is looked at again: what is set by the wall clock may be meant for years from now."""


class Timers(Protocol):
    """The part of a reactor that is needed (`IReactorTime`)."""

    def callLater(self, delay: float, callable: Callable[..., Any], *args: Any) -> Any: ...  # noqa: A002


class Tunnels:
    """Holds tunnels to the credential that they were opened with.

    Args:
        tunnels: Where they are entered.
        revocations: Credentials that are refused.
        until_expiry: Whether a tunnel ends with its credential.
        timers: For that.
        wall_clock: Unix seconds.
    """

    name = "tunnels"
    __slots__ = ("_open", "_revocations", "_timers", "_tunnels", "_until_expiry", "_wall_clock")

    def __init__(
        self,
        tunnels: OpenTunnels,
        revocations: Revocations,
        until_expiry: bool,
        timers: Timers,
        wall_clock: Callable[[], float],
    ) -> None:
        self._tunnels = tunnels
        self._revocations = revocations
        self._until_expiry = until_expiry
        self._timers = timers
        self._wall_clock = wall_clock
        self._open: dict[Exchange, _Open] = {}

    def on_response(self, exchange: Exchange) -> None:
        """Enter a tunnel that is about to be opened."""
        response = exchange.response
        if response is None or response.tunnel is None or exchange.principal is None:
            return
        tunnel, principal = response.tunnel, exchange.principal
        self._tunnels.add(tunnel, principal)
        entered = self._open[exchange] = _Open(tunnel, principal)
        if self._revocations.refuses(principal, self._wall_clock()):  # while the backend thought about its answer
            tunnel.close(POLICY_VIOLATION, REVOKED)
        elif self._until_expiry:
            self._look_at_the_clock(entered)

    def on_finish(self, exchange: Exchange) -> None:
        """Forget it."""
        entered = self._open.pop(exchange, None)
        if entered is not None:
            self._tunnels.remove(entered.tunnel, entered.principal)
            if entered.timer is not None and entered.timer.active():
                entered.timer.cancel()

    def _look_at_the_clock(self, entered: _Open) -> None:
        left = entered.principal.expires - self._wall_clock()
        if left <= 0:
            entered.tunnel.close(POLICY_VIOLATION, ENDED)
        elif left < inf:
            entered.timer = self._timers.callLater(min(left, LONGEST_WAIT), self._look_at_the_clock, entered)


class _Open:
    """A tunnel, who opened it, and what looks when that ends."""

    __slots__ = ("principal", "timer", "tunnel")

    def __init__(self, tunnel: Tunnel, principal: Principal) -> None:
        self.tunnel = tunnel
        self.principal = principal
        self.timer: Any = None
