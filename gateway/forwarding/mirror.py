"""Send a copy of what a route forwards to another upstream, and throw its answers away.

A step, innermost but for what looks at answers: the copy is the request as the backend gets it, its credentials and the
fields that say who is calling included. It is an exchange of its own (`gateway.forwarding.subrequest`), with the
balancing, breaker, health and pool of its upstream, without retries, log record or share in the route's metrics.

# Note [A copy costs the client nothing]
The copy is sent at the end of the reactor's turn in which the request is: behind it. Its content is the client's, chunk
by chunk (Note [Two speeds] in `gateway.forwarding.copied`). Whatever becomes of it is counted, and nothing else.
Its answer is read to be thrown away, so that its connection can be used again; where it is longer than `LONGEST` it is
cheaper to give up that connection. When the exchange is over before all of its content has come (the client is gone,
or the backend answered early), there is nothing that the copy could be completed with, and it is given up.

Tests: `tests/flow/test_mirror.py::test_one_copy_as_the_backend_sees_it`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from gateway.body import Body
from gateway.errors import GatewayError
from gateway.exchange import ChainLike, Exchange
from gateway.forwarding.copied import Copied, Tee
from gateway.forwarding.subrequest import Keeper, Subrequest
from gateway.headers import Headers
from gateway.message import Request, Response

LONGEST: Final = 1024 * 1024
"""Octets of an answer that are read."""


class Mirror:
    """Copies requests.

    Args:
        chain: Of the exchanges that are copies.
        ratio: Share of the requests that are copied.
        timeout: Seconds for the answer to a copy to begin, and then its longest silence.
        keeper: Watches copies.
        random: As `random.random`.
        later: Calls something at the end of the reactor's turn.
        count: Counts copies by what became of them.
    """

    name = "mirror"
    __slots__ = ("_chain", "_copies", "_count", "_keeper", "_later", "_random", "_ratio", "_timeout")

    def __init__(
        self,
        chain: ChainLike,
        ratio: float,
        timeout: float,
        keeper: Keeper,
        random: Callable[[], float],
        later: Callable[[Callable[[], None]], object],
        count: Callable[[str], None],
    ) -> None:
        self._chain = chain
        self._ratio = ratio
        self._timeout = timeout
        self._keeper = keeper
        self._random = random
        self._later = later
        self._count = count
        self._copies: dict[Exchange, Copy] = {}

    def on_request(self, exchange: Exchange) -> None:
        """Have a copy sent; what asks for another protocol has none."""
        if exchange.request.upgrade is not None or (self._ratio < 1 and self._random() >= self._ratio):
            return
        copy = Copy(exchange, self._chain, self._keeper, self._count)
        if copy.copied is not None:
            self._copies[exchange] = copy
        self._later(partial(copy.start, self._timeout))

    def on_finish(self, exchange: Exchange) -> None:
        """Give up a copy whose content cannot be completed any more."""
        copy = self._copies.pop(exchange, None)
        if copy is not None:
            copy.parted()


class Copy:
    """The copy of one request (`gateway.forwarding.subrequest.Asker`, and sink of the answer's body).

    Args:
        exchange: Whose request is copied; its body is exchanged for one that passes through here.
        chain: Of copies.
        keeper: Watches it.
        count: Counts what becomes of it.

    Attributes:
        copied: Its content; None for none.
    """

    __slots__ = ("_chain", "_count", "_counted", "_exchange", "_request", "_subrequest", "copied")

    def __init__(self, exchange: Exchange, chain: ChainLike, keeper: Keeper, count: Callable[[str], None]) -> None:
        request, body = exchange.request, exchange.request.body
        self.copied: Copied | None = None
        self._chain = chain
        self._count = count
        self._counted = False
        self._exchange = exchange
        self._subrequest = Subrequest(keeper, self, self._begin, chain.finish)
        # Another object: its method, target and fields do not change with those of the exchange.
        self._request = Request(request.method, request.target, request.headers.copy(), request.host, request.version)
        if body is not None:
            self.copied = Copied(body.length, self._subrequest.content_moved, self._outrun)
            self._request.body = self.copied.body
            tee = Tee(body, self.copied)
            request.body = tee.body
            tee.begin()

    def start(self, timeout: float) -> None:
        """Send it, unless it has been given up."""
        if not self._counted:
            self._subrequest.ask(self._request, self._exchange.peer, timeout)

    def parted(self) -> None:
        """The exchange is over: no more content will come."""
        if self.copied is not None and not self.copied.complete:
            self._give_up("left")

    def _begin(self, copy: Exchange) -> None:
        copy.inherit(self._exchange)
        self._chain.begin(copy)

    def _outrun(self) -> None:
        """The upstream does not keep pace with the client."""
        self._give_up("dropped")

    def _give_up(self, outcome: str) -> None:
        self._tell(outcome)
        if self.copied is not None:
            self.copied.stop()
        self._subrequest.cancel()

    def _tell(self, outcome: str) -> None:
        if not self._counted:
            self._counted = True
            self._count(outcome)

    # Called by the subrequest (gateway.forwarding.subrequest.Asker).

    def subrequest_answered(self, response: Response) -> None:
        self._tell(f"{response.status // 100}xx")
        body = response.body
        if isinstance(body, Body):
            body.limit = LONGEST
            body.take()
            body.attach(self)

    def subrequest_failed(self, error: GatewayError) -> None:
        self._tell("failed")

    def subrequest_over(self) -> None:
        if self.copied is not None:
            self.copied.stop()

    # The body of the answer (gateway.body.BodySink).

    def body_received(self, data: bytes) -> None:
        """Throw it away."""

    def body_ended(self, trailers: Headers | None) -> None:
        """Nothing waits for it."""

    def body_failed(self) -> None:
        """Nor does anything mind."""
