"""Close a tunnel when the credential that opened it is revoked; with `until_expiry`, also when the credential expires.

A request is authenticated once and answered at once; a WebSocket that is authenticated once may last for days (D-101).
The step stands behind authentication on the routes that ask for it, and does nothing for other exchanges.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any, Final, Protocol

from gateway.exchange import Exchange
from gateway.identity.revocations import Revocations
from gateway.identity.tunnels import ENDED, POLICY_VIOLATION, REVOKED, OpenTunnels
from gateway.message import Tunnel
from gateway.principal import Principal

LONGEST_WAIT: Final = 86_400.0
"""Most seconds until the wall clock is read again: a credential may expire years from now, and clocks get corrected."""


class Timers(Protocol):
    """The part of a reactor that is needed (`IReactorTime`)."""

    def callLater(self, delay: float, callable: Callable[..., Any], *args: Any) -> Any: ...  # noqa: A002


class Tunnels:
    """Binds each tunnel to the credential that opened it.

    Args:
        tunnels: The open tunnels, by credential: whoever revokes one closes them there.
        revocations: Credentials that are refused.
        until_expiry: Whether a tunnel is closed when its credential expires.
        timers: Calls back at that time.
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
        """Enter a tunnel that is about to be opened, or close it where its credential was revoked by now."""
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
        """Forget the tunnel of the exchange, if it had one."""
        if not self._open:
            return
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
    """A tunnel, the principal that opened it, and the timer for the end of its credential."""

    __slots__ = ("principal", "timer", "tunnel")

    def __init__(self, tunnel: Tunnel, principal: Principal) -> None:
        self.tunnel = tunnel
        self.principal = principal
        self.timer: Any = None
