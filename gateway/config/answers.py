"""What a route must and must not say beside where its requests go: an upstream, or an answer in its place.

Found from the settings, where names and defaults are settled, and told with the place of the key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.config.nodes import MapNode
from gateway.config.patterns import PARAMETER, REST
from gateway.config.problems import Problem, problem, suggestion
from gateway.config.schema import Settings
from gateway.config.schema.aggregation import Aggregate
from gateway.config.schema.answers import INTERCEPT, ErrorPages, Redirect, Respond, names
from gateway.config.schema.routes import Route
from gateway.config.substitution import PARAM
from gateway.config.validation import Location, about_key, locate
from gateway.http import templates
from gateway.http.expressions import matcher

FOR_BACKENDS = ("timeout", "retry", "hedge", "paths", "transformations", "split_on", "mirror", "cache")
"""Keys of a route that are about what is asked of backends."""


FOR_ONE_ANSWER = ("split_on", "mirror")
"""Those that are about one answer, and not about parts of one (`aggregate`)."""


ANSWERS = ("redirect", "respond", "aggregate")
"""Keys that stand in place of `upstream`."""


def not_beside(answer: str) -> tuple[str, ...]:
    """Return the keys that have no place beside one of `ANSWERS`."""
    return FOR_ONE_ANSWER if answer == "aggregate" else FOR_BACKENDS


NO_CONTENT = (204, 205, 304)
"""Statuses whose answers have no content (RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5)."""

PARTIAL = 206


def check(root: MapNode, settings: Settings) -> Iterator[Problem]:
    """Report routes that lead to two places, or to where they are, and keys that say nothing where they stand."""
    for location, wanted, found in _all(settings):
        place, path = locate(root, location)
        yield problem(place, path, wanted, found)


def _all(settings: Settings) -> Iterator[tuple[Location, str, str]]:
    yield from _pages(("error_pages",), settings.error_pages)
    for index, route in enumerate(settings.routes):
        yield from _route(index, route)
        yield from _pages(("routes", index, "error_pages"), route.error_pages or {})


def _pages(here: Location, pages: ErrorPages) -> Iterator[tuple[Location, str, str]]:
    for key, value in pages.items():
        if isinstance(value, bool) != (key == INTERCEPT):
            wanted = "true or false" if key == INTERCEPT else "the name of a file"
            yield (*here, key), wanted, str(value).lower() if isinstance(value, bool) else "a text"


def _route(index: int, route: Route) -> Iterator[tuple[Location, str, str]]:
    here: Location = ("routes", index)
    answers = [key for key in ANSWERS if getattr(route, key) is not None]
    if not answers:
        return
    if route.upstream or len(answers) > 1:
        several = [f"`{key}`" for key in (["upstream"] if route.upstream else []) + answers]
        yield about_key(*here, answers[-1]), f"{', '.join(several[:-1])} or {several[-1]}", "both"
    for key in not_beside(answers[0]):
        if key in route.model_fields_set:
            yield about_key(*here, key), f"no key that is for backends beside `{answers[0]}`", f"`{key}`"
    if route.redirect is not None:
        yield from _redirect((*here, "redirect"), route, route.redirect)
    if route.aggregate is not None:
        yield from _aggregate(here, route, route.aggregate)
    if route.respond is not None:
        yield from _respond((*here, "respond"), route.respond)


def _aggregate(here: Location, route: Route, aggregate: Aggregate) -> Iterator[tuple[Location, str, str]]:
    for place, method in enumerate(route.methods or ()):
        if method not in ("GET", "HEAD"):
            yield (*here, "methods", place), "GET or HEAD, which is all that `aggregate` answers", method
    for place, part in enumerate(aggregate.parts):
        yield from _parameters((*here, "aggregate", "parts", place, "path"), route, templates.names(part.path))


def _respond(here: Location, respond: Respond) -> Iterator[tuple[Location, str, str]]:
    if respond.body is not None and respond.file is not None:
        yield about_key(*here, "file"), "`body` or `file`", "both"
    if respond.status in NO_CONTENT:
        for key in ("body", "file", "content_type"):
            if getattr(respond, key):
                yield about_key(*here, key), f"nothing: an answer with {respond.status} has no content", f"`{key}`"
    if respond.status == PARTIAL:
        yield (*here, "status"), "a status other than 206: no part was asked for", f"{PARTIAL}"


def _redirect(here: Location, route: Route, redirect: Redirect) -> Iterator[tuple[Location, str, str]]:
    if (redirect.scheme, redirect.host, redirect.port, redirect.path) == (None,) * 4:
        yield about_key(*here), "one of `scheme`, `host`, `port` and `path`", "a redirect to where the client is"
    yield from _parameters((*here, "path"), route, names(redirect.path or ""))


def _parameters(here: Location, route: Route, used: Iterable[str]) -> Iterator[tuple[Location, str, str]]:
    """Report parameters that a path of the route does not have."""
    wanted = {name.removeprefix(PARAM) for name in used if name.startswith(PARAM)}
    for path in route.path if wanted else ():
        known = parameters(path)
        for name in sorted(wanted - known):
            near = suggestion(name, sorted(known)).replace("`", f"`{PARAM}", 1)
            if not near and path.endswith("/*"):
                near = f"; the rest has a name where the path is written `{path[:-1]}{{*rest}}`"
            yield here, f"parameters of `{path}`", f"`${{{PARAM}{name}}}`{near}"


def parameters(path: str) -> set[str]:
    """Return the names of the parameters in a path."""
    if path.startswith("~"):
        return {name for _, name in matcher(path[1:])[1]}
    segments = path[1:].split("/")
    found = [PARAMETER.fullmatch(segment) for segment in segments]
    rest = REST.fullmatch(segments[-1])
    return {one[1] or one[2] for one in found if one} | ({rest[1]} if rest and rest[1] else set())
