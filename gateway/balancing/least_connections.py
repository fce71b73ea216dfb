"""Pick the backend with the fewest exchanges in flight for its weight.

Layer 2. Asked by `gateway.forwarding.forwarder` before each attempt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from gateway.balancing.available import available
from gateway.balancing.weighted_round_robin import SmoothTurns
from gateway.interfaces import Target

T = TypeVar("T", bound=Target)


class LeastConnections(Generic[T]):
    """The least busy; those that are equally busy take turns by weight, so that an idle upstream is shared too."""

    def __init__(self, targets: Sequence[T]) -> None:
        self._targets = tuple(targets)
        self._turns = SmoothTurns(self._targets)

    def pick(self, key: bytes, now: float, excluded: Sequence[object] = ()) -> T:
        """Choose a backend of the lowest `in_flight / weight`."""
        return self._turns.take(_least_busy(available(self._targets, now, excluded)))

    def ahead(self, willing: Sequence[T]) -> T:
        """Return who would be chosen now among some of the backends, at least one; nobody has had a turn by that."""
        return self._turns.ahead(_least_busy(willing), 1)[0]


def _least_busy(candidates: Sequence[T]) -> list[T]:
    loads = [target.in_flight / target.weight for target in candidates]
    least = min(loads)
    return [target for target, load in zip(candidates, loads, strict=True) if load == least]
