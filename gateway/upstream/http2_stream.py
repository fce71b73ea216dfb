"""One stream of a backend's HTTP/2 connection: the way of one attempt, and of what the backend says to it.

This is what hears the answer; what sends the request is its base, `gateway.upstream.http2_request`. The connection
(`gateway.upstream.http2_connection`) hears the engine's events and tells each stream its own. How far it has come is in
`gateway.upstream.http2_phases`.

# Note [What came in one turn]
The head of an answer is told at the end of the turn in which it was read: nearly always the rest of the answer is there
by then. So a whole answer is told as one, after its place is free for the next request, as with HTTP/1.1. An answer
that has no content, but whose stream has not ended, is told when it has: a body of no octets could not say when.

Tests: `tests/flow/test_http2_backends.py::test_a_reset_is_a_502`.
"""

from __future__ import annotations

from typing import Final

from gateway.body import Body
from gateway.errors import (
    BackendProtocolError,
    BackendReset,
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
from gateway.message import Response
from gateway.upstream import http2_phases as phases
from gateway.upstream.http2_answer import counts_as, given_up, head_of, interim_of
from gateway.upstream.http2_head import Http2Heading
from gateway.upstream.http2_phases import StreamPhase
from gateway.upstream.http2_request import Http2Request, StreamCarrier

MAX_INTERIM: Final = 32
"""Interim (1xx) responses taken before the final one."""


class Http2Stream(Http2Request):
    """The way of one attempt, and the source of its answer's body.

    Args:
        carrier: Its connection.
        engine: Of the connection.
        heading: Makes the heads of requests.
        memo: Heads that this backend has answered with before.
    """

    __slots__ = ("_answer", "_body", "_empty", "_interims", "_memo")

    def __init__(self, carrier: StreamCarrier, engine: Engine, heading: Http2Heading, memo: AnswerBlocks) -> None:
        super().__init__(carrier, engine, heading)
        self._memo = memo
        self._answer: Response | None = None
        self._body: Body | None = None
        self._empty = False  # the answer has no content
        self._interims = 0

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
            trailers = trailers_of(event, BackendProtocolError, BackendProtocolError, self._memo.trailers)
        except BackendProtocolError as error:
            self.fail(error, codes.PROTOCOL_ERROR)
            return
        self._complete(trailers)

    def closed(self, code: int, by_peer: bool) -> None:
        """The stream is over before its answer was complete.

        Args:
            code: Why.
            by_peer: The backend has given it up; otherwise the backend broke a rule, and the engine has.
        """
        if code == codes.REFUSED_STREAM and self._answer is None:
            self._carrier.refused()
            self.unprocessed()
        elif self.hearer is not None:
            self.fail(given_up(code, by_peer, self.hearer.exchange.request, self._memo.speaks_grpc), None)

    def unprocessed(self) -> None:
        """The backend says, or we know, that nobody has acted upon the request."""
        self.fail(RequestUnprocessed() if self._answer is None else BackendReset(), None)

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
        hearer.finished(counts_as(hearer.exchange.request, response, trailers))
        self._end()
        if body is not None:
            if not told and trailers is None and response.length is not None:
                response.body = body.take()  # all of it came with the head: then there is nothing to read
            else:
                body.end(trailers)
        if not told:
            hearer.answered(response)

    def _end(self) -> None:
        self._answer = self._body = None  # which know their source: nothing of a call is to wait for the collector
        super()._end()
