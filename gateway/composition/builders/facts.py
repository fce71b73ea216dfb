"""What other parts of a configuration depend on of each of its routes: found out once, for all configurations with it.

Tests: `tests/composition/builders/test_taking_over.py::test_what_is_known_of_a_route_is_found_out_once`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

from gateway.composition.builders.decisive import decisive_of_route
from gateway.config.named_files import files_named_in
from gateway.config.schema.routes import Route


class Facts(NamedTuple):
    """Of one route.

    Attributes:
        route: The route.
        decisive: Names of request fields that it goes by.
        forwards_to: As the route says.
        asked: As the route says.
        files: Names of the files that it names.
    """

    route: Route
    decisive: tuple[str, ...]
    forwards_to: tuple[str, ...]
    asked: tuple[str, ...]
    files: tuple[str, ...]


class Known(Protocol):
    """Has the facts of a route."""

    @property
    def facts(self) -> Facts: ...


def facts_of(routes: Iterable[Route], known: Mapping[str, Known]) -> Iterator[Facts]:
    """Yield the facts of routes.

    Args:
        routes: Those of a configuration.
        known: Has the facts of the configuration before, by the name of the route.
    """
    for route in routes:
        was = known.get(route.name)
        if was is not None and was.facts.route is route:
            found = was.facts
        else:
            found = Facts(
                route,
                tuple(decisive_of_route(route)),
                route.forwards_to,
                tuple(dict.fromkeys(route.asked)),
                tuple(sorted(files_named_in(route))),
            )
        yield found
