"""The client's end of a tunnel. That bytes go both ways, tests/flow/test_upgrade.py holds."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from gateway.serving.carrying import Carrying
from gateway.serving.tunnel import ClientTunnel

if TYPE_CHECKING:
    from gateway.exchange import Exchange
    from gateway.message import TunnelEnd


class Client(Carrying):
    """A connection that writes down what is asked of it."""

    def __init__(self, said: list[str]) -> None:
        self.said = said
        self.waits = 0

    def carry(self, data: bytes) -> None:
        self.said.append(f"client gets {data.decode()}")

    def close(self, aborting: bool = False) -> None:
        self.said.append("client close")

    def close_write(self) -> None:
        self.said.append("client close_write")

    def pause_reading(self) -> None:
        self.said.append("client pause_reading")

    def resume_reading(self) -> None:
        self.said.append("client resume_reading")

    def wait_while_silent(self) -> None:
        self.waits += 1


class Ends:
    """A tunnel between two ends that write down what is asked of them."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.exchange = SimpleNamespace(bytes_sent=0, request=SimpleNamespace(upgrade=b"echo"))
        self.connection = Client(self.said)
        backend = SimpleNamespace(
            tunnel_received=lambda data: self.said.append(f"backend gets {data.decode()}"),
            **self._noting("backend", "tunnel_half_closed", "tunnel_lost", "pause_reading", "resume_reading"),
        )
        self.tunnel = ClientTunnel(
            self.connection,
            cast("Exchange", self.exchange),
            cast("TunnelEnd", backend),
            lambda: self.said.append("ended"),
        )

    def _noting(self, who: str, *names: str) -> dict[str, Any]:
        return {name: (lambda name=name: self.said.append(f"{who} {name}")) for name in names}


@pytest.fixture
def ends() -> Ends:
    """A tunnel."""
    return Ends()


def test_bytes_go_both_ways_and_those_to_the_client_count(ends: Ends) -> None:
    """The access log's bytes are those that the client was sent."""
    ends.tunnel.received(b"up")
    ends.tunnel.tunnel_received(b"down")

    assert ends.said == ["backend gets up", "client gets down"]
    assert ends.exchange.bytes_sent == 4
    assert ends.connection.waits == 0


def test_back_pressure_goes_both_ways(ends: Ends) -> None:
    """A slow client pauses the backend, a slow backend the client."""
    ends.tunnel.full()
    ends.tunnel.drained()
    ends.tunnel.pause_reading()
    ends.tunnel.resume_reading()

    assert ends.said == [
        "backend pause_reading",
        "backend resume_reading",
        "client pause_reading",
        "client resume_reading",
    ]


@pytest.mark.parametrize("first", ["half_closed", "tunnel_half_closed"])
def test_it_closes_once_both_halves_are(ends: Ends, first: str) -> None:
    """Whichever closes first; until then silence is bounded, and each byte begins it anew."""
    second = {"half_closed": "tunnel_half_closed", "tunnel_half_closed": "half_closed"}[first]
    getattr(ends.tunnel, first)()

    assert ends.connection.waits == 1
    assert "client close" not in ends.said
    ends.tunnel.received(b"more")
    assert ends.connection.waits == 2

    getattr(ends.tunnel, second)()
    assert ends.said[-1] == "client close"


def test_losing_one_end_ends_the_other(ends: Ends) -> None:
    """And the exchange with it."""
    ends.tunnel.lost()
    assert ends.said == ["backend tunnel_lost", "ended"]

    ends.said.clear()
    ends.tunnel.tunnel_lost()
    assert ends.said == ["ended", "client close"]
