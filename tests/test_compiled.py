"""What is said of the compiled modules, where nothing is compiled and where something is."""

from __future__ import annotations

import ast
import os
import tomllib
from pathlib import Path

import pytest

from gateway import compiled, headers

ROOT = Path(__file__).parents[1]
MODULES: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["gateway"]["compiled"]["modules"]


def test_it_says_what_runs() -> None:
    """As the tests were told (`make test-compiled` sets the variable)."""
    assert compiled.COMPILED is bool(os.environ.get("GATEWAY_CODE")), headers.__file__
    assert ("compiled" if compiled.COMPILED else "interpreted") == compiled.KIND


def test_the_list_is_in_order_and_names_modules_that_there_are() -> None:
    """Each once."""
    assert sorted(set(MODULES)) == MODULES
    assert [module for module in MODULES if not (ROOT / "gateway" / f"{module}.py").is_file()] == []


@pytest.mark.parametrize("module", MODULES)
def test_nothing_stands_in_a_compiled_module_that_compiles_into_something_else(module: str) -> None:
    """Two handlers of one `try` that give a name to errors of different types: the second would be refused.

    Beside that: `cls.__new__(cls)`, which is an error of the compiler.
    """
    tree = ast.parse((ROOT / "gateway" / f"{module}.py").read_text())
    named = [
        [ast.unparse(handler.type) for handler in node.handlers if handler.name and handler.type is not None]
        for node in ast.walk(tree)
        if isinstance(node, ast.Try)
    ]
    made = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "__new__"]

    assert [types for types in named if len(types) > 1 and not all("Http" in one for one in types)] == []
    assert made == []


@pytest.mark.parametrize("module", MODULES)
def test_a_compiled_class_inherits_from_compiled_ones(module: str) -> None:
    """Or from nothing of ours: an interpreted base is refused when the module is imported."""
    tree = ast.parse((ROOT / "gateway" / f"{module}.py").read_text())
    origin = {
        alias.asname or alias.name: (node.module or "").removeprefix("gateway.").replace(".", "/")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gateway.")
        for alias in node.names
    }
    bases = [
        base.value if isinstance(base, ast.Subscript) else base
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for base in node.bases
    ]
    ours = {origin[base.id] for base in bases if isinstance(base, ast.Name) and base.id in origin}

    assert ours - set(MODULES) - {"transport/deadlines"} == set()
