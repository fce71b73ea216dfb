"""Count a request against every limit that it falls under, and tell the client how much is left.

Two steps of a chain, each only on routes that need it: limits by what is known
before authentication (`ratelimit:pre`), and limits by principal
(`ratelimit:post`), which stand behind authentication (C-06). The fields on every
response are in `gateway.middleware.rate_limit_fields`.

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
from typing import Any, Final

from twisted.python.failure import Failure

from gateway.awaited import Awaited
from gateway.errors import LimitExceeded
from gateway.exchange import Exchange
from gateway.limiting.keys import Key
from gateway.limiting.limit import Decide, Limit, LimitStore, Verdict
from gateway.limiting.tiers import tightest

Count = Callable[[str], object]
"""Takes `allowed` or `limited`."""

Refund = Callable[[Exchange], object]
"""Gives back what an earlier step took for an exchange that a later one refuses (Note [All or none])."""

MOST: Final = 1024
"""Combinations of limits for which a step is kept; clients may choose among those that go by a path or a field."""


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """A limit of a route.

    Attributes:
        limit: The limit.
        key: Returns the key of an exchange; each key has a count of its own.
        matches: Whether the limit is for a path; None for every path of the route.
        choose: Returns what is counted in its place for a request (a tier), None for nothing; None where that is
            always the limit itself.
        dry_run: Whether it refuses nobody (`gateway.middleware.dry_run_limits`).
    """

    limit: Limit
    key: Key
    matches: Callable[[bytes], bool] | None = None
    choose: Callable[[Exchange], Counted | None] | None = None
    dry_run: bool = False

    @property
    def varies(self) -> bool:
        """Whether it depends on the request what is counted."""
        return self.matches is not None or self.choose is not None


def chosen(limits: Sequence[Counted], exchange: Exchange) -> list[Counted]:
    """Return what of limits that vary is for an exchange."""
    found = []
    for one in limits:
        if one.matches is None or one.matches(exchange.path):
            mine = one if one.choose is None else one.choose(exchange)
            if mine is not None:
                found.append(mine)
    return found


class RateLimit:
    """Limits that hold for every request of a route.

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
        if isinstance(verdict, Awaited):
            settling = Settling(exchange, verdict, self._count, self._refund)
            verdict.hear(settling)
            return settling
        return _when_known(verdict, exchange, self._count, self._refund)

    def give_back(self, exchange: Exchange, now: float) -> None:
        """Give back what this step took; called while `exchange.rate_limit` is still this step's verdict."""
        verdict = exchange.rate_limit
        if verdict is not None and verdict.taker is not None:
            verdict.taker.give_back([key(exchange) for key in self._keys], verdict.receipt, now)


class VaryingRateLimit:
    """Limits of which the path, or the plan of the caller, says which hold for a request; otherwise as `RateLimit`."""

    __slots__ = ("_arguments", "_limits", "_steps", "name")

    def __init__(
        self, name: str, limits: Sequence[Counted], store: LimitStore, count: Count, refund: Refund | None = None
    ) -> None:
        self.name = name
        self._limits = tuple(limits)
        self._arguments = (store, count, refund)
        self._steps: dict[tuple[Counted, ...], RateLimit] = {}

    def on_request(self, exchange: Exchange) -> Awaitable[None] | None:
        """Count a request against the limits that hold for it, or refuse it.

        Raises:
            LimitExceeded: A limit has nothing left.
        """
        step = self._step(exchange)
        return None if step is None else step.on_request(exchange)

    def give_back(self, exchange: Exchange, now: float) -> None:
        """Give back what this step took."""
        step = self._step(exchange)
        if step is not None:
            step.give_back(exchange, now)

    def _step(self, exchange: Exchange) -> RateLimit | None:
        limits = tuple(chosen(self._limits, exchange))
        if not limits:
            return None
        step = self._steps.get(limits)
        if step is None:  # made once for each combination of limits that a request can fall under
            if len(self._steps) >= MOST:
                self._steps.clear()
            step = self._steps[limits] = RateLimit(self.name, limits, *self._arguments)
        return step


class Settling(Awaited):
    """An exchange whose verdict is still to come: settled when it is there (D-262).

    Args:
        exchange: The exchange.
        asked: What tells the verdict.
        count: Counts decisions.
        refund: Called where the verdict refuses; None where no earlier step takes anything.
    """

    __slots__ = ("_asked", "_count", "_exchange", "_refund")

    def __init__(self, exchange: Exchange, asked: Awaited, count: Count, refund: Refund | None) -> None:
        super().__init__()
        self._exchange = exchange
        self._asked = asked
        self._count = count
        self._refund = refund

    def callback(self, value: Any) -> None:
        """Take the verdict."""
        if self.told:
            return
        try:
            settle(self._exchange, value, self._count, self._refund)
        except Exception:  # noqa: BLE001 - LimitExceeded: raised in the chain, which answers with it
            super().errback(Failure())
            return
        super().callback(None)

    def cancel(self) -> None:
        """Withdraw the question."""
        self._asked.cancel()


def settle(exchange: Exchange, verdict: Any, count: Count, refund: Refund | None = None) -> None:
    """Let an exchange pass or refuse it, as a verdict says; keep the tightest verdict on the exchange.

    Raises:
        LimitExceeded: The verdict refuses it.
    """
    before = exchange.rate_limit
    if refund is not None and not verdict.allowed:
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
