"""Each dependency is needed: what the package imports is declared, what is declared is imported, and locks follow."""

from __future__ import annotations

import ast
import configparser
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from gateway.config import packages
from tests.system.package_index import pins

ROOT = Path(__file__).parents[1]

OURS = "twisted-api-gateway"
"""It puts a plugin into the `twisted` package, and so owns a part of that."""

EXTRAS = {"wasmtime"}
"""Imported where a feature is used that needs an extra, and declared there."""

GROUPS: dict[str, list[str | dict[str, str]]] = tomllib.loads((ROOT / "pyproject.toml").read_text())[
    "dependency-groups"
]
LOCKED_GROUPS = sorted({path.stem for path in (ROOT / "requirements").glob("*.lock")} - {"runtime", "lowest"})

FOR_OTHERS: dict[str, str] = {}
"""Declared, although the package does not import it by itself, and why."""


def required(section: str = "options", key: str = "install_requires") -> list[Requirement]:
    """What setup.cfg asks for, for the gateway or for an extra."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return [Requirement(line) for line in parser[section][key].splitlines() if line and not line.startswith("#")]


def declared() -> set[str]:
    """Names in `install_requires`."""
    return {canonicalize_name(one.name) for one in required()}


def imported() -> dict[str, str]:
    """Distributions that modules of the package import, each with one of those modules."""
    owners = metadata.packages_distributions()
    found: dict[str, str] = {}
    for path in [*sorted((ROOT / "gateway").rglob("*.py")), *sorted((ROOT / "twisted").rglob("*.py"))]:
        if path.is_relative_to(ROOT / "gateway/testing"):
            continue  # for tests, where pytest is
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                continue
            for name in {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"gateway"} - EXTRAS:
                # `zope` is shared by several: only zope.interface is ours.
                owner = "zope.interface" if name == "zope" else next(one for one in owners[name] if one != OURS)
                found[canonicalize_name(owner)] = str(path.relative_to(ROOT))
    return found


def test_what_is_imported_is_declared() -> None:
    """A package that only another dependency brings may go away with that one's next release."""
    assert {name: module for name, module in imported().items() if name not in declared()} == {}


def test_what_is_declared_is_imported() -> None:
    """Or stands in the list above, with the reason."""
    assert declared() - imported().keys() - FOR_OTHERS.keys() == set()


def test_the_list_of_reasons_is_true() -> None:
    """A package that is imported, or not declared any more, needs no reason."""
    assert FOR_OTHERS.keys() <= declared() - imported().keys()


def grouped(name: str) -> list[Requirement]:
    """What a group asks for, with what it includes."""
    found = []
    for one in GROUPS[name]:
        found += [Requirement(one)] if isinstance(one, str) else grouped(one["include-group"])
    return found


def test_every_group_has_a_lock() -> None:
    """Its own, or that of a group that includes it."""
    included = {one["include-group"] for group in GROUPS.values() for one in group if not isinstance(one, str)}

    assert set(LOCKED_GROUPS) | included == set(GROUPS)


@pytest.mark.parametrize("name", LOCKED_GROUPS)
def test_a_lock_has_what_its_group_asks_for(name: str) -> None:
    """Whoever changes a range makes the lock anew."""
    locked = {pin.name: pin.version for pin in pins(ROOT / f"requirements/{name}.lock")}

    for wanted in grouped(name):
        assert wanted.specifier.contains(locked[canonicalize_name(wanted.name)], prereleases=True), wanted


def test_the_lock_of_the_gateway_has_what_it_asks_for() -> None:
    """And the one that tests and linters are run with has the same versions."""
    locked = {pin.name: pin.version for pin in pins(ROOT / "requirements/runtime.lock")}
    tested = {pin.name: pin.version for pin in pins(ROOT / "requirements/dev.lock")}

    for wanted in required():
        assert wanted.specifier.contains(locked[canonicalize_name(wanted.name)]), wanted
    assert locked.items() <= tested.items()


@pytest.mark.parametrize("wanted", [*required(), *required("options.extras_require", "wasm")], ids=str)
def test_the_oldest_that_is_admitted_is_what_is_tried(wanted: Requirement) -> None:
    """`make test-lowest` runs with the bound itself: one that others raise, or that was never released, is no bound."""
    locked = {pin.name: pin.version for pin in pins(ROOT / "requirements/lowest.lock")}
    bounds = [Version(one.version) for one in wanted.specifier if one.operator in {">=", "=="}]

    assert bounds == [Version(locked[canonicalize_name(wanted.name)])]


def rows(heading: str) -> list[list[str]]:
    """Cells of the table below a heading of the page."""
    section = (ROOT / "docs/dependencies.md").read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")][2:]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]


def brought_by(wanted: Requirement) -> set[str]:
    """Names of all that is installed with a package, itself too."""
    found, ahead = set[str](), [wanted]
    while ahead:
        one = ahead.pop()
        found.add(canonicalize_name(one.name))
        for below in map(Requirement, metadata.requires(one.name) or []):
            asked = any(below.marker is None or below.marker.evaluate({"extra": extra}) for extra in ("", *one.extras))
            if asked and (below.extras or canonicalize_name(below.name) not in found):
                ahead.append(below)
    return found


def test_the_page_has_each_dependency_with_its_reason() -> None:
    """All that setup.cfg names and Twisted does not bring, at most 25, and what comes with each."""
    twisteds = brought_by(Requirement("twisted[tls]"))
    ours = {canonicalize_name(one.name): one for one in required() if canonicalize_name(one.name) not in twisteds}
    told = {canonicalize_name(name): (brings, why) for name, brings, why, _ in rows("What Twisted does not bring")}

    assert told.keys() == ours.keys()
    for name, (brings, why) in told.items():
        assert {*filter(None, brings.split(", "))} == brought_by(ours[name]) - twisteds - declared(), name
        assert why
    assert len(told) <= 25


def test_the_page_has_each_extra() -> None:
    """With what it brings; the message about what is missing names it, too."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    section = "options.extras_require"
    extras = {extra: {one.name for one in required(section, extra)} for extra in parser[section]}

    assert {extra: set(brings.split(", ")) for extra, brings, _ in rows("Extras")} == extras
    assert {name: extra for extra, names in extras.items() for name in names} == packages.EXTRAS
