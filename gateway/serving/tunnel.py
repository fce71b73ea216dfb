"""The client's end of a connection that changed protocols: bytes both ways, nothing of HTTP any more.

`gateway.serving.channel` makes one when a backend's 101 has gone out, and
hands it what the connection reads from then on; the other end is the backend's
connection.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.exchange import Exchange
from gateway.interfaces import TunnelEnd
from gateway.serving.connection import ClientConnection
from gateway.transport.deadlines import NEVER


class ClientTunnel:
    """One end of a tunnel, over the connection of a client.

    Args:
        connection: Of the client.
        exchange: That asked to change protocols: it lasts as long as the tunnel, and counts its bytes.
        other: The end at the backend.
        ended: Called once, when the tunnel is over from either side.
    """

    __slots__ = ("_connection", "_ended", "_exchange", "_other", "_read_closed", "_write_closed")

    def __init__(
        self, connection: ClientConnection, exchange: Exchange, other: TunnelEnd, ended: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._exchange = exchange
        self._other = other
        self._ended = ended
        self._read_closed = False
        self._write_closed = False

    # What the client does.

    def received(self, data: bytes) -> None:
        """The client sent bytes."""
        self._touch()
        self._other.tunnel_received(data)

    def half_closed(self) -> None:
        """The client will send no more."""
        self._read_closed = True
        self._watch()
        self._other.tunnel_half_closed()
        self._close_if_both_halves_are()

    def lost(self) -> None:
        """The client is gone."""
        self._other.tunnel_lost()
        self._ended()

    def full(self) -> None:
        """The client reads slowly."""
        self._other.pause_reading()

    def drained(self) -> None:
        """It has read what was written."""
        self._other.resume_reading()

    # What the backend's end does (gateway.interfaces.TunnelEnd).

    def tunnel_received(self, data: bytes) -> None:
        self._exchange.bytes_sent += len(data)
        self._touch()
        self._connection.transport.write(data)  # type: ignore[union-attr]

    def tunnel_half_closed(self) -> None:
        self._write_closed = True
        self._watch()
        self._connection.close_write()
        self._close_if_both_halves_are()

    def tunnel_lost(self) -> None:
        self._ended()
        self._connection.close()

    def pause_reading(self) -> None:
        self._connection.pause_reading()

    def resume_reading(self) -> None:
        self._connection.resume_reading()

    # How long it may be silent.

    def _touch(self) -> None:
        if self._connection.deadline != NEVER:
            self._watch()

    def _watch(self) -> None:
        # A tunnel may be silent for hours. One that is closed one way may not: nobody hears any more whether the
        # peer behind that half is still there.
        site = self._connection.site
        self._connection.deadline = site.now() + site.options.client_idle

    def _close_if_both_halves_are(self) -> None:
        # Twisted leaves a connection open whose halves are both closed.
        if self._read_closed and self._write_closed:
            self._connection.close()
