"""What a route answers itself, in place of an upstream: a redirect."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field

from gateway.config.patterns import host, text
from gateway.config.problems import Unexpected
from gateway.config.schema.base import Section
from gateway.config.schema.types import Parsed, integer
from gateway.config.substitution import PARAM

_STATUSES = (301, 302, 303, 307, 308)
_NAME = re.compile(r"\$\{([^{}]*)\}")
_LITERAL = re.compile(r"(?:[A-Za-z0-9\-._~!&'()*+,;=:@/$]|%[0-9A-Fa-f]{2})*")
_DOTS = re.compile(r"(?:\.|%2[eE]){1,2}(?:;.*)?")


def names(written: str) -> list[str]:
    """List the runtime names in a text."""
    return _NAME.findall(written)


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
    literal = _NAME.sub("x", written)
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
