"""The client's end of a connection that changed protocols: bytes both ways, nothing of HTTP any more.

`gateway.serving.http1_channel` makes one when a backend's 101 has gone out, and
hands it what the connection reads from then on; the other end is the backend's
connection. A stream of HTTP/2 that a WebSocket goes over has one too
(`gateway.serving.http2_tunnel`).
"""

from __future__ import annotations

from collections.abc import Callable
from os import urandom

from gateway.exchange import Exchange
from gateway.http.websocket import FrameBorders, close_frame
from gateway.message import ClientEnd, TunnelEnd
from gateway.serving.carrying import Carrying


class ClientTunnel(ClientEnd):
    """One end of a tunnel, over the connection of a client.

    Args:
        connection: Of the client, or a stream of it.
        exchange: That asked to change protocols: it lasts as long as the tunnel, and counts its bytes.
        other: The end at the backend.
        ended: Called once, when the tunnel is over from either side.
    """

    __slots__ = (
        "_asked",
        "_connection",
        "_ended",
        "_exchange",
        "_frames",
        "_goodbye",
        "_other",
        "_read_closed",
        "_watched",
        "_write_closed",
    )

    def __init__(self, connection: Carrying, exchange: Exchange, other: TunnelEnd, ended: Callable[[], None]) -> None:
        self._connection = connection
        self._exchange = exchange
        self._other = other
        self._ended = ended
        self._read_closed = False
        self._write_closed = False
        self._watched = False
        upgrade = exchange.request.upgrade
        # Followed where frames of a WebSocket pass: a close frame of ours may stand between two of them only.
        self._frames = FrameBorders() if upgrade is not None and upgrade.lower() == b"websocket" else None
        self._asked = None if self._frames is None else FrameBorders()  # those that the client sends
        # Code and reason, until the frame that the client is being sent is complete.
        self._goodbye: tuple[int, str] | None = None

    # What the client does.

    def open(self, held: bytes | None, full: bool, ended: bool) -> None:
        """Both ends are joined: catch up with what the client has done before.

        Args:
            held: What it sent behind its request.
            full: It does not read what it was sent.
            ended: It has closed its half.
        """
        if full:
            self.full()
        if held:
            self.received(held)
        if ended:
            self.half_closed()

    def received(self, data: bytes) -> None:
        """The client sent bytes."""
        self._touch()
        if self._asked is not None:
            self._asked.follow(data)
        self._other.tunnel_received(data)

    def half_closed(self) -> None:
        """The client will send no more."""
        self._read_closed = True
        self._watch()
        self._other.tunnel_half_closed()
        self._close_if_both_halves_are()

    def lost(self, reset: bool = False) -> None:
        """The client is gone.

        Args:
            reset: Not in good order.
        """
        if self._goodbye is not None:  # it did not take the rest of its frame in time
            self._tell_backend(*self._goodbye)
        elif reset:
            self._other.tunnel_reset()
            self._ended()
            return
        self._end()

    def full(self) -> None:
        """The client reads slowly."""
        self._other.pause_reading()

    def drained(self) -> None:
        """It has read what was written."""
        self._other.resume_reading()

    # What the backend's end does (gateway.message.TunnelEnd).

    def tunnel_received(self, data: bytes) -> None:
        frames = self._frames
        if frames is not None:
            if self._goodbye is not None:
                self._write(data[: frames.follow_to_border(data)])
                if frames.between or frames.closed:
                    self._say_goodbye()
                return
            frames.follow(data)
        self._touch()
        self._write(data)

    def tunnel_half_closed(self) -> None:
        self._write_closed = True
        self._watch()
        self._connection.close_write()
        self._close_if_both_halves_are()

    def tunnel_lost(self) -> None:
        self._ended()
        self._connection.close()

    def tunnel_reset(self) -> None:
        self._ended()
        self._connection.break_off()

    def pause_reading(self) -> None:
        self._connection.pause_reading()

    def resume_reading(self) -> None:
        self._connection.resume_reading()

    # What the gateway does.

    def close_tunnel(self, code: int, reason: str) -> None:
        """End it; both ends of a WebSocket are told why, once the frame that the client is being sent is complete."""
        frames = self._frames
        if frames is None or self._write_closed:
            self._tell_backend(code, reason)
            self._end()
            self._connection.close()
        elif self._goodbye is None:
            self._goodbye = code, reason
            self._other.resume_reading()  # else a client that reads slowly would never get the rest of the frame
            self._connection.wait_for_close()
            if frames.between or frames.closed:
                self._say_goodbye()

    def leave(self, code: int) -> bool:
        """Tell both ends of a WebSocket that the gateway goes, if they can be told; returns whether the client was."""
        self._tell_backend(code, "")
        frames = self._frames
        if frames is None or not frames.between or self._write_closed:
            return False
        self._write(close_frame(code))
        self._other.tunnel_lost()
        return True

    def _say_goodbye(self) -> None:
        goodbye, frames = self._goodbye, self._frames
        assert goodbye is not None
        assert frames is not None
        if not frames.closed:  # the backend has just sent a close frame of its own
            self._write(close_frame(*goodbye))
        self._tell_backend(*goodbye)
        self._end()
        self._connection.close_gently()

    def _tell_backend(self, code: int, reason: str) -> None:
        """Send a WebSocket's backend a close frame, as its client would, where one may stand.

        Where the client is in the midst of a frame, nothing can be said: the connection ends.
        """
        asked = self._asked
        if asked is not None and asked.between and not self._read_closed:
            frame = close_frame(code, reason, urandom(4))
            asked.follow(frame)  # nothing may come after it
            self._other.tunnel_received(frame)

    def _end(self) -> None:
        self._other.tunnel_lost()
        self._ended()

    def _write(self, data: bytes) -> None:
        self._exchange.bytes_sent += len(data)
        self._connection.carry(data)

    # How long it may be silent.

    def _touch(self) -> None:
        if self._watched and self._goodbye is None:
            self._connection.wait_while_silent()

    def _watch(self) -> None:
        # A tunnel that is open both ways may be silent for hours. Once one half is closed, nothing would tell that the
        # peer behind that half is gone: so its silence is bounded.
        self._watched = True
        self._connection.wait_while_silent()

    def _close_if_both_halves_are(self) -> None:
        # Twisted keeps a connection open even when both of its halves are closed.
        if self._read_closed and self._write_closed:
            self._connection.close()
