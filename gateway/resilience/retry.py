"""Whether a failed attempt is made again, and after how long.

Layer 2: decides only. Asked by the forwarder when an attempt has failed, or was
answered with a status that the route retries. A yes still needs a withdrawal
from the route's budget (`gateway.resilience.budget`), and a backend that admits.

# Note [Never twice]
A request of which a byte has left may have been acted upon, whatever became of
the connection. It is sent again only if its method is idempotent (RFC 9110
section 9.2.2), or it carries an Idempotency-Key and the route says that its
backends honour that, or it is a call of gRPC and the route names the outcome.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.errors import (
    BackendConnectTimeout,
    BackendRefused,
    BackendReset,
    BackendTimeout,
    BackendTLSFailed,
    BreakerOpen,
    GatewayError,
    PoolExhausted,
    Retry,
)

IDEMPOTENT: Final = frozenset([b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"])
"""RFC 9110 section 9.2.2."""

DEFAULT_ON: Final[frozenset[str | int]] = frozenset(["connect", "refused", "reset", 502, 503, 504])

# What `retry.on` calls an error of ours, and what outcome it is of a call of gRPC; the first that fits counts. Statuses
# in `retry.on` are for what backends answer: were a 504 of our own among them, `timeout` could not be left out.
KINDS: Final[tuple[tuple[type[GatewayError], frozenset[str | int], str], ...]] = (
    (BackendRefused, frozenset(["connect", "refused"]), "unavailable"),
    (BackendTLSFailed, frozenset(["connect"]), "unavailable"),
    (BackendConnectTimeout, frozenset(["connect", "timeout"]), "unavailable"),
    (PoolExhausted, frozenset(["connect"]), "unavailable"),
    (BreakerOpen, frozenset(["connect"]), "unavailable"),  # it opened while the attempt waited for a connection
    (BackendTimeout, frozenset(["timeout"]), "deadline-exceeded"),
    (BackendReset, frozenset(["reset"]), "unavailable"),
)


@dataclass(slots=True)
class Tried:
    """What is known of an exchange when one of its attempts has failed.

    Attributes:
        method: The request's.
        attempts: How many were made, with the one that failed.
        sent: Whether a byte of the request has left, in any of them.
        replayable: Whether its content, if any, can be sent from the start: none of it was taken from the client, or
            all that was is kept. False for a request that asks for an upgrade and may have got it.
        keyed: Whether it carries an Idempotency-Key.
        call: Whether it is a call of gRPC.
    """

    method: bytes
    attempts: int = 1
    sent: bool = True
    replayable: bool = True
    keyed: bool = False
    call: bool = False


_RACES: Final = frozenset([Retry.IF_REUSED, Retry.UNPROCESSED])


def lost_race(error: GatewayError, tried: Tried) -> bool:
    """Whether to try once more, at once and on a fresh connection, because one in use was closed under us.

    The race that RFC 9112 section 9.3.1 lets a client repair without asking, and its likeness in HTTP/2, where the
    backend says which requests it has not looked at (RFC 9113 section 8.7): those count as not sent, whatever their
    method. It needs no policy and no budget: the backend was well, and a fresh connection cannot lose it again.
    """
    return error.retry in _RACES and tried.replayable and (not tried.sent or tried.method in IDEMPOTENT)


class RetryPolicy:
    """The `retry` block of a route.

    Args:
        attempts: Attempts after the first.
        on: What is tried again: `connect`, `refused`, `reset`, `timeout`, and what a backend answers: statuses, and
            outcomes in gRPC by their names.
        backoff: Most seconds before the second attempt; doubles with each.
        max_backoff: Most seconds before any.
        idempotency_key: Whether a request with an Idempotency-Key may be sent twice.
    """

    __slots__ = ("attempts", "backoff", "idempotency_key", "max_backoff", "on")

    def __init__(
        self,
        attempts: int = 2,
        on: frozenset[str | int] = DEFAULT_ON,
        backoff: float = 0.025,
        max_backoff: float = 0.25,
        idempotency_key: bool = False,
    ) -> None:
        self.attempts = attempts
        self.on = on
        self.backoff = backoff
        self.max_backoff = max_backoff
        self.idempotency_key = idempotency_key

    def again(
        self, outcome: GatewayError | int | str, tried: Tried, remaining: float, random: Callable[[], float]
    ) -> float | None:
        """Decide about one more attempt.

        Args:
            outcome: Why the last attempt failed, or the status that the backend answered, or the name of its outcome in
                gRPC: calls are no idempotent requests by their method, so a route that names one says that they are.
            tried: What is known of the exchange.
            remaining: Seconds to its deadline.
            random: Returns a number from 0.0 up to, not including, 1.0.

        Returns:
            Seconds to wait before it; None for no more.
        """
        if tried.attempts > self.attempts or not tried.replayable:
            return None
        if not (isinstance(outcome, GatewayError) and tried.call and self._ends_calls(outcome)):
            if not self._retries(outcome):
                return None
            # An answer proves that the request arrived.
            acted_upon = tried.sent or not isinstance(outcome, GatewayError)
            if acted_upon and not isinstance(outcome, str) and not self.repeatable(tried):
                return None
        delay = self.delay(tried.attempts, random)
        return delay if delay < remaining else None

    def delay(self, attempts: int, random: Callable[[], float]) -> float:
        """Return the seconds to wait after so many attempts.

        Exponential with full jitter (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015): any
        time up to the bound, so that clients that failed together do not come back together.
        """
        return random() * min(self.max_backoff, self.backoff * 2.0 ** (attempts - 1))

    def _retries(self, outcome: GatewayError | int | str) -> bool:
        if not isinstance(outcome, GatewayError):
            return outcome in self.on
        for kind, names, _ in KINDS:
            if isinstance(outcome, kind):
                # `BackendTimeout` says that it is never tried again; a route whose `on` names `timeout` overrules that.
                asked = outcome.retry is not Retry.NEVER or kind is BackendTimeout
                return asked and not names.isdisjoint(self.on)
        return False

    def _ends_calls(self, error: GatewayError) -> bool:
        """Whether an error of ours is an outcome that a route names for calls: whoever says it, client and route agree.

        What a backend rejects for what the request is (`neutral`) is none: another one would reject it, too.
        """
        if error.neutral:
            return False
        for kind, _, outcome in KINDS:
            if isinstance(error, kind):
                return outcome in self.on
        return False

    def repeatable(self, tried: Tried) -> bool:
        """Whether a request that may have been acted upon may be sent again."""
        return tried.method in IDEMPOTENT or (self.idempotency_key and tried.keyed)
