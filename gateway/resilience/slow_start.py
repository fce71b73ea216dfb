"""How much of its weight a backend gets that has just recovered.

Layer 2: decides only. A backend that comes back with cold caches and no
connections would get its full share at once, and more where the strategy
favours the idle one; instead its share grows.
"""

from __future__ import annotations

LEAST = 0.1
"""Never less than a tenth, or a long period would look like draining (Envoy: min_weight_percent)."""


def factor(elapsed: float, period: float) -> float:
    """Return the part of its weight that a backend has so long after its recovery.

    The line of Envoy's slow start with aggression 1.0: a tenth at first, then the part of the period that has passed,
    then the whole.

    Args:
        elapsed: Seconds since it recovered; less than 0 where the caller read the clock before that.
        period: `slow_start` of the upstream in seconds; 0 for none.
    """
    if not period or elapsed >= period:
        return 1.0
    return max(LEAST, elapsed / period)
