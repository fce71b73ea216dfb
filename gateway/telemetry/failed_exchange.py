"""An exchange that failed, as it is remembered: all that is known of it, and nothing of what it was made of.

Made by `gateway.telemetry.failures` when such an exchange is over. What is for reading is made when somebody reads it.

Tests: `tests/flow/test_failed_exchanges.py::test_a_backend_that_refuses_connections`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from gateway.advice import ADVICE
from gateway.exchange import Exchange
from gateway.telemetry.waterfall import LONGEST, Tried, milliseconds, phases, printed

BASE: Final = 2048
"""Octets that the rest of one takes, about."""

EACH: Final = 512
"""The same for an attempt or a step."""

_ANSWERED: Final = "A backend has answered with this status itself; the gateway has passed it on."
_ASK_THERE: Final = "Look for the request id in the log of the backend: it was sent there as `X-Request-ID`."
_OURS: Final = "A step of the route has answered with this status: a plugin, or `respond`."

_PROTOCOLS: Final = {b"1.1": "1.1", b"1.0": "1.0", b"2": "2"}


def group_of(exchange: Exchange, status: int) -> tuple[str, str]:
    """Return which kind of failure it is: its reason (or status), and its route."""
    error, route = exchange.error, exchange.route
    # Of calls 200 stands for all that backends have refused.
    return str(status) if error is None else error.reason, "" if route is None else route.name


class FailedExchange:
    """One that failed.

    Args:
        exchange: It is over.
        status: That its client got, or would have got.
        call: The outcome of a call of gRPC; None for what is none.
        zero: Unix seconds at the zero of the monotonic clock.
        redacted: Makes text of a query, without what nobody is to read.

    Attributes:
        name: Its request id.
        trace: Its trace id.
        group: What it has in common with others like it: they push each other out first.
        octets: That it takes, about.
    """

    __slots__ = (
        "_attempts",
        "_finished",
        "_kind",
        "_more",
        "_notes",
        "_said",
        "_started",
        "group",
        "name",
        "octets",
        "trace",
    )

    def __init__(
        self, exchange: Exchange, status: int, call: int | None, zero: float, redacted: Callable[[bytes], str]
    ) -> None:
        request, error, route = exchange.request, exchange.error, exchange.route
        reason = None if error is None else error.reason
        named = None if route is None else route.name
        self.name, self.trace = exchange.request_id, exchange.trace_id
        self.group = group_of(exchange, status)
        self._started, self._finished = exchange.started, exchange.finished
        self._kind = None if error is None else type(error)
        self._attempts = _tried(exchange, status)
        self._notes = _steps(exchange)
        agent = request.headers.index.get(b"user-agent")
        path, query, host = _text(request.path), "", _text(request.host)
        if request.query:
            query = redacted(request.query)[:LONGEST]
        self._said: dict[str, Any] = {
            "id": exchange.request_id,
            "time": zero + exchange.started,
            "method": _text(request.method),
            "host": host,
            "path": path,
            "client": exchange.client_address,
            "principal": None if exchange.user is None else printed(exchange.user),
            "route": named,
            "upstream": exchange.upstream,
            "backend": exchange.backend,
            "status": status,
            "grpc_status": call,
            "reason": reason,
            "detail": _detail(exchange, self._attempts),
            "attempts": exchange.attempts,
        }
        principal = exchange.principal
        self._more: dict[str, Any] = {
            "trace_id": exchange.trace_id,
            "scheme": _text(exchange.scheme),
            "query": query,
            "protocol": _PROTOCOLS.get(request.version) or _text(request.version),
            "user_agent": None if agent is None else _text(agent),
            "authenticated_by": None if principal is None else principal.method,
            "pattern": None if route is None else route.pattern,
            "source": _source(exchange),
            "bytes_received": exchange.bytes_received,
            "bytes_sent": exchange.bytes_sent,
            "cached": exchange.cached,
            "dry_run": exchange.dry_run,
            "plugin_errors": printed(exchange.plugin_errors),
            "limit": _limit(exchange.rate_limit),
        }
        longer = len(path) + len(query) + len(host) + (0 if agent is None else len(agent[:LONGEST]))
        self.octets = BASE + longer + EACH * (len(self._attempts) + len(self._notes))

    def summary(self) -> dict[str, Any]:
        """Return what a list of them shows."""
        at = datetime.fromtimestamp(self._said["time"], UTC)
        return {
            **self._said,
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "duration_ms": milliseconds(self._finished - self._started),
        }

    def whole(self) -> dict[str, Any]:
        """Return everything."""
        meaning, advice = self._explained()
        return {
            **self.summary(),
            **self._more,
            "meaning": meaning,
            "advice": advice,
            "steps": [self._step(*note) for note in self._notes],
            "attempts": [one.shown(self._started) for one in self._attempts],
            "phases": phases(self._started, self._finished, self._attempts),
        }

    def _explained(self) -> tuple[str, str]:
        if self._kind is not None:
            meaning = " ".join((self._kind.__doc__ or "").split("\n\n")[0].split())
            return meaning, ADVICE.get(self._kind.reason, "")
        return (_ANSWERED, _ASK_THERE) if self._attempts else (_OURS, "")

    def _step(self, name: str, hook: str, outcome: str, failed: bool, started: float, ended: float) -> dict[str, Any]:
        return {
            "step": name,
            "hook": hook,
            "outcome": outcome,
            "failed": failed,
            "start_ms": milliseconds(started - self._started) if started else None,
            "ms": milliseconds((ended or self._finished) - started) if started else None,
        }


def _steps(exchange: Exchange) -> list[tuple[str, str, str, bool, float, float]]:
    """List the steps that decided otherwise than "go on"; with their times, where traces have noted them."""
    if exchange.spans is not None and exchange.spans.notes:
        return [
            (
                note.name,
                note.hook,
                note.outcome or ("" if note.ended else "cancelled"),
                note.failed,
                note.started,
                note.ended,
            )
            for note in exchange.spans.notes
        ]
    return [(name, hook, outcome, True, 0.0, 0.0) for name, hook, outcome in exchange.ending_steps]


def _tried(exchange: Exchange, status: int) -> list[Tried]:
    """List the attempts, in order of their beginning."""
    found = [Tried.of(one) for one in exchange.failed_attempts]
    if exchange.attempts > len(found) and exchange.backend is not None and exchange.upstream_started:
        # Its answer was good, and something else was not: of such a one the exchange itself is all that is known.
        found.append(
            Tried(
                exchange.attempts,
                exchange.upstream or "",
                exchange.backend,
                exchange.upstream_started,
                exchange.upstream_finished or exchange.finished,
                outcome="answered" if exchange.upstream_finished else "unknown",
                status=status if exchange.error is None else 0,
            )
        )
    return sorted(found, key=lambda one: one.started)


def _detail(exchange: Exchange, attempts: list[Tried]) -> str:
    """Return what more is known of the error: its own words, or those of the last attempt that ended with it."""
    error = exchange.error
    if error is None:
        return ""
    if error.detail:
        return printed(error.detail)
    return next((one.detail for one in reversed(attempts) if one.reason == error.reason), "")


def _source(exchange: Exchange) -> str:
    if exchange.error is not None:
        return exchange.error.source.value
    return "upstream" if exchange.attempts else "gateway"


def _limit(verdict: Any) -> dict[str, Any] | None:
    """Say how the tightest rate limit stood."""
    if verdict is None:
        return None
    limit = verdict.limit
    return {
        "by": limit.label,
        "requests": limit.requests,
        "seconds": limit.window,
        "remaining": verdict.remaining,
        "retry_after": round(verdict.retry_after, 3),
        "allowed": verdict.allowed,
    }


def _text(value: bytes) -> str:
    return str(value[:LONGEST], "utf-8", "backslashreplace")
