"""Paths of a description as paths of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.importing.draft import Draft
from tests.importing.imported import imported, left, routes


def described(path: str, schemas: dict[str, str], directory: Path) -> Draft:
    """Import an operation whose path has parameters with these schemas."""
    parameters = ", ".join(f"{{name: {name}, in: path, schema: {schema}}}" for name, schema in schemas.items())
    operation = f"{{operationId: o, parameters: [{parameters}]}}"
    return imported("openapi", f"openapi: 3.0.0\npaths:\n  {path}:\n    get: {operation}\n", directory)


@pytest.mark.parametrize(
    ("path", "schemas", "ours", "asked"),
    [
        ("/a/{id}", {"id": "{type: integer}"}, "/a/{id}", "/a/7"),
        ("/a/{id}", {"id": "{type: string, example: x1}"}, "/a/{id}", "/a/x1"),
        ("/a/{size}", {"size": "{enum: [s, l]}"}, ["/a/s", "/a/l"], "/a/s"),
        ("/a/{n}", {"n": "{enum: [1, 2, 3, 4, 5, 6, 7, 8, 9]}"}, "/a/{n}", "/a/1"),
        ("/a/{d}", {"d": "{pattern: '^[a-z]{2}$'}"}, "~/a/(?P<d>[a-z]{2})", "/a/aa"),
        ("/a/{name}.json", {}, r"~/a/(?P<name>[^/]+)\.json", "/a/7.json"),
        ("/a/{a-b}/x", {}, "/a/{a-b}/x", "/a/7/x"),
        ("/a/{a.b}", {}, "~/a/(?:[^/]+)", "/a/7"),
        ("/a.b/{x}-{y}", {}, r"~/a\.b/(?P<x>[^/]+)-(?P<y>[^/]+)", "/a.b/7-7"),
    ],
)
def test_parameters(tmp_path: Path, path: str, schemas: dict[str, str], ours: object, asked: str) -> None:
    """A whole segment is a parameter, an enum is paths, a pattern and a part of a segment are an expression."""
    draft = described(path, schemas, tmp_path)

    assert routes(draft)["o"]["path"] == ours
    assert draft.tests[0].data["request"]["url"] == f"http://gateway.example{asked}"


def test_a_pattern_that_re2_does_not_take(tmp_path: Path) -> None:
    """It is listed, and the parameter takes anything."""
    draft = described("/a/{d}", {"d": "{pattern: '^(?!x)'}"}, tmp_path)

    assert routes(draft)["o"]["path"] == "/a/{d}"
    assert left(draft) == [(4, "paths['/a/{d}'].get.parameters[0].schema.pattern")]


def test_references(tmp_path: Path) -> None:
    """Within the file they are followed; one that leads out of it is listed."""
    text = "openapi: 3.0.0\ncomponents: {parameters: {p/q: {name: d, in: path, schema: {enum: [x]}}}}\npaths:\n"
    text += (
        "  /a/{d}: {get: {operationId: o, parameters: [{$ref: '#/components/parameters/p~1q'}, {$ref: 'o.yaml'}]}}\n"
    )
    draft = imported("openapi", text, tmp_path)

    assert routes(draft)["o"]["path"] == "/a/x"
    assert left(draft) == [(4, "paths['/a/{d}'].get.parameters[1]")]


def test_a_reference_to_itself_ends(tmp_path: Path) -> None:
    """It is listed."""
    text = "openapi: 3.0.0\ncomponents: {parameters: {p: {$ref: '#/components/parameters/p'}}}\npaths:\n"
    draft = imported(
        "openapi", f"{text}  /a: {{get: {{parameters: [{{$ref: '#/components/parameters/p'}}]}}}}\n", tmp_path
    )

    assert [line for line, _ in left(draft)] == [2]


@pytest.mark.parametrize("path", ["/a b", "/a/../b", "a"])
def test_a_path_that_no_route_has(tmp_path: Path, path: str) -> None:
    """Its operation is listed."""
    draft = described(path, {}, tmp_path)

    assert routes(draft) == {}
    assert [line for line, _ in left(draft)] == [4]
