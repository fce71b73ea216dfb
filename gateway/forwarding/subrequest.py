"""A subrequest: an exchange that the gateway begins itself, without a client.

One of the implementations of `gateway.exchange.Downstream`. An `Asker` asks, and gets the answer as a response whose
body streams: chunks that the asker does not take wait in that body, and past `gateway.body.HIGH_WATER` octets the
backend is paused (D-125). That bounds the memory; an asker that wants a whole answer gathers it, up to a length that it
names.

# Note [The states of a subrequest]
*Made*: `ask` has not been called. *Asked*: the exchange is under way and has no answer; the deadline is that of its
route, and content of the request that comes sets it anew (`content_moved`). *Streaming*: the asker has the head
(`_answered`), and chunks of the body come (`_content`); the deadline is the longest silence, and each chunk sets it
anew. *Over* (`closed`): all of the answer has come, whether or not the asker has taken it by then, or the exchange has
failed or was cancelled. `_exchange` is set while asked or streaming, and only then: a late call of the chain or of a
body finds None there, and does nothing.

An asker is told once of the answer or of the error, whichever comes first, and once that the exchange is over. After
`cancel` it is told the latter only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gateway.body import Body
from gateway.errors import BackendTimeout, ClientAborted, GatewayError, InternalError, RequestTimeout, ShuttingDown
from gateway.exchange import Downstream, Exchange
from gateway.headers import Headers
from gateway.message import Request, Response
from gateway.peer import Peer
from gateway.transport.deadlines import NEVER


class Asker(Protocol):
    """What asks for a subrequest and gets its answer."""

    def subrequest_answered(self, response: Response) -> None:
        """Take the head of the answer, and then its body; or cancel the subrequest."""

    def subrequest_failed(self, error: GatewayError) -> None:
        """Take the error that the subrequest has in place of an answer; `subrequest_answered` is not called."""

    def subrequest_over(self) -> None:
        """Stop sending content: the exchange is over. Called once; an answer that ends it is handed over after that."""


class Keeper(Protocol):
    """The site, as subrequests see it: watches their deadlines, and waits for them before the gateway ends.

    Attributes:
        now: Monotonic seconds.
    """

    now: Callable[[], float]

    def entered(self, subrequest: Subrequest) -> None:
        """Watch a subrequest that has begun."""

    def left(self, subrequest: Subrequest) -> None:
        """Forget a subrequest that is over."""


class Failed(Response):
    """Carries an error through the steps of a chain in a response's place: the asker is told the error itself."""

    __slots__ = ("error",)

    def __init__(self, error: GatewayError) -> None:
        super().__init__(error.status)
        self.error = error


def fail(exchange: Exchange, error: GatewayError) -> Response:
    """Render errors of a chain whose exchanges are all subrequests (`gateway.interfaces.ErrorRenderer`)."""
    return Failed(error)


class Subrequest(Downstream):
    """The asker's end of one exchange.

    Args:
        keeper: Watches the subrequest.
        asker: Gets the answer.
        begin: Starts the exchange: a tree's `render_exchange`, or a chain's `begin`.
        finish: Ends the exchange: that tree's or chain's `finish`.

    Attributes:
        deadline: Monotonic seconds when the exchange is out of time.
        closed: Whether it is over.
        error: The error it ended with; None without one.
    """

    __slots__ = (
        "_answered",
        "_asker",
        "_begin",
        "_content",
        "_exchange",
        "_finish",
        "_keeper",
        "_silence",
        "_source",
        "closed",
        "deadline",
        "error",
    )

    def __init__(
        self,
        keeper: Keeper,
        asker: Asker,
        begin: Callable[[Exchange], None],
        finish: Callable[[Exchange], None],
    ) -> None:
        self.deadline = NEVER
        self.closed = False
        self.error: GatewayError | None = None
        self._keeper = keeper
        self._asker = asker
        self._begin = begin
        self._finish = finish
        self._exchange: Exchange | None = None
        self._silence = NEVER
        self._answered = False
        self._source: Body | None = None
        self._content: Body | None = None

    def ask(self, request: Request, peer: Peer, timeout: float) -> None:
        """Begin the exchange; the asker may get the answer before this returns.

        Args:
            request: The request; its body may still be coming.
            peer: The client that the steps of the chain see.
            timeout: Seconds until the answer must begin, and then its longest silence; a route may set others.
        """
        keeper = self._keeper
        now = keeper.now()
        self._silence = timeout
        self._exchange = exchange = Exchange(request, self, peer, now, now + timeout)
        keeper.entered(self)
        self._begin(exchange)
        if not self.closed and not self._answered:
            self.deadline = exchange.deadline

    def cancel(self) -> None:
        """End the exchange for an asker that wants no answer any more; `subrequest_over` is all that it is told."""
        self._abandon(ClientAborted())

    def content_moved(self) -> None:
        """Count the time for the answer, or its silence, from now on: some of the request's content has come.

        See Note [An upload that moves is not cut].
        """
        exchange = self._exchange
        if exchange is not None:
            self._touch()
            if not self._answered:
                exchange.deadline = self.deadline

    def break_off(self) -> None:
        """End the exchange for an asker that cannot complete its request; it is told as if the backend broke off."""
        if self._exchange is not None:
            self.abort(self._exchange)

    # Called by the chain (gateway.exchange.Downstream).

    def send_interim(self, exchange: Exchange, status: int, reason: bytes, headers: Headers) -> None:
        """Drop it: an asker takes no interim responses."""

    def send_response(self, exchange: Exchange) -> None:
        if exchange is not self._exchange:
            return  # the subrequest was cancelled meanwhile
        if self._answered:
            self.abort(exchange)
            return
        response = exchange.response
        assert response is not None
        if response.status == 101:
            assert exchange.chain is not None
            exchange.chain.fail(exchange, InternalError("A subrequest cannot change the protocol."))
            return
        self._answered = True
        if isinstance(response, Failed):
            self._end(exchange)
            self._asker.subrequest_failed(response.error)
            return
        body = response.body
        if exchange.request.method == b"HEAD" or response.status in (204, 304):
            body = None
        if not isinstance(body, Body):
            exchange.bytes_sent = len(body or b"")
            self._end(exchange)
            self._asker.subrequest_answered(_copy(response, body))
            return
        first = body.take()
        if body.failed:
            self._answered = False
            self.abort(exchange)
            return
        exchange.bytes_sent = len(first)
        content = Body(self, response.length)
        if body.ended:
            self._end(exchange)
        else:
            self._source, self._content = body, content
            self._touch()
        if first:
            content.push(first)  # pauses the backend where `first` reaches HIGH_WATER
        if body.ended:
            content.end(body.trailers)
        else:
            body.attach(self)
        self._asker.subrequest_answered(_copy(response, content))

    def abort(self, exchange: Exchange) -> None:
        if exchange is not self._exchange:
            return
        answered, content = self._answered, self._content
        error = self._abandon(ClientAborted())
        if content is not None:
            content.fail()
        elif not answered:
            self._asker.subrequest_failed(error)

    # The backend's body of the answer (gateway.body.BodySink).

    def body_received(self, data: bytes) -> None:
        assert self._exchange is not None and self._content is not None
        self._exchange.bytes_sent += len(data)
        self._touch()
        self._content.push(data)

    def body_ended(self, trailers: Headers | None) -> None:
        exchange, content = self._exchange, self._content
        assert exchange is not None and content is not None
        self._end(exchange)
        content.end(trailers)

    def body_failed(self) -> None:
        if self._exchange is not None:
            self.abort(self._exchange)

    # The asker's body of the answer (gateway.body.BodySource).

    def pause_reading(self) -> None:
        if self._source is not None:
            self._source.pause()

    def resume_reading(self) -> None:
        if self._source is not None:
            self._touch()
            self._source.resume()

    def body_over_limit(self, body: Body) -> None:
        """Break off: the answer's body is longer than the limit that the asker has set."""
        if self._exchange is not None:
            self.abort(self._exchange)

    # The life of the exchange, as the keeper sees it.

    def on_deadline(self, now: float) -> None:
        """End the exchange: the answer did not begin in time, or its body has been silent for too long."""
        exchange = self._exchange
        if exchange is None:
            return
        self.deadline = NEVER
        if self._answered or exchange.error is not None:
            self.abort(exchange)
        else:
            assert exchange.chain is not None
            exchange.chain.fail(exchange, self._verdict(exchange.request.body))

    def drain(self) -> None:
        """Do nothing: a subrequest ends by itself, and has no connection to close."""

    def shut(self) -> None:
        """End the exchange at once, and tell the asker: the gateway stops."""
        exchange = self._exchange
        if exchange is not None:
            if exchange.error is None:
                exchange.error = ShuttingDown()
            self.abort(exchange)

    def _verdict(self, content: Body | None) -> GatewayError:
        """Return the error of whoever the exchange waited for: the backend, or the sender of the request's content."""
        if content is None or content.origin.ended or content.origin.held_back:
            return BackendTimeout("The whole exchange took too long.")
        return RequestTimeout("The body of the request took too long.")

    def _touch(self) -> None:
        """Set the deadline anew: something has moved, so the longest silence begins again."""
        route = None if self._exchange is None else self._exchange.route
        longest = 0.0 if route is None else route.request_timeout
        self.deadline = self._keeper.now() + (longest or self._silence)

    def _abandon(self, error: GatewayError) -> GatewayError:
        """End the exchange before its answer is complete; return the error that it ends with."""
        exchange = self._exchange
        if exchange is None:
            return error
        self._exchange = None
        if exchange.pending is not None:
            pending, exchange.pending = exchange.pending, None
            pending.cancel()
        if self._source is not None:
            self._source.detach()
        body = exchange.request.body
        if body is not None and not body.ended:
            body.fail()
        if exchange.error is None:
            exchange.error = error
        self._end(exchange)
        return exchange.error

    def _end(self, exchange: Exchange) -> None:
        self._exchange = self._source = self._content = None
        self.closed = True
        self.deadline = NEVER
        self.error = exchange.error
        exchange.finished = self._keeper.now()
        self._keeper.left(self)
        self._finish(exchange)
        self._asker.subrequest_over()


def _copy(response: Response, body: bytes | Body | None) -> Response:
    """Return a response for the asker to change: the steps of the chain still look at the first one."""
    return Response(response.status, response.headers, body, response.length, response.reason)
