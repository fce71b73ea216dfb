"""One client connection: HTTP/1.1 in, HTTP/1.1 out.

Reads requests through `request_parser`, lets the site's resource tree render
one exchange after the other, and is the only writer to the client
(`response_writer` makes the bytes). Pipelined requests wait their turn while
reading is paused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer, ISSLTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from gateway.body import HIGH_WATER, Body
from gateway.errors import BackendTimeout, ClientAborted, GatewayError, RequestTimeout, RequestTooLarge, ShuttingDown
from gateway.exchange import Exchange, Request
from gateway.headers import Headers
from gateway.http.messages import status_line
from gateway.interfaces import TunnelEnd
from gateway.listening.request_parser import RequestParser
from gateway.listening.response_writer import Framing, encode
from gateway.transport.deadlines import NEVER

if TYPE_CHECKING:
    from gateway.listening.site import GatewaySite

LINGER = 5.0
"""Seconds of silence, at most, while a client that was answered early is let finish sending."""
LINGER_TOTAL = 30.0
CLOSE = 10.0
"""Seconds that a close may take: the client reads what is written, and answers TLS's closing alert."""
CLOSE_IDLE = 0.5
HALF_CLOSED_PROBE = 1.0
"""Seconds after which a half-closed client is asked whether it is still there."""

_PIPELINE, _BODY = 1, 2


@implementer(IHalfCloseableProtocol, IPushProducer)
class Channel(Protocol):
    """The server side of one client connection."""

    def __init__(self, site: GatewaySite, peer: str) -> None:
        self.site = site
        self.peer = peer
        self.deadline = NEVER
        self.closed = False
        self._exchange: Exchange | None = None
        self._framing: Framing | None = None
        self._response_body: Body | None = None
        self._serving = False
        self._pauses = 0
        self._half_closed = False
        self._write_closed = False
        self._closing = False
        self._linger_until = 0.0
        self._tunnel: TunnelEnd | None = None
        self._secure = False
        options = site.options
        self._parser = RequestParser(self, options.request_header, options.header_fields, site.memo)

    # Called by Twisted.

    def connectionMade(self) -> None:
        self._secure = ISSLTransport.providedBy(self.transport)
        self.forwarding = self.site.forwarding(self.peer, self._secure)
        self.deadline = self.site.now() + self.site.options.client_header
        self.transport.registerProducer(self, True)  # type: ignore[union-attr]
        self.site.connected(self)

    def dataReceived(self, data: bytes) -> None:
        parser = self._parser
        if self._tunnel is not None:
            self._tunnel.tunnel_received(data)
            return
        if self._linger_until:
            self._linger()
            return
        waiting = not parser.in_head and self._exchange is None
        parser.feed(data)
        if self._exchange is None:
            if parser.requests:
                self._serve()
            elif waiting:
                self.deadline = self.site.now() + self.site.options.client_header
        else:
            body = self._exchange.request.body
            if body is not None and body.failed and parser.requests:
                # What is wrong is in the content of the request under way: its client need not wait for a backend.
                problem = parser.requests.pop()
                assert isinstance(problem, GatewayError)
                self._fail(self._exchange, problem)
                return
            if parser.requests or (parser.held is not None and len(parser.held) >= HIGH_WATER):
                self._pause(_PIPELINE)
            if parser.reading_body or self._framing is None:
                self._set_exchange_deadline(self._exchange, self.site.now())

    def readConnectionLost(self) -> None:
        """The client will send no more: what is complete is still answered."""
        exchange = self._exchange
        if self._tunnel is not None:
            self._half_closed = True
            self._tunnel.tunnel_half_closed()
            self._close_if_both_halves_are()
        elif exchange is None or self._parser.reading_body:
            self.transport.loseConnection()  # type: ignore[union-attr]
            if exchange is not None:
                self._abandon(ClientAborted("The client closed before its request was complete."))
        else:
            self._half_closed = True
            self.deadline = min(self.deadline, self.site.now() + HALF_CLOSED_PROBE)

    def writeConnectionLost(self) -> None:
        """Our half is closed: nothing to do, the client's half ends the connection."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.closed = True
        self.site.disconnected(self)
        if self._tunnel is not None:
            tunnel, self._tunnel = self._tunnel, None
            tunnel.tunnel_lost()
            if self._exchange is not None:
                self._finish(self._exchange)
        self._abandon(ClientAborted())

    def pauseProducing(self) -> None:
        """The client reads slowly: let the backend wait."""
        if self._tunnel is not None:
            self._tunnel.pause_reading()
        elif self._response_body is not None:
            self._response_body.pause()

    def resumeProducing(self) -> None:
        """The client has read what was written."""
        if self._tunnel is not None:
            self._tunnel.resume_reading()
        elif self._response_body is not None:
            self._touch()
            self._response_body.resume()

    def stopProducing(self) -> None:
        """The connection is lost; `connectionLost` follows."""

    # Called by the chain and the forwarder (gateway.interfaces.Downstream).

    def send_interim(self, exchange: Exchange, status: int, reason: bytes, headers: Headers) -> None:
        if exchange is self._exchange and exchange.request.version == b"1.1" and self._framing is None:
            self.transport.write(status_line(status, reason) + headers.encode() + b"\r\n")  # type: ignore[union-attr]

    def send_response(self, exchange: Exchange) -> None:
        if exchange is not self._exchange:
            return  # the client has gone meanwhile
        if self._framing is not None:
            self.abort(exchange)  # a head is out already: there is no way back
            return
        response = exchange.response
        assert response is not None
        request_body = exchange.request.body
        whole = request_body is None or request_body.ended
        error = exchange.error
        close = (
            not whole
            or (self._parser.stopped and not self._parser.requests)
            or self._half_closed
            or self.site.draining
            or (error is not None and error.close)
        )
        head, framing = encode(exchange.request, response, self.site.date, close)
        self._framing = framing
        body = response.body
        if body is None or framing.empty:
            self.transport.write(head)  # type: ignore[union-attr]
            self._sent(exchange)
        elif isinstance(body, bytes):
            exchange.bytes_sent = len(body)
            self.transport.write(head + body)  # type: ignore[union-attr]
            self._sent(exchange)
        else:
            first = body.take()
            exchange.bytes_sent = len(first)
            if body.failed:
                self.abort(exchange)
            elif body.ended:
                self.transport.write(head + framing.whole(first, body.trailers))  # type: ignore[union-attr]
                self._sent(exchange)
            else:
                self._response_body = body
                self.transport.write(head + framing.part(first))  # type: ignore[union-attr]
                self._touch()
                body.attach(self)

    def switch_protocols(self, exchange: Exchange, tunnel: TunnelEnd) -> None:
        if exchange is not self._exchange:
            tunnel.tunnel_lost()
            return
        response = exchange.response
        assert response is not None
        self.deadline = NEVER
        head = status_line(response.status, response.reason) + response.headers.encode()
        self.transport.write(b"%bConnection: Upgrade\r\n\r\n" % head)  # type: ignore[union-attr]
        self._tunnel = tunnel
        tunnel.join(self)
        held, self._parser.held = self._parser.held, None
        if held:
            tunnel.tunnel_received(held)
        self._resume(_PIPELINE)

    def abort(self, exchange: Exchange) -> None:
        if exchange is self._exchange:
            self._close(aborting=True)
            self._abandon(ClientAborted())

    # The body of a response (gateway.body.BodySink).

    def body_received(self, data: bytes) -> None:
        exchange, framing = self._exchange, self._framing
        assert exchange is not None and framing is not None
        exchange.bytes_sent += len(data)
        self.deadline = self.site.now() + self.site.options.request
        self.transport.write(framing.part(data))  # type: ignore[union-attr]

    def body_ended(self, trailers: Headers | None) -> None:
        exchange, framing = self._exchange, self._framing
        assert exchange is not None and framing is not None
        end = framing.whole(b"", trailers)
        if end:
            self.transport.write(end)  # type: ignore[union-attr]
        self._sent(exchange)

    def body_failed(self) -> None:
        if self._exchange is not None:
            self.abort(self._exchange)

    # The bodies of requests (gateway.body.BodySource), and one end of a tunnel (TunnelEnd).

    def pause_reading(self) -> None:
        self._pause(_BODY)

    def resume_reading(self) -> None:
        self._resume(_BODY)

    def body_over_limit(self, body: Body) -> None:
        exchange = self._exchange
        if exchange is None or exchange.request.body is not body:
            return
        self._fail(exchange, RequestTooLarge())

    def join(self, other: TunnelEnd) -> None:
        self._tunnel = other

    def tunnel_received(self, data: bytes) -> None:
        if self._exchange is not None:
            self._exchange.bytes_sent += len(data)
        self.transport.write(data)  # type: ignore[union-attr]

    def tunnel_half_closed(self) -> None:
        self._write_closed = True
        self._close_write()
        self._close_if_both_halves_are()

    def tunnel_lost(self) -> None:
        self._tunnel = None
        exchange = self._exchange
        if exchange is not None:
            self._finish(exchange)
        self._close()

    # Deadlines (gateway.transport.deadlines.Timed).

    def on_deadline(self, now: float) -> None:
        exchange = self._exchange
        if self._closing:
            self.transport.abortConnection()  # type: ignore[union-attr]
        elif self._linger_until or (exchange is None and not self._parser.in_head):
            self._close()
        elif exchange is None:
            self._parser.stopped = True
            self._begin(RequestTimeout("The head of the request took too long."))
        elif self._framing is not None:
            self.abort(exchange)  # neither side moved a byte of the response for the longest time allowed
        elif self._half_closed and now < exchange.deadline:
            # Note [A half-closed client may be gone]
            # FIN says "no more requests" from one client and "I have gone" from
            # another. Any octet tells: a peer that is gone answers with RST, so
            # one interim response is sent, which HTTP/1.1 clients must take
            # (RFC 9110 section 15.2).
            self.send_interim(exchange, 100, b"", Headers())
            self.deadline = exchange.deadline
        elif self._parser.reading_body:
            self._fail(exchange, RequestTimeout("The body of the request took too long."))
        else:
            self._fail(exchange, BackendTimeout("The whole exchange took too long."))

    # The life of the connection.

    def drain(self) -> None:
        """Accept no further request; close when idle."""
        if self._exchange is None and not self._parser.requests:
            self._close()
            # Nothing is left to write: only TLS waits for an answer, and an idle client may give none.
            self.deadline = self.site.now() + CLOSE_IDLE

    def shut(self) -> None:
        """Close at once, whatever is under way."""
        self._close(aborting=True)
        self._abandon(ShuttingDown())

    def _serve(self) -> None:
        """Begin exchanges until one has to wait or nothing is ready."""
        if self._serving:
            return
        self._serving = True
        requests = self._parser.requests
        try:
            while requests and self._exchange is None and not self.closed and not self._linger_until:
                self._begin(requests.popleft())
        finally:
            self._serving = False
        if not requests and self._pauses & _PIPELINE:
            self._resume(_PIPELINE)

    def _begin(self, request: Request | GatewayError) -> None:
        site = self.site
        now = site.now()
        if isinstance(request, GatewayError):
            self._parser.stopped = True
            exchange = Exchange(Request(b"", b"", Headers()), self, self.peer, self.forwarding, now, NEVER)
            self._exchange = exchange
            site.resource.render_error(exchange, request)
            return
        exchange = Exchange(request, self, self.peer, self.forwarding, now, now + site.options.request)
        self._exchange = exchange
        self._set_exchange_deadline(exchange, now)
        site.resource.render_exchange(exchange)

    def _fail(self, exchange: Exchange, error: GatewayError) -> None:
        """End what the exchange waits for and answer with an error instead."""
        if exchange.chain is not None:
            exchange.chain.fail(exchange, error)
        else:
            self.site.resource.render_error(exchange, error)

    def _sent(self, exchange: Exchange) -> None:
        """The response is written: what next on this connection?"""
        framing = self._framing
        assert framing is not None
        request_body = exchange.request.body
        self._finish(exchange)
        if framing.close:
            self._parser.stopped = True
            sending = request_body is not None and not request_body.ended
            if (sending or (exchange.error is not None and exchange.error.close)) and not self._half_closed:
                self._start_lingering()
            else:
                self._close()
            return
        if self._parser.held is not None:
            held = self._parser.resume()
            if held:
                self._parser.feed(held)
        now = self.site.now()
        options = self.site.options
        self.deadline = now + (options.client_header if self._parser.in_head else options.client_idle)
        if self._parser.requests:
            self._serve()
        elif self._pauses & _PIPELINE:
            self._resume(_PIPELINE)

    def _finish(self, exchange: Exchange) -> None:
        self._exchange = None
        self._framing = None
        self._response_body = None
        exchange.finished = self.site.now()
        self.site.resource.finish(exchange)

    def _abandon(self, error: GatewayError) -> None:
        """The exchange, if there is one, ends without its response being complete."""
        exchange = self._exchange
        if exchange is None:
            return
        self._exchange = None
        if exchange.pending is not None:
            pending, exchange.pending = exchange.pending, None
            pending.cancel()
        if self._response_body is not None:
            self._response_body.detach()
        body = exchange.request.body
        if body is not None and not body.ended:
            body.fail()
        if exchange.error is None:
            exchange.error = error
        self._finish(exchange)

    def _set_exchange_deadline(self, exchange: Exchange, now: float) -> None:
        deadline = exchange.deadline
        if self._parser.reading_body:
            deadline = min(deadline, now + self.site.options.client_body)
        self.deadline = deadline

    def _touch(self) -> None:
        self.deadline = self.site.now() + self.site.options.request

    def _start_lingering(self) -> None:
        # RFC 9112 section 9.6: closing at once, with octets of the request
        # still coming, makes the peer's TCP throw away the response.
        now = self.site.now()
        self._linger_until = now + LINGER_TOTAL
        self.deadline = now + LINGER
        if not self._secure:
            # Over TLS the response ends with its length; the client closes.
            self._close_write()
        self._pauses = 0
        self.transport.resumeProducing()  # type: ignore[union-attr]

    def _linger(self) -> None:
        self.deadline = min(self._linger_until, self.site.now() + LINGER)

    def _pause(self, why: int) -> None:
        if not self._pauses:
            self.transport.pauseProducing()  # type: ignore[union-attr]
        self._pauses |= why

    def _resume(self, why: int) -> None:
        if self._pauses & why:
            self._pauses &= ~why
            if not self._pauses and not self.closed:
                self.transport.resumeProducing()  # type: ignore[union-attr]

    def _close_write(self) -> None:
        if not self._secure:
            self.transport.loseWriteConnection()  # type: ignore[union-attr]
        else:
            self.transport.loseConnection()  # type: ignore[union-attr]

    def _close_if_both_halves_are(self) -> None:
        # Twisted leaves a connection open whose halves are both closed.
        if self._half_closed and self._write_closed:
            self._close()

    def _close(self, aborting: bool = False) -> None:
        transport = self.transport
        self._parser.stopped = True
        self._closing = True
        # What is written may take its time, and so may the other side of TLS to say goodbye; neither for ever.
        self.deadline = self.site.now() + CLOSE
        transport.unregisterProducer()  # type: ignore[union-attr]
        if aborting:
            transport.abortConnection()  # type: ignore[union-attr]
        else:
            transport.loseConnection()  # type: ignore[union-attr]
