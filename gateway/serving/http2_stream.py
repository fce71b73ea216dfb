"""One stream of a client's HTTP/2 connection: an exchange's client.

The channel (`gateway.serving.http2_channel`) hears the engine's events and tells each stream its own; what the exchange
does at its client, and when it is out of time, is `gateway.serving.life`, as with HTTP/1.1.

# Note [A stream behind its answer]
A stream outlives its exchange. When the answer has been handed to the engine the exchange is over, as it is with
HTTP/1.1 when the transport has the answer; but here the client's window may hold up what waits, for as long as the
client likes. So the stream stays until the engine says `Closed`, and is given up after `STALLED` seconds in which
nothing of it went out.

A client that has not sent all of its request by then may do so for `_SETTLED` seconds: what it sends is dropped. Then
it is told not to (`Engine.part`). Said at once, many a client would never look at the answer: curl 7.88 shows an error
in place of a 413 whose end, and the reset behind it, come in one read (D-329).

Tests: `tests/flow/test_http2.py::test_a_client_that_reads_nothing_is_given_up`.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from gateway.body import Body
from gateway.errors import (
    ClientAborted,
    GatewayError,
    HeaderTooLarge,
    InternalError,
    MalformedRequest,
    RequestTooLarge,
)
from gateway.exchange import Downstream, Exchange
from gateway.headers import Headers
from gateway.http2 import codes
from gateway.http2.engine import Engine
from gateway.http2.events import Trailers
from gateway.http2.fields import answer_fields, outward, trailer_fields, trailers_of
from gateway.http2.windows import Owed
from gateway.serving.contract import Host
from gateway.serving.life import Life
from gateway.serving.times import Stage
from gateway.transport.deadlines import NEVER

STALLED: Final = 30.0
"""Seconds for which an answer may wait for its client's window without anything going out."""

_SETTLED: Final = 1.0
"""Seconds after which what still waits of an answer waits for its client, and so does what is still to come from it."""

_ASKED: Final = Stage.ASKED


@mypyc_attr(allow_interpreted_subclasses=True)
class Carrier:
    """The connection, as its streams see it; a base class, since it is asked for every request.

    Attributes:
        engine: Of the connection.
        site: Whose connection it is.
    """

    __slots__ = ("engine", "site")

    def __init__(self, site: Host, engine: Engine) -> None:
        self.site = site
        self.engine = engine

    def wake(self) -> None:
        """The engine has something to send."""
        raise NotImplementedError


class Http2Stream(Downstream):
    """The client's end of one exchange.

    Args:
        channel: Its connection.
        sid: Its number.

    Attributes:
        deadline: When its exchange, or what waits behind it, is out of time.
        life: Of its exchange.
        sid: As given.
    """

    __slots__ = ("_channel", "_full", "_lingers", "_owed", "_waited", "body", "deadline", "life", "sid")

    def __init__(self, channel: Carrier, sid: int) -> None:
        self.sid = sid
        self.life = Life(channel.site)
        self.body: Body | None = None
        self.deadline = NEVER
        self._channel = channel
        self._owed = Owed()
        self._full = False  # much of the answer waits
        self._lingers = False  # the answer is complete, the request is not, and the client was not told to stop
        self._waited = -1  # octets, when that was last looked at

    def begin(self, exchange: Exchange) -> None:
        """Its exchange begins."""
        self.body = exchange.request.body
        self.life.begin(exchange)

    def began(self, exchange: Exchange, now: float) -> None:
        """Its exchange has been rendered, and may be over: only now it has its deadline."""
        if self.life.exchange is exchange and self.life.stage is _ASKED:
            self.deadline = self.life.deadline(now, self._owed.paused)

    # What the client sends.

    def received(self, data: bytes, end: bool) -> None:
        """A part of the content has come."""
        body = self.body
        if body is None or self.life.exchange is None or body.ended or body.failed:
            self._consume(len(data))  # nobody wants it any more
            return
        if data:
            body.push(data)
            self._consume(self._owed.received(len(data)))
        if end and not body.failed:
            body.end()
        self._moved()

    def ended(self, trailers: Trailers) -> None:
        """The content is complete, with trailers."""
        body, exchange = self.body, self.life.exchange
        if body is None or exchange is None or body.ended or body.failed:
            return
        try:
            fields = trailers_of(trailers, MalformedRequest, HeaderTooLarge)
        except GatewayError as error:
            body.fail()
            self._fail(exchange, error)
            return
        body.end(fields)
        self._moved()

    def over(self, code: int, reset: bool) -> None:
        """The stream is closed, on both sides.

        Args:
            code: Why.
            reset: The client has given it up.
        """
        self.deadline = NEVER
        if self.life.exchange is not None:
            if reset or code == codes.NO_ERROR:
                self.life.abandon(ClientAborted())
            else:
                self.life.abandon(MalformedRequest("The stream breaks RFC 9113."))
        self._consume(self._owed.settle())
        self.body = None  # which knows its source: nothing of a call is to wait for the collector
        self._channel.site.forget(self)

    def room(self) -> None:
        """The client has taken most of what waited."""
        self._full = False
        life = self.life
        if life.exchange is not None and life.stage is Stage.ANSWERING:
            self.deadline = life.deadline_after_answer(self._channel.site.now())
            life.resume()

    def leave(self) -> bool:
        """The gateway goes; returns whether the client was told in a way of what is spoken on the stream."""
        return False

    def abandon(self, error: GatewayError) -> None:
        """The connection is gone, or going."""
        self.deadline = NEVER
        self.life.abandon(error)
        self.body = None

    # Called by the chain and the forwarder (gateway.exchange.Downstream).

    def send_interim(self, exchange: Exchange, status: int, reason: bytes, headers: Headers) -> None:
        if exchange is self.life.exchange and self.life.stage is _ASKED:
            self._channel.engine.interim(self.sid, status, outward(headers.fields))
            self._channel.wake()

    def send_response(self, exchange: Exchange) -> None:
        life = self.life
        if exchange is not life.exchange:
            return  # the client has gone meanwhile
        if life.stage is not _ASKED:
            self.abort(exchange)  # a head is out already: there is no way back
            return
        response = exchange.response
        assert response is not None
        channel = self._channel
        if response.status == 101:
            self._fail(exchange, InternalError("HTTP/2 has no change of protocol."))
            return
        fields, empty = answer_fields(exchange.request, response, channel.site.date)
        status, body, engine = response.status, response.body, channel.engine
        if body is None or empty:
            engine.respond(self.sid, status, fields)
        elif isinstance(body, bytes):
            exchange.bytes_sent = len(body)
            engine.respond(self.sid, status, fields, body)
        else:
            first = body.take()
            exchange.bytes_sent = len(first)
            if body.failed:
                self.abort(exchange)
                return
            if not body.ended:
                life.answers(body)
                self._wrote(engine.respond(self.sid, status, fields, first, False))
                # Behind the write: the body may send more at once.
                if life.exchange is exchange:
                    body.attach(self)
                return
            engine.respond(self.sid, status, fields, first, True, trailer_fields(body.trailers))
        self._answered()

    def abort(self, exchange: Exchange) -> None:
        if exchange is self.life.exchange:
            channel = self._channel
            channel.engine.reset(self.sid, codes.INTERNAL_ERROR)
            self.life.abandon(ClientAborted())
            self.deadline = NEVER
            channel.wake()

    # The body of the answer (gateway.body.BodySink).

    def body_received(self, data: bytes) -> None:
        exchange = self.life.exchange
        assert exchange is not None
        exchange.bytes_sent += len(data)
        self._wrote(self._channel.engine.write(self.sid, data, False))

    def body_ended(self, trailers: Headers | None) -> None:
        fields = trailer_fields(trailers)
        if fields:
            self._channel.engine.trailers(self.sid, fields)
        else:
            self._channel.engine.write(self.sid, b"", True)
        self._answered()

    def body_failed(self) -> None:
        if self.life.exchange is not None:
            self.abort(self.life.exchange)

    # The body of the request (gateway.body.BodySource).

    def pause_reading(self) -> None:
        self._owed.pause()
        self._content_held_back()

    def resume_reading(self) -> None:
        self._consume(self._owed.settle())
        self._content_held_back()

    def body_over_limit(self, body: Body) -> None:
        exchange = self.life.exchange
        if exchange is not None and body is self.body:
            self._fail(exchange, RequestTooLarge())

    # Its times.

    def on_deadline(self, now: float) -> None:
        """Something took too long."""
        exchange = self.life.exchange
        if exchange is None:
            self._look_whether_it_moves(now)
            return
        error = self.life.verdict(self._owed.paused)
        if error is None:
            self.abort(exchange)
        else:
            self.deadline = now + STALLED
            self._fail(exchange, error)

    def stands(self, now: float) -> bool:
        """Whether its answer waits for the client, and nothing of it has gone out for as long as is borne."""
        if self.life.exchange is None:
            return 0 <= self._waited <= self._channel.engine.waiting(self.sid)
        return self._full and self.deadline <= now

    def _look_whether_it_moves(self, now: float) -> None:
        """Note [A stream behind its answer]."""
        engine = self._channel.engine
        waiting = engine.waiting(self.sid)
        if self._lingers:
            self._lingers = False
            engine.part(self.sid)
        if waiting < self._waited or self._waited < 0:
            self._waited = waiting
            self.deadline = now + STALLED
        else:
            self.deadline = NEVER
            engine.reset(self.sid, codes.CANCEL)
        self._channel.wake()

    def _moved(self) -> None:
        """A part of the content has come."""
        if self.life.exchange is not None:
            self._wait_until(self.life.deadline_after_content(self._channel.site.now(), self._owed.paused))

    def _content_held_back(self) -> None:
        if self.life.exchange is not None and self.life.awaits_content():
            self._wait_until(self.life.deadline(self._channel.site.now(), self._owed.paused))

    def _wait_until(self, deadline: float) -> None:
        """Set when the exchange is out of time; however long it may be silent, a client that reads nothing is gone."""
        if deadline == NEVER and self._full and self.life.stage is Stage.ANSWERING:
            deadline = self._channel.site.now() + self._channel.site.options.request
        self.deadline = deadline

    # How the answer gets on.

    def _wrote(self, full: bool) -> None:
        """A part of the answer was handed over."""
        life = self.life
        if full and not self._full:
            self._full = True
            life.pause()
        self._wait_until(life.deadline_after_answer(self._channel.site.now()))
        self._channel.wake()

    def _answered(self) -> None:
        """All of the answer was handed over."""
        channel = self._channel
        exchange = self.life.exchange
        assert exchange is not None
        self.life.finish()
        body = self.body
        if body is None or not body.ended:
            channel.engine.linger(self.sid)  # where the client has said all this does nothing
            self._lingers = True
            self._consume(self._owed.settle())
        self.deadline = channel.site.now() + _SETTLED
        channel.wake()

    def _fail(self, exchange: Exchange, error: GatewayError) -> None:
        """End what the exchange waits for and answer with an error instead, where no answer has begun."""
        if not self.life.fail(exchange, error):
            self.abort(exchange)

    def _consume(self, octets: int) -> None:
        if octets:
            self._channel.engine.consume(self.sid, octets)
            self._channel.wake()
