"""Every key that there is, found by walking the schema.

Answers which keys a place may have (for "did you mean"), and lists them all
for the reference and for the tests of the files in `etc`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, get_args, get_origin

from pydantic.fields import FieldInfo

from gateway.config.schema import Settings
from gateway.config.schema.base import Section


class Key(NamedTuple):
    """One key of one section.

    Attributes:
        path: `routes[].retry.attempts`; `*` stands for a name that is free.
    """

    path: str
    name: str
    section: type[Section]
    field: FieldInfo


class Below(NamedTuple):
    """The section that the values of a key are, and how it is reached: `[]` for a list, `.*` for a mapping by name."""

    section: type[Section]
    between: str


def below(annotation: Any) -> Below | None:
    """Find the section that a field's type leads to."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return Below(annotation, "")
    between = {tuple: "[]", dict: ".*"}.get(get_origin(annotation), "")
    for argument in get_args(annotation):
        found = below(argument)
        if found is not None:
            return Below(found.section, between + found.between)
    return None


def walk(section: type[Section] = Settings, prefix: str = "") -> Iterator[Key]:
    """Walk the keys of a section and, after each, those below it."""
    for name, field in section.model_fields.items():
        written = field.alias or name
        path = prefix + written
        yield Key(path, written, section, field)
        found = below(field.annotation)
        # Keys that are listed elsewhere are not listed again.
        if found is not None and not found.section.listed_at:
            yield from walk(found.section, f"{path}{found.between}.")


def known(section: type[Section]) -> list[str]:
    """The keys that a section takes, by all their names."""
    return [*(field.alias or name for name, field in section.model_fields.items()), *section.other_names]


def field_of(section: type[Section], key: str) -> FieldInfo | None:
    """The field behind a key, by any of its names."""
    key = section.other_names.get(key, key)
    for name, field in section.model_fields.items():
        if key == (field.alias or name):
            return field
    return None
