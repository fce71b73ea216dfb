"""Settings of `transformations` into the step that changes requests and answers, with all that can be known beforehand.

Tests: `tests/flow/test_transformations.py::test_fields_of_requests`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gateway.composition.foundation import Foundation
from gateway.config import Settings
from gateway.config.callers import SHOWN, fields_of_callers
from gateway.config.nodes import meant
from gateway.config.schema.auth import Auth
from gateway.config.schema.routes import Route
from gateway.config.schema.transformations import (
    BodyChanges,
    PathChanges,
    PathReplacement,
    QueryChanges,
    RequestChanges,
    ResponseChanges,
)
from gateway.http import json_paths
from gateway.http.expressions import searcher
from gateway.http.fields import IDENTITY_PREFIX, folded
from gateway.http.forwarded import DROPPED
from gateway.http.paths import normal_form
from gateway.http.templates import split
from gateway.middleware.runtime_values import RuntimeValues, as_it_is, in_field, in_path, in_query, in_segment
from gateway.middleware.transformation import Transformation
from gateway.middleware.transformation_body import BodyRules, Make
from gateway.middleware.transformation_content import RequestContent
from gateway.middleware.transformation_fields import Line, RequestFields, ResponseFields
from gateway.middleware.transformation_path import Part, PathRules
from gateway.middleware.transformation_query import Parameter, QueryRules

_ASK_FOR_PARTS = frozenset([b"range", b"if-range", b"accept-encoding"])
"""Not sent where answers are changed: these are whole, and in no coding that only their client knows."""

_NONE: frozenset[bytes] = frozenset()
_PLAIN: Line = (b"Accept-Encoding", b"identity")
_GROUP = re.compile(r"\\([0-9\\])")


def dropped_fields(route: Route) -> frozenset[bytes]:
    """Return the names of a client's fields that the filter of a route does not let pass, since rules take them out.

    What another field is renamed to stays to be looked for by the step.
    """
    if route.transformations is None:
        return frozenset()
    changes = route.transformations.request
    whole = _ASK_FOR_PARTS if route.transformations.response.body.any else _NONE
    targets = _lower(changes.rename_headers.values())
    # What is set takes the place of what was renamed, too.
    return whole | (_lower(changes.remove_headers) - targets) | _lower(changes.set_headers)


class Transformations:
    """Makes the steps of one configuration's routes.

    Args:
        settings: The configuration.
        foundation: Has the clocks.
    """

    def __init__(self, settings: Settings, foundation: Foundation) -> None:
        self._foundation = foundation
        # An authority may hand a backend a credential, too.
        self._told = frozenset(map(folded, fields_of_callers(settings.auth or Auth()) | SHOWN))

    def content(self, route: Route | None) -> RequestContent | None:
        """Make the step that waits for contents which are changed, None where none is."""
        if route is None or route.transformations is None:
            return None
        request = route.transformations.request
        return RequestContent(request.max_body) if request.body.any else None

    def step(self, route: Route | None) -> Transformation | None:
        """Make the step of a route, None where it changes nothing."""
        if route is None or route.transformations is None:
            return None
        request, response = route.transformations.request, route.transformations.response
        asks_for = [_PLAIN] if response.body.any and b"accept-encoding" not in _lower(request.set_headers) else []
        only = route.upstreams[0][0] if len(route.upstreams) == 1 else ""
        values = RuntimeValues(self._foundation.now, self._foundation.wall_clock, only)
        made = (
            _path(request.path, values),
            _query(request.query, values),
            _request_fields(request, values, self._told, asks_for),
            response.status,
            _response_fields(response, values),
            _body(request.body, request.max_body, values),
            _body(response.body, response.max_body, values),
        )
        return Transformation(*made) if any(made) else None


def _path(said: PathChanges, values: RuntimeValues) -> PathRules | None:
    prefix = values.template(said.add_prefix.rstrip("/"), in_segment, in_path)
    strip = normal_form(in_path(said.strip_prefix.encode())).rstrip(b"/") if said.strip_prefix else b""
    if not (strip or said.replace or prefix):
        return None
    search = None if said.replace is None else searcher(said.replace.pattern)
    return PathRules(strip, search, _replacement(said.replace, values), prefix)


def _replacement(said: PathReplacement | None, values: RuntimeValues) -> list[Part]:
    made: list[Part] = []
    for place, part in enumerate(split("" if said is None else said.with_)):
        if place % 2:
            made.append(values.template(f"${{{part}}}", in_segment))
            continue
        for position, text in enumerate(_GROUP.split(part)):
            if position % 2 and text != "\\":
                made.append(int(text))
            elif text:
                made.append(in_path(text.encode()))
    return made


def _query(said: QueryChanges, values: RuntimeValues) -> QueryRules | None:
    if not (said.remove or said.set or said.add):
        return None
    return QueryRules(
        [name.encode() for name in said.remove],
        _parameters(said.set, values),
        _parameters(said.add, values),
    )


def _parameters(said: Mapping[str, str], values: RuntimeValues) -> list[Parameter]:
    made: list[Parameter] = []
    for name, text in said.items():
        start = in_query(name.encode()) + b"="
        value = values.template(text, in_query, in_query)
        if isinstance(value, bytes):
            made.append((name.encode(), start + value))
        else:
            made.append((name.encode(), lambda exchange, start=start, value=value: start + value(exchange)))  # type: ignore[misc]
    return made


def _request_fields(
    said: RequestChanges, values: RuntimeValues, told: frozenset[bytes], first: Sequence[Line]
) -> RequestFields | None:
    removed, replaced = _lower(said.remove_headers), _lower(said.set_headers)
    renamed = {
        old.lower().encode(): new.encode()
        for old, new in said.rename_headers.items()
        if old.lower().encode() not in removed
    }
    # The connection passes on some fields of trusted proxies by itself, see `gateway.http.forwarded`.
    taken = {name for name in removed | replaced if name in DROPPED} | (removed & _lower(said.rename_headers.values()))
    added = [*first, *_lines(said.set_headers, values), *_lines(said.add_headers, values)]
    if not (removed or renamed or added):
        return None
    read_as = map(folded, removed | replaced)
    own = [name for name in read_as if name in told or name.startswith(IDENTITY_PREFIX)]
    return RequestFields(renamed, taken, own, added)


def _response_fields(said: ResponseChanges, values: RuntimeValues) -> ResponseFields | None:
    added = _lines(said.set_headers, values) + _lines(said.add_headers, values)
    if not (said.remove_headers or said.rename_headers or added):
        return None
    return ResponseFields(
        sorted(_lower(said.remove_headers)),
        {old.lower().encode(): new.encode() for old, new in said.rename_headers.items()},
        sorted(_lower(said.set_headers)),
        added,
    )


def _body(said: BodyChanges, most: int, values: RuntimeValues) -> BodyRules | None:
    if not said.any:
        return None
    return BodyRules(
        map(json_paths.read, said.remove),
        [(json_paths.read(old), json_paths.read(new)) for old, new in said.rename.items()],
        [(json_paths.read(path), _made(value, values)) for path, value in said.add.items()],
        most,
    )


def _made(value: Any, values: RuntimeValues) -> Make:
    """Return what makes a value: anew each time where later rules could change it."""
    value = meant(value)
    if isinstance(value, dict):
        entries = [(name, _made(below, values)) for name, below in value.items()]
        return lambda exchange: {name: make(exchange) for name, make in entries}
    if isinstance(value, list | tuple):
        members = [_made(below, values) for below in value]
        return lambda exchange: [make(exchange) for make in members]
    if isinstance(value, str):
        text = values.template(value, as_it_is)
        if isinstance(text, bytes):
            fixed = text.decode()
            return lambda exchange: fixed
        return lambda exchange: text(exchange).decode("utf-8", "replace")
    if isinstance(value, float):
        value = float(value)  # it knows how it was written, which JSON need not
    elif isinstance(value, int) and not isinstance(value, bool):
        value = int(value)
    return lambda exchange: value


def _lines(said: Mapping[str, str], values: RuntimeValues) -> list[Line]:
    return [(name.encode(), values.template(text, in_field)) for name, text in said.items()]


def _lower(names: Iterable[str]) -> set[bytes]:
    return {name.lower().encode() for name in names}
