"""Settings of `cache` into the steps of routes and the store that they share.

What makes the steps (`gateway.composition.builders.caching`) is loaded with the first route that has a cache.

Tests: `tests/flow/test_cache.py::test_an_answer_is_kept_once_for_each_coding`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, cast

from twisted.internet.defer import Deferred

from gateway.composition.builders.keeping import keeps
from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.schema.routes import Route
from gateway.http.fields import FieldFilter
from gateway.interfaces import Middleware

if TYPE_CHECKING:
    from gateway.caching.store import CacheStore, Purge
    from gateway.composition.builders.caching import Cached


class Caches:
    """Makes the steps of one configuration's routes.

    Args:
        settings: The configuration.
        foundation: What it is built on.
        beside: Further stores in memory that go by the same purges.
    """

    def __init__(self, settings: Settings, foundation: Foundation, beside: Sequence[CacheStore] = ()) -> None:
        self._settings = settings
        self.cached: Cached | None = None
        if any(route.cache is not None for route in settings.routes):
            from gateway.composition.builders.caching import Cached

            self.cached = Cached(settings, foundation, beside)

    @property
    def routes(self) -> Collection[str]:
        """Names of the routes that keep answers."""
        return [route.name for route in self._settings.routes if self.keeps(route)]

    def purge(self, purge: Purge) -> Deferred[bool] | bool:
        """Purge; gives whether every instance goes by it from now on."""
        done = None if self.cached is None else self.cached.purge(purge)
        return True if done is None else cast("Deferred[bool]", done)

    def keeps(self, route: Route | None) -> bool:
        """Whether answers of a route are kept."""
        return route is not None and keeps(route)

    def step(self, route: Route | None, passes: FieldFilter) -> Middleware | None:
        """Make the step of a route; None where it has neither a cache nor anything to do with that of another.

        Args:
            route: Its settings.
            passes: Which of the client's fields are sent.
        """
        return None if route is None or self.cached is None else self.cached.step(route, passes)
