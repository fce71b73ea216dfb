"""The schemas of access records: which names there are, and what they stand for."""

from __future__ import annotations

import pytest

from gateway.config.records import COMPACT, CONSTANT, DEFAULT_RECORD, ECS, RECORD_FIELDS, choices, record


@pytest.mark.parametrize("schema", [COMPACT, ECS])
def test_a_schema_has_fields_that_there_are(schema: dict[str, str]) -> None:
    """Or constants."""
    assert {field for field in schema.values() if not field.startswith(CONSTANT)} <= set(RECORD_FIELDS)


def test_ecs_leaves_nothing_of_the_default_record_out() -> None:
    """But for what it says in other units or parts: `duration_ns`, `domain` and `port`, `http_version`."""
    assert set(DEFAULT_RECORD) - set(ECS.values()) == {"response_time_ms", "host", "protocol"}


def test_the_default_is_our_own_names() -> None:
    """Each is the field of its name."""
    assert record("default", "default") == [(name, name) for name in DEFAULT_RECORD]


@pytest.mark.parametrize(
    ("schema", "name"), [("default", "dry_run"), ("compact", "dry_run"), ("ecs", "gateway.dry_run")]
)
def test_what_not_every_configuration_has_stands_at_the_end(schema: str, name: str) -> None:
    """Under a name that fits the others."""
    assert record(schema, "default", ["dry_run"])[-1] == (name, "dry_run")


def test_a_mapping_is_the_whole_record() -> None:
    """In its order, and nothing beside it."""
    assert record({"b": "path", "a": "status"}, "default", ["dry_run"]) == [("b", "path"), ("a", "status")]


def test_fields_choose_among_the_names_of_the_schema() -> None:
    """In the order in which they are chosen; fields of the request keep their name."""
    assert record("ecs", ("url.path", "@timestamp", "request.headers.x-a")) == [
        ("url.path", "path"),
        ("@timestamp", "timestamp"),
        ("request.headers.x-a", "request.headers.x-a"),
    ]
    assert record({"p": "path", "s": "status"}, ("s",)) == [("s", "status")]


def test_the_default_schema_lets_choose_among_all_fields() -> None:
    """Those included that the default record does not hold."""
    assert set(choices("default")) == set(RECORD_FIELDS)
