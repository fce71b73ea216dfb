"""What a route must and must not say beside where its requests go: an upstream, or a redirect in its place.

Found from the settings, where names and defaults are settled, and told with the place of the key.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.nodes import MapNode
from gateway.config.patterns import PARAMETER, REST
from gateway.config.problems import Problem, problem
from gateway.config.schema import Settings
from gateway.config.schema.answers import Redirect, names
from gateway.config.schema.routes import Route
from gateway.config.substitution import PARAM
from gateway.config.validation import Location, about_key, locate
from gateway.http.expressions import matcher

FOR_BACKENDS = ("timeout", "retry", "hedge", "paths", "transformations")
"""Keys of a route that are about what is asked of backends."""


def check(root: MapNode, settings: Settings) -> Iterator[Problem]:
    """Report routes that lead to two places, or to where they are, and keys that say nothing where they stand."""
    for index, route in enumerate(settings.routes):
        for location, wanted, found in _route(index, route):
            place, path = locate(root, location)
            yield problem(place, path, wanted, found)


def _route(index: int, route: Route) -> Iterator[tuple[Location, str, str]]:
    here: Location = ("routes", index)
    redirect = route.redirect
    if redirect is None:
        return
    if route.upstream:
        yield about_key(*here, "redirect"), "`upstream` or `redirect`", "both"
    for key in FOR_BACKENDS:
        if key in route.model_fields_set:
            yield about_key(*here, key), "no key that is for backends beside `redirect`", f"`{key}`"
    yield from _redirect((*here, "redirect"), route, redirect)


def _redirect(here: Location, route: Route, redirect: Redirect) -> Iterator[tuple[Location, str, str]]:
    if (redirect.scheme, redirect.host, redirect.port, redirect.path) == (None,) * 4:
        yield about_key(*here), "one of `scheme`, `host`, `port` and `path`", "a redirect to where the client is"
    wanted = {name.removeprefix(PARAM) for name in names(redirect.path or "") if name.startswith(PARAM)}
    for path in route.path if wanted else ():
        for name in sorted(wanted - _parameters(path)):
            yield (*here, "path"), f"parameters of `{path}`", f"`${{{PARAM}{name}}}`"


def _parameters(path: str) -> set[str]:
    if path.startswith("~"):
        return {name for _, name in matcher(path[1:])[1]}
    segments = path[1:].split("/")
    found = [PARAMETER.fullmatch(segment) for segment in segments]
    rest = REST.fullmatch(segments[-1])
    return {one[1] or one[2] for one in found if one} | ({rest[1]} if rest and rest[1] else set())
