from __future__ import annotations

from pathlib import Path

from gateway.config import jsonschema

ETC = Path(__file__).parents[2] / "etc"


def test_the_copy_in_etc_is_up_to_date() -> None:
    """`gateway schema > etc/gateway.schema.json` makes it so."""
    assert (ETC / "gateway.schema.json").read_text() == jsonschema.as_text()


def test_all_names_of_a_key_are_known_to_editors() -> None:
    """And a key that has others is not demanded under its first."""
    route = jsonschema.json_schema()["$defs"]["Route"]

    assert {"upstream", "service", "upstreams"} <= set(route["properties"])
    assert route["required"] == ["path"]
    assert route["additionalProperties"] is False


def test_a_variable_may_stand_where_a_number_does() -> None:
    """An editor does not know what the environment has."""
    limits = jsonschema.json_schema()["$defs"]["Limits"]["properties"]

    assert limits["in_flight"] == {
        "anyOf": [{"type": "integer", "minimum": 0, "maximum": 2147483647}, {"$ref": "#/$defs/Substituted"}],
        "default": 0,
        "description": "Exchanges at once, 0 for no limit; past it 503 with Retry-After.",
        "examples": [1000],
        "title": "In Flight",
    }


def test_short_ways_of_writing_are_known_to_editors() -> None:
    """A name for a list of upstreams, one limit for a list of them, a rate, `access_log: false`."""
    schema = jsonschema.json_schema()

    assert {"type": "string"} in schema["$defs"]["Route"]["properties"]["upstream"]["anyOf"][0]["anyOf"]
    assert {"$ref": "#/$defs/RateLimit"} in schema["$defs"]["Route"]["properties"]["rate_limit"]["anyOf"]
    assert "rate" in schema["$defs"]["RateLimit"]["properties"]
    assert {"const": False} in schema["properties"]["access_log"]["anyOf"]
    assert {"type": "string", "pattern": "^https?://[^/]"} in schema["$defs"]["Case"]["properties"]["request"]["anyOf"]
