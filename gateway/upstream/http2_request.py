"""One stream of a backend's HTTP/2 connection, as far as it sends: the request of an attempt, and whose turn it is.

`gateway.upstream.http2_stream` is the rest of it, and hears the answer. What connections and streams promise each other
beside the engine's events is `StreamCarrier`.

Tests: `tests/flow/test_http2_backends.py::test_a_request_to_http2`.
"""

from __future__ import annotations

from typing import ClassVar

from mypy_extensions import mypyc_attr, trait

from gateway.body import Body
from gateway.errors import GatewayError, RequestUnprocessed
from gateway.headers import Headers
from gateway.http2 import codes
from gateway.http2.engine import Engine
from gateway.http2.windows import Owed
from gateway.transport.deadlines import NEVER
from gateway.upstream import http2_phases as phases
from gateway.upstream.contract import Hearer, Stream
from gateway.upstream.http2_head import Http2Heading, request_trailers, with_attempts, with_time_left
from gateway.upstream.http2_phases import StreamPhase
from gateway.upstream.request_head import authenticates


@mypyc_attr(allow_interpreted_subclasses=True)
@trait
class StreamCarrier:
    """The connection, as its streams see it."""

    __slots__ = ()

    def wake(self) -> None:
        """The engine has something to send."""
        raise NotImplementedError

    def sent(self, stream: Http2Request) -> None:
        """A request was sent on a stream, which has its number now."""
        raise NotImplementedError

    def is_fresh(self) -> bool:
        """Whether a request that fails on it is not lost by the race against the end of an unused connection."""
        raise NotImplementedError

    def now(self) -> float:
        """Return monotonic seconds."""
        raise NotImplementedError

    def reads(self) -> int:
        """Return how many times something was read on it."""
        raise NotImplementedError

    def answers(self, stream: Http2Request) -> None:
        """The head of a stream's answer is there, and is to be told at the end of the turn."""
        raise NotImplementedError

    def turned(self, stream: Http2Request) -> None:
        """It is the turn of another side on a stream, or it has another deadline."""
        raise NotImplementedError

    def refused(self) -> None:
        """A stream was refused: the connection is not fresh any more."""
        raise NotImplementedError

    def leave(self) -> None:
        """Take no more streams."""
        raise NotImplementedError

    def over(self, stream: Http2Request) -> None:
        """A stream is over: its place is free."""
        raise NotImplementedError


class Http2Request(Stream):
    """Sends the request of one attempt.

    Args:
        carrier: Its connection.
        engine: Of the connection.
        heading: Makes the heads of requests.

    Attributes:
        awaits_client: It is the client's turn.
        deadline: Monotonic seconds when the backend must have said the next thing.
        hearer: Whose it is; None before a request is sent, and when it is over.
        phase: How far it has come.
        sid: Its number; 0 before a request is sent.
    """

    __slots__ = (
        "_carrier",
        "_engine",
        "_full",
        "_heading",
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

    takes_calls: ClassVar[bool] = True

    def __init__(self, carrier: StreamCarrier, engine: Engine, heading: Http2Heading) -> None:
        self.awaits_client = False
        self.deadline = NEVER
        self.hearer: Hearer | None = None
        self.phase = StreamPhase.LENT
        self.sid = 0
        self._carrier = carrier
        self._engine = engine
        self._heading = heading
        self._owed = Owed()
        # Whose turn it is: the client does not take what is read; the backend does not take what is written.
        self._paused = False
        self._full = False
        self._reused = False
        self._reads = 0

    # What its other half does.

    def announce(self) -> None:
        """The turn is over in which the head of the answer came."""
        raise NotImplementedError

    def fail(self, error: GatewayError, code: int | None) -> None:
        """Tell the hearer an error; nothing happens where it is over.

        Args:
            error: What it is told.
            code: With which the stream is reset; None where there is none any more.
        """
        raise NotImplementedError

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
        if b"grpc-timeout" in exchange.request.headers.index:
            fields = with_time_left(fields, exchange, carrier.now())
        if exchange.attempts > 1:
            fields = with_attempts(fields, exchange)
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
            assert body is not None
            self._upload(body, data)
        carrier.wake()

    def _upload(self, body: Body, data: bytes) -> None:
        """Send the content that is there, and go on with what is to come."""
        self._full = bool(data) and self._engine.write(self.sid, data, False)
        self.phase = phases.BEGUN[self.phase]
        self._carrier.sent(self)
        self._settle()
        if self.hearer is None:
            return  # it waits for its client, and was given up for others at once
        if self._full:
            body.pause()
        body.attach(self)

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

    # Called by the connection.

    def room(self) -> None:
        """The backend has taken most of what waited."""
        self._full = False
        hearer = self.hearer
        if hearer is not None and self.phase in phases.UPLOADS:
            self._settle()
            body = hearer.exchange.request.body
            assert body is not None
            body.resume()

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

    # How it gets on.

    def _settle(self) -> None:
        """See whose turn it is: while it is the client's, it is watched by its channel."""
        hearer = self.hearer
        if hearer is None:
            return
        self.awaits_client = self._paused or (self.phase in phases.UPLOADS and not self._full)
        self.deadline = NEVER if self.awaits_client else hearer.next_deadline()
        self._carrier.turned(self)

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
