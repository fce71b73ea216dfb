"""Attempts that are noted for spans: chosen when the configuration is loaded, so that others pay nothing.

The backend of each attempt is told that attempt's span as its parent: the field is written anew from the second one on.

Tests: `tests/flow/test_traces.py::test_each_attempt_has_a_span`.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.exchange import Exchange
from gateway.forwarding.attempt import Attempt, AttemptObserver
from gateway.forwarding.attempts import Attempts
from gateway.http.fields import FieldFilter
from gateway.spans import Spans
from gateway.transport.deadlines import NEVER
from gateway.upstream.backend import Backend, Upstream


class TracedAttempts(Attempts):
    """Makes attempts as others do, and notes them.

    Args:
        attempts: The others.
        random_bytes: For the ids of spans from the second attempt on, as `os.urandom`.
    """

    def __init__(self, attempts: Attempts, random_bytes: Callable[[int], bytes]) -> None:
        super().__init__(attempts.pool, attempts.deadlines, attempts.now)
        self._random_bytes = random_bytes

    def make(
        self,
        observer: AttemptObserver,
        exchange: Exchange,
        upstream: Upstream,
        backend: Backend,
        passes: FieldFilter,
        timeout: float,
        now: float,
        deadline: float,
        until: float,
        silence: float = 0.0,
        call_until: float = NEVER,
    ) -> Attempt:
        attempt = super().make(
            observer, exchange, upstream, backend, passes, timeout, now, deadline, until, silence, call_until
        )
        spans = exchange.spans
        if spans is not None:
            first = spans.first
            if first:
                spans.first = b""
                spans.ids.append(first)  # as the field says that `gateway.middleware.tracing` has written
            else:
                spans.ids.append(self._another(exchange, spans))
            spans.attempts.append(attempt)
        return attempt

    def _another(self, exchange: Exchange, spans: Spans) -> bytes:
        made = self._random_bytes(8).hex().encode("ascii")
        for place, (name, value) in enumerate(exchange.headers_out):
            # A step may have taken it out, or put another trace's in its place: what it decided stays.
            if name == b"traceparent" and value[3:35] == spans.trace_id:
                # Another list: a mirror's copy and its exchange have lists of their own, but a step may hold this one.
                exchange.headers_out = exchange.headers_out.copy()
                exchange.headers_out[place] = (name, value[:36] + made + value[52:])
                break
        return made
