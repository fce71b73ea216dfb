"""Tell the client on every response what the tightest limit has left.

A step of a chain, on routes that have limits: outside those that count (`gateway.middleware.rate_limit`).

Tests: `tests/middleware/test_rate_limit.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import Final

from gateway.exchange import Exchange
from gateway.limiting.limit import Limit, Verdict, unused
from gateway.limiting.tiers import tightest
from gateway.middleware.rate_limit import MOST, Counted, chosen

MILLISECOND: Final = 0.001
"""Seconds by which a time may be past a whole second without being rounded up to the next."""


class RateLimitFields:
    """Write on every response what the tightest limit has left.

    Where no limit was asked (an earlier step refused the request, or authentication failed), the fields show the
    tightest limit of the route as a caller finds it who has used nothing.

    Args:
        limits: All limits of the route; if they vary, then by the path only.
        x: Whether to write X-RateLimit-*.
        ietf: Whether to write RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10).
        wall_clock: Unix seconds.
    """

    name = "ratelimit:fields"
    __slots__ = ("_by_path", "_ietf", "_policy", "_unused", "_wall_clock", "_x")

    def __init__(self, limits: Sequence[Counted], x: bool, ietf: bool, wall_clock: Callable[[], float]) -> None:
        # The verdicts for exchanges that no limit was asked for; the same for each of them.
        self._unused = [unused(one.limit) for one in limits if one.matches is None]
        self._by_path = [(one.matches, unused(one.limit)) for one in limits if one.matches is not None]
        self._x = x
        self._ietf = ietf
        self._policy = b", ".join([_policy(one.limit) for one in limits])
        self._wall_clock = wall_clock

    def on_response(self, exchange: Exchange) -> None:
        """Write the fields, in place of a backend's fields of these names, which tell of other limits."""
        verdict = exchange.rate_limit or self._not_asked(exchange)
        response = exchange.response
        if verdict is None or response is None:
            return
        headers = response.headers
        reset = verdict.reset or ceil(self._wall_clock() + verdict.full_in - MILLISECOND)
        if self._x:
            headers.put(b"x-ratelimit-limit", b"X-RateLimit-Limit", b"%d" % verdict.limit.requests)
            headers.put(b"x-ratelimit-remaining", b"X-RateLimit-Remaining", b"%d" % verdict.remaining)
            headers.put(b"x-ratelimit-reset", b"X-RateLimit-Reset", b"%d" % reset)
        if self._ietf:
            headers.put(b"ratelimit-policy", b"RateLimit-Policy", self._policy)
            wait = verdict.retry_after if not verdict.allowed else max(0.0, reset - self._wall_clock())
            state = b'"%b";r=%d;t=%d' % (verdict.limit.label.encode(), verdict.remaining, ceil(wait))
            headers.put(b"ratelimit", b"RateLimit", state)

    def _not_asked(self, exchange: Exchange) -> Verdict | None:
        """Return the unused verdict of the tightest limit for the path, None where no limit is for it."""
        path = exchange.path
        limits = [*self._unused, *(verdict for matches, verdict in self._by_path if matches(path))]
        return tightest(limits) if limits else None


class PlannedFields:
    """The same where limits depend on the caller's plan: an exchange that has none of them gets no fields."""

    name = "ratelimit:fields"
    __slots__ = ("_arguments", "_fields", "_limits")

    def __init__(self, limits: Sequence[Counted], x: bool, ietf: bool, wall_clock: Callable[[], float]) -> None:
        self._limits = tuple(limits)
        self._arguments = (x, ietf, wall_clock)
        self._fields: dict[tuple[Counted, ...], RateLimitFields] = {}

    def on_response(self, exchange: Exchange) -> None:
        """Write the fields, where a limit is for the exchange."""
        limits = tuple(chosen(self._limits, exchange))
        if not limits:
            return
        fields = self._fields.get(limits)
        if fields is None:
            if len(self._fields) >= MOST:
                self._fields.clear()
            fields = self._fields[limits] = RateLimitFields(limits, *self._arguments)
        fields.on_response(exchange)


def _policy(limit: Limit) -> bytes:
    return b'"%b";q=%d;w=%d' % (limit.label.encode(), limit.requests, max(1, round(limit.window)))
