"""The JSON Schema of a configuration, for editors: completion, and errors while typing.

`gateway schema` prints it and `etc/gateway.schema.json` is a copy; a file
names it in its first line:

    # yaml-language-server: $schema=gateway.schema.json
"""

from __future__ import annotations

import json
from typing import Any

from gateway.config.examples import add_examples
from gateway.config.schema import Settings

_SUBSTITUTED = {"type": "string", "pattern": r"\$\{", "description": "From the environment."}
_REFERENCE = {"$ref": "#/$defs/Substituted"}


def json_schema() -> dict[str, Any]:
    """Make the schema from the models."""
    schema: dict[str, Any] = Settings.model_json_schema(by_alias=True)
    _describe(schema)
    add_examples(schema)
    schema["properties"]["access_log"] = _or({"const": False}, schema["properties"]["access_log"])
    schema = _with_substitution(schema)
    schema["$defs"]["Substituted"] = _SUBSTITUTED
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Gateway configuration"}


def as_text() -> str:
    """Write the schema the way it is kept in `etc`."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _describe(schema: dict[str, Any]) -> None:
    """Say at a key what its section says of itself: pydantic leaves out words that would stand there twice."""
    for definition in (schema, *schema["$defs"].values()):
        for key in definition.get("properties", {}).values():
            if "$ref" in key:
                key.setdefault("description", schema["$defs"][key["$ref"].rpartition("/")[2]].get("description"))


def _with_substitution(schema: Any) -> Any:
    """Let `${VAR}` stand where a number, a choice or true or false is wanted: what it becomes is not known yet."""
    if isinstance(schema, list):
        return [_with_substitution(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") in ("integer", "number", "boolean") or ("enum" in schema and "type" in schema):
        notes = {key: value for key, value in schema.items() if key in ("title", "description", "default", "examples")}
        rest = {key: value for key, value in schema.items() if key not in notes}
        return {"anyOf": [rest, _REFERENCE], **notes}
    # Defaults and examples are values, not schemas, whatever keys they have.
    return {
        key: value if key in ("default", "examples") else _with_substitution(value) for key, value in schema.items()
    }


def _or(other: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    notes = {key: value for key, value in schema.items() if key in ("description", "default", "examples")}
    rest = {key: value for key, value in schema.items() if key not in notes}
    return {"anyOf": [rest, other], **notes}
