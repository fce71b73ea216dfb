"""What changes a body, or looks at it, on its way: chunk in, chunks out, then the end.

A step of the chain hangs a `BodyFilter` on the request or the response of its exchange (`filter_request`,
`filter_response`); compression, transformation, caching and counting are filters. Without one, chunks pass untouched
and nothing of this module runs. `whole` waits until all of a body is there.

# Note [A filtered body]
`through` makes a second body that takes the place of the first (D-116). Chunks go: source, body, filter, filtered body,
sink.
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

from mypy_extensions import mypyc_attr
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from gateway.body import Body
from gateway.errors import ClientAborted, GatewayError, InternalError
from gateway.exchange import Exchange
from gateway.headers import Headers

_log = Logger()


@mypyc_attr(allow_interpreted_subclasses=True)
class BodyFilter:
    """Changes one body, or looks at it; one object for each body.

    A base class, so that each call goes through a table. What a method raises breaks the exchange off: a
    `GatewayError` says with which answer, anything else is a fault of ours.
    """

    __slots__ = ()

    def length(self, before: int | None) -> int | None:
        """Return how many octets come out where `before` go in; None where that is not known.

        A filter that returns a number must put out exactly so many: the receiver is told it as Content-Length.
        """
        return None

    def chunk(self, data: bytes) -> Iterable[bytes]:
        """Return what goes on for one chunk: nothing, the same, or more. Empty parts are dropped.

        A filter that makes much of a short chunk (decompression) returns a generator: each part is asked for only when
        there is room for it.
        """
        raise NotImplementedError

    def end(self) -> Iterable[bytes]:
        """Return what is still to go on after the last chunk."""
        return ()

    def trailers(self, before: Headers | None) -> Headers | None:
        """Return the trailer fields that go on; called after `end`."""
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


class Replacing(BodyFilter):
    """Lets a body flow off, and puts other content in its place: whoever sends it is done with it in good order.

    Args:
        content: What goes on.
    """

    __slots__ = ("_content",)

    def __init__(self, content: bytes) -> None:
        self._content = content

    def length(self, before: int | None) -> int | None:
        return len(self._content)

    def chunk(self, data: bytes) -> Iterable[bytes]:
        return ()

    def end(self) -> Iterable[bytes]:
        return (self._content,) if self._content else ()

    def trailers(self, before: Headers | None) -> Headers | None:
        return None


def filter_request(exchange: Exchange, body_filter: BodyFilter) -> None:
    """Hang a filter on what the client sends; a request without content is not changed.

    Raises:
        Exception: The filter failed on content that has come already.
    """
    request = exchange.request
    if request.body is not None:
        request.body = through(request.body, body_filter, partial(_break_off, exchange))


def filter_response(exchange: Exchange, body_filter: BodyFilter) -> None:
    """Hang a filter on the answer, called from `on_response`; `Response.length` follows.

    An answer without content gets none; of an answer to HEAD only the length changes.

    Raises:
        Exception: The filter failed on content that has come already.
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
    """Return a second body with what a filter makes of a first one, see Note [A filtered body].

    Args:
        body: Not taken yet; the filter begins with the chunks that wait in it.
        body_filter: Used for this body only.
        failed: Called where the filter fails later; by default the second body fails.

    Raises:
        Exception: The filter failed at once.
    """
    return _Passage(body, body_filter, failed).begin()


def whole(body: Body, most: int) -> Deferred[None]:
    """Return a Deferred that fires when a body has ended, or more than `most` octets of it wait.

    The chunks wait in the body to be taken. It fails with `ClientAborted` where the body breaks off.
    """
    done: Deferred[None] = Deferred(lambda _: body.scatter())

    def told() -> None:
        if body.failed:
            done.errback(ClientAborted())
        else:
            done.callback(None)

    body.gather(most, told)
    return done


def overhear(body: Body, before: Body | None, told: Callable[[Exception], None]) -> None:
    """Have somebody hear of what the filters raise that lie between two bodies, and that a plugin has hung there.

    Args:
        body: What comes out of the last one.
        before: What goes into the first one.
        told: Called before the exchange is broken off; not for filters that somebody hears of already.
    """
    source = body.source
    while isinstance(source, _Passage) and source.told is None:
        source.told = told
        if source.source is before:
            return
        source = source.source.source


class _Passage:
    """The filter between two bodies: sink of the first, source of the second.

    `_input` has the chunks that the filter has not seen, `_output` is the rest of what it makes of the last one that it
    has. Both are empty whenever the second body has room.
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
        "told",
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
        self.told: Callable[[Exception], None] | None = None

    @property
    def source(self) -> Body:
        """The body before."""
        return self._before

    def begin(self) -> Body:
        before = self._before
        first = before.take()
        if first:
            self._input.append(first)
        try:
            self._pass_on()
        except BaseException:
            before.give_back(first)  # without this filter, it goes on as it is
            raise
        if before.failed:
            self.body_failed()
        elif not before.ended:
            if self._full:
                before.pause()
            before.attach(self)
        return self._after

    # The body before (gateway.body.BodySink).

    def body_received(self, data: bytes) -> None:
        # What comes after a failure is dropped: kept here, it would pause the source, and nothing would resume it.
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
        """Pass on as much as there is room for; end the exchange where the filter fails, since no caller could."""
        try:
            self._pass_on()
        except BaseException as caught:  # noqa: BLE001 - a plugin's SystemExit too: the exchange ends in good order
            error = caught if isinstance(caught, Exception) else RuntimeError(f"it raised {type(caught).__name__}")
            self._stop()
            if self.told is not None:
                self.told(error)
            if self._failed is None:
                self._after.fail()
            else:
                self._failed(error)

    def _pass_on(self) -> None:
        if self._running:
            return  # the sink paused and resumed within one write: the loop that made the write goes on
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
            # The receiver would take the octets beyond the length for the next message.
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
    """End an exchange whose filter has failed: with an error's answer, or by breaking off where a head has gone out."""
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
