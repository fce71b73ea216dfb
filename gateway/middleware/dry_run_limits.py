"""Count requests against limits in dry run, apart from those that act (D-206).

All or none, as with limits that act: of the limits in dry run that one step asks, a request is taken from each or from
none, and what a later one would have refused the earlier ones get back. They are a question of their own to the store,
so what they find takes nothing from the limits that act, and what these refuse never reaches them.

Tests: `tests/flow/test_dry_run.py::test_limits_in_dry_run_take_from_all_of_them_or_from_none`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from twisted.internet.defer import CancelledError

from gateway.errors import LimitExceeded
from gateway.exchange import Exchange
from gateway.limiting.limit import Decide, LimitStore, Verdict
from gateway.middleware.dry_run import Note, reason_of
from gateway.middleware.rate_limit import MOST, Counted, Refund, chosen

_TAKEN = "gateway.dry_run.taken"
"""In `Exchange.state`: what the step before authentication took."""


class DryRunLimits:
    """Limits that refuse nobody.

    Args:
        name: `ratelimit:pre:dry_run`, or another.
        limits: One or more.
        store: Where requests are counted.
        note: Takes what they would have refused.
        refund: Called where this step would have refused; None where no earlier step in dry run takes anything.
    """

    __slots__ = ("_bound", "_limits", "_note", "_refund", "_store", "name")

    def __init__(
        self, name: str, limits: Sequence[Counted], store: LimitStore, note: Note, refund: Refund | None = None
    ) -> None:
        self.name = name
        self._limits = tuple(limits)
        self._store = store
        self._note = note
        self._refund = refund
        self._bound: dict[tuple[Counted, ...], Decide] = {}

    def on_request(self, exchange: Exchange) -> Awaitable[None] | None:
        """Count a request, and let it pass."""
        limits = tuple(chosen(self._limits, exchange))
        if not limits:
            return None
        keys = [one.key(exchange) for one in limits]
        try:
            verdict = self._decide(limits)(keys, exchange.started)
        except Exception as error:  # noqa: BLE001 - a limit in dry run keeps nobody, whatever becomes of it
            self._note(exchange, reason_of(error, exchange))
            return None
        if isinstance(verdict, Verdict):
            self._hear(exchange, keys, verdict)
            return None
        return self._wait(exchange, keys, verdict)

    async def _wait(self, exchange: Exchange, keys: Sequence[bytes], asked: Awaitable[Verdict]) -> None:
        try:
            self._hear(exchange, keys, await asked)
        except CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            self._note(exchange, reason_of(error, exchange))

    def _hear(self, exchange: Exchange, keys: Sequence[bytes], verdict: Verdict) -> None:
        if verdict.allowed:
            exchange.state[_TAKEN] = (keys, verdict)
            return
        if self._refund is not None:
            self._refund(exchange)
        self._note(exchange, LimitExceeded.reason)

    def _decide(self, limits: tuple[Counted, ...]) -> Decide:
        decide = self._bound.get(limits)
        if decide is None:
            if len(self._bound) >= MOST:
                self._bound.clear()
            decide = self._bound[limits] = self._store.bind([one.limit for one in limits])
        return decide


def give_back(exchange: Exchange, now: float) -> None:
    """Give back what limits in dry run took before authentication, for an exchange that is refused behind it."""
    taken = exchange.state.pop(_TAKEN, None)
    if taken is not None:
        keys, verdict = taken
        if verdict.taker is not None:
            verdict.taker.give_back(keys, verdict.receipt, now)
