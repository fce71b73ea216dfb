"""Every key has words and an example in the JSON Schema, and each example is one that the gateway takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from pydantic import BaseModel, ValidationError

from gateway.config import jsonschema
from gateway.config.schema import Settings

SCHEMA = jsonschema.json_schema()


def keys() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every key of every section, with its part of the schema."""
    for section, definition in (("", SCHEMA), *SCHEMA["$defs"].items()):
        for key, each in definition.get("properties", {}).items():
            yield section, key, each


def models(above: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """Every section by its name."""
    for each in above.__subclasses__():
        yield each.__name__, each
        yield from models(each)


SECTIONS: dict[str, type[BaseModel]] = {**dict(models(BaseModel)), "": Settings}


def test_every_key_has_words_and_an_example() -> None:
    """An example that says nothing (null, an empty list) is none."""
    lacking = [
        (section, key)
        for section, key, each in keys()
        if not each.get("description") or each.get("examples", [None]) in ([None], [[]], [{}], [""])
    ]

    assert lacking == []
    assert sum(1 for _ in keys()) > 600


@pytest.mark.parametrize("section", dict.fromkeys(section for section, _, _ in keys()))
def test_an_example_is_one_that_the_schema_admits(section: str) -> None:
    """Whoever copies it is not told by the same editor that it is wrong."""
    wrong = []
    for name, key, each in keys():
        if name == section:
            known = jsonschema_rs.Draft202012Validator({**each, "$defs": SCHEMA["$defs"]})
            wrong += [(key, example) for example in each["examples"] if not known.is_valid(example)]

    assert wrong == []


@pytest.mark.parametrize("section", dict.fromkeys(section for section, _, _ in keys()))
def test_an_example_is_one_that_the_gateway_takes(section: str) -> None:
    """Its section may miss other keys; about this one nothing is to be said."""
    wrong = []
    for name, key, each in keys():
        if name != section:
            continue
        example = each["examples"][0]
        if "${" in repr(example):
            example = re.sub(r"\$\{[A-Z_]+\}", "x" * 32, example) if isinstance(example, str) else {}
        model = SECTIONS[section]
        try:
            model.model_validate({key: example})
        except ValidationError as error:
            field = getattr(model, "other_names", {}).get(key, key)
            about = [one for one in error.errors() if one["loc"] and one["loc"][0] in (key, field)]
            # Keys of one kind only (`format: loki`) are refused without it: it is another key.
            about = [one for one in about if " only where " not in one["msg"]]
            wrong += [(key, example, one["loc"], one["msg"]) for one in about]

    assert wrong == []


@pytest.mark.parametrize(
    ("section", "key", "example"),
    [
        ("Timeouts", "connect", "5s"),
        ("Limits", "request_body", "10MiB"),
        ("AccessLog", "enabled", False),
        ("Limits", "in_flight", 1000),
        ("AccessLog", "format", "combined"),
        ("Route", "upstream", "users"),
    ],
)
def test_an_example_shows_what_the_default_does_not(section: str, key: str, example: object) -> None:
    """A unit, another choice, a value where there is none."""
    assert SCHEMA["$defs"][section]["properties"][key]["examples"] == [example]


def test_a_key_says_what_its_section_says_of_itself() -> None:
    """Where the words are the same, they stand at the key all the same: an editor shows those of the key."""
    assert SCHEMA["properties"]["admin"]["description"] == "The operators' own port."
