"""What a route changes in requests and responses.

Values may hold `${latency}` and the other runtime names, see
`gateway.config.substitution`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeAlias

from pydantic import Field

from gateway.config.nodes import meant
from gateway.config.patterns import expression, header_name, text
from gateway.config.problems import Unexpected
from gateway.config.schema.base import Section
from gateway.config.schema.types import HeaderValue, Parsed, Room, SomeText, Text
from gateway.http import json_paths, templates
from gateway.http.fields import FRAMING, HOP_BY_HOP, NEVER_FORWARDED

PARTIAL = frozenset([206, 304])
"""Statuses of answers that are less than whole: what they say is untrue under any other status."""

NO_CONTENT = frozenset([204, 205])


def _status_key(value: object) -> int:
    written = text(value)
    if not re.fullmatch("[2-5][0-9]{2}", written) or int(written) in PARTIAL:
        raise Unexpected("a status from 200 to 599, but not 206 and 304")
    return int(written)


def _status(value: object) -> int:
    number = meant(value)
    if not isinstance(number, int) or not 200 <= number <= 599 or number in PARTIAL | NO_CONTENT:
        raise Unexpected("an integer from 200 to 599, but not 204, 205, 206 and 304")
    return int(number)


def _name(value: object) -> str:
    name = header_name(value)
    if name.lower().encode() in _OF_ONE_HOP:
        raise Unexpected("a field that is not for one hop and does not say where a message ends")
    return name


_OF_ONE_HOP = HOP_BY_HOP | (FRAMING - {b"host"}) | NEVER_FORWARDED | {b"trailer"}


def _path(value: object) -> str:
    written = text(value)
    if written and not written.startswith("/"):
        raise Unexpected("a path that begins with `/`")
    return _part_of_path(written)


def _part_of_path(value: object) -> str:
    written = text(value)
    if _NOT_IN_PATHS.search(templates.literals(written)):
        raise Unexpected("a part of a path, without `?`, `#`, blanks and `%` without two digits")
    return written


_NOT_IN_PATHS = re.compile(r"[\x00-\x20\x7f?#]|%(?![0-9A-Fa-f]{2})|%00")


def _prefix(value: object) -> str:
    written = _path(value)
    if templates.names(written):
        raise Unexpected("a path without runtime names")
    return written


FieldName: TypeAlias = Annotated[str, Parsed(_name, {"type": "string", "minLength": 1}, "field name")]
_PathText: TypeAlias = Annotated[str, Parsed(_path, {"type": "string"}, "path")]


class PathReplacement(Section):
    """A regular expression and what takes the place of its first match."""

    pattern: Annotated[str, Parsed(expression, {"type": "string"}, "regular expression")] = Field(
        description="A regular expression (RE2), for the normal form of the path."
    )
    with_: Annotated[str, Parsed(_part_of_path, {"type": "string"}, "text")] = Field(
        default="", alias="with", description="What its first match becomes; `\\1` is its first group."
    )


class PathChanges(Section):
    """How the path is rewritten; in this order."""

    strip_prefix: Annotated[str, Parsed(_prefix, {"type": "string"}, "path")] = Field(
        default="", description="Whole segments, taken from the start."
    )
    replace: PathReplacement | None = Field(default=None, description="Replaced by a regular expression.")
    add_prefix: _PathText = Field(default="", description="Put at the start.")


class QueryChanges(Section):
    """How the query is rewritten."""

    secret_keys = frozenset({"add", "set"})

    add: dict[str, Text] = Field(default={}, description="Parameters put behind those that are there.")
    set: dict[str, Text] = Field(default={}, description="Parameters that replace those of the same name.")
    remove: tuple[SomeText, ...] = Field(default=(), description="Parameters taken out.")


def _json_path(value: object) -> str:
    written = text(value)
    try:
        json_paths.read(written)
    except ValueError:
        raise Unexpected("a path: names with dots between them (`*` for every member, `\\.` for a dot)") from None
    return written


def _json_name(value: object) -> str:
    written = _json_path(value)
    if json_paths.read(written)[-1] is None:
        raise Unexpected("a path that ends with a name")
    return written


_JsonPath: TypeAlias = Annotated[str, Parsed(_json_path, {"type": "string", "minLength": 1}, "path")]
_JsonName: TypeAlias = Annotated[str, Parsed(_json_name, {"type": "string", "minLength": 1}, "path")]


class BodyChanges(Section):
    """How a JSON body is rewritten, in this order; a path has names with dots between them, `*` is every member."""

    secret_keys = frozenset({"add"})

    remove: tuple[_JsonPath, ...] = Field(default=(), description="Paths taken out.")
    rename: dict[_JsonName, _JsonName] = Field(default={}, description="Old to new path, both whole.")
    add: dict[_JsonName, Any] = Field(
        default={}, description="Values put in, in place of what is there; any JSON, texts with runtime names."
    )

    @property
    def any(self) -> bool:
        """Whether there is a rule."""
        return bool(self.rename or self.remove or self.add)


class _HeaderChanges(Section):
    secret_keys = frozenset({"add_headers", "set_headers"})

    add_headers: dict[FieldName, HeaderValue] = Field(default={}, description="Fields appended.")
    set_headers: dict[FieldName, HeaderValue] = Field(
        default={}, description="Fields that replace those of the same name."
    )
    rename_headers: dict[FieldName, FieldName] = Field(default={}, description="Old to new name.")
    remove_headers: tuple[FieldName, ...] = Field(default=(), description="Fields taken out.")


_MEBIBYTE = 1024 * 1024


class RequestChanges(_HeaderChanges):
    """Changes on the way in."""

    path: PathChanges = Field(default=PathChanges.unwritten(), description="The path.")
    query: QueryChanges = Field(default=QueryChanges.unwritten(), description="The query.")
    body: BodyChanges = Field(default=BodyChanges.unwritten(), description="The body, where it is JSON.")
    max_body: Room = Field(
        default=_MEBIBYTE, description="Longest JSON that rules for bodies change, with its codings and without; 413."
    )


_ClientStatus: TypeAlias = Annotated[
    int, Parsed(_status, {"type": "integer", "minimum": 200, "maximum": 599}, "integer, 200 to 599")
]


class ResponseChanges(_HeaderChanges):
    """Changes on the way out."""

    status: dict[Annotated[int, Parsed(_status_key, {"type": "string"}, "status")], _ClientStatus] = Field(
        default={}, description="Status of the backend to status for the client."
    )
    body: BodyChanges = Field(default=BodyChanges.unwritten(), description="The body, where it is JSON.")
    max_body: Room = Field(
        default=_MEBIBYTE, description="Longest JSON that rules for bodies change, with its codings and without; 502."
    )


class Transformations(Section):
    """Changes in both directions."""

    request: RequestChanges = Field(default=RequestChanges.unwritten(), description="On the way in.")
    response: ResponseChanges = Field(default=ResponseChanges.unwritten(), description="On the way out.")
