"""What the gateway answers itself: a redirect or a fixed answer in place of an upstream, and pages for errors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from gateway.config.nodes import meant
from gateway.config.patterns import header_name, header_value, host, text
from gateway.config.problems import Unexpected
from gateway.config.schema.base import Section
from gateway.config.schema.types import File, FileName, Parsed, Status, integer
from gateway.config.substitution import PARAM
from gateway.http.fields import FRAMING, HOP_BY_HOP

_STATUSES = (301, 302, 303, 307, 308)
NAME = re.compile(r"\$\{([^{}]*)\}")
"""A runtime name in a text."""

_LITERAL = re.compile(r"(?:[A-Za-z0-9\-._~!&'()*+,;=:@/$]|%[0-9A-Fa-f]{2})*")
_ANY_NAME = re.compile(r"(?<!\$)\$\{([^{}]*)\}")
_BRACES = re.compile(r"\{\*?([A-Za-z_][\w-]*)\}")
_DOTS = re.compile(r"(?:\.|%2[eE]){1,2}(?:;.*)?")


def names(written: str) -> list[str]:
    """List the runtime names in a text."""
    return NAME.findall(written)


def _status(value: object) -> Any:
    number = getattr(value, "value", value)
    if isinstance(number, bool) or number not in _STATUSES:
        raise Unexpected("301, 302, 303, 307 or 308")
    return number


def _host(value: object) -> str:
    written = text(value)
    if written.startswith("*"):
        raise Unexpected("one host name, without `*.` and without a port")
    return host(written)


def _path(value: object) -> str:
    written = text(value)
    if not written.startswith(("/", "${path}")):
        raise Unexpected("a path that begins with `/` or `${path}`")
    for name in names(written):
        if name != "path" and not name.startswith(PARAM):
            raise Unexpected("`${path}` and `${param.NAME}` as the only names", f"`${{{name}}}`")
    literal = NAME.sub("x", written)
    if found := _BRACES.search(literal):
        raise Unexpected(f"`${{param.{found[1]}}}` for a parameter", f"`{found[0]}`")
    if not _LITERAL.fullmatch(literal):
        raise Unexpected("a path without `?`, `#` and characters that a URL has to escape (the query is kept)")
    if any(_DOTS.fullmatch(segment) for segment in literal.split("/")):
        raise Unexpected("a path without `.` and `..` segments")
    return written


_STATUS_SCHEMA = {"enum": list(_STATUSES)}


class Redirect(Section):
    """Where clients are sent; what is absent stays as it was asked for."""

    scheme: Literal["http", "https"] | None = Field(default=None, description="`http` or `https`.")
    host: Annotated[str, Parsed(_host, {"type": "string"}, "host name")] | None = Field(
        default=None,
        description="A host name. Absent: the one asked for, so that the route's `host` must name each exactly.",
    )
    port: Annotated[int, integer(1, 65535)] | None = Field(
        default=None,
        description="Absent: the scheme's where scheme or host are not those asked for, else the one asked for.",
    )
    path: Annotated[str, Parsed(_path, {"type": "string", "pattern": r"^(/|\$\{path\})"}, "path")] | None = Field(
        default=None, description="A path; may hold `${param.NAME}` and `${path}`. The query is kept."
    )
    status: Annotated[int, Parsed(_status, _STATUS_SCHEMA, "301, 302, 303, 307 or 308")] = Field(
        default=308, description="308 and 307 keep the method."
    )


_OWN_FIELDS = FRAMING | HOP_BY_HOP | {b"date", b"etag", b"trailer"}
"""Fields of an answer that the gateway writes by what it sends."""


def _fixed(written: str) -> str:
    """Return a text as it is sent: it is the same for everybody, so nothing of the exchange can stand in it."""
    for name in _ANY_NAME.findall(written):
        raise Unexpected("a text without runtime names (`$${` for a literal `${`)", f"`${{{name}}}`")
    return written.replace("$${", "${")


def _written(value: str) -> str:
    """Undo `_fixed`, so that what is shown can be read back."""
    return value.replace("${", "$${")


def _fixed_text(value: object) -> str:
    return _fixed(text(value))


def _fixed_field(value: object) -> str:
    return header_value(_fixed(text(value)))


def _field_name(value: object) -> str:
    name = header_name(value)
    lower = name.lower().encode()
    if lower == b"content-type":
        raise Unexpected("a field other than `Content-Type`, which is `content_type`")
    if lower in _OWN_FIELDS:
        raise Unexpected("a field that the gateway does not write itself")
    return name


_SCALAR = {"type": ["string", "number", "boolean"]}
_FixedText = Annotated[str, Parsed(_fixed_text, _SCALAR, "text", _written)]
_FixedField = Annotated[str, Parsed(_fixed_field, _SCALAR, "field value", _written)]


class Respond(Section):
    """What every client is answered."""

    status: Status = Field(default=200, description="Its status.")
    body: _FixedText | None = Field(default=None, description="Its content, a text. Absent: none, or that of `file`.")
    file: File | None = Field(
        default=None,
        description="The file that has its content, in place of `body`: 16 MiB at most, and watched as this one is.",
    )
    content_type: _FixedField | None = Field(
        default=None,
        description="Its Content-Type. Absent: `text/plain`, with `charset=utf-8` where the text is not ASCII; for a "
        "`file`, by the end of its name.",
    )
    headers: dict[Annotated[str, Parsed(_field_name, {"type": "string"}, "field name")], _FixedField] = Field(
        default={}, description="Further fields."
    )


INTERCEPT = "intercept"
"""The one key of `error_pages` that is no status."""

_PAGE = re.compile(r"[45](?:[0-9]{2}|xx)|intercept")


def _page(value: object) -> str:
    written = text(value).lower()
    if not _PAGE.fullmatch(written):
        raise Unexpected("a status from 400 to 599, `4xx`, `5xx` or `intercept`")
    return written


@dataclass(frozen=True)
class _PageFile(FileName):
    """A file, or the truth value that stands for `intercept`; which of them it has to be: `gateway.config.answers`."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [super().__get_pydantic_json_schema__(schema, handler), {"type": "boolean"}]}

    def _validate(self, value: object, info: core_schema.ValidationInfo) -> Any:
        said = meant(value)
        return said if isinstance(said, bool) else super()._validate(value, info)


ErrorPages = dict[
    Annotated[str, Parsed(_page, {"type": "string", "pattern": f"^({_PAGE.pattern})$"}, "status or `intercept`")],
    Annotated[str | bool, _PageFile()],
]
"""Pages by status (`404`) and by class (`4xx`), and whether they stand for the errors of backends too."""
