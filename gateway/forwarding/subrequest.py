"""A subrequest: an exchange that the gateway begins itself, without a client.

The third implementation of `gateway.exchange.Downstream`. Whoever asks is an `Asker` and is handed the answer as a
response whose body streams: what the asker does not take waits in that body, and past `gateway.body.HIGH_WATER` octets
the backend is paused. That is the bound on memory; an asker that wants a whole answer gathers it, and says how much.

The exchange is over when the last octet of the answer has come, whether or not the asker has taken it by then.
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
    """Who asked for a subrequest."""

    def subrequest_answered(self, response: Response) -> None:
        """The head of the answer is there; the asker takes the body, or cancels the subrequest."""

    def subrequest_failed(self, error: GatewayError) -> None:
        """There is no answer, and there will be none; in place of `subrequest_answered`."""

    def subrequest_over(self) -> None:
        """The exchange is over, once: no more of the request's content is taken. Comes before the answer if both do."""


class Keeper(Protocol):
    """Watches the deadlines of subrequests, and waits for them before the gateway ends: the site.

    Attributes:
        now: Monotonic seconds.
    """

    now: Callable[[], float]

    def entered(self, subrequest: Subrequest) -> None:
        """One has begun."""

    def left(self, subrequest: Subrequest) -> None:
        """It is over."""


class Failed(Response):
    """Stands for a response where a subrequest ends in an error: the asker is told the error itself."""

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
        keeper: Watches it.
        asker: Who asks.
        begin: Starts the exchange: a tree's `render_exchange`, or a chain's `begin`.
        finish: Ends it: that tree's or chain's `finish`.

    Attributes:
        deadline: When the exchange is out of time.
        closed: It is over.
        error: What it ended with, None while nothing is wrong.
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
        """Begin; the asker may be told of the answer before this returns.

        Args:
            request: What is asked for; its body may still be coming.
            peer: Who asks, as the steps of the chain see it.
            timeout: Seconds until the answer must begin, and then its longest silence; a route may set others.
        """
        keeper = self._keeper
        now = keeper.now()
        self._silence = timeout
        exchange = self._exchange = Exchange(request, self, peer, now, now + timeout)
        keeper.entered(self)
        self._begin(exchange)
        if self._exchange is exchange and not self._answered:
            self.deadline = exchange.deadline

    def cancel(self) -> None:
        """The asker has no use for it any more: free everything; the asker is told no more than that it is over."""
        self._abandon(ClientAborted())

    def content_moved(self) -> None:
        """Some of the request's content has come: the time for the answer, or its silence, counts from now on.

        See Note [An upload that moves is not cut].
        """
        exchange = self._exchange
        if exchange is not None:
            self._touch()
            if not self._answered:
                exchange.deadline = self.deadline

    def break_off(self) -> None:
        """The asker cannot complete its request: end it, and tell the asker as if the backend had."""
        if self._exchange is not None:
            self.abort(self._exchange)

    # Called by the chain (gateway.exchange.Downstream).

    def send_interim(self, exchange: Exchange, status: int, reason: bytes, headers: Headers) -> None:
        """Nobody waits for one."""

    def send_response(self, exchange: Exchange) -> None:
        if exchange is not self._exchange:
            return  # it was cancelled meanwhile
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
            body.attach(self)
        if first:
            content.push(first)  # pauses the backend again where that is enough
        if body.ended:
            content.end(body.trailers)
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
        """The asker has set a limit to the answer's body, and it is longer: break off."""
        if self._exchange is not None:
            self.abort(self._exchange)

    # The life of the exchange, as the keeper sees it.

    def on_deadline(self, now: float) -> None:
        """The answer did not begin in time, or stands still."""
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
        """Nothing to do: it is finished, and there is no connection to close."""

    def shut(self) -> None:
        """End it at once, and let the asker know."""
        exchange = self._exchange
        if exchange is not None:
            if exchange.error is None:
                exchange.error = ShuttingDown()
            self.abort(exchange)

    def _verdict(self, content: Body | None) -> GatewayError:
        """Say who was waited for."""
        if content is None or content.origin.ended or content.origin.held_back:
            return BackendTimeout("The whole exchange took too long.")
        return RequestTimeout("The body of the request took too long.")

    def _touch(self) -> None:
        """Something has moved: the longest silence begins anew."""
        route = None if self._exchange is None else self._exchange.route
        longest = 0.0 if route is None else route.request_timeout
        self.deadline = self._keeper.now() + (longest or self._silence)

    def _abandon(self, error: GatewayError) -> GatewayError:
        """End the exchange without its answer being complete; returns what it ended with."""
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
    """Return a response for the asker: the steps of the chain keep theirs."""
    return Response(response.status, response.headers, body, response.length, response.reason)
