"""The strategies by the names that they have in the configuration.

Layer 2, used by `gateway.composition.builders.upstreams` and `gateway.composition.builders.routes`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from gateway.balancing.answer_times import AnswerTimes
from gateway.balancing.least_connections import LeastConnections
from gateway.balancing.least_latency import LeastLatency
from gateway.balancing.random import Random
from gateway.balancing.round_robin import RoundRobin
from gateway.balancing.weighted_round_robin import WeightedRoundRobin
from gateway.interfaces import Balancer, Target

T = TypeVar("T", bound=Target)

STRATEGIES = (
    "round_robin",
    "weighted_round_robin",
    "least_connections",
    "least_latency",
    "ip_hash",
    "consistent_hash",
    "random",
)


def build(
    strategy: str,
    targets: Sequence[T],
    random: Callable[[], float],
    weights_change: bool = False,
    times: Mapping[str, AnswerTimes] | None = None,
) -> Balancer[T]:
    """Make the balancer of an upstream.

    Args:
        strategy: One of `STRATEGIES`.
        targets: The backends. Which of them may be tried is asked at each pick, and so is whether a weight is 0.
        random: Returns a number from 0.0 up to, not including, 1.0.
        weights_change: Whether weights that are equal now may differ later (slow start).
        times: What is known of the backends' answers, by name; for `least_latency`.

    Raises:
        ValueError: There is no such strategy.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"expected one of {', '.join(STRATEGIES)}, found {strategy!r}")
    if len(targets) == 1:
        return RoundRobin(targets)  # one backend: nothing to decide
    if strategy in ("round_robin", "weighted_round_robin"):
        # Equal weights are plain turns either way, which cost the same for two backends as for a hundred.
        equal = not weights_change and len({target.weight for target in targets if target.weight > 0}) <= 1
        return RoundRobin(targets) if equal else WeightedRoundRobin(targets)
    if strategy == "least_connections":
        return LeastConnections(targets)
    if strategy == "least_latency":
        return LeastLatency(targets, random, times)
    if strategy == "random":
        return Random(targets, random)
    from gateway.balancing.hashing import ConsistentHash

    return ConsistentHash(targets, weighted=strategy == "consistent_hash")
