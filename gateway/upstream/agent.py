"""`ProxyAgent`: makes one attempt of an exchange on one backend, over the shared pool.

Twisted has a class of the same name for another thing: going *through* a
forward proxy. Ours is the client side of a gateway, and stands where stock
`Agent` would: it knows what was sent, passes interim answers and upgrades on,
streams both bodies, and never retries by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gateway.body import Body
from gateway.errors import BackendTimeout, BreakerOpen, GatewayError, PoolExhausted, Source
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.http.fields import FieldFilter
from gateway.message import OpenTunnel, Response, Tunnel
from gateway.transport.deadlines import NEVER, Deadlines
from gateway.upstream.backend import Backend, Upstream
from gateway.upstream.http1_connection import Http1Connection
from gateway.upstream.pool import ConnectionPool


class AttemptObserver(Protocol):
    """Who hears how attempts end: the forwarder."""

    def attempt_answered(self, attempt: Attempt, response: Response) -> None:
        """The head is there; its body comes or is there."""

    def attempt_failed(self, attempt: Attempt, error: GatewayError) -> None:
        """It ended before a head was there."""

    def attempt_finished(self, attempt: Attempt, error: GatewayError | None) -> None:
        """It is over, and counts: called once for each attempt that was not cancelled."""

    def attempt_cancelled(self, attempt: Attempt, error: GatewayError | None) -> None:
        """It was cancelled; with an error where that was its backend's fault: the exchange ran out of time on it."""


class Attempt:
    """One try of an exchange on one backend.

    Attributes:
        exchange: What it is for.
        upstream: Whose backend it is.
        backend: Where it goes.
        passes: Which of the client's fields are copied into the head, which the connection writes.
        timeout: Seconds for the answer's head once the request is sent.
        silence: Seconds between two parts of the answer's body.
        deadline: Monotonic seconds when the answer's head must be there.
        fresh: It wants a connection that has not been used: the one before it was lost in the keep-alive race.
        status: That of the answer, 0 before.
        ticket: Of the backend's breaker, 0 without one or once handed back.
        upstream_ticket: Of the upstream's breaker, likewise.
        held: The client has seen nothing of the answer that has begun.
        until: Monotonic seconds when the last attempt of the exchange must have its answer.
        after: The attempt that failed before this one.
        number: Which attempt of the exchange it is, from 1; those after a lost race have that one's.
        why: What it repeats an attempt for; empty for the first.
        started: Monotonic seconds.
    """

    __slots__ = (
        "_agent",
        "_connection",
        "_done",
        "_observer",
        "after",
        "backend",
        "deadline",
        "exchange",
        "fresh",
        "held",
        "number",
        "passes",
        "silence",
        "started",
        "status",
        "ticket",
        "timeout",
        "until",
        "upstream",
        "upstream_ticket",
        "why",
    )

    def __init__(
        self,
        agent: ProxyAgent,
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
    ) -> None:
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
        self.held = False
        self.after: Attempt | None = None
        self.status = 0
        self.ticket = 0
        self.upstream_ticket = 0
        self.number = 1
        self.why = ""
        self._agent = agent
        self._observer = observer
        self._connection: Http1Connection | None = None
        self._done = False

    @property
    def owner(self) -> object:
        """The client's connection."""
        return self.exchange.downstream

    @property
    def done(self) -> bool:
        """Whether it is over."""
        return self._done

    @property
    def sent(self) -> bool:
        """Whether a byte of the request has left, in this attempt or one before."""
        return self._connection is not None or (self.after is not None and self.after.sent)

    def start(self) -> None:
        """Get a connection and send the request."""
        pool = self.backend.pool
        pool.in_flight += 1
        pool.picks += 1
        try:
            connection = pool.acquire(self)
        except PoolExhausted as error:
            self._end(error)
            return
        if connection is not None:
            self._use(connection)
        elif not self._done and self._connection is None:  # it may have been told from inside `acquire`
            self._agent.deadlines.watch(self)

    def cancel(self, error: GatewayError | None = None) -> None:
        """The exchange is over for another reason: let go of everything."""
        if self._done:
            return
        self._leave()
        if self._connection is not None:
            self._connection.abort()
        else:
            error = None
        self._observer.attempt_cancelled(self, error if error is not None and error.source is Source.UPSTREAM else None)

    def discard(self) -> None:
        """Another attempt takes its place: what it has not finished is not wanted; it counts."""
        if self._done:
            return
        self._leave()
        self._forget_exchange()
        assert self._connection is not None
        self._connection.abort()
        self._observer.attempt_finished(self, None)

    def abandon(self) -> None:
        """The exchange is over while it waits to be made again."""
        self._observer.attempt_cancelled(self, None)

    # Called by the pool.

    def connected(self, connection: Http1Connection) -> None:
        """A connection is there."""
        self._agent.deadlines.forget(self)
        breaker, whole = self.backend.breaker, self.upstream.breaker
        stands = breaker is None or breaker.stands(self.ticket)
        if not stands or not (whole is None or whole.stands(self.upstream_ticket)):
            # It opened while this one waited: open means no contact at all, and half-open none but the probes'.
            self.backend.pool.release(connection)
            self._end(BreakerOpen())
            return
        self._use(connection)

    def refused(self, error: GatewayError) -> None:
        """There will be none."""
        self._end(error)

    def on_deadline(self, now: float) -> None:
        """It is still waiting for a connection when the answer should be there."""
        self._end(BackendTimeout("No connection to the backend was there in time."))

    # Called by the connection.

    def interim(self, status: int, reason: bytes, headers: Headers) -> None:
        """An interim (1xx) response came."""
        self.exchange.downstream.send_interim(self.exchange, status, reason, headers)

    def answered(self, response: Response) -> None:
        """The head of the answer is there."""
        self.status = response.status
        if self.silence != self.timeout:
            assert self._connection is not None
            self._connection.deadline = self.next_deadline()
        self._observer.attempt_answered(self, response)

    def switched(self, response: Response) -> None:
        """The backend changes protocols; the client's end joins once every step has seen that."""
        self.status = response.status
        response.tunnel = Tunnel(self._become_tunnel)
        self._observer.attempt_answered(self, response)

    def finished(self, status: int) -> None:
        """The answer is complete."""
        self.status = status
        self._leave()
        if self.exchange.pending is self:
            self.exchange.pending = None
        self._observer.attempt_finished(self, None)

    def failed(self, error: GatewayError, body: Body | None) -> None:
        """The connection broke; `body` is what had begun to be answered."""
        if self._done:
            return
        if self.held:
            self.status = 0  # nobody has seen it
            body = None
        if body is None:
            self._end(error)
            return
        self._leave()
        self._forget_exchange()
        self.exchange.error = error
        self._observer.attempt_finished(self, error)
        body.fail()

    def hold(self, timeout: float) -> None:
        """Its answer is held until it is complete: no part of it may take longer than this."""
        self.held = True
        self.timeout = self.silence = timeout
        assert self._connection is not None
        self._connection.deadline = self.next_deadline()

    def out_of_time(self) -> None:
        """The backend said nothing for too long."""
        if self._done:
            return
        connection = self._connection
        assert connection is not None
        connection.time_out(BackendTimeout())

    def next_deadline(self) -> float:
        """When the head of the answer, or the next part of its body, must be there."""
        return self._agent.now() + (self.silence if self.status else self.timeout)

    def _become_tunnel(self) -> OpenTunnel:
        """Every step has seen the 101: the attempt is over, and its connection an end of a tunnel."""
        connection = self._connection
        assert connection is not None
        self._leave()
        self._observer.attempt_finished(self, None)
        self._forget_exchange()
        return connection

    def _use(self, connection: Http1Connection) -> None:
        self._connection = connection
        connection.send(self)

    def _forget_exchange(self) -> None:
        # A step of the chain may be looking at the head of the answer: then the exchange waits for that step.
        if self.exchange.pending is self:
            self.exchange.pending = None

    def _end(self, error: GatewayError) -> None:
        if self._done:
            return
        self._leave()
        self._forget_exchange()
        self._observer.attempt_finished(self, error)
        self._observer.attempt_failed(self, error)

    def _leave(self) -> None:
        self._done = True
        pool = self.backend.pool
        pool.in_flight -= 1
        if self._connection is None:
            pool.withdraw(self)
            self._agent.deadlines.forget(self)


class ProxyAgent:
    """Makes attempts.

    Args:
        pool: The connections.
        deadlines: Watches attempts that wait for a connection.
        now: Monotonic seconds.
    """

    def __init__(self, pool: ConnectionPool, deadlines: Deadlines, now: Callable[[], float]) -> None:
        self.pool = pool
        self.deadlines = deadlines
        self.now = now

    def backend_of(self, exchange: Exchange, upstream: Upstream) -> Backend | None:
        """Return the backend that has a connection of this client's own, where it may be tried."""
        pool = self.pool.pins.get(exchange.downstream)
        return next((backend for backend in upstream.backends if backend.pool is pool and backend.usable), None)

    def attempt(
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
    ) -> Attempt:
        """Make an attempt that is to be started; the observer hears of the answer.

        Args:
            observer: Who asks.
            exchange: Its request's body is streamed.
            upstream: Whose backend it is.
            backend: Where to.
            passes: Which of the client's fields are copied.
            timeout: Seconds for the head of the answer once the request is sent; 0 for no bound.
            now: Monotonic seconds.
            deadline: Monotonic seconds when the answer's head must be there.
            until: The same for the exchange, however many attempts it takes.
            silence: Seconds between two parts of the answer; 0 for `timeout`.
        """
        timeout = timeout or NEVER
        silence = silence or timeout
        attempt = Attempt(self, observer, exchange, upstream, backend, passes, timeout, now, deadline, until, silence)
        exchange.upstream = upstream.name
        exchange.backend = backend.name
        exchange.attempts += 1
        exchange.upstream_started = now
        exchange.pending = attempt
        return attempt
