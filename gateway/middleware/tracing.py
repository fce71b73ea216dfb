"""Begin or continue the trace of an exchange whose spans may be exported, and say at its end whether they are.

Stands where `gateway.middleware.trace` does in a gateway that exports none. The backend's parent is the span of the
attempt. A trace is sampled as its client says, or as chance has it where there is no client's decision; the digits of
its id are the chance, so that every gateway that sees the trace decides alike. An exchange that failed, or was slow, is
kept either way (D-495): `gateway.spans` has the Note [Spans are made when it is over].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.exchange import Exchange
from gateway.message import Response
from gateway.middleware.trace import context_of, digits, state_of
from gateway.spans import Spans

_BATCH: Final = 256
_WIDTH: Final = 71
# What is not random in `00-TRACE-ATTEMPT-01EXCHANGE`, by its places.
_FIXED: Final = ((0, b"0"), (1, b"0"), (2, b"-"), (35, b"-"), (52, b"-"), (53, b"0"), (54, b"1"))

Keep = Callable[[Exchange, Spans], object]
"""Makes the spans of an exchange that is over, and sends them away."""

_LONG: Final = b"text/event-stream"


class Tracing:
    """Decides which traces are kept.

    Args:
        random_bytes: As `os.urandom`, asked for a batch at a time.
        ratio: Share of the traces without a client's decision that are sampled.
        slow: Seconds from which an exchange is kept; 0 for never.
        keep: Makes spans of an exchange.
    """

    __slots__ = ("_bound", "_keep", "_made", "_random_bytes", "_slow")

    name = "trace"

    def __init__(self, random_bytes: Callable[[int], bytes], ratio: float, slow: float, keep: Keep) -> None:
        # Greater than all of the last 16 digits of the ids that are sampled.
        self._bound = b"g" if ratio >= 1 else b"%016x" % int(ratio * 2**64)
        self._random_bytes = random_bytes
        self._made: list[bytes] = []
        self._slow = slow or 1e18
        self._keep = keep

    def on_request(self, exchange: Exchange) -> None:
        """Decide on the trace, and tell the backend of it."""
        row = (self._made or self._make()).pop()
        headers = exchange.request.headers
        value = headers.index.get(b"traceparent")
        if value is not None:
            found = context_of(headers, value)
            if found is not None:
                trace_id, parent, flags = found
                attempt = row[36:52]
                exchange.trace_id = trace_id.decode("ascii")
                exchange.spans = Spans(trace_id, row[55:], attempt, parent, int(flags, 16) & 1 == 1)
                exchange.headers_out.append((b"traceparent", b"00-%b-%b-%b" % (trace_id, attempt, flags)))
                state = state_of(headers)
                if state is not None:
                    exchange.headers_out.append((b"tracestate", state))
                return
        trace_id = row[3:35]
        exchange.trace_id = trace_id.decode("ascii")
        exchange.spans = Spans(trace_id, row[55:], row[36:52], b"", row[54] == 49)
        exchange.headers_out.append((b"traceparent", row[:55]))

    def on_finish(self, exchange: Exchange) -> None:
        """Keep the spans of an exchange that is sampled, failed or slow."""
        spans = exchange.spans
        if spans is None or spans.over:
            return
        spans.over = True
        if spans.sampled or self._tells(exchange, spans):
            spans.kept = True
            self._keep(exchange, spans)
        # Attempts lead back to their exchange: what is left here would have to be found by the garbage collector. Those
        # of subrequests that go on are left for these.
        attempts = spans.attempts
        if len(attempts) == 1 and attempts[0].exchange is exchange:
            spans.attempts = []
        elif attempts:
            _leave(
                spans, [place for place, one in enumerate(attempts) if one.exchange is not exchange and not one.ended]
            )

    def _tells(self, exchange: Exchange, spans: Spans) -> bool:
        """Whether an exchange that is not sampled has failed or was slow."""
        error, response = exchange.error, exchange.response
        if error is not None and error.status >= 500:
            return True
        if response is not None:
            if response.status >= 500:
                return True
            if exchange.finished - exchange.started >= self._slow and not _takes_its_time(response):
                return True
        elif exchange.finished - exchange.started >= self._slow:
            return True
        if len(spans.attempts) > 1 and spans.failed:
            return True
        return exchange.plugin_errors != ""

    def _make(self) -> list[bytes]:
        made = digits(self._random_bytes, _WIDTH, _BATCH, _FIXED)
        bound = self._bound
        if bound != b"g":
            made = [row if row[19:35] < bound else row[:53] + b"00" + row[55:] for row in made]
        self._made = made
        return made


class Beside:
    """Ends what is noted of a subrequest that goes on after the exchange that it was made for.

    Args:
        keep: Makes the spans of its attempts.
    """

    __slots__ = ("_keep",)

    name = "trace"

    def __init__(self, keep: Keep) -> None:
        self._keep = keep

    def on_finish(self, exchange: Exchange) -> None:
        """Keep its attempts, where those of the exchange were kept."""
        spans = exchange.spans
        if spans is None or not spans.over:
            return  # what it was made for ends after it
        if spans.kept:
            self._keep(exchange, spans)
        _leave(spans, [place for place, one in enumerate(spans.attempts) if one.exchange is not exchange])


def _takes_its_time(response: Response) -> bool:
    """Whether an exchange lasts because it is meant to: a connection that changed protocols, a stream of events."""
    if response.tunnel is not None:
        return True
    said = response.headers.index.get(b"content-type")
    return said is not None and said.startswith(_LONG)


def _leave(spans: Spans, places: list[int]) -> None:
    spans.ids = [spans.ids[place] for place in places]
    spans.attempts = [spans.attempts[place] for place in places]
