"""An upstream whose circuit breakers are in dry run: it tells which exchanges they would have kept out.

Tests: `tests/flow/test_dry_run.py::test_a_breaker_opens_and_requests_flow`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.errors import BreakerOpen
from gateway.exchange import Exchange
from gateway.interfaces import Balancer
from gateway.resilience.dry_run import PASSED, DryRunBreaker
from gateway.upstream.backend import Backend, Fallback, Upstream
from gateway.upstream.standing import Condition


class DryRunUpstream(Upstream):
    """An exchange is told of once, by its first attempt.

    Args:
        note: Takes an exchange that would have been kept from the upstream, or from the backend that was picked.
        name: This and the following as `Upstream` takes them.
        balancer: Picks a backend.
        backends: All of them.
        key: What a hashing balancer places an exchange by.
        count: Counts an attempt.
        condition: What is known of it.
        fallback: What is done while a breaker is open.
    """

    __slots__ = ("_kept_out", "_note")

    def __init__(
        self,
        note: Callable[[Exchange, str], None],
        name: str,
        balancer: Balancer[Backend],
        backends: Sequence[Backend],
        key: Callable[[Exchange], bytes] | None,
        count: Callable[[str, str], None],
        condition: Condition | None = None,
        fallback: Fallback | None = None,
    ) -> None:
        super().__init__(name, balancer, backends, key, count, condition, fallback)
        self._note = note
        self._kept_out = False

    def admit(self, now: float, whole: bool = True) -> int:
        """Ask the breaker of the whole upstream; the pick for the same exchange comes next, in the same turn."""
        ticket = super().admit(now, whole)
        self._kept_out = ticket == PASSED
        return ticket

    def pick(self, exchange: Exchange, now: float, excluded: Sequence[Backend] = ()) -> Backend:
        """Choose a backend for an exchange."""
        kept_out, self._kept_out = self._kept_out, False
        backend = super().pick(exchange, now, excluded)
        if not excluded:
            breaker = backend.breaker
            if isinstance(breaker, DryRunBreaker) and not breaker.would_admit(now, exchange.request.whole):
                kept_out = True
            if kept_out:
                self._note(exchange, BreakerOpen.reason)
        return backend
