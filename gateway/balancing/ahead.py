"""What a balancer would do next, for people: told without a turn being taken.

Layer 2, asked by `gateway.upstream.figures` when somebody looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from gateway.balancing.backups import Backups
from gateway.balancing.least_connections import LeastConnections
from gateway.balancing.least_latency import LeastLatency
from gateway.balancing.random import Random
from gateway.balancing.round_robin import RoundRobin
from gateway.balancing.sticky import Sticky
from gateway.balancing.weighted_round_robin import WeightedRoundRobin
from gateway.interfaces import Target


class Ahead(NamedTuple):
    """What comes.

    Attributes:
        names: Of the backends that would be picked next, in order; empty where the request or chance decides.
        words: How they are picked.
    """

    names: list[str]
    words: str


def ahead(balancer: Any, willing: Sequence[Target], count: int = 3) -> Ahead:
    """Say what a balancer would do for requests that come now.

    Args:
        balancer: Any of `gateway.balancing`.
        willing: The backends that may be picked.
        count: How many picks are told of, where that can be said.
    """
    if not willing:
        return Ahead([], "no backend may be picked")
    if isinstance(balancer, Sticky):
        found = ahead(balancer.strategy, willing, count)
        return Ahead(found.names, f"clients that are bound to a backend stay there, others: {found.words}")
    if isinstance(balancer, Backups):
        for targets, strategy in balancer.groups:
            group = [target for target in willing if target in targets]
            if group:
                return ahead(strategy, group, count)
    if isinstance(balancer, RoundRobin):
        return Ahead([one.name for one in balancer.ahead(willing, count)], "in turn")
    if isinstance(balancer, WeightedRoundRobin):
        return Ahead([one.name for one in balancer.ahead(willing, count)], "in turn, by weight")
    if isinstance(balancer, LeastConnections):
        return Ahead([balancer.ahead(willing).name], "the one with the fewest exchanges in flight for its weight")
    if isinstance(balancer, LeastLatency):
        return Ahead([], "the better of two that are drawn, by the time of their answers and what they have in flight")
    if isinstance(balancer, Random):
        return Ahead([], "by chance, by weight")
    return Ahead([], "by the key of each request")
