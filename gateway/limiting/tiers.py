"""Several limits at once: all must let a request pass, and the tightest speaks."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.limiting.limit import Verdict


def tightest(verdicts: Iterable[Verdict]) -> Verdict:
    """Choose the verdict that the client hears.

    A refusal before a permission; among refusals the one that lasts longest; else the limit with the fewest requests
    left, and of those the one that takes longest to recover.
    """
    return min(verdicts, key=_order)


def _order(verdict: Verdict) -> tuple[bool, float, float]:
    if not verdict.allowed:
        return False, -verdict.retry_after, 0.0
    return True, verdict.remaining, -verdict.full_in
