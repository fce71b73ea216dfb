"""One stream of a backend's HTTP/2 connection: the way of one attempt, and of what the backend says to it.

The connection (`gateway.upstream.http2_connection`) hears the engine's events and tells each stream its own. How far it
has come is in `gateway.upstream.http2_phases`.

# Note [What came in one turn]
The head of an answer is told at the end of the turn in which it was read: nearly always the rest of the answer is there
by then. So a whole answer is told as one, after its place is free for the next request, as with HTTP/1.1. An answer
that has no content, but whose stream has not ended, is told when it has: a body of no octets could not say when.

Tests: `tests/flow/test_http2_backends.py::test_a_reset_is_a_502`.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr, trait

from gateway.body import Body
from gateway.errors import (
    BackendProtocolError,
    GatewayError,
    PoolExhausted,
    RequestUnprocessed,
    ReusedConnectionLost,
)
from gateway.headers import Headers
from gateway.http2 import codes
from gateway.http2.engine import Engine
from gateway.http2.events import Head, Interim, Trailers
from gateway.http2.fields import AnswerBlocks, trailers_of
from gateway.http2.windows import Owed
from gateway.message import Response
from gateway.transport.deadlines import NEVER
from gateway.upstream import http2_phases as phases
from gateway.upstream.contract import Hearer, Stream
from gateway.upstream.http2_answer import counts_as, given_up, head_of, interim_of
from gateway.upstream.http2_head import Http2Heading, request_trailers
from gateway.upstream.http2_phases import StreamPhase
from gateway.upstream.request_head import authenticates

MAX_INTERIM: Final = 32
"""Interim (1xx) responses taken before the final one."""


@mypyc_attr(allow_interpreted_subclasses=True)
@trait
class StreamCarrier:
    """The connection, as its streams see it."""

    __slots__ = ()

    def wake(self) -> None:
        """The engine has something to send."""
        raise NotImplementedError

    def sent(self, stream: Http2Stream) -> None:
        """A request was sent on a stream, which has its number now."""
        raise NotImplementedError

    def is_fresh(self) -> bool:
        """Whether a request that fails on it is not lost by the race against the end of an unused connection."""
        raise NotImplementedError

    def reads(self) -> int:
        """Return how many times something was read on it."""
        raise NotImplementedError

    def answers(self, stream: Http2Stream) -> None:
        """The head of a stream's answer is there, and is to be told at the end of the turn."""
        raise NotImplementedError

    def turned(self, stream: Http2Stream) -> None:
        """It is the turn of another side on a stream, or it has another deadline."""
        raise NotImplementedError

    def refused(self) -> None:
        """A stream was refused: the connection is not fresh any more."""
        raise NotImplementedError

    def leave(self) -> None:
        """Take no more streams."""
        raise NotImplementedError

    def over(self, stream: Http2Stream) -> None:
        """A stream is over: its place is free."""
        raise NotImplementedError


class Http2Stream(Stream):
    """The way of one attempt, and the source of its answer's body.

    Args:
        carrier: Its connection.
        engine: Of the connection.
        heading: Makes the heads of requests.
        memo: Heads that this backend has answered with before.

    Attributes:
        awaits_client: It is the client's turn.
        deadline: Monotonic seconds when the backend must have said the next thing.
        hearer: Whose it is; None before a request is sent, and when it is over.
        phase: How far it has come.
        sid: Its number; 0 before a request is sent.
    """

    __slots__ = (
        "_answer",
        "_body",
        "_carrier",
        "_empty",
        "_engine",
        "_full",
        "_heading",
        "_interims",
        "_memo",
        "_owed",
        "_paused",
        "_reads",
        "_reused",
        "awaits_client",
        "deadline",
        "hearer",
        "phase",
        "sid",
    )

    def __init__(self, carrier: StreamCarrier, engine: Engine, heading: Http2Heading, memo: AnswerBlocks) -> None:
        self.awaits_client = False
        self.deadline = NEVER
        self.hearer: Hearer | None = None
        self.phase = StreamPhase.LENT
        self.sid = 0
        self._carrier = carrier
        self._engine = engine
        self._heading = heading
        self._memo = memo
        self._owed = Owed()
        # Whose turn it is: the client does not take what is read; the backend does not take what is written.
        self._paused = False
        self._full = False
        self._answer: Response | None = None
        self._body: Body | None = None
        self._empty = False  # the answer has no content
        self._interims = 0
        self._reused = False
        self._reads = 0

    # Called by the attempt (gateway.upstream.contract).

    def send(self, hearer: Hearer) -> None:
        self.hearer = hearer
        self.deadline = hearer.deadline
        carrier, engine = self._carrier, self._engine
        exchange = hearer.exchange
        body = exchange.request.body
        data, whole = b"", True
        trailers: list[tuple[bytes, bytes]] = []
        if body is not None:
            data, whole = body.take(), body.ended
            if body.failed:
                self.abort()
                return
            if whole:
                trailers = request_trailers(body.trailers)
        self._reused = not carrier.is_fresh()
        self._reads = carrier.reads()
        pseudo, fields = self._heading.pseudo(exchange), self._heading.fields(exchange, hearer.passes)
        if whole:
            self.sid = engine.request(pseudo, fields, data, not trailers)
        else:
            self.sid = engine.request(pseudo, fields, b"", False)
        if not self.sid:
            carrier.leave()
            self.fail(RequestUnprocessed(), None)
            return
        if authenticates(exchange):
            carrier.leave()  # what comes behind could be taken for this client's (D-305)
        if whole:
            if trailers:
                engine.trailers(self.sid, trailers)
            self.phase = phases.SENT[self.phase]
            carrier.sent(self)
        else:
            self._full = bool(data) and engine.write(self.sid, data, False)
            self.phase = phases.BEGUN[self.phase]
            carrier.sent(self)
            self._settle()
            assert body is not None
            if self._full:
                body.pause()
            body.attach(self)
        carrier.wake()

    def unused(self) -> None:
        self._end()

    def wait_until(self, deadline: float) -> None:
        if self.hearer is not None:
            self.deadline = deadline
            self._carrier.turned(self)

    def abort(self) -> None:
        if self.phase is not StreamPhase.OVER:
            self._let_go(codes.CANCEL)
            self._end()

    def time_out(self, error: GatewayError) -> None:
        self.fail(error, codes.CANCEL)

    # What the backend says.

    def interim(self, event: Interim) -> None:
        """An interim response came."""
        hearer = self.hearer
        if hearer is None:
            return
        self._interims += 1
        try:
            if self._interims > MAX_INTERIM:
                raise BackendProtocolError("The backend sends interim responses without end.")
            status, headers = interim_of(event, self._memo)
        except BackendProtocolError as error:
            self.fail(error, codes.PROTOCOL_ERROR)
            return
        hearer.interim(status, b"", headers)

    def head(self, event: Head) -> None:
        """The head of the answer came."""
        hearer = self.hearer
        if hearer is None:
            return
        try:
            response, length, personal = head_of(event, hearer.exchange.request.method, self._memo)
        except BackendProtocolError as error:
            self.fail(error, codes.PROTOCOL_ERROR)
            return
        if personal:
            self._carrier.leave()
        self._answer = response
        self._empty = length == 0
        if event.end:
            self._empty = True
            self._complete(None)
        elif not self._empty:
            response.body = self._body = Body(self, length if length > 0 else None)
            self._carrier.answers(self)

    def announce(self) -> None:
        """The turn is over in which the head of the answer came; Note [What came in one turn]."""
        hearer, response = self.hearer, self._answer
        if hearer is not None and response is not None:
            self.phase = phases.HEAD[self.phase]
            self._listen()
            hearer.answered(response)

    def received(self, data: bytes, end: bool) -> None:
        """A part of the content came."""
        hearer = self.hearer
        if hearer is None or (data and self._body is None):
            self._consume(len(data))
        elif data:
            assert self._body is not None
            self._body.push(data)
            self._consume(self._owed.received(len(data)))
        if self.hearer is None or hearer is not self.hearer:
            return  # what it read made the client go
        if end:
            self._complete(None)
        else:
            self._listen()

    def ended(self, event: Trailers) -> None:
        """The answer is complete, with trailers."""
        if self.hearer is None:
            return
        try:
            trailers = trailers_of(event, BackendProtocolError, BackendProtocolError)
        except BackendProtocolError as error:
            self.fail(error, codes.PROTOCOL_ERROR)
            return
        self._complete(trailers)

    def room(self) -> None:
        """The backend has taken most of what waited."""
        self._full = False
        hearer = self.hearer
        if hearer is not None and self.phase in phases.UPLOADS:
            self._settle()
            body = hearer.exchange.request.body
            assert body is not None
            body.resume()

    def closed(self, code: int, by_peer: bool) -> None:
        """The stream is over before its answer was complete.

        Args:
            code: Why.
            by_peer: The backend has given it up; otherwise the backend broke a rule, and the engine has.
        """
        if code == codes.REFUSED_STREAM and self._answer is None:
            self._carrier.refused()
            self.fail(RequestUnprocessed(), None)
        else:
            self.fail(given_up(code, by_peer), None)

    def lost(self, error: GatewayError) -> None:
        """The connection is gone.

        Args:
            error: By what.
        """
        if self._reused and self._reads == self._carrier.reads():
            error = ReusedConnectionLost()
        self.fail(error, None)

    def give_up(self) -> None:
        """Others need its place, and it waits for its client."""
        self.fail(PoolExhausted("Others need the connection, and the client does not go on."), codes.CANCEL)

    def fail(self, error: GatewayError, code: int | None) -> None:
        """Tell the hearer an error; nothing happens where it is over.

        Args:
            error: What it is told.
            code: With which the stream is reset; None where there is none any more.
        """
        hearer = self.hearer
        if hearer is None:
            return
        body = self._body if self.phase in (StreamPhase.EARLY, StreamPhase.ANSWERING) else None
        self._let_go(code)
        self._end()
        hearer.failed(error, body)

    # The body of the request (gateway.body.BodySink).

    def body_received(self, data: bytes) -> None:
        full = self._engine.write(self.sid, data, False)
        if full and not self._full and self.hearer is not None:
            self._full = True
            self._settle()
            body = self.hearer.exchange.request.body
            assert body is not None
            body.pause()
        self._carrier.wake()

    def body_ended(self, trailers: Headers | None) -> None:
        fields = request_trailers(trailers)
        if fields:
            self._engine.trailers(self.sid, fields)
        else:
            self._engine.write(self.sid, b"", True)
        self.phase = phases.CONTENT_ENDED[self.phase]
        self._settle()
        self._carrier.wake()

    def body_failed(self) -> None:
        self.abort()

    # The body of the answer (gateway.body.BodySource).

    def pause_reading(self) -> None:
        self._paused = True
        self._owed.pause()
        self._settle()

    def resume_reading(self) -> None:
        self._paused = False
        self._consume(self._owed.settle())
        self._settle()

    def body_over_limit(self, body: Body) -> None:
        """Responses have no limit."""

    # How it gets on.

    def _settle(self) -> None:
        """See whose turn it is: while it is the client's, it is watched by its channel."""
        hearer = self.hearer
        if hearer is None:
            return
        self.awaits_client = self._paused or (self.phase in phases.UPLOADS and not self._full)
        self.deadline = NEVER if self.awaits_client else hearer.next_deadline()
        self._carrier.turned(self)

    def _listen(self) -> None:
        """A part of an answer came: the next one has its time, unless it is the client's turn."""
        if not self.awaits_client and self.hearer is not None:
            self.deadline = self.hearer.next_deadline()
            self._carrier.turned(self)

    def _complete(self, trailers: Headers | None) -> None:
        """The answer is complete: it counts, the next may have the place, then who asked is told."""
        hearer, response, body = self.hearer, self._answer, self._body
        assert hearer is not None
        if response is None:
            self.fail(BackendProtocolError("The stream ended without an answer."), codes.PROTOCOL_ERROR)
            return
        told = self.phase in (StreamPhase.EARLY, StreamPhase.ANSWERING)
        # A backend that has said all may not have heard all: the rest is not sent.
        self._let_go(codes.CANCEL if self.phase in phases.UPLOADS else None)
        # Report the outcome before giving the place back: it may open the breaker, and then nobody may have it next.
        hearer.finished(counts_as(response, trailers))
        self._end()
        if body is not None:
            if not told and trailers is None and response.length is not None:
                response.body = body.take()  # all of it came with the head: then there is nothing to read
            else:
                body.end(trailers)
        if not told:
            hearer.answered(response)

    def _let_go(self, code: int | None) -> None:
        """Forget the hearer, the rest of what it sends, and what is owed to the backend.

        Args:
            code: With which the stream is reset; None where it is not.
        """
        hearer, self.hearer = self.hearer, None
        if hearer is not None and self.phase in phases.UPLOADS:
            body = hearer.exchange.request.body
            assert body is not None
            body.detach()
        self.deadline = NEVER
        if self.sid:
            self._consume(self._owed.settle())
            if code is not None:
                self._engine.reset(self.sid, code)
                self._carrier.wake()

    def _end(self) -> None:
        self.phase = phases.ENDED[self.phase]
        self._carrier.over(self)

    def _consume(self, octets: int) -> None:
        if octets:
            self._engine.consume(self.sid, octets)
            self._carrier.wake()
