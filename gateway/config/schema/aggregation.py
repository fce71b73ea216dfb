"""`aggregate` of a route: one answer that is put together from those of several upstreams.

Tests: `tests/flow/test_aggregation.py::test_what_the_configuration_cannot_say`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field

from gateway.config.patterns import text
from gateway.config.problems import Unexpected
from gateway.config.schema.base import Section
from gateway.config.schema.types import Name, Parsed, Timeout
from gateway.http import templates

_NOT_IN_TARGETS = re.compile(r"[\x00-\x20\x7f#]|%(?![0-9A-Fa-f]{2})|%00")
_DOTS = re.compile(r"(?:\.|%2[eE]){1,2}(?:;.*)?")
_BRACES = re.compile(r"(?<!\$)\{\*?([A-Za-z_][\w-]*)\}")
_OF_ANSWERS = ("status", "latency")


def path_and_query(target: str) -> tuple[str, str | None]:
    """Take a target apart at its first `?` that stands in no name."""
    parts = templates.split(target)
    for place in range(0, len(parts), 2):
        before, mark, after = parts[place].partition("?")
        if mark:
            return _joined([*parts[:place], before]), _joined([after, *parts[place + 1 :]])
    return target, None


def _joined(parts: list[str]) -> str:
    """Write parts as they were before `gateway.http.templates.split`."""
    return "".join(f"${{{part}}}" if place % 2 else part.replace("${", "$${") for place, part in enumerate(parts))


def _target(value: object) -> str:
    written = text(value)
    if not written.startswith("/"):
        raise Unexpected("a path that begins with `/`, with a query where there is one")
    literals = templates.literals(written)
    if found := _BRACES.search(literals):
        raise Unexpected(f"`${{param.{found[1]}}}` for a parameter", f"`{found[0]}`")
    if _NOT_IN_TARGETS.search(literals):
        raise Unexpected("a path without `#`, blanks and `%` without two digits")
    for name in templates.names(written):
        if name in _OF_ANSWERS:
            raise Unexpected("names of what is known before a part is asked", f"`${{{name}}}`")
    path = "x".join(templates.split(path_and_query(written)[0])[::2])
    if any(_DOTS.fullmatch(segment) for segment in path.split("/")):
        raise Unexpected("a path without `.` and `..` segments")
    return written


class Default(Section):
    """What stands in the place of a part that failed."""

    default: Any = Field(default=None, description="Any JSON; texts with runtime names.")


class Part(Section):
    """One part of the answer."""

    name: Name = Field(description="What it is called in the answer.")
    upstream: Name = Field(description="The upstream that is asked.")
    path: Annotated[str, Parsed(_target, {"type": "string", "pattern": "^/"}, "path")] = Field(
        description="What it is asked for, with a query where there is one: `/orders?user=${param.id}`. Values cannot "
        "leave the segment or the parameter that they stand in."
    )
    timeout: Timeout | None = Field(default=None, description="For all of its answer. Absent: `timeout` of the route.")
    on_failure: Literal["fail", "omit"] | Default = Field(
        default="fail",
        description="Where it fails (not 2xx, not JSON, over 1 MiB, not complete in time): `fail` (502 or 504 for the "
        "whole), `omit` (the answer is without it), or `{default: …}` in its place.",
    )


class Aggregate(Section):
    """An object of what several upstreams answer to GET."""

    parts: tuple[Part, ...] = Field(description="Asked at once.", min_length=1, max_length=32)
    merge: Literal["object"] = Field(default="object", description="How they are put together: each under its name.")
