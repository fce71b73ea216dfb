"""Pick a backend by chance, as often as its weight says.

Layer 2. The randomness is passed in, so that a test can replay it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from gateway.balancing.available import available
from gateway.interfaces import Target

T = TypeVar("T", bound=Target)


class Random(Generic[T]):
    """A weighted draw, each independent of the others.

    Args:
        targets: All backends of the upstream.
        random: Returns a number from 0.0 up to, not including, 1.0.
    """

    def __init__(self, targets: Sequence[T], random: Callable[[], float]) -> None:
        self._targets = tuple(targets)
        self._random = random

    def pick(self, key: bytes, now: float, excluded: Sequence[object] = ()) -> T:
        """Draw one of the backends that may be tried."""
        candidates = available(self._targets, now, excluded)
        mark = self._random() * sum([target.weight for target in candidates])
        for target in candidates:
            mark -= target.weight
            if mark < 0:
                return target
        return candidates[-1]  # the product may round up to the whole sum
