"""What makes the steps of rate limits promises to the pipeline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from gateway.config.schema.routes import Route
from gateway.exchange import Exchange
from gateway.interfaces import Middleware

if TYPE_CHECKING:
    from gateway.limiting.limit import LimitStore
    from gateway.middleware.rate_limit import Counted
    from gateway.routing.pattern import Pattern


class OwnLimits(NamedTuple):
    """The steps of a path of ours, and what gives back what they took."""

    steps: Sequence[Middleware]
    refund: Callable[[Exchange], object] | None = None


class Rates(Protocol):
    """Makes the steps of one configuration's routes; see `gateway.composition.builders.limits.RateLimits`."""

    def by_address(self, route: Route | None) -> list[Middleware]: ...

    def by_principal(self, route: Route | None) -> list[Middleware]: ...

    def own(self, name: str, path: str, others: Sequence[Counted] = ()) -> OwnLimits: ...

    def for_some_paths(self, route: Route) -> list[Pattern]: ...

    def store(self) -> LimitStore: ...
