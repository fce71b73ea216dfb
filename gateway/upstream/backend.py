"""An upstream and its backends, as one snapshot sees them; pools outlive snapshots."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.exchange import Exchange
from gateway.interfaces import Balancer
from gateway.upstream.pool import BackendPool


class Backend:
    """One of the interchangeable servers of an upstream (`gateway.interfaces.Target`).

    Args:
        name: Its URL: stable across configurations and instances.
        weight: Share of the traffic, 0 to let it drain.
        pool: Its connections.
    """

    __slots__ = ("name", "pool", "weight")

    def __init__(self, name: str, weight: int, pool: BackendPool) -> None:
        self.name = name
        self.weight = weight
        self.pool = pool

    @property
    def in_flight(self) -> int:
        """Attempts under way."""
        return self.pool.in_flight

    def may_try(self, now: float) -> bool:
        """Whether it may be picked: health and breakers are asked here."""
        return True

    def __repr__(self) -> str:
        return f"<Backend {self.name} weight={self.weight}>"


class Upstream:
    """A named group of interchangeable backends, as one snapshot sees it.

    Args:
        name: Its name.
        balancer: Picks a backend.
        backends: All of them.
        key: What a hashing balancer places an exchange by; None where it does not matter.
        count: Counts an attempt by backend and outcome, `ok` or the reason of its error.
    """

    __slots__ = ("backends", "balancer", "count", "key", "name")

    def __init__(
        self,
        name: str,
        balancer: Balancer[Backend],
        backends: Sequence[Backend],
        key: Callable[[Exchange], bytes] | None,
        count: Callable[[str, str], None],
    ) -> None:
        self.name = name
        self.balancer = balancer
        self.backends = backends
        self.key = key
        self.count = count


class Share:
    """The part of a route's traffic that goes to one upstream (a `Target` for a balancer over upstreams)."""

    __slots__ = ("name", "upstream", "weight")

    in_flight = 0

    def __init__(self, upstream: Upstream, weight: int) -> None:
        self.name = upstream.name
        self.upstream = upstream
        self.weight = weight

    def may_try(self, now: float) -> bool:
        """An upstream may always be tried; its balancer says when none of its backends may."""
        return True
