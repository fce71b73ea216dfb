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
def test_constants_of_a_compiled_module_are_final(module: str) -> None:
    """Any other is looked up by its name in the module's dictionary, each time; of a tuple of names none is final."""
    tree = ast.parse((ROOT / "gateway" / f"{module}.py").read_text())
    assigned = {
        name.id: ast.unparse(node)
        for node in tree.body
        if isinstance(node, ast.Assign)
        or (isinstance(node, ast.AnnAssign) and "Final" not in ast.unparse(node.annotation))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        for name in ast.walk(target)
        if isinstance(name, ast.Name) and name.id.isupper() and "TypeVar(" not in ast.unparse(node)
    }

    assert assigned == {}


@pytest.mark.parametrize("module", MODULES)
def test_no_property_of_a_compiled_class_is_left_to_be_kept_by_a_decorator(module: str) -> None:
    """The compiler takes `cached_property` for `property`: what it gives would be made anew for each request."""
    tree = ast.parse((ROOT / "gateway" / f"{module}.py").read_text())

    assert [
        f"{owner.name}.{method.name}"
        for owner in ast.walk(tree)
        if isinstance(owner, ast.ClassDef)
        for method in owner.body
        if isinstance(method, ast.FunctionDef)
        for decorator in method.decorator_list
        if "cache" in ast.unparse(decorator)
    ] == []


def bases_of_ours(path: Path) -> dict[str, str]:
    """Return the names of ours from which classes of a module inherit, each with the module that it is of."""
    tree = ast.parse(path.read_text())
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
    return {base.id: origin[base.id] for base in bases if isinstance(base, ast.Name) and base.id in origin}


@pytest.mark.parametrize("module", MODULES)
def test_a_compiled_class_inherits_from_compiled_ones(module: str) -> None:
    """Or from nothing of ours: an interpreted base is refused when the module is imported."""
    ours = bases_of_ours(ROOT / "gateway" / f"{module}.py")

    assert set(ours.values()) - set(MODULES) - {"transport/deadlines"} == set()


def test_no_property_stands_for_an_attribute_that_compiled_code_reads() -> None:
    """It reads the attribute itself, past whatever an interpreted class has in its place."""
    attributes = {
        node.name: {
            line.target.id
            for line in node.body
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
        }
        for module in MODULES
        for node in ast.walk(ast.parse((ROOT / "gateway" / f"{module}.py").read_text()))
        if isinstance(node, ast.ClassDef)
    }
    hidden = {
        f"{path.relative_to(ROOT)}: {node.name}.{method.name}"
        for path in sorted((ROOT / "gateway").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        if isinstance(base, ast.Name) and base.id in bases_of_ours(path)
        for method in node.body
        if isinstance(method, ast.FunctionDef) and method.decorator_list and method.name in attributes.get(base.id, ())
    }
    assert hidden == set()


def test_interpreted_classes_inherit_from_compiled_ones_that_allow_it() -> None:
    """Else Python refuses the class when its module is imported, which may be as late as a feature is used."""
    allow = {
        (module, node.name)
        for module in MODULES
        for node in ast.walk(ast.parse((ROOT / "gateway" / f"{module}.py").read_text()))
        if isinstance(node, ast.ClassDef)
        # A `Protocol` stays an ordinary class.
        if any("allow_interpreted_subclasses" in ast.unparse(one) for one in node.decorator_list)
        or any("Protocol" in ast.unparse(base) for base in node.bases)
    }
    interpreted = [
        path
        for path in sorted((ROOT / "gateway").rglob("*.py"))
        if str(path.relative_to(ROOT / "gateway").with_suffix("")) not in MODULES
    ]

    refused = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in interpreted
        for name, module in bases_of_ours(path).items()
        if module in MODULES and (module, name) not in allow
    }
    assert refused == set()


def test_the_wires_of_all_versions_are_tested_compiled() -> None:
    """With their fuzzing: `make test-compiled` runs the tests of each directory `tests/http*`."""
    makefile = (ROOT / "Makefile").read_text()
    chosen = set(makefile.partition("COMPILED_TESTS ?=")[2].partition("\n\n")[0].split())

    assert {f"tests/{path.name}" for path in (ROOT / "tests").glob("http*") if path.is_dir()} - chosen == set()
