"""The backend's end of a tunnel: what becomes of a connection of HTTP/1.1 after a 101.

Made by `gateway.upstream.http1_connection`, which carries it and passes on what its transport says.

Tests: `tests/flow/test_upgrade.py::test_octets_pass_both_ways`.
"""

from __future__ import annotations

from mypy_extensions import mypyc_attr, trait

from gateway.message import OpenTunnel, TunnelEnd


@mypyc_attr(allow_interpreted_subclasses=True)
@trait
class Carrier:
    """The connection that a tunnel goes over, as its end sees it."""

    __slots__ = ()

    def carry(self) -> bool:
        """The client's end has joined; returns False where the connection has ended before."""
        raise NotImplementedError

    def write(self, data: bytes) -> None:
        """Write octets to the backend."""
        raise NotImplementedError

    def write_no_more(self) -> None:
        """Close our half of the connection."""
        raise NotImplementedError

    def pause_reading(self) -> None:
        """Read nothing more until told."""
        raise NotImplementedError

    def resume_reading(self) -> None:
        """Read on."""
        raise NotImplementedError

    def close(self, aborting: bool = False) -> None:
        """Close it, once what was written is sent."""
        raise NotImplementedError


class BackendTunnel(OpenTunnel):
    """What the backend says goes to the client's end; until that has joined, it is kept.

    Args:
        carrier: The connection to the backend.
        early: What has come behind the 101.
    """

    __slots__ = ("_carrier", "_early", "_other")

    def __init__(self, carrier: Carrier, early: bytes) -> None:
        self._carrier = carrier
        self._early = early
        self._other: TunnelEnd | None = None

    # Called by the client's end (gateway.message.OpenTunnel).

    def join(self, other: TunnelEnd) -> None:
        self._other = other
        carried = self._carrier.carry()
        early, self._early = self._early, b""
        if early:
            other.tunnel_received(early)
        if not carried:
            self.lost()

    def tunnel_received(self, data: bytes) -> None:
        self._carrier.write(data)

    def tunnel_half_closed(self) -> None:
        self._carrier.write_no_more()

    def tunnel_lost(self) -> None:
        self._other = None
        self._carrier.close()

    def tunnel_reset(self) -> None:
        self._other = None
        self._carrier.close(aborting=True)

    def pause_reading(self) -> None:
        self._carrier.pause_reading()

    def resume_reading(self) -> None:
        self._carrier.resume_reading()

    # Called by the connection.

    def received(self, data: bytes) -> None:
        """The backend said something."""
        if self._other is None:
            self._early += data  # TLS gives what it had read before it was told to pause
        else:
            self._other.tunnel_received(data)

    def ended(self) -> None:
        """The backend will say no more."""
        if self._other is not None:
            self._other.tunnel_half_closed()

    def lost(self, clean: bool = True) -> None:
        """The connection is gone.

        Args:
            clean: In good order.
        """
        other, self._other = self._other, None
        if other is not None and clean:
            other.tunnel_lost()
        elif other is not None:
            other.tunnel_reset()

    def full(self) -> None:
        """The backend reads slowly."""
        if self._other is not None:
            self._other.pause_reading()

    def drained(self) -> None:
        """The backend has read what was written."""
        if self._other is not None:
            self._other.resume_reading()
