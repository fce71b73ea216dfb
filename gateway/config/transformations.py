"""What rules of `transformations` may not say: fields that are somebody else's, and values that are not there.

A backend takes what it is told about its caller, and about the way of a request, for the gateway's word. So such fields
have no value that a client has chosen, under whatever name it came.

Tests: `tests/config/test_transformations.py::test_what_is_refused`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gateway.config.answers import parameters
from gateway.config.callers import fields_of_callers, places_of_credentials
from gateway.config.nodes import MapNode
from gateway.config.problems import Problem, problem, suggestion
from gateway.config.schema import Settings
from gateway.config.schema.auth import Auth
from gateway.config.schema.routes import Route
from gateway.config.schema.transformations import PathReplacement, RequestChanges, Transformations
from gateway.config.substitution import HEADER, PARAM, QUERY
from gateway.config.validation import Location, about_key, locate
from gateway.http import json_paths
from gateway.http.expressions import groups
from gateway.http.fields import IDENTITY_PREFIX, OTHER_URLS, folded
from gateway.http.templates import literals, names

_Found = tuple[Location, str, str]
"""Where it stands, what was wanted, and what was there."""

_WRITTEN = {
    b"host": "`host_header` of the upstream says what it is",
    **dict.fromkeys(
        [b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-real-ip", b"forwarded", b"via"],
        "the gateway writes it, see `forwarded`",
    ),
    **dict.fromkeys([b"x-request-id", b"traceparent", b"tracestate"], "the gateway writes it"),
}
"""Fields of requests that no rule has a say in."""

_OF_CLIENTS = (HEADER, QUERY, PARAM)
_ALL_OF_CLIENTS = ("path", "method")
_GROUP = re.compile(r"\\([0-9])")


def check(root: MapNode, settings: Settings) -> Iterator[Problem]:
    """Report every rule that cannot be kept."""
    auth = settings.auth or Auth.unwritten()
    callers = _Callers(fields_of_callers(auth), places_of_credentials(auth))
    for index, route in enumerate(settings.routes):
        if route.transformations is not None:
            for steps, wanted, found in _route(route, route.transformations, callers):
                place, path = locate(root, ("routes", index, "transformations", *steps))
                yield problem(place, path, wanted, found)


class _Callers:
    """Which fields say who is calling."""

    def __init__(self, told: Iterable[bytes], credentials: Iterable[bytes]) -> None:
        self._told = frozenset(map(folded, told))
        self._credentials = frozenset(map(folded, credentials))

    def why(self, name: str) -> str | None:
        """Say why a field is no client's; None where it may be one's."""
        read_as = folded(name.lower().encode())
        if read_as in self._told or read_as.startswith(IDENTITY_PREFIX):
            return "it says who is calling"
        return "it is where credentials are shown" if read_as in self._credentials else None


def _route(route: Route, said: Transformations, callers: _Callers) -> Iterator[_Found]:
    yield from _fields(said.request, callers)
    if said.request.path.replace is not None:
        yield from _groups(said.request.path.replace)
    for key, changes in (("request", said.request.body), ("response", said.response.body)):
        for old, new in changes.rename.items():
            before, after = json_paths.read(old), json_paths.read(new)
            wild = json_paths.wild(before)
            if json_paths.wild(after) != wild or before[:wild] != after[:wild]:
                yield (
                    (key, "body", "rename", old),
                    f"a path that begins as `{old}` does, up to the last `*`",
                    f'"{new}"',
                )
    for steps, text in _texts(said):
        yield from _parameters(steps, text, route)
        for name in names(text):
            why = callers.why(name.removeprefix(HEADER)) if name.startswith(HEADER) else None
            if why is not None:
                yield steps, "a field that backends may have from clients", f"`${{{name}}}`: {why}"


def _fields(said: RequestChanges, callers: _Callers) -> Iterator[_Found]:
    put = {**said.add_headers, **said.set_headers}
    for key in ("add_headers", "set_headers", "rename_headers", "remove_headers"):
        written: Iterable[str] = getattr(said, key)
        for place, name in enumerate(written):
            steps: Location = ("request", key, place) if key == "remove_headers" else about_key("request", key, name)
            read_as = folded(name.lower().encode())
            if read_as in _WRITTEN:
                yield steps, "a field that the gateway does not write itself", f'"{name}": {_WRITTEN[read_as]}'
            elif key in ("add_headers", "set_headers") and (why := callers.why(name)) is not None:
                for one in names(put[name]):
                    if one.startswith(_OF_CLIENTS) or one in _ALL_OF_CLIENTS:
                        yield steps, f"a value that no client chooses for `{name}`: {why}", f"`${{{one}}}`"
    for old, new in said.rename_headers.items():
        steps = about_key("request", "rename_headers", old)
        why = callers.why(old)
        if why is not None:
            yield steps, "a field that backends may have from clients", f'"{old}": {why}'
        read_as = folded(new.lower().encode())
        why = callers.why(new) or _WRITTEN.get(read_as)
        if why is None and read_as in OTHER_URLS:
            why = "some servers take the path from it"
        if why is not None:
            steps = ("request", "rename_headers", old)
            yield steps, "the name of a field that backends may have from clients", f'"{new}": {why}'


def _groups(said: PathReplacement) -> Iterator[_Found]:
    most = groups(said.pattern)
    for number in _GROUP.findall(literals(said.with_).replace("\\\\", "")):
        if int(number) > most:
            there = f"a group of the pattern, which has {most or 'none'}"
            yield ("request", "path", "replace", "with"), there, f"`\\{number}`"


def _parameters(steps: Location, text: str, route: Route) -> Iterator[_Found]:
    wanted = [name.removeprefix(PARAM) for name in names(text) if name.startswith(PARAM)]
    if wanted:
        known = set().union(*map(parameters, route.path))
        for name in wanted:
            if name not in known:
                near = suggestion(name, sorted(known)).replace("`", f"`{PARAM}", 1)
                yield steps, "parameters of the route's `path`", f"`${{{PARAM}{name}}}`{near}"


def _texts(said: Transformations) -> Iterator[tuple[Location, str]]:
    """Yield every text that may have names in it, and where it stands."""
    request, response = said.request, said.response
    yield ("request", "path", "add_prefix"), request.path.add_prefix
    if request.path.replace is not None:
        yield ("request", "path", "replace", "with"), request.path.replace.with_
    tables: list[tuple[Location, Mapping[str, str]]] = [
        (("request", "query", "set"), request.query.set),
        (("request", "query", "add"), request.query.add),
    ]
    for key, changes in (("request", request), ("response", response)):
        yield from _texts_within((key, "body", "add"), changes.body.add)
        tables += [((key, "add_headers"), changes.add_headers), ((key, "set_headers"), changes.set_headers)]
    for steps, table in tables:
        for name, text in table.items():
            yield (*steps, name), text


def _texts_within(steps: Location, value: Any) -> Iterator[tuple[Location, str]]:
    if isinstance(value, str):
        yield steps, value
    elif isinstance(value, dict):
        for name, below in value.items():
            yield from _texts_within((*steps, name), below)
    elif isinstance(value, list | tuple):
        for place, below in enumerate(value):
            yield from _texts_within((*steps, place), below)
