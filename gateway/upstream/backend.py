"""A backend as one snapshot sees it: a weight, and the pool that outlives it."""

from __future__ import annotations

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
