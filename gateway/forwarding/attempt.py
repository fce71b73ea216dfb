"""One try of an exchange on one backend, from the wait for a connection to the end of the answer.

Made by `gateway.forwarding.attempts`. Hears of its connection from the pool and of the answer from its stream
(`gateway.upstream.contract`), and tells its observer, the forwarder. Never tries again by itself. How far it has come
is in `gateway.forwarding.attempt_phases`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from gateway.body import Body
from gateway.errors import BackendTimeout, BreakerOpen, GatewayError, PoolExhausted, Retry, Source
from gateway.exchange import Exchange
from gateway.forwarding import attempt_phases as phases
from gateway.forwarding.attempt_phases import Phase
from gateway.headers import Headers
from gateway.http.fields import FieldFilter
from gateway.message import OpenTunnel, Response, Tunnel
from gateway.transport.deadlines import Deadlines
from gateway.upstream.backend import Backend, Upstream
from gateway.upstream.contract import Hearer, Stream

_OVER: Final = Phase.OVER


class AttemptObserver:
    """Who hears how attempts end: the forwarder. A base class: it is called for each request."""

    __slots__ = ()

    def attempt_answered(self, attempt: Attempt, response: Response) -> None:
        """The head is there; its body comes or is there."""
        raise NotImplementedError

    def attempt_failed(self, attempt: Attempt, error: GatewayError) -> None:
        """It ended before a head was there."""
        raise NotImplementedError

    def attempt_finished(self, attempt: Attempt, error: GatewayError | None) -> float:
        """It is over, and counts: called once for each attempt that was not cancelled; returns monotonic seconds."""
        raise NotImplementedError

    def attempt_cancelled(self, attempt: Attempt, error: GatewayError | None) -> None:
        """It was cancelled; with an error where that was its backend's fault: the exchange ran out of time on it."""
        raise NotImplementedError


class Attempt(Hearer):
    """One try of an exchange on one backend.

    Attributes:
        phase: How far it has come.
        exchange: What it is for.
        upstream: Whose backend it is.
        backend: Where it goes.
        passes: Which of the client's fields are copied into the head, which the connection writes.
        timeout: Seconds for the answer's head once the request is sent.
        silence: Seconds between two parts of the answer's body.
        deadline: Monotonic seconds when the answer's head must be there.
        fresh: It wants a connection that has not been used: the one before it was lost in the keep-alive race.
        status: What the answer counts as, 0 before: its status, or what its `grpc-status` says.
        turned: It counts as something else now than when its head was there: the outcome of a call of gRPC comes last.
        ticket: Of the backend's breaker, 0 without one or once handed back.
        upstream_ticket: Of the upstream's breaker, likewise.
        until: Monotonic seconds when the last attempt of the exchange must have its answer.
        after: The attempt that failed before this one.
        number: Which attempt of the exchange it is, from 1; those after a lost race have that one's.
        why: What it repeats an attempt for; empty for the first.
        started: Monotonic seconds.
        connected_at: The same, when it got a stream that it had waited for; 0.0 where it had one at once.
        head_at: The same, about when the answer's head came; 0.0 before, and where all of the answer came with it.
        ended: The same, when it was over for its observer; 0.0 before.
        failure: What it failed with; None for an answer.
    """

    __slots__ = (
        "_deadlines",
        "_heard_at",
        "_now",
        "_observer",
        "_stream",
        "_unprocessed",
        "after",
        "backend",
        "connected_at",
        "deadline",
        "ended",
        "exchange",
        "failure",
        "fresh",
        "head_at",
        "number",
        "passes",
        "phase",
        "silence",
        "started",
        "status",
        "ticket",
        "timeout",
        "turned",
        "until",
        "upstream",
        "upstream_ticket",
        "why",
    )

    def __init__(
        self,
        observer: AttemptObserver,
        exchange: Exchange,
        upstream: Upstream,
        backend: Backend,
        passes: FieldFilter,
        timeout: float,
        started: float,
        deadline: float,
        until: float,
        silence: float,
        deadlines: Deadlines,
        now: Callable[[], float],
    ) -> None:
        self.phase = Phase.MADE
        self.exchange = exchange
        self.upstream = upstream
        self.backend = backend
        self.passes = passes
        self.timeout = timeout
        self.silence = silence
        self.started = started
        self.deadline = deadline
        self.until = until
        self.fresh = False
        self.after: Attempt | None = None
        self.status = 0
        self.turned = False
        self.ticket = 0
        self.upstream_ticket = 0
        self.number = 1
        self.why = ""
        self.connected_at = 0.0
        self.head_at = 0.0
        self.ended = 0.0
        self.failure: GatewayError | None = None
        self._observer = observer
        self._heard_at = 0.0
        self._deadlines = deadlines
        self._now = now
        self._stream: Stream | None = None
        self._unprocessed = False

    @property
    def done(self) -> bool:
        """Whether it is over."""
        return self.phase is _OVER

    @property
    def sent(self) -> bool:
        """Whether a backend may have acted upon the request, in this attempt or one before: a byte of it has left."""
        here = self._stream is not None and not self._unprocessed
        return here or (self.after is not None and self.after.sent)

    @property
    def by_http1(self) -> bool:
        """Whether the backend was asked by HTTP/1.1; where the version is agreed on, only now that is known."""
        return self._stream is not None and not self._stream.takes_calls

    @property
    def reused(self) -> bool | None:
        """Whether its connection had been used before; None while it has none."""
        stream = self._stream
        if stream is None:
            return None
        if stream.takes_calls:
            return not self.connected_at  # one that waited is nearly always among the first on its connection
        return bool(getattr(stream, "uses", 0) > 1)

    def start(self) -> None:
        """Get a stream and send the request."""
        self.phase = phases.STARTED[self.phase]
        try:
            stream = self.backend.pool.acquire(self)
        except PoolExhausted as error:
            self._end(error)
            return
        if stream is not None:
            self._use(stream)
        elif self.phase is Phase.WAITING:  # it may have been told from inside `acquire`
            self._deadlines.watch(self)

    def cancel(self, error: GatewayError | None = None) -> None:
        """The exchange is over for another reason: let go of everything."""
        before, self.phase = self.phase, phases.ENDED[self.phase]
        if before is _OVER:
            return
        self._leave()
        if self._stream is not None:
            self._stream.abort()
        else:
            error = None
        self._observer.attempt_cancelled(self, error if error is not None and error.source is Source.UPSTREAM else None)

    def discard(self) -> None:
        """Another attempt takes its place: what it has not finished is not wanted; it counts."""
        before, self.phase = self.phase, phases.DISCARDED[self.phase]
        if before is _OVER:
            return
        self._leave()
        self._forget_exchange()
        assert self._stream is not None
        self._stream.abort()
        self._observer.attempt_finished(self, None)

    def abandon(self) -> None:
        """The exchange is over while it waits to be made again."""
        self._observer.attempt_cancelled(self, None)

    # Called by the pool.

    def connected(self, stream: Stream) -> None:
        self._deadlines.forget(self)
        self.connected_at = self._now()
        breaker, whole = self.backend.breaker, self.upstream.breaker
        stands = breaker is None or breaker.stands(self.ticket)
        if not stands or not (whole is None or whole.stands(self.upstream_ticket)):
            # It opened while this one waited: open means no contact at all, and half-open none but the probes'.
            stream.unused()
            self._end(BreakerOpen())
            return
        self._use(stream)

    def refused(self, error: GatewayError) -> None:
        self._end(error)

    def on_deadline(self, now: float) -> None:
        """It is still waiting for a stream when the answer should be there."""
        self._end(BackendTimeout("No connection to the backend was there in time."))

    # Called by the stream.

    def interim(self, status: int, reason: bytes, headers: Headers) -> None:
        self.exchange.downstream.send_interim(self.exchange, status, reason, headers)

    def answered(self, response: Response) -> None:
        if self.phase is not _OVER:  # where it changes nothing, see Note [The life of an attempt]
            self.status = response.status
            self.head_at = self._heard_at  # the stream has asked for the next deadline in this turn
            self.phase = phases.HEAD[self.phase]
            if self.silence != self.timeout:
                assert self._stream is not None
                self._stream.wait_until(self.next_deadline())
        self._observer.attempt_answered(self, response)

    def switched(self, response: Response, end: OpenTunnel) -> None:
        """The backend changes protocols; the client's end joins once every step has seen that."""
        self.status = response.status
        self.phase = phases.HEAD[self.phase]
        response.tunnel = Tunnel(partial(self._become, end))
        self._observer.attempt_answered(self, response)

    def finished(self, status: int) -> float:
        return self._finish(status, None)

    def _finish(self, status: int, excuse: GatewayError | None) -> float:
        """The answer is complete; returns when that was.

        Args:
            status: What it counts as.
            excuse: An error of the client's that it counts as instead.
        """
        self.turned = self.status != 0 and self.status != status
        self.status = status
        self.phase = phases.FINISHED[self.phase]
        self.backend.pool.leave()
        if self.exchange.pending is self:
            self.exchange.pending = None
        return self._observer.attempt_finished(self, excuse)

    def failed(self, error: GatewayError, body: Body | None) -> None:
        if self.phase is Phase.HELD:
            self.status = 0  # nobody has seen it
            body = None
        if body is None:
            self._unprocessed = error.retry is Retry.UNPROCESSED
            self._end(error)
            return
        before, self.phase = self.phase, phases.ENDED[self.phase]
        if before is _OVER:
            return
        self._leave()
        self._forget_exchange()
        self.exchange.error = error
        self._observer.attempt_finished(self, error)
        self._break_off(body, error)

    def hold(self, timeout: float) -> None:
        """Its answer is held until it is complete: no part of it may take longer than this."""
        self.phase = phases.HOLD[self.phase]
        self.timeout = self.silence = timeout
        assert self._stream is not None
        self._stream.wait_until(self.next_deadline())

    def out_of_time(self) -> None:
        assert self._stream is not None
        self._stream.time_out(BackendTimeout())

    def next_deadline(self) -> float:
        now = self._heard_at = self._now()
        return now + (self.silence if self.status else self.timeout)

    def _become(self, end: OpenTunnel) -> OpenTunnel:
        """Every step has seen the 101: the attempt is over, and its place in the count is the tunnel's."""
        self.phase = phases.TAKEN[self.phase]
        self._observer.attempt_finished(self, None)
        self._forget_exchange()
        return end

    def _use(self, stream: Stream) -> None:
        self.phase = phases.CONNECTED[self.phase]
        self._stream = stream
        stream.send(self)

    def _forget_exchange(self) -> None:
        # A step of the chain may be looking at the head of the answer: then the exchange waits for that step.
        if self.exchange.pending is self:
            self.exchange.pending = None

    def _break_off(self, body: Body, error: GatewayError) -> None:
        """The answer ends before it is complete."""
        body.fail()

    def _end(self, error: GatewayError) -> None:
        before, self.phase = self.phase, phases.ENDED[self.phase]
        if before is _OVER:
            return
        self._leave()
        self._forget_exchange()
        self._observer.attempt_finished(self, error)
        self._observer.attempt_failed(self, error)

    def _leave(self) -> None:
        pool = self.backend.pool
        pool.leave()
        if self._stream is None:
            pool.withdraw(self)
            self._deadlines.forget(self)
