"""What is remembered of an attempt that failed, when it ends: for who asks later why its exchange failed.

A note holds no part of the exchange, which would hold the note. Attempts that were answered well leave none, so they
pay for nothing; what becomes of the notes is in `gateway.telemetry.failures`.

Tests: `tests/flow/test_failed_exchanges.py::test_each_attempt_tells_what_its_backend_said`.
"""

from __future__ import annotations

from typing import NamedTuple

from gateway.dialling.failures import words
from gateway.forwarding.attempt import Attempt


class NotedAttempt(NamedTuple):
    """An attempt that is over.

    Attributes:
        number: Which of its exchange it is, from 1.
        why: What it repeats an attempt for; empty for the first.
        upstream: By name.
        backend: Its URL, without credentials.
        started: Monotonic seconds; likewise all that follow.
        connected: When it got a connection that it had waited for; 0.0 where it had one at once, or got none.
        head: When the head of an answer came whose content went on; 0.0 for none.
        ended: When it was over.
        status: Of the answer; 0 for none.
        reason: Of the error; empty for none.
        detail: What more is known of that error.
        cancelled: Nobody wanted it any more.
        reused: Whether its connection had been used before; None where it had none.
        http2: Whether it was asked by HTTP/2.
    """

    number: int
    why: str
    upstream: str
    backend: str
    started: float
    connected: float
    head: float
    ended: float
    status: int
    reason: str
    detail: str
    cancelled: bool
    reused: bool | None
    http2: bool


def ended(attempt: Attempt, cancelled: bool = False) -> None:
    """Note an attempt that ends, in its exchange."""
    failure = attempt.failure
    reason = detail = ""
    if failure is not None:
        reason = failure.reason
        detail = failure.detail if failure.__cause__ is None else words(failure.__cause__)
    reused = attempt.reused
    attempt.exchange.attempt_failed(
        NotedAttempt(
            attempt.number,
            attempt.why,
            attempt.upstream.name,
            attempt.backend.name,
            attempt.started,
            attempt.connected_at,
            attempt.head_at,
            attempt.ended,
            attempt.status,
            reason,
            detail,
            cancelled and failure is None,
            reused,
            reused is not None and not attempt.by_http1,
        )
    )
