"""`Attempts`: makes the attempts of exchanges, each on one backend, over the shared pool.

No agent in Twisted's sense: there is an exchange behind each, an observer that hears how it ends, and no Deferred.
The agent that an application is given is `gateway.serving.agent.ProxyAgent`.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.exchange import Exchange
from gateway.forwarding.attempt import Attempt, AttemptObserver
from gateway.forwarding.call import Call
from gateway.http.fields import FieldFilter
from gateway.transport.deadlines import NEVER, Deadlines
from gateway.upstream.backend import Backend, Upstream
from gateway.upstream.pool import ConnectionPool

__all__ = ["Attempt", "AttemptObserver", "Attempts"]


class Attempts:
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
            call_until: Monotonic seconds when a call of gRPC must be over, as its client says.
        """
        timeout = timeout or NEVER
        silence = silence or timeout
        attempt: Attempt
        if call_until == NEVER:
            attempt = Attempt(
                observer,
                exchange,
                upstream,
                backend,
                passes,
                timeout,
                now,
                deadline,
                until,
                silence,
                self.deadlines,
                self.now,
            )
        else:
            attempt = call = Call(
                observer,
                exchange,
                upstream,
                backend,
                passes,
                timeout,
                now,
                deadline,
                until,
                silence,
                self.deadlines,
                self.now,
            )
            call.call_until = call_until
        exchange.upstream = upstream.name
        exchange.backend = backend.name
        exchange.attempts += 1
        exchange.upstream_started = now
        exchange.pending = attempt
        return attempt
