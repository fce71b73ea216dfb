"""One connection to a backend: requests out, responses in, one at a time.

Made by the pool, lent to an attempt, and given back when the answer is
complete and the connection can be used again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer, ISSLTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from gateway.body import Body
from gateway.errors import BackendReset, GatewayError, PoolExhausted, ReusedConnectionLost
from gateway.headers import Headers
from gateway.http.fields import request_filter, trailer_filter
from gateway.http.messages import chunk, last_chunk
from gateway.http1.response_parser import ResponseParser
from gateway.message import OpenTunnel, Response, TunnelEnd
from gateway.transport.deadlines import NEVER
from gateway.upstream.request_head import authenticates, encode_head

if TYPE_CHECKING:
    from gateway.upstream.agent import Attempt
    from gateway.upstream.pool import BackendPool

CLOSE = 10.0
"""Seconds that a close may take until the connection is reset."""

_TRAILERS = trailer_filter(request_filter(frozenset()))


@implementer(IHalfCloseableProtocol, IPushProducer)
class Http1Connection(Protocol, OpenTunnel):
    """The client side of one backend connection.

    Attributes:
        address: The backend's numeric address.
        uses: Requests sent so far.
        deadline: When it is closed for being idle, or its attempt is out of time.
        idle_for: Seconds for which its backend keeps it while it is unused, as far as it said so.
        has_lent: It has waited for its client since its request was sent, and its place was lent.
        owner: The client connection that it belongs to once it is authenticated; None while anybody may use it.
    """

    def __init__(self, pool: BackendPool) -> None:
        self.pool = pool
        self.address = ""
        self.uses = 0
        self.deadline = NEVER
        self.idle_for = NEVER
        self.has_lent = False
        self.owner: object = None
        self.lost = False
        self.retired = False
        self._attempt: Attempt | None = None
        self._request_body: Body | None = None
        self._chunked = False
        self._closing = False
        self._paused = False
        self._read_closed = False
        self._write_closed = False
        self._tunnel: TunnelEnd | None = None
        self._tunnelled = False
        self._parser = ResponseParser(self, pool.response_header, pool.memo)

    # Called by the attempt and the pool.

    def send(self, attempt: Attempt) -> None:
        """Send a request; the attempt hears of the answer.

        Args:
            attempt: Who asks. Its exchange's content goes in chunks when its length is not known.
        """
        self._attempt = attempt
        self.has_lent = False
        self.uses += 1
        self.deadline = attempt.deadline
        exchange = attempt.exchange
        request = exchange.request
        if authenticates(exchange):
            self.owner = attempt.owner
        self._parser.expect(request.method, request.upgrade)
        head = encode_head(exchange, attempt.passes, self.pool.authority)
        body = request.body
        if body is None:
            self.transport.write(head)  # type: ignore[union-attr]
            return
        self._chunked = chunked = body.length is None
        first = body.take()
        data = chunk(first) if chunked and first else first
        if body.ended:
            self.transport.write(head + data + (last_chunk(body.trailers, _TRAILERS) if chunked else b""))  # type: ignore[union-attr]
        elif body.failed:
            self.abort()
        else:
            self._request_body = body
            # While content is to come, the client is watched; the backend only where it does not take what came.
            self.deadline = NEVER
            self.pool.lend(self)
            # Before the write, which may say that the backend has had enough.
            body.attach(self)
            self.transport.write(head + data)  # type: ignore[union-attr]

    def abort(self) -> None:
        """Give the attempt up and the connection with it."""
        self._attempt = None
        self._drop_request_body()
        self._tunnel = None
        self.close(aborting=True)

    def time_out(self, error: GatewayError) -> None:
        """The attempt is out of time: it fails, and the connection is no use any more."""
        if self._attempt is not None:
            self._fail(self._attempt, error)

    def give_up(self) -> None:
        """Others need what it takes, and it only waits for its client: the attempt fails."""
        if self._attempt is not None:
            self._fail(self._attempt, PoolExhausted("Others need the connection, and the client does not go on."))
        else:
            self.close(aborting=True)

    def close(self, aborting: bool = False) -> None:
        """Close the connection; what it was lent for must be over."""
        self._leave_pool()
        self._closing = True
        # A backend may never answer TLS's closing alert, nor read what was written.
        self.deadline = self.pool.now() + CLOSE
        transport = self.transport
        transport.unregisterProducer()  # type: ignore[union-attr]
        if aborting:
            transport.abortConnection()  # type: ignore[union-attr]
        else:
            transport.loseConnection()  # type: ignore[union-attr]

    # Called by Twisted.

    def connectionMade(self) -> None:
        self.transport.registerProducer(self, True)  # type: ignore[union-attr]

    def dataReceived(self, data: bytes) -> None:
        if self._tunnel is not None:
            self._tunnel.tunnel_received(data)
            return
        attempt = self._attempt
        if attempt is None:
            self.close()  # an answer that nobody asked for
            return
        parser = self._parser
        answered = parser.response is not None
        try:
            parser.feed(data)
        except GatewayError as error:
            self._fail(attempt, error)
            return
        if parser.interims:
            interims, parser.interims = parser.interims, []
            for interim in interims:
                attempt.interim(*interim)
        if self._attempt is not attempt:
            return  # what it read made the client go
        response = parser.response
        if parser.switched is not None:
            assert response is not None
            self._switched(attempt, response)
        elif parser.complete:
            self._complete(attempt, answered)
        elif response is not None:
            if not self._paused:
                self.deadline = attempt.next_deadline()
            if not answered:
                attempt.answered(response)

    def readConnectionLost(self) -> None:
        if self._tunnel is not None:
            self._read_closed = True
            self._tunnel.tunnel_half_closed()
            self._close_if_both_halves_are()
            return
        self.connectionLost(connectionDone)
        self.pool.deadlines.watch(self)  # until it is closed
        self.close()

    def writeConnectionLost(self) -> None:
        """Our half is closed: the backend's half ends the connection."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.pool.deadlines.forget(self)
        if self.lost:
            return
        self.lost = True
        self._leave_pool()
        if self._tunnelled:
            self.pool.in_flight -= 1
        if self._tunnel is not None:
            tunnel, self._tunnel = self._tunnel, None
            tunnel.tunnel_lost()
        attempt = self._attempt
        if attempt is None:
            return
        parser = self._parser
        if reason.check(ConnectionDone) and parser.closed():
            self._complete(attempt, answered=True)
        elif self.uses > 1 and not parser.started:
            self._fail(attempt, ReusedConnectionLost())
        else:
            self._fail(attempt, BackendReset())

    def pauseProducing(self) -> None:
        """The backend reads slowly: let the client wait."""
        if self._tunnel is not None:
            self._tunnel.pause_reading()
        elif self._request_body is not None:
            self.pool.reclaim(self)
            self._request_body.pause()
            if self._attempt is not None:
                self.deadline = self._attempt.next_deadline()

    def resumeProducing(self) -> None:
        """The backend has read what was written."""
        if self._tunnel is not None:
            self._tunnel.resume_reading()
        elif self._request_body is not None:
            self.deadline = NEVER
            self.pool.lend(self)
            self._request_body.resume()

    def stopProducing(self) -> None:
        """The connection is lost; `connectionLost` follows."""

    # The body of a request (gateway.body.BodySink).

    def body_received(self, data: bytes) -> None:
        self.transport.write(chunk(data) if self._chunked else data)  # type: ignore[union-attr]

    def body_ended(self, trailers: Headers | None) -> None:
        self._request_body = None
        if not self._paused:
            self.pool.reclaim(self)
        if self._chunked:
            self.transport.write(last_chunk(trailers, _TRAILERS))  # type: ignore[union-attr]
        if self._attempt is not None:
            self.deadline = self._attempt.next_deadline()

    def body_failed(self) -> None:
        if self._attempt is not None:
            self.abort()

    # The bodies of responses (gateway.body.BodySource), and the backend's end of a tunnel (gateway.message.OpenTunnel).

    def pause_reading(self) -> None:
        self._paused = True
        self.deadline = NEVER  # it is the client that is slow now; the channel watches it
        self.pool.lend(self)
        self.transport.pauseProducing()  # type: ignore[union-attr]

    def resume_reading(self) -> None:
        if not self._paused:
            return
        self._paused = False
        if self._request_body is None:
            self.pool.reclaim(self)
        if self._attempt is not None:
            self.deadline = self._attempt.next_deadline()
        if not self.lost:
            self.transport.resumeProducing()  # type: ignore[union-attr]

    def body_over_limit(self, body: Body) -> None:
        """Responses have no limit."""

    def join(self, other: TunnelEnd) -> None:
        self._tunnel = other
        self._attempt = None
        if not self.lost:
            self._tunnelled = True
            self.pool.in_flight += 1  # the attempt is over, and the backend as busy as before
        self.resume_reading()
        if self._parser.switched:
            other.tunnel_received(self._parser.switched)

    def tunnel_received(self, data: bytes) -> None:
        self.transport.write(data)  # type: ignore[union-attr]

    def tunnel_half_closed(self) -> None:
        self._write_closed = True
        if ISSLTransport.providedBy(self.transport):
            self.close()  # TLS as Twisted has it cannot close one half
            return
        self.transport.loseWriteConnection()  # type: ignore[union-attr]
        self._close_if_both_halves_are()

    def tunnel_lost(self) -> None:
        self._tunnel = None
        self.close()

    # Deadlines (gateway.transport.deadlines.Timed).

    def on_deadline(self, now: float) -> None:
        attempt = self._attempt
        if attempt is not None:
            attempt.out_of_time()
        elif self._closing:
            self.transport.abortConnection()  # type: ignore[union-attr]
        else:
            self.close()

    # The life of the connection.

    def _switched(self, attempt: Attempt, response: Response) -> None:
        """The backend speaks another protocol from now on; what it says waits until the client does so too."""
        self.pause_reading()
        attempt.switched(response)

    def _complete(self, attempt: Attempt, answered: bool) -> None:
        """The answer is complete: it counts, the next may have the connection, then who asked is told."""
        # The next one may begin in `release`, and with it the parser's next answer.
        parser = self._parser
        response, trailers, keep = parser.response, parser.trailers, parser.keep_alive
        assert response is not None
        self._attempt = None
        if self._request_body is not None:
            self._drop_request_body()
            keep = False
        if self._paused:
            self.resume_reading()
        # Report the outcome before releasing the connection: it may open the breaker, and then nobody may have it next.
        attempt.finished(response.status)
        if not self.lost:
            self.idle_for = parser.idle_for
            if not self.idle_for:
                keep = False
            if parser.personal:
                self.owner = attempt.owner
            if keep and not self.retired and self.owner is None:
                self.pool.release(self)
            elif keep and not self.retired:
                self.pool.set_aside(self, self.owner)
            else:
                self.close()
        if isinstance(response.body, Body):
            response.body.end(trailers)
        if not answered:
            attempt.answered(response)

    def _fail(self, attempt: Attempt, error: GatewayError) -> None:
        self._attempt = None
        self._drop_request_body()
        if not self.lost:
            self.close(aborting=True)
        body = self._parser.response.body if self._parser.response is not None else None
        attempt.failed(error, body if isinstance(body, Body) else None)

    def _close_if_both_halves_are(self) -> None:
        # Twisted leaves a connection open whose halves are both closed.
        if self._read_closed and self._write_closed:
            self.close()

    def _drop_request_body(self) -> None:
        if self._request_body is not None:
            body, self._request_body = self._request_body, None
            body.detach()
            self.pool.reclaim(self)

    def _leave_pool(self) -> None:
        self.pool.lost(self)
