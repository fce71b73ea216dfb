"""Write the page of the admin API from the document that the port serves (`gateway.admin.openapi`).

python -m gateway.admin.reference > docs/reference/admin-api.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.admin.openapi import document

_HEAD = """# Admin API

<!-- Made by `python -m gateway.admin.reference`; do not edit. -->

What the admin listener (`admin.endpoint`, by default `127.0.0.1:9090`) answers, out of the OpenAPI 3.1 document that it
serves at `/openapi.json`. Operations marked **token** need `Authorization: Bearer` with `admin.token`; the others only
read. Errors are `application/problem+json`. [Change routes by API](../guides/change-by-api.md) does the common things,
step by step.
"""

_METHODS = ("get", "put", "post", "delete")


def markdown() -> str:
    """Return the page: an overview, then each operation, then the shapes."""
    told = document()
    operations = list(_operations(told["paths"]))
    parts = [_HEAD, "## Operations\n", _overview(operations)]
    parts += [_operation(*one) for one in operations]
    parts.append("## Shapes\n")
    parts += [_shape(name, schema) for name, schema in told["components"]["schemas"].items()]
    return "\n".join(parts)


def _operations(paths: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any], list[Any]]]:
    """Walk them: method, path, operation, and the parameters that its path or itself has."""
    for path, item in paths.items():
        for method in _METHODS:
            if method in item:
                operation = item[method]
                parameters = [*item.get("parameters", ()), *operation.get("parameters", ())]
                yield method.upper(), path, operation, parameters


def _overview(operations: list[tuple[str, str, Mapping[str, Any], list[Any]]]) -> str:
    rows = [
        f"| `{method} {path}` | {operation['summary']} | {'token' if 'security' in operation else ''} |"
        for method, path, operation, _ in operations
    ]
    return "\n".join(["| operation | what it does | needs |", "| --- | --- | --- |", *rows]) + "\n"


def _operation(method: str, path: str, operation: Mapping[str, Any], parameters: list[Any]) -> str:
    token = " Needs the **token**." if "security" in operation else ""
    lines = [f"### `{method} {path}`\n", f"{operation['summary']}{token}\n"]
    if parameters:
        lines += ["| parameter | in | type | meaning |", "| --- | --- | --- | --- |"]
        lines += [
            f"| `{one['name']}` | {one['in']} | {_type(one.get('schema', {}))} | {one.get('description', '')} |"
            for one in parameters
        ]
        lines.append("")
    if "requestBody" in operation:
        lines.append(f"Content: {_content(operation['requestBody']['content'])}\n")
    lines += ["| answer | meaning | content |", "| --- | --- | --- |"]
    lines += [
        f"| {status} | {answer['description']} | {_content(answer.get('content', {}))} |"
        for status, answer in sorted(operation["responses"].items())
    ]
    return "\n".join(lines) + "\n"


def _content(kinds: Mapping[str, Any]) -> str:
    """Say media types and their shape, in one line; those that have the same shape together."""
    shapes: dict[str, list[str]] = {}
    for kind, content in kinds.items():
        shapes.setdefault(_type(content.get("schema", {})), []).append(f"`{kind}`")
    return "; ".join(f"{' or '.join(names)}{f': {shape}' if shape else ''}" for shape, names in shapes.items())


def _shape(name: str, schema: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    rows = [
        f"| `{key}` | {_type(value)} | {'always' if key in required else 'sometimes'} |"
        for key, value in schema["properties"].items()
    ]
    return "\n".join([f"### {name}\n", "| member | type | there |", "| --- | --- | --- |", *rows]) + "\n"


def _type(schema: Mapping[str, Any]) -> str:
    """Say a schema in a few words; empty for one that says nothing."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{str(schema['const']).lower()}`"
    kind = str(schema.get("type", ""))
    if kind == "array":
        return f"list of {_type(schema.get('items', {})) or 'anything'}"
    if kind == "object" and schema.get("properties"):
        members = ", ".join(f"`{key}` ({_type(value)})" for key, value in schema["properties"].items())
        return f"object with {members}"
    if "format" in schema:
        return f"{kind} ({schema['format']})"
    limits = [f"{word} {schema[key]}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in schema]
    return " ".join([kind, *limits])


if __name__ == "__main__":
    sys.stdout.write(markdown())
