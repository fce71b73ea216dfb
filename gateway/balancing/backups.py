"""Leave some backends alone as long as another one may be tried: `backup` of the configuration.

Layer 2. Two balancers of one strategy, one for each kind of backend; the backups are asked for an exchange when no
other backend may be picked that the exchange has not tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from gateway.balancing.available import may_be_picked
from gateway.errors import NoBackendAvailable
from gateway.interfaces import Balancer, Target

T = TypeVar("T", bound=Target)


class Backups(Generic[T]):
    """Picks a backup only where nothing else is left.

    Args:
        first: The backends that are no backups.
        strategy: Picks one of them.
        backups: The others.
        reserve: Picks one of these.
    """

    def __init__(self, first: Sequence[T], strategy: Balancer[T], backups: Sequence[T], reserve: Balancer[T]) -> None:
        self._first = tuple(first)
        self._strategy = strategy
        self._backups = tuple(backups)
        self._reserve = reserve

    @property
    def groups(self) -> tuple[tuple[Sequence[T], Balancer[T]], ...]:
        """Backends, each group with who picks one of it; the second only where none of the first is left."""
        return (self._first, self._strategy), (self._backups, self._reserve)

    def pick(self, key: bytes, now: float, excluded: Sequence[object] = ()) -> T:
        """Choose a backend, a backup only where every other one may not be tried or was."""
        for target in self._first:
            if may_be_picked(target, now, excluded):
                return self._strategy.pick(key, now, excluded)
        for target in self._backups:
            if may_be_picked(target, now, excluded):
                return self._reserve.pick(key, now, excluded)
        try:  # those that it was tried on are left
            return self._strategy.pick(key, now, excluded)
        except NoBackendAvailable:
            return self._reserve.pick(key, now, excluded)
