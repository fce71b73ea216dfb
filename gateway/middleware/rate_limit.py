"""Count a request against every limit that it falls under, and tell the client how much is left.

Three steps of a chain, each only on routes that need it: the fields on every
response, limits by what is known before authentication (`ratelimit:pre`), and
limits by principal (`ratelimit:post`), which stand behind authentication (C-06).

# Note [All or none]
A request that one limit refuses is not counted against the others (R-RL-09, D-90). The limits of one step are asked in
one decision of the store, which takes from all or from none. Limits by address come before authentication, so that they
hold back a flood of bad credentials, and limits by user behind it: a later step that refuses gives back what the
earlier one took.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from gateway.errors import LimitExceeded
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.limiting.keys import Key
from gateway.limiting.limit import Decide, Limit, LimitStore, Verdict, unused
from gateway.limiting.tiers import tightest

Count = Callable[[str], object]
"""Takes `allowed` or `limited`."""

Refund = Callable[[Exchange], object]
"""Gives back what an earlier step took for an exchange that a later one refuses (Note [All or none])."""

MILLISECOND = 0.001
"""Seconds by which a time may be past a whole second without being rounded up to the next."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A limit of a route.

    Attributes:
        limit: The limit.
        key: Returns the key of an exchange; each key has a count of its own.
        matches: Whether the limit is for a path; None for every path of the route.
    """

    limit: Limit
    key: Key
    matches: Callable[[bytes], bool] | None = None


class RateLimit:
    """Limits that hold for every path of a route.

    Args:
        name: `ratelimit:pre` or `ratelimit:post`.
        limits: One or more.
        store: Where requests are counted.
        count: Counts decisions.
        refund: Called where this step refuses; None where no earlier step takes anything.
    """

    __slots__ = ("_count", "_decide", "_key", "_keys", "_refund", "name")

    def __init__(
        self, name: str, limits: Sequence[Counted], store: LimitStore, count: Count, refund: Refund | None = None
    ) -> None:
        self.name = name
        self._keys = tuple(counted.key for counted in limits)
        self._key = self._keys[0] if len(self._keys) == 1 else None
        self._decide: Decide = store.bind([counted.limit for counted in limits])
        self._count = count
        self._refund = refund

    def on_request(self, exchange: Exchange) -> Awaitable[None] | None:
        """Count a request, or refuse it.

        Raises:
            LimitExceeded: A limit has nothing left.
        """
        key = self._key
        keys = [key(exchange)] if key is not None else [key(exchange) for key in self._keys]
        verdict = self._decide(keys, exchange.started)
        if verdict.__class__ is Verdict:
            settle(exchange, verdict, self._count, self._refund)
            return None
        return _when_known(verdict, exchange, self._count, self._refund)

    def give_back(self, exchange: Exchange, now: float) -> None:
        """Give back what this step took; called while `exchange.rate_limit` is still this step's verdict."""
        verdict = exchange.rate_limit
        if verdict is not None and verdict.taker is not None:
            verdict.taker.give_back([key(exchange) for key in self._keys], verdict.receipt, now)


class PathRateLimit:
    """Limits of which some hold for a part of the route's paths only; otherwise as `RateLimit`."""

    __slots__ = ("_arguments", "_limits", "_steps", "name")

    def __init__(
        self, name: str, limits: Sequence[Counted], store: LimitStore, count: Count, refund: Refund | None = None
    ) -> None:
        self.name = name
        self._limits = tuple(limits)
        self._arguments = (store, count, refund)
        self._steps: dict[tuple[Counted, ...], RateLimit] = {}

    def on_request(self, exchange: Exchange) -> Awaitable[None] | None:
        """Count a request against the limits that hold for its path, or refuse it.

        Raises:
            LimitExceeded: A limit has nothing left.
        """
        step = self._step(exchange.path)
        return None if step is None else step.on_request(exchange)

    def give_back(self, exchange: Exchange, now: float) -> None:
        """Give back what this step took."""
        step = self._step(exchange.path)
        if step is not None:
            step.give_back(exchange, now)

    def _step(self, path: bytes) -> RateLimit | None:
        limits = tuple([one for one in self._limits if one.matches is None or one.matches(path)])
        if not limits:
            return None
        step = self._steps.get(limits)
        if step is None:  # made once for each combination of limits that a path can fall under
            step = self._steps[limits] = RateLimit(self.name, limits, *self._arguments)
        return step


class RateLimitFields:
    """Write on every response what the tightest limit has left.

    Where no limit was asked (an earlier step refused the request, or authentication failed), the fields show the
    tightest limit of the route as a caller finds it who has used nothing.

    Args:
        limits: All limits of the route.
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
            _set(headers, b"X-RateLimit-Limit", b"x-ratelimit-limit", b"%d" % verdict.limit.requests)
            _set(headers, b"X-RateLimit-Remaining", b"x-ratelimit-remaining", b"%d" % verdict.remaining)
            _set(headers, b"X-RateLimit-Reset", b"x-ratelimit-reset", b"%d" % reset)
        if self._ietf:
            _set(headers, b"RateLimit-Policy", b"ratelimit-policy", self._policy)
            wait = verdict.retry_after if not verdict.allowed else max(0.0, reset - self._wall_clock())
            state = b'"%b";r=%d;t=%d' % (verdict.limit.label.encode(), verdict.remaining, ceil(wait))
            _set(headers, b"RateLimit", b"ratelimit", state)

    def _not_asked(self, exchange: Exchange) -> Verdict | None:
        """Return the unused verdict of the tightest limit for the path, None where no limit is for it."""
        path = exchange.path
        limits = [*self._unused, *(verdict for matches, verdict in self._by_path if matches(path))]
        return tightest(limits) if limits else None


def settle(exchange: Exchange, verdict: Any, count: Count, refund: Refund | None = None) -> None:
    """Let an exchange pass or refuse it, as a verdict says; keep the tightest verdict on the exchange.

    Raises:
        LimitExceeded: The verdict refuses it.
    """
    before = exchange.rate_limit
    if refund is not None and before is not None and not verdict.allowed:
        refund(exchange)
    exchange.rate_limit = verdict if before is None else tightest((before, verdict))
    if verdict.allowed:
        count("allowed")
        return
    count("limited")
    raise LimitExceeded(headers=retry_after(verdict))


def retry_after(verdict: Verdict) -> tuple[tuple[bytes, bytes], ...]:
    """Return the fields that tell who is refused when to come back."""
    return ((b"Retry-After", b"%d" % max(1, ceil(verdict.retry_after))),)


async def _when_known(verdict: Any, exchange: Exchange, count: Count, refund: Refund | None) -> None:
    settle(exchange, await verdict, count, refund)


def _policy(limit: Limit) -> bytes:
    return b'"%b";q=%d;w=%d' % (limit.label.encode(), limit.requests, max(1, round(limit.window)))


def _set(headers: Headers, name: bytes, lower: bytes, value: bytes) -> None:
    if lower in headers.index:
        headers.remove(name)
    headers.add(name, value)
