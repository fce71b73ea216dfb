"""Settings of `paths` into what is asked about the paths of each route (tests/flow/test_paths.py).

# Note [Servers of an upstream]
Which readings are asked follows from where a request goes: the readings that a
route lists are those of the servers behind it. Where it lists none they are
those of the top level, and what other routes list for the same upstream: the
servers are the same, whichever of the routes says how they read.

Tests: `tests/flow/test_paths.py::test_another_upstream_has_other_servers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from gateway.config import Settings
from gateway.config.schema.routes import Route
from gateway.http.readings import Reading
from gateway.routing.agreement import PathRules
from gateway.routing.pattern import Pattern


class Paths:
    """Makes the rules of one configuration's routes.

    Args:
        settings: The configuration.

    Attributes:
        asks_case: Whether any route asks for the case of letters.
        of_upstreams: What routes list for upstreams, by the name of the upstream.
    """

    def __init__(self, settings: Settings) -> None:
        self._top = settings.paths
        # Of the upstreams that a route lists some for; nearly no route lists any.
        self.of_upstreams: dict[str, set[str]] = {}
        self._rules = cache(_rules)
        for route in settings.routes:
            if route.paths is not None and (listed := _listed(route)):
                for one in route.upstream:
                    self.of_upstreams.setdefault(one.name, set()).update(listed)
        if self.of_upstreams or "case" in self._top.readings:
            self.asks_case = any("case" in self._kinds(route) for route in settings.routes)
        else:
            self.asks_case = any(route.paths is not None and "case" in self._kinds(route) for route in settings.routes)

    def of(self, route: Route, limits: Sequence[Pattern]) -> PathRules:
        """Return the rules of a route.

        Args:
            route: Its settings.
            limits: The patterns of limits that are for some of its paths.
        """
        own = route.paths
        forward = self._top.forward if own is None or "forward" not in own.model_fields_set else own.forward
        return self._rules(frozenset(self._kinds(route)), forward == "normalized", tuple(limits))

    def _kinds(self, route: Route) -> set[str]:
        """Note [Servers of an upstream]."""
        listed = _listed(route)
        if listed is not None:
            return set(listed)
        found: set[str] = set(self._top.readings)
        if self.of_upstreams:
            found.update(*(self.of_upstreams.get(one.name, ()) for one in route.upstream))
        return found


def _listed(route: Route) -> Sequence[str] | None:
    paths = route.paths
    return None if paths is None or "readings" not in paths.model_fields_set else paths.readings


def _rules(kinds: frozenset[str], normalized: bool, limits: tuple[Pattern, ...]) -> PathRules:
    return PathRules([Reading(kind) for kind in kinds], normalized, limits)
