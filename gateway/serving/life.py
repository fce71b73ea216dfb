"""`Life`: an exchange at its client, from its beginning to its end.

What an HTTP/1.1 channel, a stream of HTTP/2 and a request of a stock site have in common: how far the answer is, when
the exchange is out of time and what becomes of it then, and its end, which comes once. What is theirs alone is how an
answer is written, and what "break off" means.

A channel has one `Life` for all of its exchanges, one after the other: nothing is made per request. Between two of them
`exchange` is None. While there is one, it is in a stage (`gateway.serving.times.Stage`):

* `ASKED`, from `begin` on. An error can still be the answer.
* `ANSWERING`, from `answers` on: the head is out, and a body follows. An answer that is whole goes out in one piece
  and skips this stage.
* `TUNNEL`, from `switched` on.

`finish` ends each of them when all is written, `abandon` when it will not be.
"""

from __future__ import annotations

from typing import Final

from gateway.body import Body
from gateway.errors import BackendTimeout, GatewayError, RequestTimeout
from gateway.exchange import Exchange
from gateway.serving.contract import Host
from gateway.serving.times import Stage, Turn, during

# A member of an enumeration costs 30 ns to look up in CPython 3.11, a global 5.
_ASKED: Final = Stage.ASKED
_ANSWERING: Final = Stage.ANSWERING
_TUNNEL: Final = Stage.TUNNEL
_CLIENT: Final = Turn.CLIENT
_BACKEND: Final = Turn.BACKEND


class Life:
    """The exchange under way, if there is one.

    Args:
        host: Has the options, the clock and the root of the tree.

    Attributes:
        exchange: None before it begins and after its end.
        stage: How far its answer is; of no meaning without an exchange.
    """

    __slots__ = ("_answer", "_host", "exchange", "stage")

    def __init__(self, host: Host) -> None:
        self.exchange: Exchange | None = None
        self.stage = _ASKED
        self._answer: Body | None = None
        self._host = host

    # Its beginning, and its answer.

    def begin(self, exchange: Exchange) -> None:
        """An exchange begins; the one before it has ended."""
        self.exchange = exchange
        self.stage = _ASKED

    def answers(self, body: Body) -> None:
        """The head of the answer goes out, and this body follows it: a sink is attached when the head is written."""
        self.stage = _ANSWERING
        self._answer = body

    def switched(self) -> None:
        """A 101 goes out."""
        self.stage = _TUNNEL

    def pause(self) -> None:
        """The client takes no more: what the answer comes from waits."""
        if self._answer is not None:
            self._answer.pause()

    def resume(self) -> bool:
        """The client has taken what was written; returns whether an answer streams to it."""
        if self._answer is None:
            return False
        self._answer.resume()
        return True

    # Its times.

    def awaits_content(self) -> bool:
        """Whether the client has more of this request to send."""
        body = None if self.exchange is None else self.exchange.request.body
        return body is not None and not body.origin.ended

    def deadline(self, now: float, held_back: bool) -> float:
        """Return when the exchange is out of time.

        Args:
            now: Monotonic seconds: something has begun, or its content moves.
            held_back: Its content is not read, since the backend does not take it: the client is not slow.
        """
        exchange = self.exchange
        assert exchange is not None
        body = exchange.request.body
        if body is None or body.origin.ended or held_back:
            if self.stage is _ASKED:
                return exchange.deadline  # what `during` says of nearly every request, without the call
            return during(self.stage, _BACKEND, exchange, now, self._host.options)
        return during(self.stage, _CLIENT, exchange, now, self._host.options)

    def deadline_after_content(self, now: float, held_back: bool) -> float:
        """Return when the exchange is out of time, now that a part of its content has come.

        Note [An upload that moves is not cut]: the client's silence is bounded (`timeouts.client_body`), and so is how
        long the backend does not take it. The time for the exchange begins anew with each part, so that it counts from
        the last one.
        """
        exchange = self.exchange
        assert exchange is not None
        route = exchange.route
        if route is not None and route.request_timeout:
            exchange.deadline = now + route.request_timeout
        return self.deadline(now, held_back)

    def deadline_after_answer(self, now: float) -> float:
        """Return when the exchange is out of time, now that a part of its answer went out, or was taken."""
        exchange = self.exchange
        assert exchange is not None
        route = exchange.route
        # `gateway.serving.times.silence`, without the call: this is asked for every part of an answer.
        longest = 0.0 if route is None else route.request_timeout
        return now + (longest or self._host.options.request)

    def verdict(self, held_back: bool) -> GatewayError | None:
        """Return the error that answers an exchange which is out of time; None where it can only be broken off."""
        exchange = self.exchange
        assert exchange is not None
        if self.stage is not _ASKED or exchange.error is not None:
            return None  # the head is out, or a step holds up even the error
        if self.awaits_content() and not held_back:
            return RequestTimeout("The body of the request took too long.")
        return BackendTimeout("The whole exchange took too long.")

    # Its end.

    def fail(self, exchange: Exchange, error: GatewayError) -> bool:
        """Have its chain answer with an error instead; returns False where an answer has begun: abort it."""
        if self.stage is not _ASKED:
            exchange.error = error
            return False
        assert exchange.chain is not None  # an exchange is given one as it begins
        exchange.chain.fail(exchange, error)
        return True

    def finish(self) -> float:
        """All of the answer is written: the exchange is over.

        Returns:
            Monotonic seconds: when that was.
        """
        exchange = self.exchange
        assert exchange is not None
        self.exchange = None
        self._answer = None
        now = exchange.finished = self._host.now()
        self._host.root.finish(exchange)
        return now

    def abandon(self, error: GatewayError) -> None:
        """The exchange, if there is one, ends without its answer being complete.

        Args:
            error: Why, unless there was an error before it.
        """
        exchange = self.exchange
        if exchange is None:
            return
        # First: what is cancelled may speak to the client's end once more, which must find the exchange over.
        self.exchange = None
        answer, self._answer = self._answer, None
        if exchange.pending is not None:
            pending, exchange.pending = exchange.pending, None
            pending.cancel()
        if answer is not None:
            answer.detach()
        body = exchange.request.body
        if body is not None and not body.ended:
            body.fail()
        if exchange.error is None:
            exchange.error = error
        exchange.finished = self._host.now()
        self._host.root.finish(exchange)
