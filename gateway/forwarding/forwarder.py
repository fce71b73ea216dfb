"""The end of a route's chain: choose a backend, forward, and answer.

The forwarder has the upstream pick a backend, starts the attempt, and decides
whether a failed one is made again. Breakers are told by `verdicts` how attempts
ended; what is answered where one is open is in `fallback`.
"""

from __future__ import annotations

from typing import Final

from gateway.errors import BackendProtocolError, BackendReset, BreakerOpen, CallNotTaken, CallTimeout, GatewayError
from gateway.exchange import Exchange
from gateway.forwarding import verdicts
from gateway.forwarding.attempt import Attempt, AttemptObserver
from gateway.forwarding.attempts import Attempts
from gateway.forwarding.call import call_until_of
from gateway.forwarding.fallback import fall_back
from gateway.forwarding.hedges import Hedges, Race
from gateway.forwarding.retries import Retries, tried, why
from gateway.http.fields import FieldFilter
from gateway.http.grpc import deadline_of, is_call
from gateway.message import Response
from gateway.resilience.retry import lost_race
from gateway.transport.deadlines import NEVER
from gateway.upstream.backend import Backend, Upstream

VIA: Final = b"1.1 gateway"

_KEPT: Final = 64 * 1024
"""Octets of content that are kept without `retry`, for what a backend says that it has not looked at (D-350)."""

_BROKEN: Final = (BackendProtocolError, BackendReset)


class Forwarder(AttemptObserver):
    """Forwards exchanges of one route to one upstream; a route that is split over several has one for each.

    Args:
        upstream: Where the exchanges go.
        attempts: Makes the attempts.
        passes: Which request fields are copied.
        timeout: Seconds for the backend's answer, all attempts together.
        via: Whether responses carry Via.
        retries: What is tried again; None for nothing but attempts lost in the keep-alive race.
        hedges: When a second attempt is made beside the first; None for never.
        silence: Most seconds between two parts of an answer; 0 for `timeout`.
    """

    __slots__ = (
        "_attempts",
        "_calls",
        "_hedges",
        "_passes",
        "_retries",
        "_silence",
        "_timeout",
        "_trailers",
        "_upstream",
        "_via",
    )

    def __init__(
        self,
        upstream: Upstream,
        attempts: Attempts,
        passes: FieldFilter,
        timeout: float,
        via: bool,
        retries: Retries | None = None,
        hedges: Hedges | None = None,
        silence: float = 0.0,
    ) -> None:
        self._upstream = upstream
        self._attempts = attempts
        self._passes = passes
        self._trailers = passes.trailers
        self._timeout = timeout
        self._via = via
        self._retries = retries
        self._hedges = hedges
        self._silence = silence or timeout
        # Whether a call of gRPC may go there: nobody else pays for a look at grpc-timeout.
        self._calls = any(one.takes_calls for one in upstream.traits())

    def forward(self, exchange: Exchange) -> None:
        """Send an exchange to a backend; its chain gets the answer.

        Raises:
            NoBackendAvailable: No backend may be tried.
            BreakerOpen: A breaker is open, and there is no fallback.
            CallTimeout: The client's time for a call of gRPC is over already.
        """
        if exchange.request.body is not None:
            exchange.request.body.sift_trailers(self._trailers)
        self._send(exchange, self._upstream)

    def _send(self, exchange: Exchange, upstream: Upstream, falls_back: bool = True) -> None:
        now = self._attempts.now()
        call_until = _call_until(exchange, now) if self._calls else NEVER
        ticket = 0
        if upstream.condition is None:
            key = upstream.key
            backend = upstream.balancer.pick(b"" if key is None else key(exchange), now)
        else:
            try:
                ticket = upstream.admit(now, exchange.request.whole)
                backend = upstream.pick(exchange, now)
            except GatewayError as error:
                if ticket and upstream.breaker is not None:
                    upstream.breaker.cancelled(ticket)
                if not (falls_back and isinstance(error, BreakerOpen)):
                    raise
                fall_back(exchange, upstream, error, self._passes, self._send_instead)
                return
        if self._attempts.pool.pins:
            backend = self._attempts.backend_of(exchange, upstream) or backend
        timeout = self._timeout
        deadline = until = now + timeout if timeout else NEVER
        if call_until < until:
            deadline = until = call_until
        retries = self._retries
        if retries is not None:
            retries.begin(exchange.request, now)
            deadline = retries.deadline(now, until)
        elif self._calls and exchange.request.body is not None:
            exchange.request.body.keep(_KEPT)
        attempt = self._attempts.make(
            self, exchange, upstream, backend, self._passes, timeout, now, deadline, until, self._silence, call_until
        )
        if ticket:
            attempt.upstream_ticket = ticket
        if backend.breaker is not None:
            attempt.ticket = backend.breaker.admit(now, exchange.request.whole)
        attempt.start()
        if self._hedges is not None:
            self._hedges.watch(attempt, self._second)

    def _send_instead(self, exchange: Exchange, upstream: Upstream) -> None:
        self._send(exchange, upstream, falls_back=False)

    # Called by attempts (gateway.forwarding.attempt.AttemptObserver).

    def attempt_answered(self, attempt: Attempt, response: Response) -> None:
        """Deliver the answer, hold it until it is complete, or make another attempt in its place."""
        if self._hedges is not None and self._has_lost_to_another(attempt, response):
            return
        retries = self._retries
        outcome = None if retries is None else retries.asked_for(response)
        if retries is not None and outcome is not None:
            delay = retries.delay(attempt, outcome, self._attempts.now(), response)
            if delay is not None:
                attempt.discard()
                retries.wait(attempt, delay, lambda attempt: self._repeat(attempt, outcome))
                return
        if retries is not None and not attempt.done and retries.holds(attempt, response):
            attempt.hold(retries.try_timeout or self._timeout or NEVER)
            retries.hold(attempt, response, self._deliver)
            return
        self._deliver(attempt, response)

    def _deliver(self, attempt: Attempt, response: Response) -> None:
        if attempt.upstream_ticket or attempt.ticket:  # none where the answer was whole: then it counts already
            verdicts.answered(attempt, self._attempts.now())
        if self._via:
            response.headers.add(b"Via", VIA)
        exchange = attempt.exchange
        if exchange.request.body is not None:
            exchange.request.body.forget()
        assert exchange.chain is not None
        exchange.chain.deliver(exchange, response)

    def attempt_failed(self, attempt: Attempt, error: GatewayError) -> None:
        """Make another attempt, or answer with the error: this one failed before there was an answer."""
        race = attempt.exchange.pending
        if isinstance(race, Race) and race.lost(attempt):
            return
        if not attempt.fresh and lost_race(error, tried(attempt)) and self._try(attempt, attempt.backend, fresh=True):
            return
        retries = self._retries
        if retries is not None:
            delay = retries.delay(attempt, error, self._attempts.now())
            if delay is not None:
                retries.wait(attempt, delay, lambda attempt: self._repeat(attempt, error))
                return
        self._give_up(attempt, error)

    def attempt_finished(self, attempt: Attempt, error: GatewayError | None) -> float:
        """Tell breakers and counters how an attempt ended."""
        now = attempt.ended = attempt.exchange.upstream_finished = self._attempts.now()
        attempt.failure = error
        upstream = attempt.upstream
        upstream.count(attempt.backend.name, "ok" if error is None else error.reason)
        if error is not None or attempt.status >= 500:
            _note(attempt)
        if upstream.condition is not None:
            verdicts.finished(attempt, now, error)
        if attempt.why and self._retries is not None:
            failed = error is not None or attempt.status in self._retries.failures
            self._retries.count(attempt.why, "failed" if failed else "ok")
        return now

    def attempt_cancelled(self, attempt: Attempt, error: GatewayError | None) -> None:
        """Hand back the tickets of a cancelled attempt; the error, if any, is one of its backend (D-27)."""
        now = self._attempts.now()
        if not attempt.ended:  # else it was noted when it ended, and a further one has not been made
            attempt.ended = now
            attempt.failure = error
            _note(attempt, cancelled=True)
        failure = None
        if error is not None:
            attempt.failure = error
            failure = verdicts.failure_of(0, error)
            attempt.exchange.upstream_finished = now
            attempt.upstream.count(attempt.backend.name, error.reason)
        verdicts.cancelled(attempt, now, failure)

    # Further attempts.

    def _repeat(self, last: Attempt, outcome: GatewayError | int | str) -> None:
        """Try the exchange again after the wait, on a backend that it has not tried where there is one."""
        body = last.exchange.request.body
        if body is not None and not body.repeatable:
            # The client has gone on sending during the wait, past what is kept.
            lost = BackendReset("More of the request came while it was to be sent again than is kept.")
            self._give_up(last, outcome if isinstance(outcome, GatewayError) else lost)
            return
        before: list[Backend] = []
        attempt: Attempt | None = last
        while attempt is not None:
            before.append(attempt.backend)
            attempt = attempt.after
        try:
            backend = last.upstream.pick(last.exchange, self._attempts.now(), before)
        except GatewayError as none:
            self._give_up(last, outcome if isinstance(outcome, GatewayError) else none)
            return
        if not self._try(last, backend, because=why(outcome)):
            self._give_up(last, outcome if isinstance(outcome, GatewayError) else BreakerOpen())

    def _try(self, last: Attempt, backend: Backend, fresh: bool = False, because: str = "") -> bool:
        """Make another attempt; return False where a breaker has opened meanwhile."""
        now = self._attempts.now()
        ticket = verdicts.ticket_for(last, backend, now)
        if ticket is None:
            return False
        exchange = last.exchange
        if exchange.request.body is not None:
            exchange.request.body.rewind()
        call_until = call_until_of(last)
        until, silence = last.until, self._silence
        deadline = until if self._retries is None else self._retries.deadline(now, until)
        attempt = self._attempts.make(
            self,
            exchange,
            last.upstream,
            backend,
            last.passes,
            self._timeout,
            now,
            deadline,
            until,
            silence,
            call_until,
        )
        attempt.fresh = fresh
        attempt.after = last
        attempt.ticket = ticket
        attempt.upstream_ticket, last.upstream_ticket = last.upstream_ticket, 0
        attempt.number = last.number if fresh else last.number + 1
        attempt.why = because
        attempt.start()
        return True

    def _second(self, first: Attempt) -> Attempt | None:
        """Make the attempt that runs beside the first, on another backend; None where there is no other."""
        now = self._attempts.now()
        try:
            backend = first.upstream.pick(first.exchange, now, (first.backend,))
        except GatewayError:
            return None
        if backend is first.backend or backend.backup is not first.backend.backup:
            return None  # a slow answer is no reason to ask a backup
        ticket = verdicts.ticket_for(first, backend, now)
        if ticket is None:
            return None
        until, timeout, silence, passes = first.until, self._timeout, self._silence, first.passes
        call_until = call_until_of(first)
        attempt = self._attempts.make(
            self, first.exchange, first.upstream, backend, passes, timeout, now, until, until, silence, call_until
        )
        attempt.ticket = ticket
        return attempt

    def _has_lost_to_another(self, attempt: Attempt, response: Response) -> bool:
        """Note the answer of an attempt that may be one of two; return whether to drop it and wait for the other."""
        assert self._hedges is not None
        race = attempt.exchange.pending
        if isinstance(race, Race):
            if response.status < 500:
                race.won(attempt)
            elif race.lost(attempt):
                attempt.discard()
                return True
            elif not attempt.done:
                attempt.exchange.pending = attempt
        if response.status < 500:
            self._hedges.latencies.record(self._attempts.now() - attempt.started)
        return False

    def _give_up(self, attempt: Attempt, error: GatewayError) -> None:
        verdicts.given_up(attempt, self._attempts.now(), error)
        exchange = attempt.exchange
        if isinstance(error, _BROKEN) and attempt.by_http1 and is_call(exchange.request):
            error = CallNotTaken()  # a server of gRPC does not answer HTTP/1.1: say so, and not just that it broke off
        assert exchange.chain is not None
        exchange.chain.fail(exchange, error)


def _note(attempt: Attempt, cancelled: bool = False) -> None:
    from gateway.forwarding.noted import ended  # loaded with the first attempt that fails

    ended(attempt, cancelled)


def _call_until(exchange: Exchange, now: float) -> float:
    """Return when a call of gRPC must be over; `NEVER` for what is none, and for a client that says nothing.

    Raises:
        CallTimeout: It is over already.
    """
    until = deadline_of(exchange.request, exchange.started)
    if until <= now:
        raise CallTimeout
    return until
