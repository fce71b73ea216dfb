"""What the gateway tells about itself: access log, application log, metrics, traces."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from gateway.config.patterns import text
from gateway.config.problems import Unexpected, suggestion
from gateway.config.records import HEADER_FIELD, RECORD_FIELDS, SCHEMAS, choices
from gateway.config.schema.base import Section, expected
from gateway.config.schema.statsd import StatsD
from gateway.config.schema.types import (
    URL,
    Duration,
    FileName,
    Flag,
    HeaderName,
    LabelName,
    Name,
    Parsed,
    Positive,
    Ratio,
    SecretField,
    Size,
    SomeText,
    integer,
)
from gateway.errors import MalformedRequest
from gateway.http.paths import normal_form

Level = Literal["debug", "info", "warn", "error", "critical"]

BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0)


def _fields(value: object) -> str | tuple[str, ...]:
    if value == "default":
        return "default"
    if not isinstance(value, list) or not value or not all(isinstance(item, str) and item for item in value):
        raise Unexpected("`default` or a list of field names")
    return tuple(value)


def _schema(value: object) -> str | dict[str, str]:
    if isinstance(value, dict):
        if not value:
            raise Unexpected("a mapping of at least one name to a field")
        for name, field in value.items():
            if not isinstance(name, str) or not name or _CONTROL.search(name):
                raise Unexpected("a mapping whose keys are names of members")
            if not isinstance(field, str):
                raise Unexpected("a mapping of names to fields", f"`{name}` without the name of a field")
            _check_field(field, "a mapping of names to fields")
        return dict(value)
    if isinstance(value, str) and value in SCHEMAS:
        return value
    near = f'"{value}"{suggestion(value, list(SCHEMAS))}' if isinstance(value, str) else None
    raise Unexpected("`default`, `compact`, `ecs` or a mapping of names to fields", near)


def _check_field(name: str, wanted: str) -> None:
    if name not in RECORD_FIELDS and not (name.startswith(HEADER_FIELD) and name != HEADER_FIELD):
        raise Unexpected(wanted, f'"{name}"{suggestion(name, RECORD_FIELDS)}')


FORMATS = ("json", "combined", "common")
"""Forms of the access log that have a name."""

_IN_TEMPLATE = re.compile(r"%\{([^{}]*)\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")


def _format(value: object) -> str:
    written = text(value)
    if written in FORMATS:
        return written
    if "%{" not in written:
        raise Unexpected(
            "`json`, `combined`, `common` or a template with %{FIELD}", f'"{written}"{suggestion(written, FORMATS)}'
        )
    if _CONTROL.search(written):
        raise Unexpected("a template of one line, without control characters")
    if "%{" in _IN_TEMPLATE.sub("", written):
        raise Unexpected("a template in which each %{ has its }")
    for name in _IN_TEMPLATE.findall(written):
        _check_field(name, "a template with names of fields in %{}")
    return written


_FORMAT_SCHEMA = {"anyOf": [{"enum": list(FORMATS)}, {"type": "string", "pattern": r"%\{[^{}]+\}"}]}


def _excluded(value: object) -> str:
    written = text(value)
    path = written.removesuffix("*").encode()
    if "*" in written[:-1]:
        raise Unexpected("`*` only at the end of a path")
    try:
        normal = normal_form(path)
    except MalformedRequest:
        raise Unexpected("a path that begins with `/`, without `?`, `#` and spaces") from None
    if normal != path:
        raise Unexpected(f"a path in its normal form, `{normal.decode()}`")
    return written


ExcludedPath = Annotated[str, Parsed(_excluded, {"type": "string", "pattern": "^/[^*?#]*[*]?$"}, "path")]


_SCHEMA_SCHEMA = {
    "anyOf": [
        {"enum": list(SCHEMAS)},
        {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1},
    ]
}

_FIELDS_SCHEMA = {"anyOf": [{"const": "default"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}


_BUCKETS_SCHEMA = {"type": "array", "items": {"type": "number"}, "minItems": 1}


class AccessLog(Section):
    """One line for every exchange."""

    enabled: Flag = Field(default=True, description="Whether there is one; `access_log: false` is short for false.")
    path: Annotated[str, FileName(also="-", read=False)] = Field(
        default="-", description="A file; `-` is standard output."
    )
    format: Annotated[str, Parsed(_format, _FORMAT_SCHEMA, "`json`, `combined`, `common` or template")] = Field(
        default="json",
        description="JSON; the lines of nginx and Apache; or a text with %{FIELD} in it for each field.",
    )
    sample: Ratio = Field(
        default=1.0, description="Share of the exchanges that is written; those that failed always are."
    )
    min_status: Annotated[int, integer(0, 599)] = Field(
        default=0, description="The least status that is written; what failed always is."
    )
    min_duration: Duration = Field(
        default=0.0, description="Only exchanges that took so long are written, and those that failed."
    )
    exclude_paths: tuple[ExcludedPath, ...] = Field(
        default=(), description="Paths that are not written unless they fail; `/static/*` is all below."
    )
    record: Annotated[str | dict[str, str], Parsed(_schema, _SCHEMA_SCHEMA, "name or mapping of names")] = Field(
        default="default",
        alias="schema",
        description="How the members of a JSON record are called: `default` (our names), `compact` (nine of them), "
        "`ecs` (Elastic's), or a mapping of your names to our fields.",
    )
    fields: Annotated[str | tuple[str, ...], Parsed(_fields, _FIELDS_SCHEMA, "`default` or list of names")] = Field(
        default="default",
        description="`default`, or which members of the schema to write as JSON, in their order.",
    )
    redact_headers: tuple[HeaderName, ...] = Field(
        default=("authorization", "cookie", "x-api-key"),
        description="Header fields whose values are never written, beside credentials known by their names.",
    )
    redact_query: tuple[SomeText, ...] = Field(
        default=("api_key",),
        description="Query parameters whose values are never written, beside credentials known by their names.",
    )

    @field_validator("fields")
    @classmethod
    def _are_of_the_schema(cls, fields: str | tuple[str, ...], info: ValidationInfo) -> str | tuple[str, ...]:
        if "record" not in info.data:
            return fields  # the schema itself is refused
        known = choices(info.data["record"])
        for name in fields if isinstance(fields, tuple) else ():
            if name not in known and not (name.startswith(HEADER_FIELD) and name != HEADER_FIELD):
                raise expected("names of fields", f'"{name}"{suggestion(name, list(known))}')
        return fields


class Log(Section):
    """The application's own log."""

    level: Level = Field(default="info", description="The least important level written.")
    levels: dict[SomeText, Level] = Field(
        default={}, description="The same for one module and those below: `gateway.upstream`."
    )
    format: Literal["text", "json"] = Field(
        default="text", description="Lines for people, or JSON for machines. Read at start only."
    )

    @classmethod
    def reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Take `warning` for `warn`, and capitals as other programs write levels."""
        levels = data.get("levels")
        if isinstance(levels, dict):
            data["levels"] = {name: _level(level) for name, level in levels.items()}
        if "level" in data:
            data["level"] = _level(data["level"])
        return data


def _level(level: Any) -> Any:
    if not isinstance(level, str):
        return level
    return "warn" if level.lower() == "warning" else level.lower()


def _ascending(value: object) -> tuple[float, ...]:
    found = [float(item) for item in value if _is_number(item)] if isinstance(value, list) else []
    if isinstance(value, list) and 0 < len(found) == len(value) and found == sorted(set(found)) and found[0] > 0:
        return tuple(found)
    raise Unexpected("a list of rising seconds above 0")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class Metrics(Section):
    """What /metrics shows."""

    buckets: Annotated[tuple[float, ...], Parsed(_ascending, _BUCKETS_SCHEMA, "list of numbers", list)] = Field(
        default=BUCKETS, description="Upper bounds of the histograms of durations, in seconds."
    )
    aliases: Flag = Field(default=True, description="Whether series are there under their second names too.")
    labels: dict[LabelName, SomeText] = Field(
        default={}, description="Labels of every series: `{environment: production}`."
    )
    statsd: StatsD | None = Field(default=None, description="Where the figures are sent, too. Absent: nowhere.")


class Tracing(Section):
    """Where spans go; trace ids are passed on in any case."""

    secret_keys = frozenset({"headers"})

    exporter: Literal["none", "otlp", "zipkin", "jaeger", "console"] = Field(
        default="none", description="What takes the spans; `jaeger` is its OTLP port."
    )
    endpoint: URL | None = Field(
        default=None,
        description="Where it listens: the base URL (otlp, jaeger: `/v1/traces` follows) or the whole URL (zipkin). "
        "Absent: its usual port on this machine.",
    )
    headers: dict[HeaderName, SecretField] = Field(
        default={}, description='Fields of each request to it, such as `{Authorization: "Bearer ${TOKEN}"}`.'
    )
    sample_ratio: Ratio = Field(
        default=1.0,
        description="Share of traces that are kept where a client has not decided; those with errors always are.",
    )
    slow: Duration = Field(
        default=1.0, description="Exchanges that take at least so long are kept whatever the ratio says; 0s: none is."
    )
    service_name: Name = Field(default="api-gateway", description="What the gateway calls itself.")
    queue: Size = Field(
        default=4 * 1024 * 1024, description="Memory for spans that wait to be sent; more are dropped, and counted."
    )
    batch: Positive = Field(default=512, description="Most spans that are sent together.")
    interval: Duration = Field(default=1.0, description="How long a span waits for others at most.")
    compression: Literal["gzip", "none"] = Field(default="gzip", description="Of what is sent.")
