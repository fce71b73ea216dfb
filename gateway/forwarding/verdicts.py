"""Tell the breakers of a backend and of its upstream how attempts ended.

# Note [Verdicts]
The breaker of a backend is told of every attempt on that backend. The breaker of the whole upstream is told once of
every exchange: a failure that a retry on another backend made good is no failure of the upstream (D-26). Each breaker
gives out a ticket when it admits a request, and the ticket goes back exactly once; the attempt has 0 in the ticket's
place from then on.

The forwarder calls `answered` when the head of the answer for the client is there, and `finished`, `cancelled` or
`given_up` at the end; only where something watches the upstream (`Upstream.condition`) or a ticket is out.
"""

from __future__ import annotations

from typing import Final

from gateway.errors import GatewayError, Retry, Source
from gateway.forwarding.attempt import Attempt
from gateway.resilience.breaker import Breaker, State
from gateway.upstream.backend import Backend

_HALF_OPEN: Final = State.HALF_OPEN  # a global is found faster than a member of an enumeration

NOT_ITS_FAULT: Final = frozenset([501, 505])
"""Statuses from 500 up that are no failure of a backend: the client asked for what it does not have (D-28)."""


def failure_of(status: int, error: GatewayError | None) -> str | None:
    """Say what the backend did wrong; empty for nothing, None where the attempt says nothing about the backend."""
    if error is not None:
        # A request that the backend did not process (GOAWAY) is no failure, nor is an error of the client or ours, nor
        # that a backend rejects what a client may send to any of them (D-327).
        fails = error.source is Source.UPSTREAM and error.retry is not Retry.UNPROCESSED and not error.neutral
        return error.reason if fails else None
    return f"status {status}" if status >= 500 and status not in NOT_ITS_FAULT else ""


def ticket_for(before: Attempt, backend: Backend, now: float) -> int | None:
    """Return the backend's ticket for a further attempt of an exchange; None where a breaker does not admit it.

    0 stands for a backend without a breaker. The upstream's breaker has admitted the exchange before, and is only asked
    whether that ticket still stands.
    """
    whole = before.upstream.breaker
    if whole is not None and not whole.stands(before.upstream_ticket):
        return None
    return 0 if backend.breaker is None else backend.breaker.admit(now, before.exchange.request.whole) or None


def answered(attempt: Attempt, now: float) -> None:
    """Tell breakers of an answer as soon as its head is there, where it is a failure or the attempt is a probe."""
    if attempt.upstream_ticket and (attempt.status >= 500 or _probes(attempt.upstream.breaker)):
        _tell_upstream(attempt, now, failure_of(attempt.status, None))
    if attempt.ticket and attempt.backend.standing is not None and _probes(attempt.backend.breaker):
        # The attempt is a probe: its head is enough, since a stream may last for hours (D-29).
        _tell_backend(attempt, now, failure_of(attempt.status, None))


def finished(attempt: Attempt, now: float, error: GatewayError | None) -> None:
    """Tell breakers how an attempt ended.

    The upstream's is not told of an error before the answer, since there may be another attempt.
    """
    failure = failure_of(attempt.status, error)
    _tell_backend(attempt, now, failure)
    if attempt.upstream_ticket and (failure == "" or attempt.turned or (error is not None and attempt.status)):
        _tell_upstream(attempt, now, failure)


def cancelled(attempt: Attempt, now: float, failure: str | None) -> None:
    """Hand back the tickets of an attempt that was cancelled (D-27).

    Args:
        attempt: The attempt that was cancelled.
        now: Monotonic seconds.
        failure: What the backend did wrong, where it took too long; else None.
    """
    _tell_backend(attempt, now, failure)
    if attempt.upstream_ticket:
        _tell_upstream(attempt, now, failure)


def given_up(attempt: Attempt, now: float, error: GatewayError) -> None:
    """Tell the upstream's breaker of an exchange without a further attempt: as a failure, if a backend was at fault."""
    if attempt.upstream_ticket:
        _tell_upstream(attempt, now, failure_of(attempt.status, error) or None)


def _tell_backend(attempt: Attempt, now: float, failure: str | None) -> None:
    standing = attempt.backend.standing
    if standing is not None:
        ticket, attempt.ticket = attempt.ticket, 0
        standing.judge(ticket, now, failure)


def _tell_upstream(attempt: Attempt, now: float, failure: str | None) -> None:
    ticket, attempt.upstream_ticket = attempt.upstream_ticket, 0
    breaker = attempt.upstream.breaker
    assert breaker is not None
    if failure is None:
        breaker.cancelled(ticket)
    elif failure:
        breaker.failed(now, ticket, failure)
    else:
        breaker.succeeded(now, ticket)


def _probes(breaker: Breaker | None) -> bool:
    return breaker is not None and breaker.state is _HALF_OPEN
