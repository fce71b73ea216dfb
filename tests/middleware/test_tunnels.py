"""Tunnels that end with the clock; `tests/flow/test_tunnels.py` has what else closes them."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.task import Clock

from gateway.identity.revocations import Revocations
from gateway.identity.tunnels import OpenTunnels
from gateway.message import Response, Tunnel
from gateway.middleware.tunnels import Tunnels
from gateway.principal import Principal

if TYPE_CHECKING:
    from tests.middleware.conftest import MakeExchange

DAY = 86_400


class Closed(Tunnel):
    """A tunnel that notes how it was closed."""

    __slots__ = ("codes",)

    def __init__(self) -> None:
        super().__init__(lambda: None)  # type: ignore[arg-type, return-value]
        self.codes: list[int] = []

    def close(self, code: int, reason: str) -> None:
        self.codes.append(code)


class Bench:
    """The step, with a reactor's clock and a wall clock."""

    def __init__(self, until_expiry: bool = True) -> None:
        self.timers: Any = Clock()
        self.wall = 1000.0
        self.open = OpenTunnels()
        self.step = Tunnels(self.open, Revocations(), until_expiry, self.timers, lambda: self.wall)

    def pass_time(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self.wall += seconds
        self.timers.advance(seconds)


def test_a_token_that_has_long_to_go_is_looked_at_daily(make: MakeExchange) -> None:
    """The wall clock may be set meanwhile; the tunnel ends when it says so, and not before."""
    bench, tunnel, exchange = Bench(), Closed(), make()
    exchange.principal = Principal("alice", token_id="t", expires=1000.0 + 3 * DAY)
    exchange.response = Response(101)
    exchange.response.tunnel = tunnel
    bench.step.on_response(exchange)

    for _ in range(2):
        bench.pass_time(DAY)
        assert tunnel.codes == []
    bench.wall += DAY / 2  # somebody has set the clock
    bench.timers.advance(DAY / 2)
    bench.pass_time(DAY / 2)

    assert tunnel.codes == [1008]
    bench.step.on_finish(exchange)
    assert not bench.timers.getDelayedCalls()


@pytest.mark.parametrize("expires", [inf, 2000.0])
@pytest.mark.parametrize("until_expiry", [True, False])
def test_a_timer_is_set_only_where_something_ends(make: MakeExchange, expires: float, until_expiry: bool) -> None:
    """And it is cancelled when the tunnel is over."""
    bench, exchange = Bench(until_expiry), make()
    exchange.principal = Principal("alice", token_id="t", expires=expires)
    exchange.response = Response(101)
    exchange.response.tunnel = Closed()
    bench.step.on_response(exchange)

    assert len(bench.timers.getDelayedCalls()) == (1 if until_expiry and expires < inf else 0)
    assert len(bench.open) == 1
    bench.step.on_finish(exchange)
    assert not bench.timers.getDelayedCalls()
    assert len(bench.open) == 0


def test_what_is_no_tunnel_is_let_alone(make: MakeExchange) -> None:
    """An ordinary answer, none at all, and a tunnel on a route without authentication."""
    bench = Bench()
    answered, aborted, free = make(), make(), make()
    answered.principal = Principal("alice", token_id="t")
    answered.response = Response(200)
    free.response = Response(101)
    free.response.tunnel = Closed()
    for exchange in (answered, aborted, free):
        bench.step.on_response(exchange)
        bench.step.on_finish(exchange)

    assert len(bench.open) == 0
