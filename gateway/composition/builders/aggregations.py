"""Settings of `aggregate` into what stands at the end of such a route's chain.

Loaded by `gateway.composition.builders.routes` with the first route that has some.

Tests: `tests/flow/test_aggregation.py::test_parts_are_put_together`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from urllib.parse import quote_from_bytes

from gateway.composition.builders.subrequests import Subrequests
from gateway.composition.builders.transforming import json_value
from gateway.composition.foundation import Foundation
from gateway.config.schema.aggregation import Default, path_and_query
from gateway.config.schema.aggregation import Part as PartSettings
from gateway.config.schema.routes import Route
from gateway.exchange import Exchange
from gateway.forwarding.aggregation import Aggregation, as_it_came
from gateway.forwarding.hedges import Hedges
from gateway.forwarding.part import Part
from gateway.forwarding.retries import Retries
from gateway.http import exact_json, templates
from gateway.http.fields import FieldFilter
from gateway.middleware.runtime_values import RuntimeValues, in_path, in_query, in_segment
from gateway.middleware.transformation_path import checked

_HEADER = "header."


def aggregation(
    route: Route,
    passes: FieldFilter,
    retries: Retries | None,
    hedges: Hedges | None,
    subrequests: Subrequests,
    foundation: Foundation,
) -> Aggregation:
    """Make what answers on a route.

    Args:
        route: Its settings.
        passes: Which of the client's fields parts are asked with.
        retries: What is tried again.
        hedges: When a second attempt is made.
        subrequests: Makes the ways to upstreams.
        foundation: Has clocks and counters.
    """
    assert route.aggregate is not None
    parts = []
    for settings in route.aggregate.parts:
        timeout = settings.timeout or route.timeout
        chain = subrequests.chain(route, settings.upstream, passes, timeout, retries, hedges, keeps=True)
        values = RuntimeValues(foundation.now, foundation.wall_clock, settings.upstream)
        target = _target(settings.path, values)
        needed = settings.on_failure == "fail"
        parts.append(
            Part(settings.name, settings.upstream, chain, timeout, target, _otherwise(settings, values), needed)
        )
    count = foundation.metrics.counter("gateway_aggregate_parts_total").add
    names = {
        name.removeprefix(_HEADER): None
        for settings in route.aggregate.parts
        for name in templates.names(settings.path)
        if name.startswith(_HEADER)
    }
    private = any(_is_of_one(name) for settings in route.aggregate.parts for name in templates.names(settings.path))
    return Aggregation(parts, subrequests.keeper, ", ".join(names).encode(), partial(count, route.name), private)


def asked_for(route: Route, foundation: Foundation) -> Callable[[Exchange], bytes] | None:
    """Make what tells the targets of all parts, by which answers of a cache are told apart (D-354); None without parts.

    The moment is left out: an answer that is kept is one of before.
    """
    if route.aggregate is None:
        return None
    targets = []
    for settings in route.aggregate.parts:
        values = RuntimeValues(foundation.now, foundation.wall_clock, settings.upstream)
        targets.append(_target(templates.without(settings.path, _MOMENTS), values))

    def asked(exchange: Exchange) -> bytes:
        return b"\n".join(as_it_came(exchange, lambda: [target(exchange) for target in targets]))

    return asked


def _is_of_one(name: str) -> bool:
    """Whether a value is of one caller, or of one exchange, and in no URL and no field that others send as well."""
    return name.startswith("claim.") or name in ("client_ip", "request_id")


_MOMENTS = ("latency", "now")


def _target(written: str, values: RuntimeValues) -> Callable[[Exchange], bytes]:
    """Make what makes the target of a part."""
    path_text, query_text = path_and_query(written)
    path = values.template(path_text, in_segment, in_path)
    query = None if query_text is None else values.template(query_text, in_query, _in_written_query)

    def target(exchange: Exchange) -> bytes:
        made = path if isinstance(path, bytes) else checked(path(exchange))
        if query is None:
            return made
        return made + b"?" + (query if isinstance(query, bytes) else query(exchange))

    return target


def _in_written_query(literal: bytes) -> bytes:
    """Escape what an operator wrote for a query: all that means something there stays."""
    return quote_from_bytes(literal, "-._~!$&'()*+,=:@/?;%[]").encode()


def _otherwise(settings: PartSettings, values: RuntimeValues) -> Callable[[Exchange], bytes] | None:
    if not isinstance(settings.on_failure, Default):
        return None
    make = json_value(settings.on_failure.default, values)
    return lambda exchange: exact_json.write(make(exchange))
