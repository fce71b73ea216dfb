"""What every section of the schema has in common.

Sections do not change once loaded, take no key that they do not know, treat
`key:` with nothing after it as absent, and may know a key under more than one
name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

OWN = "x-"
"""Keys that begin so are the user's own, in every section: parts to be merged, notes for other programs."""


class Section(BaseModel):
    """A mapping with known keys."""

    # Built when it is used: each import would wait for the validators of eighty sections (tests/test_importing.py).
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, ser_json_inf_nan="constants")

    other_names: ClassVar[Mapping[str, str]] = {}
    """Further names of keys, each with the key that it stands for."""
    nullable: ClassVar[frozenset[str]] = frozenset()
    """Keys whose null means something else than absence."""

    listed_at: ClassVar[str] = ""
    """Where the reference has the keys of a section that it does not list by themselves."""

    secret_keys: ClassVar[frozenset[str]] = frozenset()
    """Keys whose values no message shows."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickle the values alone: with the name of every key, and read back, a route takes twice the memory."""
        cls, said = type(self), self.__dict__
        places = _places(cls)
        if not places.keys() <= said.keys():  # made without being validated
            return super().__reduce_ex__(protocol)
        written = bytes(sorted(map(places.__getitem__, self.model_fields_set)))
        return _unpickled, (cls, written, *map(said.__getitem__, places))

    @model_validator(mode="before")
    @classmethod
    def _normalise(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        found = {}
        for key, value in data.items():
            if key.startswith(OWN):
                continue
            is_off = cls.is_off(key, value)
            if not (is_off and cls._absent_if_null(key)):
                found[key] = None if is_off else value
        for other, key in cls.other_names.items():
            if other in found:
                if key in found:
                    raise expected(f"one of `{key}` and its other names", "several")
                found[key] = found.pop(other)
        return cls.reshape(found)

    @classmethod
    def unwritten(cls) -> Self:
        """Return the section as it is where nothing of it is written; for sections without required keys.

        The values are not validated: each `cls()` would build a validator of its own, most of them while a module is
        imported (30 cost 0.8 MiB in each process). A test compares each such section to what its validator would make.
        """
        return cls.model_construct()

    @classmethod
    def is_off(cls, key: str, value: object) -> bool:
        """Whether a key has been given this value to say that it is not set."""
        return value is None

    @classmethod
    def _absent_if_null(cls, key: str) -> bool:
        if key in cls.nullable:
            return False
        return key in cls.model_fields or key in cls.other_names or key in _by_alias(cls)

    @classmethod
    def reshape(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Bring a short way of writing the section into the long one; for sections that have one."""
        return data

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler, /) -> JsonSchemaValue:
        schema = handler(core_schema)
        found = handler.resolve_ref_schema(schema)
        found["patternProperties"] = {f"^{OWN}": {}}
        properties = found.get("properties", {})
        for other, key in cls.other_names.items():
            properties[other] = {**properties[key], "description": f"Another name of `{key}`."}
            if key in found.get("required", ()):
                found["required"].remove(key)
        return schema


class Varied(Section):
    """A section of which some keys are for some of its kinds only: the others are refused, and not written back."""

    def foreign(self) -> Collection[str]:
        """Return the keys that this one must not have."""
        raise NotImplementedError

    @model_serializer(mode="wrap")
    def _without_foreign(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # One that says nothing at all is that of the reference, which shows what every key says by itself.
        foreign = self.foreign() if self.model_fields_set else ()
        return {key: value for key, value in write(self).items() if key not in foreign}


@cache
def _places(cls: type[Section]) -> Mapping[str, int]:
    """Return the keys of a section in order, each with its place."""
    return {key: place for place, key in enumerate(cls.model_fields)}


@cache
def _keys(cls: type[Section]) -> Sequence[str]:
    return tuple(cls.model_fields)


def _unpickled(cls: type[Section], written: bytes, *values: Any) -> Section:
    """Make a section of what `Section.__reduce_ex__` has said: nothing is validated again.

    Args:
        cls: Its class.
        written: Places of the keys that were written.
        values: Of all its keys, in order.
    """
    keys = _keys(cls)
    section = cls.__new__(cls)
    section.__setstate__(
        {
            "__dict__": dict(zip(keys, values, strict=True)),
            "__pydantic_fields_set__": {keys[place] for place in written},
            "__pydantic_extra__": None,
            "__pydantic_private__": None,
        }
    )
    return section


def or_one(schema: dict[str, Any]) -> None:
    """Tell editors that a list may also be written as its only member."""
    many = {key: schema.pop(key) for key in ("type", "items", "minItems") if key in schema}
    schema["anyOf"] = [many["items"], many]


def one_or_many(data: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Make a list of what is written as its only member."""
    return data | {key: [data[key]] for key in keys if isinstance(data.get(key), str | int | float)}


def _by_alias(cls: type[Section]) -> set[str]:
    return {field.alias for field in cls.model_fields.values() if field.alias}


def expected(words: str, found: str | None = None) -> PydanticCustomError:
    """The error of a check in the schema; `found` only where the value itself does not say enough."""
    return PydanticCustomError("expected", "{words}", {"words": words, "found": found})
