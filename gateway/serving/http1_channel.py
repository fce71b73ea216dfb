"""One client connection: HTTP/1.1 in, HTTP/1.1 out.

Lets the site's tree render one exchange after the other, and is the only writer to the client
(`http1.response_head` makes the bytes). Pipelined requests wait their turn while reading is held back.

What the connection may be doing is in `gateway.serving.phases`, an exchange's own life in `gateway.serving.life`, how
reading is held back and how a connection ends in `gateway.serving.connection`.
"""

from __future__ import annotations

from typing import Final

from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol, IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import classImplements

from gateway.body import HIGH_WATER, Body
from gateway.errors import (
    ClientAborted,
    GatewayError,
    InternalError,
    RequestTimeout,
    RequestTooLarge,
    ShuttingDown,
)
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.http.messages import status_line
from gateway.http.websocket import GOING_AWAY
from gateway.message import Request, Response, Tunnel
from gateway.serving.connection import BODY, PIPELINE, ClientConnection
from gateway.serving.contract import Host
from gateway.serving.http1_answer import Answering, AnswerWriter
from gateway.serving.life import Life
from gateway.serving.phases import AFTER, Event, Half, Phase
from gateway.serving.times import HALF_CLOSED_PROBE, LINGER, Stage, between
from gateway.serving.tunnel import ClientTunnel
from gateway.transport.deadlines import NEVER

# A member of an enumeration costs 30 ns to look up in CPython 3.11, a global 5.
_HEAD: Final = Phase.HEAD
_SERVING: Final = Phase.SERVING
_ANSWERED: Final = Event.ANSWERED
_OPEN: Final = Half.OPEN
_ASKED: Final = Stage.ASKED


class Http1Channel(ClientConnection, Answering):
    """The exchanges of one client connection.

    Attributes:
        life: Of the exchange under way.
    """

    __slots__ = ("_in_serve", "_tunnel", "_writer", "life")

    def __init__(self, site: Host, address: str) -> None:
        super().__init__(site, address)
        self.life = Life(site)
        self._tunnel: ClientTunnel | None = None
        self._in_serve = False  # an answer that is made at once comes back to `_serve` while it runs

    # Called by Twisted.

    def connectionMade(self) -> None:
        super().connectionMade()
        self._writer = AnswerWriter(self, self.life, self.transport, self.site.date)
        self.site.connected(self)

    def dataReceived(self, data: bytes) -> None:
        phase = self.phase
        uploading = None
        if phase >= _SERVING:
            if self._tunnel is not None:
                self._tunnel.received(data)
                return
            if phase is not _SERVING:
                if phase is Phase.LINGERING:
                    self._dropped()
                return
            if self.life.awaits_content():
                uploading = self.life.exchange
        parser = self._parser
        parser.feed(data)
        # What was read may have ended the exchange that it belonged to.
        phase = self.phase
        if phase is _SERVING:
            self._received_while_serving(uploading)
        elif phase < _SERVING:
            if parser.requests:
                self._serve()
            elif parser.in_head and phase is not _HEAD:
                self._enter(Event.OCTET)

    def readConnectionLost(self) -> None:
        """The client will send no more: what is complete is still answered."""
        if self.half is _OPEN:
            self.half = Half.ENDED
        phase = AFTER[self.phase][Event.ENDED]
        if phase is not self.phase:
            self.close()
        elif self._tunnel is not None:
            self._tunnel.half_closed()
        elif self.life.awaits_content():
            self.close()
            self.life.abandon(ClientAborted("The client closed before its request was complete."))
        elif phase is _SERVING:
            if self._parser.reading_body:
                # The last of the requests that wait is not complete; nobody has seen it yet.
                self._parser.requests.pop()
                self._parser.stopped = True
            if self.life.stage is _ASKED:
                self.deadline = min(self.deadline, self.site.now() + HALF_CLOSED_PROBE)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.phase = AFTER[self.phase][Event.LOST]
        self.site.disconnected(self)
        if self._tunnel is not None:
            self._tunnel.lost()
        self.life.abandon(ClientAborted())

    def pauseProducing(self) -> None:
        """The client reads slowly: let the backend wait."""
        self._full = True
        if self._tunnel is not None:
            self._tunnel.full()
        elif self.life.exchange is not None:
            self._wait_until(self.deadline)
            self.life.pause()

    def resumeProducing(self) -> None:
        """The client has read what was written."""
        self._full = False
        if self._tunnel is not None:
            self._tunnel.drained()
        elif self.phase is Phase.HELD:
            self._serve()
        elif self.life.exchange is not None and self.life.stage is Stage.ANSWERING:
            self.deadline = self.life.deadline_after_answer(self.site.now())
            self.life.resume()

    # Called by the chain and the forwarder (gateway.exchange.Downstream).

    def send_interim(self, exchange: Exchange, status: int, reason: bytes, headers: Headers) -> None:
        life = self.life
        if exchange is life.exchange and exchange.request.version == b"1.1" and life.stage is _ASKED:
            self.transport.write(status_line(status, reason) + headers.encode() + b"\r\n")

    def send_response(self, exchange: Exchange) -> None:
        life = self.life
        if exchange is not life.exchange:
            return  # the client has gone meanwhile
        if life.stage is not _ASKED:
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
        body = exchange.request.body
        error = exchange.error
        close = (
            not (body is None or body.origin.ended)
            # The client sends no further request, and none of those that it sent waits any more.
            or ((parser.stopped or self.half is not _OPEN) and not parser.requests)
            or self.site.draining
            or (error is not None and error.close)
            or (self.expires != NEVER and self.site.now() >= self.expires)
        )
        self._writer.begin(exchange, response, close)

    def abort(self, exchange: Exchange) -> None:
        if exchange is self.life.exchange:
            self.close(aborting=True)
            self.life.abandon(ClientAborted())

    def expect_again(self, exchange: Exchange) -> None:
        self._parser.expect_again(exchange.request)

    # How an answer gets on (gateway.serving.http1_answer.Answering).

    def answer_streams(self) -> None:
        self.answer_moves()
        if self._full:
            self.life.pause()

    def answer_moves(self) -> None:
        deadline = self.life.deadline_after_answer(self.site.now())
        if deadline == NEVER:
            self._wait_until(deadline)
        else:
            self.deadline = deadline

    def answer_sent(self, exchange: Exchange, close: bool) -> None:
        parser = self._parser
        now = self.life.finish()
        if close or (self.half is not _OPEN and not parser.requests):
            parser.stopped = True
            if self.half is _OPEN and self._may_still_send(exchange):
                self._linger()
            else:
                self.close()
            return
        self.phase = AFTER[self.phase][_ANSWERED]
        # The octets held stand behind the last request of the queue: they are read when that has been answered.
        if parser.held is not None and not parser.requests:
            held = parser.resume()
            if held:
                parser.feed(held)
        if parser.requests:
            self._serve()
            return
        if parser.in_head:
            self.phase = AFTER[self.phase][Event.OCTET]
            self.deadline = between(self.phase, now, self.site.options)
        else:
            # What `between` says of an idle connection, without the call: it is so after nearly every answer.
            self.deadline = now + self.site.options.client_idle
        if self._held_back & PIPELINE:
            self._resume(PIPELINE)

    # The bodies of requests (gateway.body.BodySource).

    def pause_reading(self) -> None:
        super().pause_reading()
        self._content_held_back()

    def resume_reading(self) -> None:
        super().resume_reading()
        self._content_held_back()

    def body_over_limit(self, body: Body) -> None:
        exchange = self.life.exchange
        current = None if exchange is None else exchange.request.body
        if exchange is not None and current is not None and current.origin is body:
            self._fail(exchange, RequestTooLarge())

    def _content_held_back(self) -> None:
        """Whether the client's content is read has changed: it is not slow while the backend does not take it."""
        if self.life.exchange is not None and self._tunnel is None and self.life.awaits_content():
            self._wait_until(self.life.deadline(self.site.now(), bool(self._held_back & BODY)))

    # Deadlines (gateway.transport.deadlines.Timed).

    def on_deadline(self, now: float) -> None:
        phase = self.phase
        if phase is _SERVING:
            self._exchange_expired(now)
        elif phase is _HEAD:
            self._parser.stopped = True
            self._begin(RequestTimeout("The head of the request took too long."))
        elif phase is Phase.CLOSING:
            self.transport.abortConnection()
        else:
            self.close()

    def _exchange_expired(self, now: float) -> None:
        life, tunnel = self.life, self._tunnel
        exchange = life.exchange
        assert exchange is not None
        if tunnel is not None:
            self.close(aborting=True)
            tunnel.lost()
        elif life.stage is _ASKED and self.half is not _OPEN and now < exchange.deadline:
            # Note [A half-closed client may be gone]
            self.send_interim(exchange, 100, b"", Headers())
            self.deadline = self._asked_whether_it_is_there(now, exchange.deadline)
        else:
            error = life.verdict(bool(self._held_back & BODY))
            if error is None:
                self.abort(exchange)
            else:
                self.deadline = now + LINGER
                self._fail(exchange, error)

    # The life of the connection.

    def shut(self) -> None:
        """Close at once, whatever is under way; the client of a WebSocket is told where a frame may stand."""
        tunnel = self._tunnel
        if tunnel is not None and not self._full and tunnel.leave(GOING_AWAY):
            self._tunnel = None
            self.close()
        else:
            self.close(aborting=True)
        self.life.abandon(ShuttingDown())

    def _wait_until(self, deadline: float) -> None:
        """Set when the exchange is out of time.

        However long a stream may be silent (`request_timeout: 0`): a client that reads nothing is gone.
        """
        if deadline == NEVER and self._full and self.life.stage is Stage.ANSWERING:
            deadline = self.site.now() + self.site.options.request
        self.deadline = deadline

    def _serve(self) -> None:
        """Begin exchanges until one has to wait or nothing is ready."""
        if self._in_serve:
            return
        self._in_serve = True
        requests = self._parser.requests
        try:
            # A client that does not read its answers gets no further ones.
            while requests and not self._full and self.phase < _SERVING:
                self._begin(requests.pop(0))
        finally:
            self._in_serve = False
        if not requests:
            if self._held_back & PIPELINE:
                self._resume(PIPELINE)
        elif self._full:
            if self.phase < Phase.HELD:
                self._enter(Event.UNREAD)
            self._pause(PIPELINE)

    def _begin(self, request: Request | GatewayError) -> None:
        site, life = self.site, self.life
        now = site.now()
        self.phase = AFTER[self.phase][Event.REQUEST]
        if isinstance(request, GatewayError):
            self._parser.stopped = True
            exchange = Exchange(self._parser.refused(), self, self.peer, now, NEVER)
            life.begin(exchange)
            self.deadline = now + site.options.request
            site.root.render_error(exchange, request)
            return
        exchange = Exchange(request, self, self.peer, now, now + site.options.request)
        life.begin(exchange)
        site.root.render_exchange(exchange)
        # Only now: the route has set the deadline of the exchange.
        if life.exchange is exchange and life.stage is _ASKED:
            self.deadline = life.deadline(now, bool(self._held_back & BODY))
            if self.half is not _OPEN:
                self.deadline = min(self.deadline, now + HALF_CLOSED_PROBE)

    def _received_while_serving(self, uploading: Exchange | None) -> None:
        """Octets were read while an exchange is under way: its content, or requests behind it.

        Args:
            uploading: The exchange whose content was awaited before.
        """
        parser, exchange = self._parser, self.life.exchange
        assert exchange is not None
        body = exchange.request.body
        if body is not None and body.origin.failed and parser.requests:
            # The error is in the content of the request under way: it is answered now, without waiting for the backend.
            problem = parser.requests.pop()
            assert isinstance(problem, GatewayError)
            self._fail(exchange, problem)
            return
        if parser.requests or (parser.held is not None and len(parser.held) >= HIGH_WATER):
            self._pause(PIPELINE)
        if uploading is exchange and self._tunnel is None:
            self._wait_until(self.life.deadline_after_content(self.site.now(), bool(self._held_back & BODY)))

    def _open_tunnel(self, exchange: Exchange, response: Response, tunnel: Tunnel) -> None:
        """Every step has seen the 101: write it, and let the connection be one end of the tunnel."""
        backend = tunnel.take()
        self.life.switched()
        self.deadline = NEVER
        head = status_line(response.status, response.reason) + response.headers.encode()
        self.transport.write(b"%bConnection: Upgrade\r\n\r\n" % head)
        ours = self._tunnel = ClientTunnel(self, exchange, backend, self._tunnel_ended)
        tunnel.join(ours)
        if self.life.exchange is not exchange:
            return  # it was closed before it began
        held, self._parser.held = self._parser.held, None
        ours.open(held, full=self._full, ended=self.half is not _OPEN)
        self._resume(PIPELINE)

    def _tunnel_ended(self) -> None:
        self._tunnel = None
        if self.life.exchange is not None:
            self.life.finish()

    def _fail(self, exchange: Exchange, error: GatewayError) -> None:
        """End what the exchange waits for and answer with an error instead, where no answer has begun."""
        if not self.life.fail(exchange, error):
            self.abort(exchange)

    def _may_still_send(self, exchange: Exchange) -> bool:
        """Whether the client of an exchange that ends the connection may be sending yet."""
        body = exchange.request.body
        if body is not None and not body.origin.ended:
            return True
        # Over TLS a client that waits for the end would wait for nothing: see `_linger`.
        return exchange.error is not None and exchange.error.close and not self._secure


# Said here, and not by a base class or a decorator: what is called for every request inherits from nothing interpreted.
classImplements(Http1Channel, IProtocol, IHalfCloseableProtocol, IPushProducer)
