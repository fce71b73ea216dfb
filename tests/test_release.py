"""What makes a release: nothing in it is taken by a name that may mean something else tomorrow."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from tests.system.package_index import pins

ROOT = Path(__file__).parents[1]
RELEASE: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
BUILDING: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["cibuildwheel"]
STEPS = [step for job in RELEASE["jobs"].values() for step in job["steps"]]


def test_actions_are_pinned_by_their_commit() -> None:
    """A tag can be moved, and what it names has the release's rights."""
    used = [step["uses"] for step in STEPS if "uses" in step]

    assert used
    assert [action for action in used if not re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", action)] == []


def test_only_what_publishes_may_write() -> None:
    """Whoever builds runs the code of many others."""
    assert RELEASE["permissions"] == {"contents": "read"}
    writers = [name for name, job in RELEASE["jobs"].items() if "permissions" in job]
    assert writers == ["release"]
    assert RELEASE["jobs"]["release"]["if"] == "github.ref_type == 'tag'"


def test_the_builder_is_pinned() -> None:
    """With all that it needs."""
    names = {pin.name for pin in pins(ROOT / "requirements/wheels.lock")}
    assert {"cibuildwheel", "build"} <= names
    installs = [step["run"] for step in STEPS if "-m pip" in step.get("run", "")]
    assert len(installs) == 2
    assert all("--require-hashes --requirement requirements/wheels.lock" in line for line in installs)


def test_wheels_are_tested_on_what_the_repository_has() -> None:
    """The tests that a wheel has to pass are there, and what is asked of it is that it is compiled."""
    version, tests = BUILDING["test-command"]
    assert "(compiled)" in version
    named = [word for word in tests.split() if word.startswith("tests/")]
    assert named
    assert all((ROOT / name).exists() for name in named)
    assert BUILDING["environment"] == {"GATEWAY_COMPILE": "1"}


@pytest.mark.parametrize("build", BUILDING["build"])
def test_wheels_are_for_pythons_that_the_gateway_runs_on(build: str) -> None:
    """As its metadata has it."""
    found = re.fullmatch(r"cp3(\d+)-\*", build)
    assert found is not None
    wanted = re.search(r"^python_requires = (.*)$", (ROOT / "setup.cfg").read_text(), re.MULTILINE)
    assert wanted is not None
    assert f"3.{found[1]}" in SpecifierSet(wanted[1])


def test_the_compiler_is_the_one_that_the_linters_run() -> None:
    """What it refuses, it refuses while one works, not in a release."""
    spec = importlib.util.spec_from_file_location("build_backend", ROOT / "requirements/build_backend.py")
    assert spec is not None
    assert spec.loader is not None
    backend = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(backend)
    for lock in ("dev", "image"):
        locked = {pin.name: pin.version for pin in pins(ROOT / f"requirements/{lock}.lock")}
        assert f"mypy[mypyc]=={locked['mypy']}" == backend.COMPILER
