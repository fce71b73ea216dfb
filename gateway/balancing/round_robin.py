"""Pick backends in turn.

Layer 2. For backends of equal weight; others take turns in
`gateway.balancing.weighted_round_robin`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from gateway.balancing.available import available
from gateway.interfaces import Target

T = TypeVar("T", bound=Target)


class RoundRobin(Generic[T]):
    """Each backend once, then from the beginning. Of a weight only 0 counts: such a backend has no turn."""

    def __init__(self, targets: Sequence[T]) -> None:
        self._targets = tuple(targets)
        self._next = 0

    def pick(self, key: bytes, now: float, excluded: Sequence[object] = ()) -> T:
        """Choose the next backend that may be tried; 0.3 us while all may."""
        targets, turn = self._targets, self._next
        if turn < len(targets) and not excluded:
            target = targets[turn]
            if target.weight > 0 and target.may_try(now):
                self._next = turn + 1 if turn + 1 < len(targets) else 0
                return target
        candidates = available(targets, now, excluded)
        # The turn moves past the one that is found: the neighbour of an ejected backend gets its
        # own turn only, not the ejected one's as well.
        turns = ((turn + step) % len(targets) for step in range(len(targets)))
        place = next(place for place in turns if targets[place] in candidates)
        self._next = (place + 1) % len(targets)
        return targets[place]

    def ahead(self, willing: Sequence[T], count: int) -> list[T]:
        """Return whose turns come next among some of the backends, at least one; nobody has had a turn by that."""
        targets, turn = self._targets, self._next
        found: list[T] = []
        while len(found) < count:
            target = targets[turn]
            turn = (turn + 1) % len(targets)
            if target in willing:
                found.append(target)
        return found
