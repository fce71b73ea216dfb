"""Pick the same backend for the same key, and keep most keys in place when backends come and go.

Layer 2. A hash ring as in ketama (Karger et al., "Consistent hashing and
random trees", 1997): every backend owns points on a circle, a key belongs to
the next point clockwise. Points come from names alone, so that all workers and
instances agree and one of n backends that goes moves about 1/n of the keys.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Generic, TypeVar

from gateway.balancing.available import available
from gateway.interfaces import Target

T = TypeVar("T", bound=Target)

_POINTS = 1024
"""Points for a weight of 1: shares come out within about 3 % (the square root of it) of what they should be."""

_MOST_POINTS = 65_536


class HashRing:
    """Points on a circle of 2**64, each owned by a name.

    Args:
        weights: Names and weights. A weight of 0 owns a point all the same, for the day on which it is raised.
    """

    def __init__(self, weights: Sequence[tuple[str, int]]) -> None:
        points = _POINTS
        # Halved, not scaled to fit: what is left are points that were there before, so that crossing
        # the bound moves keys but does not shuffle them all.
        while points > 1 and points * sum(weight for _, weight in weights) > _MOST_POINTS:
            points //= 2
        ring: dict[int, int] = {}
        for owner, (name, weight) in enumerate(weights):
            for point in _points(name, max(1, points * weight)):
                ring.setdefault(point, owner)
        self._points = sorted(ring)
        self._owners = [ring[point] for point in self._points]

    def owners(self, key: bytes) -> Iterator[int]:
        """Walk the owners of the points from a key on, clockwise and once around; owners come more than once.

        Returns:
            Positions in `weights`.
        """
        owners = self._owners
        start = bisect(self._points, int.from_bytes(blake2b(key, digest_size=8).digest()))
        for place in range(start - len(owners), start):
            yield owners[place]


def _points(name: str, count: int) -> Iterator[int]:
    """Yield the first so many points of a name; eight from each hash."""
    for number in range((count + 7) // 8):
        digest = blake2b(f"{name}#{number}".encode()).digest()
        for place in range(min(8, count - 8 * number)):
            yield int.from_bytes(digest[8 * place : 8 * place + 8])


class ConsistentHash(Generic[T]):
    """A ring of backends.

    Args:
        targets: All backends of the upstream, in any order.
        weighted: Whether the weights count, as they are now; without, every backend has the same share.
    """

    def __init__(self, targets: Sequence[T], weighted: bool = True) -> None:
        self._targets = tuple(targets)
        self._ring = HashRing([(target.name, target.weight if weighted else 1) for target in targets])

    def pick(self, key: bytes, now: float, excluded: Sequence[object] = ()) -> T:
        """Choose the owner of a key, or, where that may not be tried, the next one clockwise."""
        targets = self._targets
        candidates: list[T] | None = None
        for place in self._ring.owners(key):
            target = targets[place]
            if candidates is None:
                # The first owner is nearly always taken: the others need not be asked.
                if target.weight > 0 and target not in excluded and target.may_try(now):
                    return target
                candidates = available(targets, now, excluded)
            if target in candidates:
                return target
        return available(targets, now, excluded)[0]  # without backends (raises), or where they share one name
