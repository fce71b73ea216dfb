"""One client connection: HTTP/1.1 in, HTTP/1.1 out.

Lets the site's resource tree render one exchange after the other, and is the
only writer to the client (`http1.response_head` makes the bytes). Pipelined
requests wait their turn while reading is held back; how, and how a connection
ends, is in `connection`.
"""

from __future__ import annotations

from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from gateway.body import HIGH_WATER, Body
from gateway.errors import (
    BackendTimeout,
    ClientAborted,
    GatewayError,
    InternalError,
    RequestTimeout,
    RequestTooLarge,
    ShuttingDown,
)
from gateway.exchange import Downstream, Exchange
from gateway.headers import Headers
from gateway.http.messages import status_line
from gateway.http.websocket import GOING_AWAY
from gateway.http1.response_head import encode
from gateway.message import Request, Response, Tunnel
from gateway.serving.connection import BODY, CLOSE_IDLE, LINGER, PIPELINE
from gateway.serving.contract import Host
from gateway.serving.patience import PatientConnection
from gateway.serving.tunnel import ClientTunnel
from gateway.transport.deadlines import NEVER

HALF_CLOSED_PROBE = 1.0
"""Seconds after which a half-closed client is asked whether it is still there."""


@implementer(IHalfCloseableProtocol, IPushProducer)
class Http1Channel(PatientConnection, Downstream):
    """The exchanges of one client connection."""

    def __init__(self, site: Host, address: str) -> None:
        super().__init__(site, address)
        self._response_body: Body | None = None
        self._serving = False
        self._full = False
        self._probed = False

    # Called by Twisted.

    def connectionMade(self) -> None:
        super().connectionMade()
        self.site.connected(self)

    def dataReceived(self, data: bytes) -> None:
        parser = self._parser
        if self._tunnel is not None:
            self._tunnel.received(data)
            return
        if self._linger_until:
            self._linger()
            return
        waiting = not parser.in_head and self._exchange is None
        uploading = self._exchange is not None and self._awaits_content(self._exchange)
        parser.feed(data)
        if self._exchange is None:
            if parser.requests:
                self._serve()
            elif waiting and not self._closing:
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
                self._pause(PIPELINE)
            now = self.site.now()
            route = self._exchange.route
            if uploading and route is not None and route.request_timeout:
                # Note [An upload that moves is not cut]
                # Its silence is bounded (`timeouts.client_body`), and how long the backend does not take it. The time
                # for the exchange begins anew with each part, so that it counts from the last one.
                self._exchange.deadline = now + route.request_timeout
            if parser.reading_body or self._framing is None:
                self._set_exchange_deadline(self._exchange, now)

    def readConnectionLost(self) -> None:
        """The client will send no more: what is complete is still answered."""
        exchange = self._exchange
        if self._tunnel is not None:
            self._tunnel.half_closed()
        elif exchange is None or self._parser.reading_body:
            self.close()
            self._abandon(ClientAborted("The client closed before its request was complete."))
        else:
            if self._framing is None and not self._half_closed:
                self.deadline = min(self.deadline, self.site.now() + HALF_CLOSED_PROBE)
            self._half_closed = True

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.closed = True
        self.site.disconnected(self)
        if self._tunnel is not None:
            self._tunnel.lost()
        self._abandon(ClientAborted())

    def pauseProducing(self) -> None:
        """The client reads slowly: let the backend wait."""
        self._full = True
        if self._framing is not None and self.deadline == NEVER:
            # However long a stream may be silent (`request_timeout: 0`): a client that reads nothing is gone.
            self.deadline = self.site.now() + self.site.options.request
        if self._tunnel is not None:
            self._tunnel.full()
        elif self._response_body is not None:
            self._response_body.pause()

    def resumeProducing(self) -> None:
        """The client has read what was written."""
        self._full = False
        if self._tunnel is not None:
            self._tunnel.drained()
        elif self._response_body is not None:
            self._touch(self._exchange)
            self._response_body.resume()
        elif self._parser.requests and self._exchange is None:
            self._serve()

    # Called by the chain and the forwarder (gateway.exchange.Downstream).

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
        if response.status == 101:
            if response.tunnel is None:
                self._fail(exchange, InternalError("A step answered with a change of protocol."))
            else:
                self._open_tunnel(exchange, response, response.tunnel)
            return
        parser = self._parser
        request_body = exchange.request.body
        whole = request_body is None or request_body.ended
        error = exchange.error
        close = (
            not whole
            # Nothing more will come; what has come before that is still answered.
            or ((parser.stopped or self._half_closed) and not parser.requests)
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
                self._touch(exchange)
                # Before the write, which may say that the client has had enough.
                body.attach(self)
                if self._full:
                    body.pause()
                self.transport.write(head + framing.part(first))  # type: ignore[union-attr]

    def abort(self, exchange: Exchange) -> None:
        if exchange is self._exchange:
            self.close(aborting=True)
            self._abandon(ClientAborted())

    # The body of a response (gateway.body.BodySink).

    def body_received(self, data: bytes) -> None:
        exchange, framing = self._exchange, self._framing
        assert exchange is not None and framing is not None
        exchange.bytes_sent += len(data)
        self._touch(exchange)
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

    # The bodies of requests (gateway.body.BodySource).

    def body_over_limit(self, body: Body) -> None:
        exchange = self._exchange
        if exchange is None or exchange.request.body is not body:
            return
        self._fail(exchange, RequestTooLarge())

    # Deadlines (gateway.transport.deadlines.Timed).

    def on_deadline(self, now: float) -> None:
        exchange = self._exchange
        if self._closing:
            self.transport.abortConnection()  # type: ignore[union-attr]
        elif self._tunnel is not None:
            self.close(aborting=True)
        elif self._linger_until or (exchange is None and not self._parser.in_head):
            self.close()
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
            # (RFC 9110 section 15.2). Reading does not tell: after FIN, Linux
            # gives the end again and again, also after a reset. So it is sent
            # once more, and writing to a connection that was reset does fail.
            self.send_interim(exchange, 100, b"", Headers())
            self.deadline = exchange.deadline if self._probed else min(exchange.deadline, now + HALF_CLOSED_PROBE)
            self._probed = True
        elif exchange.error is not None:
            self.abort(exchange)  # a step holds up even the error
        else:
            self.deadline = now + LINGER
            if self._awaits_content(exchange) and not self._pauses & BODY:
                self._fail(exchange, RequestTimeout("The body of the request took too long."))
            else:
                self._fail(exchange, BackendTimeout("The whole exchange took too long."))

    # The life of the connection.

    def drain(self) -> None:
        """Accept no further request; close when idle."""
        if self._exchange is None and not self._parser.requests:
            self.close()
            # Nothing is left to write: only TLS waits for an answer, and an idle client may give none.
            self.deadline = self.site.now() + CLOSE_IDLE

    def shut(self) -> None:
        """Close at once, whatever is under way; the client of a WebSocket is told where a frame may stand."""
        tunnel = self._tunnel
        if tunnel is not None and not self._full and tunnel.leave(GOING_AWAY):
            self._tunnel = None
            self.close()
        else:
            self.close(aborting=True)
        self._abandon(ShuttingDown())

    def _serve(self) -> None:
        """Begin exchanges until one has to wait or nothing is ready."""
        if self._serving:
            return
        self._serving = True
        requests = self._parser.requests
        try:
            # A client that does not read its answers gets no further ones.
            while requests and self._exchange is None and not self._full and not self._linger_until:
                self._begin(requests.popleft())
        finally:
            self._serving = False
        if not requests:
            if self._pauses & PIPELINE:
                self._resume(PIPELINE)
        elif self._full:
            self._pause(PIPELINE)

    def _begin(self, request: Request | GatewayError) -> None:
        site, now = self.site, self.site.now()
        if isinstance(request, GatewayError):
            self._parser.stopped = True
            exchange = Exchange(Request(b"", b"", Headers()), self, self.peer, now, NEVER)
            self._exchange = exchange
            self.deadline = now + site.options.request
            site.resource.render_error(exchange, request)
            return
        exchange = Exchange(request, self, self.peer, now, now + site.options.request)
        self._exchange = exchange
        site.resource.render_exchange(exchange)
        # After it: how long it may take is known with its route.
        if self._exchange is exchange and self._framing is None and self._tunnel is None:
            self._set_exchange_deadline(exchange, now)
            if self._half_closed:
                self.deadline = min(self.deadline, now + HALF_CLOSED_PROBE)

    def _open_tunnel(self, exchange: Exchange, response: Response, tunnel: Tunnel) -> None:
        """Every step has seen the 101: write it, and let the connection be one end of the tunnel."""
        backend = tunnel.take()
        self.deadline = NEVER
        head = status_line(response.status, response.reason) + response.headers.encode()
        self.transport.write(b"%bConnection: Upgrade\r\n\r\n" % head)  # type: ignore[union-attr]
        ours = self._tunnel = ClientTunnel(self, exchange, backend, self._tunnel_ended)
        tunnel.join(ours)
        if self._tunnel is not ours:
            return  # it was closed before it began
        if self._full:
            ours.full()
        held, self._parser.held = self._parser.held, None
        if held:
            ours.received(held)
        self._resume(PIPELINE)
        if self._half_closed:
            ours.half_closed()

    def _fail(self, exchange: Exchange, error: GatewayError) -> None:
        """End what the exchange waits for and answer with an error instead, where no answer has begun."""
        if self._framing is not None:
            exchange.error = error
            self.abort(exchange)
            return
        assert exchange.chain is not None  # an exchange is given one as it begins
        exchange.chain.fail(exchange, error)

    def _sent(self, exchange: Exchange) -> None:
        """The response is written: what next on this connection?"""
        framing = self._framing
        assert framing is not None
        self._finish(exchange)
        if framing.close or (self._half_closed and not self._parser.requests):
            self._parser.stopped = True
            if not self._half_closed and self._may_still_send(exchange):
                self._start_lingering()
            else:
                self.close()
            return
        # While requests are left, what is held stands behind one that has not been answered yet.
        if self._parser.held is not None and not self._parser.requests:
            held = self._parser.resume()
            if held:
                self._parser.feed(held)
        now = self.site.now()
        options = self.site.options
        self.deadline = now + (options.client_header if self._parser.in_head else options.client_idle)
        if self._parser.requests:
            self._serve()
        elif self._pauses & PIPELINE:
            self._resume(PIPELINE)

    def _tunnel_ended(self) -> None:
        self._tunnel = None
        if self._exchange is not None:
            self._finish(self._exchange)

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
