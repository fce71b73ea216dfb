"""A WebSocket over one stream of HTTP/2 (RFC 8441): the client's end of the tunnel to a backend that speaks HTTP/1.1.

The client asks by `CONNECT` with `:protocol: websocket`, and its backend is asked by `GET` with `Upgrade`; the 101 goes
back as a 200, and from then on the stream's content is what the tunnel carries. How either end leaves is said in the
words of the other (RFC 8441 section 5): what ends in good order ends the stream, a reset is RST_STREAM with CANCEL.
The key of the request is the gateway's, which is the client of HTTP/1.1 here. So the gateway looks whether the backend
has answered it: nobody behind it can.

Tests: `tests/flow/test_http2_websockets.py::test_octets_pass_both_ways`.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Final

from gateway.errors import GatewayError, MethodUnknown, WebSocketNotTaken
from gateway.exchange import Exchange
from gateway.http.websocket import GOING_AWAY, accepting
from gateway.http2 import codes
from gateway.http2.events import Trailers
from gateway.http2.fields import outward
from gateway.message import Request
from gateway.serving.carrying import Carrying
from gateway.serving.http2_stream import Carrier, Http2Stream
from gateway.serving.times import CLOSE, Stage
from gateway.serving.tunnel import ClientTunnel
from gateway.transport.deadlines import NEVER

WEBSOCKET: Final = b"websocket"

OF_HTTP1: Final = frozenset([b"sec-websocket-accept"])
"""Fields of a 101 that no client of HTTP/2 gets: they answer what only HTTP/1.1 asks."""


def as_http1(request: Request, random_bytes: Callable[[int], bytes]) -> None:
    """Make of an extended CONNECT what HTTP/1.1 asks in its place (RFC 8441 section 5).

    Args:
        request: Has a protocol to change to.
        random_bytes: For the key that a client of HTTP/1.1 sends, and one of HTTP/2 does not.

    Raises:
        MethodUnknown: The protocol is another than WebSocket.
    """
    if request.upgrade != WEBSOCKET:
        raise MethodUnknown("CONNECT is served for WebSocket only.")
    request.method = b"GET"
    request.headers.set(b"Sec-WebSocket-Key", b64encode(random_bytes(16)))


class WebSocketStream(Http2Stream, Carrying):
    """The client's end of an exchange that asks for a WebSocket, and then of its tunnel."""

    __slots__ = ("_half_closed", "_held", "_key", "_tunnel", "_write_closed")

    def __init__(self, channel: Carrier, sid: int) -> None:
        super().__init__(channel, sid)
        self._tunnel: ClientTunnel | None = None
        self._held = b""  # what the client has sent before the backend said 101
        self._key = b""
        self._half_closed = False
        self._write_closed = False

    def begin(self, exchange: Exchange) -> None:
        super().begin(exchange)
        self._key = exchange.request.headers.get(b"sec-websocket-key") or b""
        self._owed.pause()

    # What the client sends.

    def received(self, data: bytes, end: bool) -> None:
        tunnel = self._tunnel
        if tunnel is not None:
            if data:
                tunnel.received(data)
            self._consume(self._owed.received(len(data)))
            if end:
                tunnel.half_closed()
        elif self.life.exchange is not None:
            self._held += data
            self._owed.received(len(data))
            self._half_closed = self._half_closed or end
        else:
            self._consume(len(data))

    def ended(self, trailers: Trailers) -> None:
        self.received(b"", True)

    def over(self, code: int, reset: bool) -> None:
        self._lose(reset or code != codes.NO_ERROR)
        super().over(code, reset)

    def room(self) -> None:
        tunnel = self._tunnel
        if tunnel is None:
            super().room()
        else:
            self._full = False
            tunnel.drained()

    def leave(self) -> bool:
        tunnel = self._tunnel
        if tunnel is None or not tunnel.leave(GOING_AWAY):
            return False
        self._tunnel = None
        self.close_write()
        return True

    def abandon(self, error: GatewayError) -> None:
        self._lose()
        super().abandon(error)

    # Called by the chain and the forwarder (gateway.exchange.Downstream).

    def send_response(self, exchange: Exchange) -> None:
        response, life = exchange.response, self.life
        said_yes = response is not None and 200 <= response.status < 300 and exchange.error is None
        if said_yes and exchange is life.exchange and life.stage is Stage.ASKED:
            # To the client a 2xx would say that its WebSocket is there (RFC 8441 section 5).
            self._fail(exchange, WebSocketNotTaken("The backend answers a request for a WebSocket as any other."))
            return
        if (
            response is None
            or response.status != 101
            or response.tunnel is None
            or exchange is not life.exchange
            or life.stage is not Stage.ASKED
        ):
            super().send_response(exchange)
            return
        if response.headers.get(b"sec-websocket-accept") != accepting(self._key):
            self._fail(exchange, WebSocketNotTaken("The backend has not answered the key of a WebSocket."))
            return
        channel = self._channel
        backend = response.tunnel.take()
        life.switched()
        self.deadline = NEVER
        fields = [field for field in outward(response.headers.fields) if field[0] not in OF_HTTP1]
        if b"date" not in response.headers.index:
            fields.append((b"date", channel.site.date()))
        channel.engine.respond(self.sid, 200, fields, b"", False)
        channel.wake()
        ours = self._tunnel = ClientTunnel(self, exchange, backend, self._tunnel_ended)
        response.tunnel.join(ours)
        if life.exchange is not exchange:
            return  # it was closed before it began
        held, self._held = self._held, b""
        ours.open(held, full=self._full, ended=self._half_closed)
        self._consume(self._owed.settle())

    def abort(self, exchange: Exchange) -> None:
        super().abort(exchange)
        self._lose()

    # What carries the tunnel (gateway.serving.carrying.Carrying).

    def carry(self, data: bytes) -> None:
        full = self._channel.engine.write(self.sid, data, False)
        if full and not self._full and self._tunnel is not None:
            self._full = True
            self._tunnel.full()
        self._channel.wake()

    def close(self, aborting: bool = False) -> None:
        self.close_write()
        self._channel.engine.part(self.sid)
        self._consume(self._owed.settle())
        self.wait_for_close()

    def close_write(self) -> None:
        if not self._write_closed:
            self._write_closed = True
            self._channel.engine.write(self.sid, b"", True)
            self._channel.wake()

    def close_gently(self) -> None:
        self.close()

    def break_off(self) -> None:
        if self._write_closed:
            self.close()  # the client has had the end of it
            return
        self._write_closed = True
        self._channel.engine.part(self.sid, codes.CANCEL)
        self._consume(self._owed.settle())
        self.wait_for_close()
        self._channel.wake()

    def wait_while_silent(self) -> None:
        site = self._channel.site
        self.deadline = site.now() + site.options.client_idle

    def wait_for_close(self) -> None:
        self.deadline = self._channel.site.now() + CLOSE

    def _lose(self, reset: bool = False) -> None:
        """The client is gone."""
        tunnel = self._tunnel
        if tunnel is not None:
            tunnel.lost(reset)

    def _tunnel_ended(self) -> None:
        self._tunnel = None
        if self.life.exchange is not None:
            self.life.finish()
