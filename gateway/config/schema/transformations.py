"""What a route changes in requests and responses.

Values may hold `${latency}` and the other runtime names, see
`gateway.config.substitution`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field

from gateway.config.patterns import expression, text
from gateway.config.problems import Unexpected
from gateway.config.schema.base import Section
from gateway.config.schema.types import HeaderName, HeaderValue, Parsed, SomeText, Status, Text


def _status_key(value: object) -> int:
    written = text(value)
    if not re.fullmatch("[1-5][0-9]{2}", written):
        raise Unexpected("a status from 100 to 599")
    return int(written)


class PathReplacement(Section):
    """A regular expression and what takes its matches' place."""

    pattern: Annotated[str, Parsed(expression, {"type": "string"}, "regular expression")] = Field(
        description="A regular expression (RE2)."
    )
    with_: Text = Field(default="", alias="with", description="What a match becomes; `\\1` is its first group.")


class PathChanges(Section):
    """How the path is rewritten; in this order."""

    strip_prefix: Text = Field(default="", description="Taken from the start.")
    replace: PathReplacement | None = Field(default=None, description="Replaced by a regular expression.")
    add_prefix: Text = Field(default="", description="Put at the start.")


class QueryChanges(Section):
    """How the query is rewritten."""

    secret_keys = frozenset({"add", "set"})

    add: dict[str, Text] = Field(default={}, description="Parameters added to those that are there.")
    set: dict[str, Text] = Field(default={}, description="Parameters that replace those of the same name.")
    remove: tuple[SomeText, ...] = Field(default=(), description="Parameters taken out.")


class BodyChanges(Section):
    """How a JSON body is rewritten; dotted paths reach into it."""

    secret_keys = frozenset({"add"})

    rename: dict[str, Text] = Field(default={}, description="Old to new path.")
    remove: tuple[SomeText, ...] = Field(default=(), description="Paths taken out.")
    add: dict[str, Any] = Field(default={}, description="Values put in.")


class _HeaderChanges(Section):
    secret_keys = frozenset({"add_headers", "set_headers"})

    add_headers: dict[HeaderName, HeaderValue] = Field(default={}, description="Fields appended.")
    set_headers: dict[HeaderName, HeaderValue] = Field(
        default={}, description="Fields that replace those of the same name."
    )
    rename_headers: dict[HeaderName, HeaderName] = Field(default={}, description="Old to new name.")
    remove_headers: tuple[HeaderName, ...] = Field(default=(), description="Fields taken out.")


class RequestChanges(_HeaderChanges):
    """Changes on the way in."""

    path: PathChanges = Field(default=PathChanges(), description="The path.")
    query: QueryChanges = Field(default=QueryChanges(), description="The query.")
    body: BodyChanges = Field(default=BodyChanges(), description="The body, where it is JSON.")


class ResponseChanges(_HeaderChanges):
    """Changes on the way out."""

    status: dict[Annotated[int, Parsed(_status_key, {"type": "string"}, "status")], Status] = Field(
        default={}, description="Status of the backend to status for the client."
    )
    body: BodyChanges = Field(default=BodyChanges(), description="The body, where it is JSON.")


class Transformations(Section):
    """Changes in both directions."""

    request: RequestChanges = Field(default=RequestChanges(), description="On the way in.")
    response: ResponseChanges = Field(default=ResponseChanges(), description="On the way out.")
