"""Pick the better of two backends that are drawn: the one where an exchange will be answered sooner.

Layer 2. "Better" is what its answers take (Note [Peak EWMA] in `gateway.balancing.answer_times`) times the exchanges
that it has, and this one. Two are drawn, since the best of all would be everybody's choice at once, before its load
shows in its times (Mitzenmacher, "The power of two choices in randomized load balancing", 2001). One of them is drawn
by lot, the other comes in turn: backends that are equally good then have shares as exact as turns are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from gateway.balancing.answer_times import UNHEARD, AnswerTimes
from gateway.balancing.available import available
from gateway.balancing.weighted_round_robin import SmoothTurns
from gateway.interfaces import Target

T = TypeVar("T", bound=Target)


class LeastLatency(Generic[T]):
    """Draws two, both by weight, and takes the better one.

    Args:
        targets: All backends of the upstream.
        random: Returns a number from 0.0 up to, not including, 1.0.
        times: What is known of them, by name; kept by whoever tells of answers. A backend that is not there is one of
            which nothing is ever heard.
    """

    def __init__(
        self, targets: Sequence[T], random: Callable[[], float], times: Mapping[str, AnswerTimes] | None = None
    ) -> None:
        self._targets = tuple(targets)
        self._random = random
        self._turns = SmoothTurns(self._targets)
        known = times or {}
        self._times = {id(target): known.get(target.name) or AnswerTimes() for target in targets}

    def pick(self, key: bytes, now: float, excluded: Sequence[object] = ()) -> T:
        """Choose the better of two of the backends that may be tried."""
        candidates = available(self._targets, now, excluded)
        one = self._turns.take(candidates)
        if len(candidates) == 1:
            return one
        total = sum([target.weight for target in candidates])
        other = self._draw([target for target in candidates if target is not one], total - one.weight)
        mean = total / len(candidates)
        return other if self._cost(other, mean, now) < self._cost(one, mean, now) else one

    def _draw(self, candidates: Sequence[T], total: int) -> T:
        mark = self._random() * total
        for target in candidates:
            mark -= target.weight
            if mark < 0:
                return target
        return candidates[-1]  # the product may round up to the whole sum

    def _cost(self, target: T, mean: float, now: float) -> float:
        """Return in how many seconds an exchange would be answered; only good for a comparison."""
        seconds = self._times[id(target)].seconds(now)
        in_flight = target.in_flight
        if seconds is None:
            if not in_flight:
                return 0.0  # it is tried
            seconds = UNHEARD
        # A backend of twice the weight may have twice as many exchanges. Without any, the weights count in the draw
        # only: divided by them too, the heaviest would get everything.
        return seconds * (in_flight * mean / target.weight + 1.0)
