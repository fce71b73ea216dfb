"""One answer from many backends: the end of the chain of a route with `aggregate`.

All parts are asked at once, each as a subrequest with the balancing, breaker, retries and pool of its upstream. The
answer is an object of what they said, octet by octet. A part that is needed and fails ends the others, and so does a
client that goes away.

Tests: `tests/flow/test_aggregation.py::test_parts_are_put_together`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Final

from gateway.errors import GatewayError
from gateway.exchange import Exchange
from gateway.forwarding.beside import Watch
from gateway.forwarding.joined import head
from gateway.forwarding.part import Asked, Part
from gateway.headers import Headers
from gateway.message import Response
from gateway.middleware.transformation import first_of

_NOT_FOR_PARTS: Final = frozenset(
    [
        # What parts are asked for is whole and has no conditions: it is not what the client has a copy of.
        *(b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since", b"if-range", b"range"),
        # Nor do they get the client's content.
        *(b"content-type", b"content-length", b"content-encoding", b"content-language", b"content-location"),
        *(b"content-range", b"content-md5", b"digest", b"content-digest", b"repr-digest", b"expect", b"trailer"),
        *(b"accept", b"accept-encoding", b"te", b"upgrade"),
    ]
)

OUTCOMES: Final = "gateway.parts"
"""In `Exchange.state`: what became of the parts, for the access log."""


def as_it_came(exchange: Exchange, make: Callable[[], list[bytes]]) -> list[bytes]:
    """Return what is made from the request as it came; steps may have put a changed one in its place."""
    changed = exchange.request
    exchange.request = first_of(changed)
    try:
        return make()
    finally:
        exchange.request = changed


class Aggregation:
    """Puts answers together.

    Args:
        parts: What they are made of, in order.
        keeper: Watches what is asked.
        varies: Names of request fields that the targets of parts are made from, with commas between them.
        count: Counts parts by name and outcome.
        private: Whether targets are made from what is of one caller, or of one exchange.
    """

    __slots__ = ("_names", "count", "keeper", "parts", "private", "varies")

    def __init__(
        self,
        parts: Sequence[Part],
        keeper: Watch,
        varies: bytes,
        count: Callable[[str, str], None],
        private: bool = False,
    ) -> None:
        self.private = private
        self.parts = tuple(parts)
        self.keeper = keeper
        self.varies = varies
        self.count = count
        self._names = [json.dumps(part.name, ensure_ascii=False).encode() + b":" for part in parts]

    def forward(self, exchange: Exchange) -> None:
        """Ask for the parts; the exchange's chain gets the answer.

        Raises:
            MalformedRequest: What the client sent cannot stand where a target has it.
            RequestAmbiguous: Likewise, by the reading of some server.
        """
        targets = as_it_came(exchange, lambda: [part.target(exchange) for part in self.parts])
        Aggregating(self, exchange).begin(targets)

    def join(self, contents: Sequence[bytes | None]) -> bytes:
        """Make the object of what there is of each part; None for nothing."""
        pairs = zip(self._names, contents, strict=True)
        return b"{%b}" % b",".join([name + content for name, content in pairs if content is not None])


class Aggregating:
    """The parts of one exchange while they are asked for (`gateway.exchange.Cancellable`).

    Args:
        rules: What is asked.
        exchange: The client's.
    """

    __slots__ = ("_asked", "_exchange", "_left", "_over", "_rules")

    def __init__(self, rules: Aggregation, exchange: Exchange) -> None:
        self._rules = rules
        self._exchange = exchange
        self._left = len(rules.parts)
        self._over = False
        self._asked = [Asked(part, exchange, self, rules.keeper) for part in rules.parts]

    def begin(self, targets: Sequence[bytes]) -> None:
        """Ask for all of them."""
        exchange = self._exchange
        exchange.upstream_started = self._rules.keeper.now()
        exchange.pending = self
        sent = [field for field in exchange.request.headers.fields if field[0] not in _NOT_FOR_PARTS]
        for asked, target in zip(self._asked, targets, strict=True):
            if self._over:
                return
            asked.ask(target, Headers.of(list(sent)))

    def cancel(self, error: GatewayError | None = None) -> None:
        """See `gateway.exchange.Cancellable`: the client is gone, out of time, or gets an error."""
        if not self._over:
            self._end()

    def settled(self, asked: Asked) -> None:
        """See `gateway.forwarding.part.Hearer`."""
        if self._over:
            return
        exchange = self._exchange
        assert exchange.chain is not None
        if asked.error is not None and asked.part.needed:
            self._end()
            exchange.chain.fail(exchange, asked.error)
            return
        self._left -= 1
        if self._left:
            return
        self._end()
        failed = [one for one in self._asked if one.error is not None]
        contents = [self._content(one) for one in self._asked]
        answers = [one.headers for one in self._asked if one.error is None]
        rules = self._rules
        fields = head(answers, rules.varies, not failed, rules.private)
        response = Response(200, fields, rules.join(contents))
        exchange.chain.deliver(exchange, response)

    def _content(self, asked: Asked) -> bytes | None:
        if asked.error is None:
            return asked.content
        otherwise = asked.part.otherwise
        return None if otherwise is None else otherwise(self._exchange)

    def _end(self) -> None:
        """It is known what becomes of the exchange: what is still under way is not wanted."""
        self._over = True
        exchange, rules = self._exchange, self._rules
        if exchange.pending is self:
            exchange.pending = None
        exchange.upstream_finished = rules.keeper.now()
        for asked in self._asked:
            asked.cancel()
            exchange.attempts += asked.attempts
            asked.tell()
            rules.count(asked.part.name, asked.outcome)
        exchange.state[OUTCOMES] = ", ".join([f"{asked.part.name}={asked.outcome}" for asked in self._asked])
