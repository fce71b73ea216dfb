"""Pick backends in turn, as often as their weights say.

Layer 2. The smooth algorithm of nginx: a backend of weight 5 beside two of
weight 1 is picked as a a b a c a a, never five times in a row, and after any
number of whole cycles the shares are exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from gateway.balancing.available import available
from gateway.interfaces import Target

T = TypeVar("T", bound=Target)


class SmoothTurns(Generic[T]):
    """Gives turns to some of the backends, by their weights; these are read at each turn, so that they may change."""

    def __init__(self, targets: Sequence[T]) -> None:
        self._credit = dict.fromkeys(map(id, targets), 0)

    def take(self, candidates: Sequence[T]) -> T:
        """Choose one of the candidates, which must not be empty."""
        if len(candidates) == 1:
            return candidates[0]
        credit = self._credit
        total, best, most = 0, candidates[0], None
        for target in candidates:
            weight = target.weight
            total += weight
            credit[id(target)] = mine = credit[id(target)] + weight
            if most is None or mine > most:
                best, most = target, mine
        credit[id(best)] -= total
        return best

    def ahead(self, candidates: Sequence[T], count: int) -> list[T]:
        """Return who would be chosen next, one after the other; nobody has had a turn by that."""
        turns: SmoothTurns[T] = SmoothTurns(())
        turns._credit = dict(self._credit)
        return [turns.take(candidates) for _ in range(count)]


class WeightedRoundRobin(Generic[T]):
    """Smooth weighted round robin."""

    def __init__(self, targets: Sequence[T]) -> None:
        self._targets = tuple(targets)
        self._turns = SmoothTurns(self._targets)

    def pick(self, key: bytes, now: float, excluded: Sequence[object] = ()) -> T:
        """Choose the backend that is furthest behind its share."""
        return self._turns.take(available(self._targets, now, excluded))

    def ahead(self, willing: Sequence[T], count: int) -> list[T]:
        """Return whose turns come next among some of the backends, at least one; nobody has had a turn by that."""
        return self._turns.ahead(willing, count)
