"""What makes the steps of rate limits, loaded where a configuration has one: most have none (D-508).

Tests: `tests/flow/test_failed_exchanges.py::test_what_went_well_is_not_kept`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from gateway.composition.builders.rates import OwnLimits, Rates
from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.schema.routes import Route
from gateway.interfaces import Middleware

if TYPE_CHECKING:
    from gateway.limiting.limit import LimitStore
    from gateway.middleware.rate_limit import Counted


class NoRates:
    """Those of a configuration without a limit: nothing is counted but what others ask for.

    Args:
        make: Makes what counts, for them.
    """

    def __init__(self, make: Callable[[], Rates]) -> None:
        self._make = make
        self._made: Rates | None = None

    def by_address(self, route: Route | None) -> list[Middleware]:
        return []

    by_principal = by_address

    def for_some_paths(self, route: Route) -> list[Any]:
        return []

    def own(self, name: str, path: str, others: Sequence[Counted] = ()) -> OwnLimits:
        return self._counting().own(name, path, others) if others else OwnLimits([])

    def store(self) -> LimitStore:
        return self._counting().store()

    def _counting(self) -> Rates:
        if self._made is None:
            self._made = self._make()
        return self._made


def rates(settings: Settings, foundation: Foundation) -> Rates:
    """Return what makes the steps of a configuration's limits."""

    def make() -> Rates:
        from gateway.composition.builders.limits import RateLimits

        return RateLimits(settings, foundation)

    limited = settings.rate_limits or any(route.rate_limit for route in settings.routes)
    return make() if limited else NoRates(make)
