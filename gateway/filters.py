"""What changes a body, or looks at it, on its way: chunk in, chunks out, then the end.

A step of the chain hangs a `BodyFilter` on the request or the response of its exchange (`filter_request`,
`filter_response`); compression, transformation, caching and counting are filters. Without one, chunks pass untouched
and nothing of this module runs. `whole` waits until all of a body is there.

# Note [A filtered body]
`through` makes a second body that takes the place of the first. Chunks go: source, body, filter, filtered body, sink.
Pauses go the other way: a sink that is full stops the filter (in the middle of what it makes of one chunk, too), and
what the filter has not taken stops the source. So what waits is bounded on both sides of the filter by `HIGH_WATER`
and one read, however much more a filter makes of a chunk than came in.
A filter that fails cuts the exchange off there: the source is let go, the backend is not blamed, and the client gets
an error where no head has gone out yet; else its connection breaks off, since what it has is not complete.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from gateway.body import Body
from gateway.errors import ClientAborted, GatewayError, InternalError
from gateway.exchange import Exchange
from gateway.headers import Headers

_log = Logger()


class BodyFilter:
    """Changes one body, or looks at it; one object for each body.

    A base class, so that each call goes through a table. What a method raises breaks the exchange off: a
    `GatewayError` says with which answer, anything else is a fault of ours.
    """

    __slots__ = ()

    def length(self, before: int | None) -> int | None:
        """Return how many octets come out where `before` go in; None where that is not known.

        A filter that says a number must keep it: it is what the receiver is told.
        """
        return None

    def chunk(self, data: bytes) -> Iterable[bytes]:
        """Return what goes on for one chunk: nothing, the same, or more. Empty parts are dropped.

        Only as much is asked for as there is room: who makes much of little returns a generator.
        """
        raise NotImplementedError

    def end(self) -> Iterable[bytes]:
        """All chunks have come; return what is still to go on."""
        return ()

    def trailers(self, before: Headers | None) -> Headers | None:
        """Return the trailer fields that go on, once the end has gone."""
        return before


class Recording(BodyFilter):
    """Keeps what passes, up to a limit, and changes nothing.

    Args:
        most: Octets; of a body that is longer, nothing is kept.

    Attributes:
        content: All of the body, once it has ended; None before, and where it was too long or broke off.
    """

    __slots__ = ("_left", "_parts", "content")

    def __init__(self, most: int) -> None:
        self.content: bytes | None = None
        self._left = most
        self._parts: list[bytes] | None = []

    def length(self, before: int | None) -> int | None:
        return before

    def chunk(self, data: bytes) -> Iterable[bytes]:
        if self._parts is not None:
            self._left -= len(data)
            if self._left < 0:
                self._parts = None
            else:
                self._parts.append(data)
        return (data,)

    def end(self) -> Iterable[bytes]:
        if self._parts is not None:
            self.content = b"".join(self._parts)
        return ()


def filter_request(exchange: Exchange, body_filter: BodyFilter) -> None:
    """Hang a filter on what the client sends; a request without content is not changed.

    Raises:
        Exception: What the filter made of the content that is here failed.
    """
    request = exchange.request
    if request.body is not None:
        request.body = through(request.body, body_filter, partial(_break_off, exchange))


def filter_response(exchange: Exchange, body_filter: BodyFilter) -> None:
    """Hang a filter on the answer, called from `on_response`; `Response.length` follows.

    An answer without content has none afterwards either: of an answer to HEAD, the length is what changes.

    Raises:
        Exception: What the filter made of the content that is here failed.
    """
    response = exchange.response
    assert response is not None
    body = response.body
    if isinstance(body, Body):
        filtered = response.body = through(body, body_filter, partial(_break_off, exchange))
        response.length = filtered.length
    elif body is not None:
        body = response.body = b"".join((*(body_filter.chunk(body) if body else ()), *body_filter.end()))
        response.length = len(body)
    elif response.length is not None:
        response.length = body_filter.length(response.length)


def through(body: Body, body_filter: BodyFilter, failed: Callable[[Exception], None] | None = None) -> Body:
    """Return a body that has what a filter makes of another one, see Note [A filtered body].

    Args:
        body: Nobody has taken it; the filter begins with what waits in it.
        body_filter: Used for this body only.
        failed: Called where the filter fails later; by default the new body fails.

    Raises:
        Exception: The filter failed at once.
    """
    return _Passage(body, body_filter, failed).begin()


def whole(body: Body, most: int) -> Deferred[None]:
    """Fire when all of a body is there, or more than `most` of it; it waits to be taken, and goes on if it is.

    Fails with `ClientAborted` where the body breaks off; cancelled, nobody is told anything.
    """
    done: Deferred[None] = Deferred(lambda _: body.scatter())

    def told() -> None:
        if body.failed:
            done.errback(ClientAborted())
        else:
            done.callback(None)

    body.gather(most, told)
    return done


class _Passage:
    """What lies between two bodies: sink of the one, source of the other.

    `_input` has chunks that the filter has not seen, `_output` is what it makes of the last one, as far as that has
    not gone on. Both are empty whenever there is room behind.
    """

    __slots__ = (
        "_after",
        "_before",
        "_ending",
        "_failed",
        "_filter",
        "_full",
        "_input",
        "_output",
        "_over",
        "_running",
    )

    def __init__(self, body: Body, body_filter: BodyFilter, failed: Callable[[Exception], None] | None) -> None:
        self._before = body
        self._after = Body(self, body_filter.length(body.length), body.origin)
        self._filter = body_filter
        self._failed = failed
        self._input: deque[bytes] = deque()
        self._output: Iterator[bytes] = iter(())
        self._ending = False
        self._full = False
        self._over = False
        self._running = False

    def begin(self) -> Body:
        before = self._before
        first = before.take()
        if first:
            self._input.append(first)
        self._pass_on()
        if before.failed:
            self.body_failed()
        elif not before.ended:
            before.attach(self)
            if self._full:
                before.pause()
        return self._after

    # The body before (gateway.body.BodySink).

    def body_received(self, data: bytes) -> None:
        if not self._over:
            self._input.append(data)
            self._run()

    def body_ended(self, trailers: Headers | None) -> None:
        self._run()

    def body_failed(self) -> None:
        if not self._over:
            self._stop()
            self._after.fail()

    # The body after (gateway.body.BodySource).

    def pause_reading(self) -> None:
        self._full = True
        self._before.pause()

    def resume_reading(self) -> None:
        self._full = False
        self._run()
        if not self._full:
            self._before.resume()

    def body_over_limit(self, body: Body) -> None:
        self._stop()
        self._before.over_limit()

    # The filter.

    def _run(self) -> None:
        """Pass on what there is room for; what fails has nobody else to tell."""
        try:
            self._pass_on()
        except Exception as error:  # noqa: BLE001 - whatever a filter has, the exchange ends in good order
            self._stop()
            self._before.detach()
            if self._failed is None:
                self._after.fail()
            else:
                self._failed(error)

    def _pass_on(self) -> None:
        if self._running:
            return  # a sink that pauses and resumes within one write: who called it goes on
        self._running = True
        try:
            while not (self._full or self._over or self._after.failed):
                data = next(self._output, None)
                if data is not None:
                    if data:
                        self._push(data)
                elif self._input:
                    self._output = iter(self._filter.chunk(self._input.popleft()))
                elif not self._before.ended:
                    return
                elif not self._ending:
                    self._ending = True
                    self._output = iter(self._filter.end())
                else:
                    self._end()
        finally:
            self._running = False

    def _push(self, data: bytes) -> None:
        after = self._after
        if after.length is not None and after.received + len(data) > after.length:
            # What is too much would stand where the receiver looks for the next message.
            raise InternalError("A body filter made more octets than it had said.")
        after.push(data)

    def _end(self) -> None:
        after = self._after
        if after.length is not None and after.received != after.length:
            raise InternalError("A body filter made fewer octets than it had said.")
        trailers = self._filter.trailers(self._before.trailers)
        self._over = True
        after.end(trailers)

    def _stop(self) -> None:
        self._over = True
        self._input.clear()
        self._output = iter(())


def _break_off(exchange: Exchange, error: Exception) -> None:
    """A filter failed when its exchange was under way."""
    if not isinstance(error, GatewayError):
        _log.failure("A body filter failed for request {request_id}", Failure(error), request_id=exchange.request_id)
        error = InternalError()
    response = exchange.response
    if response is None or (isinstance(response.body, Body) and not response.body.taken):
        assert exchange.chain is not None
        exchange.chain.fail(exchange, error)
    else:
        exchange.error = error
        exchange.downstream.abort(exchange)
