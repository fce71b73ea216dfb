"""What a record of the access log can hold, and under which names: the schemas of `access_log.schema`.

A schema is a table from the name in the record to a field of ours, or to a constant. `gateway.middleware.log_fields`
has what the fields are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

DEFAULT_RECORD: Final = (
    "timestamp",
    "level",
    "service",
    "request_id",
    "trace_id",
    "method",
    "path",
    "query",
    "status_code",
    "response_time_ms",
    "client_ip",
    "user_agent",
    "upstream_service",
    "upstream_response_time_ms",
    "backend",
    "route",
    "reason",
    "bytes_sent",
    "bytes_received",
    "attempts",
    "user_id",
    "host",
    "protocol",
)
"""What a record of the access log holds by default, in order (C-17)."""

RECORD_FIELDS: Final = (
    *DEFAULT_RECORD,
    "status",
    "duration_ms",
    "duration_ns",
    "outcome",
    "ip",
    "domain",
    "port",
    "http_version",
    "scheme",
    "peer",
    "path_pattern",
    "clf_time",
    "request_line",
    "dry_run",
    "plugin_errors",
    "grpc_status",
    "parts",
    "cache",
)
"""What a record of the access log can hold, beside `request.headers.NAME`."""

HEADER_FIELD: Final = "request.headers."

CONSTANT: Final = "="
"""A field that begins so is the same in every record: behind it stands JSON."""

COMPACT: Final = {
    name: name
    for name in (
        "timestamp",
        "level",
        "request_id",
        "method",
        "path",
        "status",
        "duration_ms",
        "user_id",
        "service",
    )
}
"""R-LOG-02."""

# Elastic's field reference, https://www.elastic.co/docs/reference/ecs/ecs-field-reference. Dots in a name are levels to
# Elasticsearch. What ECS has no field for is below `gateway`.
ECS: Final = {
    "@timestamp": "timestamp",
    "log.level": "level",
    "message": "request_line",
    "ecs.version": '="9.3.0"',
    "event.kind": '="event"',
    "event.category": '=["web"]',
    "event.type": '=["access"]',
    "event.dataset": '="gateway.access"',
    "event.outcome": "outcome",
    "event.duration": "duration_ns",
    "event.reason": "reason",
    "service.name": "service",
    "service.target.name": "upstream_service",
    "http.request.id": "request_id",
    "trace.id": "trace_id",
    "http.version": "http_version",
    "http.request.method": "method",
    "http.request.body.bytes": "bytes_received",
    "http.response.status_code": "status_code",
    "http.response.body.bytes": "bytes_sent",
    "url.scheme": "scheme",
    "url.domain": "domain",
    "url.port": "port",
    "url.path": "path",
    "url.query": "query",
    "client.address": "client_ip",
    "client.ip": "ip",
    "user.id": "user_id",
    "user_agent.original": "user_agent",
    "gateway.route": "route",
    "gateway.backend": "backend",
    "gateway.upstream_response_time_ms": "upstream_response_time_ms",
    "gateway.attempts": "attempts",
}

SCHEMAS: Final[Mapping[str, Mapping[str, str]]] = {
    "default": {name: name for name in DEFAULT_RECORD},
    "compact": COMPACT,
    "ecs": ECS,
}
"""The schemas that have a name."""


def choices(schema: str | Mapping[str, str]) -> Mapping[str, str]:
    """Return what `access_log.fields` may choose from: names in the record, each with its field.

    Args:
        schema: A name out of `SCHEMAS`, or a table of the user's own.
    """
    if not isinstance(schema, str):
        return schema
    if schema == "default":
        return {name: name for name in RECORD_FIELDS}
    return SCHEMAS[schema]


def record(
    schema: str | Mapping[str, str], fields: str | Iterable[str], more: Iterable[str] = ()
) -> list[tuple[str, str]]:
    """Return the members of a record, in order: the name in the record, and the field.

    Args:
        schema: As in `choices`.
        fields: Names that were chosen; `default` for all that the schema has.
        more: Fields that every record has that does not choose, unless the schema is the user's own.
    """
    if isinstance(fields, str):
        if not isinstance(schema, str):
            return list(schema.items())
        before = "gateway." if schema == "ecs" else ""
        return [*SCHEMAS[schema].items(), *((before + field, field) for field in more)]
    known = choices(schema)
    return [(name, known.get(name, name)) for name in fields]
