"""Sections whose keys several may have in common: routes by `groups` and `defaults`, upstreams by `defaults`.

What is taken over by whom is decided on the tree, by `gateway.config.inheritance`; here it is said which keys are
shared, and how one is switched off again.
"""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar, get_args

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from gateway.config.schema.base import Section

OFF = "off"


class Shared(Section):
    """A section of which one may take keys over from another."""

    own_keys: ClassVar[tuple[str, ...]] = ()
    """Keys that each says for itself."""

    @classmethod
    def is_off(cls, key: str, value: object) -> bool:
        """Whether a key has been given this value to say that it is not set: null, and `off` for what can be on."""
        return value is None or (value == OFF and cls.other_names.get(key, key) in can_be_off(cls))

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler, /) -> JsonSchemaValue:
        schema = super().__get_pydantic_json_schema__(core_schema, handler)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for name, known in properties.items():
            key = cls.other_names.get(name, name)
            if key not in cls.own_keys:
                properties[name] = _or_off(known, key in can_be_off(cls))
        return schema


@cache
def can_be_off(section: type[Shared]) -> frozenset[str]:
    """Return the keys that hold a section and are off where they are absent: `retry`, `auth`, `rate_limit`."""
    return frozenset(
        name
        for name, field in section.model_fields.items()
        if name not in section.own_keys and field.default is None and _holds_section(field.annotation)
    ) | frozenset(name for name in ("rate_limit",) if name in section.model_fields)


def _holds_section(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return True
    return any(map(_holds_section, get_args(annotation)))


def _or_off(schema: dict[str, Any], has_word: bool) -> dict[str, Any]:
    """Tell editors that a key may be switched off."""
    notes = {key: value for key, value in schema.items() if key in ("title", "description", "default")}
    rest = {key: value for key, value in schema.items() if key not in notes}
    options = list(rest["anyOf"]) if set(rest) == {"anyOf"} else [rest]
    options += [{"type": "null"}] if {"type": "null"} not in options else []
    options += [{"const": OFF}] if has_word else []
    return {"anyOf": options, **notes}
