"""A circuit breaker that is watched before it acts (`circuit_breaker.dry_run`): it opens, and keeps nothing out.

Layer 2: decides only. Exchanges that it would have kept out pass with a ticket that no period has, so that their
outcome says nothing, as if they had not been: it closes again by its probes alone.
"""

from __future__ import annotations

from typing import Final

from gateway.resilience.breaker import Breaker, BreakerRules, Event, OnChange

PASSED: Final = 2**62
"""The ticket of what would have been kept out."""


class DryRunBreaker(Breaker):
    """Decides as `Breaker` does, and admits all the same."""

    __slots__ = ()

    def admit(self, now: float, whole: bool = True) -> int:
        """Let an attempt pass; `PASSED` where it would have been kept out."""
        return Breaker.admit(self, now, whole) if self.would_admit(now, whole) else PASSED

    def would_admit(self, now: float, whole: bool = True) -> bool:
        """Whether the breaker, were it in force, would let an attempt pass."""
        return Breaker.willing(self, now, whole)

    def willing(self, now: float, whole: bool = True) -> bool:
        """Keep no balancer from picking it."""
        return True

    def stands(self, ticket: int) -> bool:
        """Let whatever has waited begin."""
        return True

    def _happened(self, event: Event, now: float, cause: str) -> None:
        super()._happened(event, now, f"{cause} (in dry run: nothing is kept out)")


def breaker_of(rules: BreakerRules, on_change: OnChange) -> Breaker:
    """Make a breaker that acts, or one that is watched only, as its rules say."""
    return (DryRunBreaker if rules.dry_run else Breaker)(rules, on_change)
