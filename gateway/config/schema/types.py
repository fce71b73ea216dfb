"""The kinds of values that keys take.

Each is one function from what was written to what the gateway uses, with the
words for an error, its JSON Schema for editors, and how it is written back.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, GetJsonSchemaHandler, SecretStr, Strict
from pydantic import Secret as AnySecret
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from gateway.config import page_origins, patterns, places, units
from gateway.config.nodes import meant
from gateway.config.problems import Unexpected
from gateway.config.schema.base import expected
from gateway.config.texts import without_credentials
from gateway.principal import ClaimPath

DIRECTORY = "directory"
"""In the context of a validation: what relative file names are relative to."""

REVEALED = "revealed"
"""In the context of writing back: true for who writes secrets down as they are."""

MANY = 2**31 - 1
"""Stands for no upper bound."""

MOST_PROCESSES = 1024
"""Above the cores of any machine."""


@dataclass(frozen=True, eq=False)
class Parsed:
    """Makes a field's value with one function.

    Attributes:
        parse: Raises `Unexpected` for what it does not take.
        schema: For editors.
        kind: For the reference: what kind of value this is.
        show: Turns the value back into what a file would say.
        reveal: The same, with what is secret in it, for who asks for that (`REVEALED`); None where nothing is.
    """

    parse: Callable[[object], Any]
    schema: dict[str, Any]
    kind: str
    show: Callable[[Any], Any] = lambda value: value
    reveal: Callable[[Any], Any] | None = None

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        show = core_schema.plain_serializer_function_ser_schema(self.show, when_used="json")
        if self.reveal is not None:
            show = core_schema.plain_serializer_function_ser_schema(self._written, info_arg=True, when_used="json")
        return core_schema.no_info_plain_validator_function(self._validate, serialization=show)

    def _written(self, value: Any, info: core_schema.SerializationInfo) -> Any:
        reveal = self.reveal if (info.context or {}).get(REVEALED) else None
        return (reveal or self.show)(value)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return dict(self.schema)

    def _validate(self, value: object) -> Any:
        try:
            return self.parse(value)
        except Unexpected as error:
            raise expected(error.expected, error.found) from None


@dataclass(frozen=True)
class FileName:
    """A file, relative to the directory of the configuration.

    Attributes:
        also: A word that is taken as it is.
        read: The gateway reads it, and reads it again when it changes; False for what the gateway writes.
    """

    also: str | None = None
    read: bool = True

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(self._validate)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "minLength": 1}

    def _validate(self, value: object, info: core_schema.ValidationInfo) -> str:
        try:
            written = patterns.some_text(value)
        except Unexpected:
            raise expected("the name of a file") from None
        if written == self.also:
            return written
        directory = (info.context or {}).get(DIRECTORY)
        return str(Path(directory) / Path(written).expanduser()) if directory is not None else written


def integer(least: int, most: int) -> Parsed:
    """A whole number within bounds."""

    def parse(value: object) -> int:
        value = meant(value)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return int(value)
        raise Unexpected(f"an integer from {least} to {most}")

    bounds = f"{least} or more" if most == MANY else f"{least} to {most}"
    return Parsed(parse, {"type": "integer", "minimum": least, "maximum": most}, f"integer, {bounds}")


def number(least: float, most: float) -> Parsed:
    """A number within bounds."""

    def parse(value: object) -> float:
        value = meant(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= most:
            return float(value)
        raise Unexpected(f"a number from {least:g} to {most:g}")

    return Parsed(parse, {"type": "number", "minimum": least, "maximum": most}, f"number, {least:g} to {most:g}")


def form(
    pattern: str,
    words: str,
    show: Callable[[Any], Any] = lambda value: value,
    reveal: Callable[[Any], Any] | None = None,
) -> Parsed:
    """A text that matches a regular expression as a whole, and how it is shown."""
    compiled = re.compile(pattern)

    def parse(value: object) -> str:
        written = patterns.text(value)
        if not compiled.fullmatch(written):
            raise Unexpected(words)
        return written

    return Parsed(parse, {"type": "string", "pattern": f"^(?:{pattern})$"}, words, show, reveal)


def _secret(value: object) -> SecretStr:
    return SecretStr(patterns.text(value))


def _secret_field(value: object) -> SecretStr:
    return SecretStr(patterns.header_value(value))


def _secret_scalar(value: object) -> AnySecret[str | int | float]:
    if isinstance(value, bool):
        return AnySecret(value)
    for kind in (int, float):
        if isinstance(value, kind):
            return AnySecret(kind(value))
    return AnySecret(patterns.text(value))


def _processes(value: object) -> int | str:
    value = meant(value)
    if value == "auto":
        return "auto"
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_PROCESSES:
        return int(value)
    raise Unexpected(f"`auto` or an integer from 1 to {MOST_PROCESSES}")


def _claim(value: object) -> ClaimPath:
    words = "the name of a claim, a dotted path to it, or a list of names"
    try:
        if not isinstance(value, list | tuple):
            return patterns.some_text(value)
        names = tuple(map(patterns.some_text, value))
    except Unexpected:
        raise Unexpected(words) from None
    if not names:
        raise Unexpected(words, "an empty list")
    return names


def _claim_value(value: object) -> str | bool:
    value = meant(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, str | int) and str(value).strip():
        return patterns.text(value)
    raise Unexpected("a text, an integer, true or false")


def _string(pattern: str | None = None) -> dict[str, Any]:
    return {"type": "string"} if pattern is None else {"type": "string", "pattern": pattern}


_SCALAR = {"type": ["string", "number", "boolean"]}
_DURATION = {"anyOf": [{"type": "number", "minimum": 0}, _string(r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$")]}
_SIZE = {"anyOf": [{"type": "integer", "minimum": 0}, _string(r"^[0-9]+(\.[0-9]+)?([kKmMgGtT][iI]?)?[bB]$")]}

Text: TypeAlias = Annotated[str, Parsed(patterns.text, _SCALAR, "text")]
SomeText: TypeAlias = Annotated[str, Parsed(patterns.some_text, _SCALAR, "text")]
Name: TypeAlias = Annotated[str, Parsed(patterns.name, _SCALAR, "name")]
Claim: TypeAlias = Annotated[
    ClaimPath,
    Parsed(
        _claim,
        {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR, "minItems": 1}]},
        "claim",
        lambda value: value if isinstance(value, str) else list(value),
    ),
]
ClaimValue: TypeAlias = Annotated[
    str | bool, Parsed(_claim_value, {"type": ["string", "integer", "boolean"]}, "text, integer, true or false")
]
Secret: TypeAlias = Annotated[
    SecretStr, Parsed(_secret, _SCALAR, "secret", lambda value: str(value), SecretStr.get_secret_value)
]
SecretField: TypeAlias = Annotated[
    SecretStr, Parsed(_secret_field, _SCALAR, "secret", lambda value: str(value), SecretStr.get_secret_value)
]
"""A secret that is sent, or comes, in a header field: a line end after it, as files have one, makes it another."""
SecretScalar: TypeAlias = Annotated[
    AnySecret[str | int | float],
    Parsed(_secret_scalar, _SCALAR, "secret", lambda value: str(value), lambda value: value.get_secret_value()),
]
File: TypeAlias = Annotated[str, FileName()]
Flag: TypeAlias = Annotated[bool, Strict(), BeforeValidator(meant)]
Duration: TypeAlias = Annotated[float, Parsed(units.parse_duration, _DURATION, "duration", units.format_duration)]
Timeout: TypeAlias = Annotated[float, Parsed(units.parse_timeout, _DURATION, "duration", units.format_duration)]
Moment: TypeAlias = Annotated[
    float, Parsed(units.parse_moment, {"type": ["string", "number"]}, "date, or date and time", units.format_moment)
]
Size: TypeAlias = Annotated[int, Parsed(units.parse_size, _SIZE, "size", units.format_size)]
Room: TypeAlias = Annotated[int, Parsed(units.parse_room, _SIZE, "size", units.format_size)]
Count: TypeAlias = Annotated[int, integer(0, MANY)]
Positive: TypeAlias = Annotated[int, integer(1, MANY)]
Processes: TypeAlias = Annotated[
    int | str,
    Parsed(
        _processes,
        {"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 1, "maximum": MOST_PROCESSES}]},
        f"`auto`, or integer, 1 to {MOST_PROCESSES}",
    ),
]
Ratio: TypeAlias = Annotated[float, number(0, 1)]
Percent: TypeAlias = Annotated[float, number(0, 100)]
Status: TypeAlias = Annotated[int, integer(200, 599)]

Endpoint: TypeAlias = Annotated[str, Parsed(patterns.endpoint, _string("^[A-Za-z][A-Za-z0-9_-]*:.+"), "endpoint")]
Host: TypeAlias = Annotated[str, Parsed(patterns.host, _string(), "host name")]
RouteHost: TypeAlias = Annotated[str, Parsed(patterns.route_host, _string(), "host name")]
RoutePath: TypeAlias = Annotated[str, Parsed(patterns.route_path, _string("^[/~]"), "path, or `~regex`")]
PathPattern: TypeAlias = Annotated[str, Parsed(patterns.path_pattern, _string("^/"), "path")]
BackendURL: TypeAlias = Annotated[str, Parsed(patterns.backend_url, _string("^((http|https|h2c)://|unix:/)"), "URL")]
ServerName: TypeAlias = Annotated[str, Parsed(patterns.server_name, _string(), "host name or address")]
HostHeader: TypeAlias = Annotated[str, Parsed(patterns.host_header, _string(), "`client`, `backend` or a host name")]
CLAIM_NAME = r"[A-Za-z0-9_.:/-]+"
"""Of a claim in a text such as `claim:NAME`: names of OpenID Connect, URLs, and dotted paths."""
METRIC_LABELS = (
    *("backend", "cause", "from", "grpc_status", "hook", "le", "listener", "method", "mode", "name", "outcome", "part"),
    *("path", "plugin", "priority", "python", "reason", "result", "route", "scope", "sink", "source", "state"),
    *("status", "store", "to", "twisted", "upstream", "verifier", "version"),
)
"""Labels that metrics of the gateway have, and so no operator may give."""

LabelName: TypeAlias = Annotated[
    str,
    form(
        rf"(?!(?:{'|'.join(METRIC_LABELS)})$)(?!__)[A-Za-z_][A-Za-z0-9_]{{0,63}}",
        "the name of a label, such as `team`, that no metric of the gateway has",
    ),
]
HeaderName: TypeAlias = Annotated[str, Parsed(patterns.header_name, _string(), "field name")]
TokenPlace: TypeAlias = Annotated[str, Parsed(places.token_place, _string("^(header|cookie|query):."), "place")]
Origin: TypeAlias = Annotated[str, Parsed(page_origins.origin, _string("^https?://"), "origin")]
PageOrigin: TypeAlias = Annotated[str, Parsed(page_origins.page_origin, _string(), "origin, `null` or `*`")]
HeaderValue: TypeAlias = Annotated[str, Parsed(patterns.header_value, _SCALAR, "field value")]
Condition: TypeAlias = Annotated[str, Parsed(patterns.condition, _SCALAR, "text, `~regex` or `*`")]
Method: TypeAlias = Annotated[str, Parsed(patterns.method, _string(), "method")]
RouteMethod: TypeAlias = Annotated[str, Parsed(patterns.route_method, _string(), "method")]
Network: TypeAlias = Annotated[
    IPv4Network | IPv6Network, Parsed(patterns.network, _string(), "address or network", str)
]
Proxy: TypeAlias = Annotated[
    IPv4Network | IPv6Network | str, Parsed(patterns.proxy, _string(), "address, network or `unix:`", str)
]
URL: TypeAlias = Annotated[
    str, Parsed(patterns.url, _string("^https?://"), "URL", without_credentials, lambda url: url)
]
RequestPath: TypeAlias = Annotated[
    str, form(r"/[!-~]*", "a path that begins with `/`", without_credentials, lambda path: path)
]
