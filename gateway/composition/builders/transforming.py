"""Settings of `transformations` into the step that changes requests and answers, with all that can be known beforehand.

Loaded by `gateway.composition.builders.transformations` with the first route that has some.

Tests: `tests/flow/test_transformations.py::test_fields_of_requests`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gateway.composition.foundation import Foundation
from gateway.config.nodes import WrittenFloat, meant
from gateway.config.schema.routes import Route
from gateway.config.schema.transformations import (
    BodyChanges,
    PathChanges,
    PathReplacement,
    QueryChanges,
    RequestChanges,
    ResponseChanges,
)
from gateway.http import exact_json, json_paths
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

_PLAIN: Line = (b"Accept-Encoding", b"identity")
_GROUP = re.compile(r"\\([0-9\\])")


def request_content(route: Route) -> RequestContent | None:
    """Make the step that waits for contents which are changed, None where none is."""
    assert route.transformations is not None
    request = route.transformations.request
    return RequestContent(request.max_body) if request.body.any else None


def transformation(route: Route, told: frozenset[bytes], foundation: Foundation) -> Transformation | None:
    """Make the step of a route, None where it changes nothing.

    Args:
        route: Its settings.
        told: Fields that tell backends who is calling.
        foundation: Has the clocks.
    """
    assert route.transformations is not None
    request, response = route.transformations.request, route.transformations.response
    asks_for = [_PLAIN] if response.body.any and b"accept-encoding" not in lower(request.set_headers) else []
    only = route.upstreams[0][0] if len(route.upstreams) == 1 else ""
    values = RuntimeValues(foundation.now, foundation.wall_clock, only)
    made = (
        _path(request.path, values),
        _query(request.query, values),
        _request_fields(request, values, told, asks_for),
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
    removed, replaced = lower(said.remove_headers), lower(said.set_headers)
    renamed = {
        old.lower().encode(): new.encode()
        for old, new in said.rename_headers.items()
        if old.lower().encode() not in removed and new.lower().encode() not in replaced
    }
    # The gateway passes on some fields of trusted proxies by itself, see `gateway.http.forwarded`.
    taken = (removed | replaced) & DROPPED
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
        sorted(lower(said.remove_headers)),
        {old.lower().encode(): new.encode() for old, new in said.rename_headers.items()},
        sorted(lower(said.set_headers)),
        added,
    )


def _body(said: BodyChanges, most: int, values: RuntimeValues) -> BodyRules | None:
    if not said.any:
        return None
    return BodyRules(
        map(json_paths.read, said.remove),
        [(json_paths.read(old), json_paths.read(new)) for old, new in said.rename.items()],
        [(json_paths.read(path), json_value(value, values)) for path, value in said.add.items()],
        most,
    )


def json_value(value: Any, values: RuntimeValues) -> Make:
    """Return what makes a value: anew each time where later rules could change it."""
    value = meant(value)
    if isinstance(value, dict):
        entries = [(name, json_value(below, values)) for name, below in value.items()]
        return lambda exchange: {name: make(exchange) for name, make in entries}
    if isinstance(value, list | tuple):
        members = [json_value(below, values) for below in value]
        return lambda exchange: [make(exchange) for make in members]
    if isinstance(value, str):
        text = values.template(value, as_it_is)
        if isinstance(text, bytes):
            fixed = text.decode()
            return lambda exchange: fixed
        return lambda exchange: text(exchange).decode("utf-8", "replace")
    if isinstance(value, WrittenFloat):
        value = _digits(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        value = int(value)
    return lambda exchange: value


def _digits(value: WrittenFloat) -> Any:
    """Return a number as it was written, as numbers of contents are: an id of 20 digits is more than a float holds."""
    try:
        return exact_json.parse(value.text.encode())
    except exact_json.NotJson:  # `+1.5`, `.5`
        return float(value)


def _lines(said: Mapping[str, str], values: RuntimeValues) -> list[Line]:
    return [(name.encode(), values.template(text, in_field)) for name, text in said.items()]


def lower(names: Iterable[str]) -> set[bytes]:
    """Return names of fields as they are compared."""
    return {name.lower().encode() for name in names}
