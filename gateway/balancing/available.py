"""Which backends may be picked at all: the rule that every strategy shares.

Layer 2. Decides only; the caller passes `now`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from gateway.errors import NoBackendAvailable
from gateway.interfaces import Target

T = TypeVar("T", bound=Target)


def may_be_picked(target: Target, now: float, excluded: Sequence[object] = ()) -> bool:
    """Whether one backend may be picked that this exchange has not tried."""
    return target.weight > 0 and target not in excluded and target.may_try(now)


def available(targets: Sequence[T], now: float, excluded: Sequence[object] = ()) -> list[T]:
    """List the backends that may be picked, in their order.

    Args:
        targets: All backends of an upstream.
        now: Monotonic seconds.
        excluded: Backends that this exchange has tried already; they are listed only when no other may be tried.

    Raises:
        NoBackendAvailable: None may be tried.
    """
    willing = [target for target in targets if target.weight > 0 and target.may_try(now)]
    if excluded:
        fresh = [target for target in willing if target not in excluded]
        if fresh:
            return fresh
    if not willing:
        raise NoBackendAvailable
    return willing
