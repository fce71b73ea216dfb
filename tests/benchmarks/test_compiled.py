"""The compiled gateway is measured only where it is what the sources say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.compiled import outdated

MODULES = ["headers", "http/fields"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with two modules that are compiled and one that is not."""
    names = ", ".join(f'"{name}"' for name in MODULES)
    (tmp_path / "pyproject.toml").write_text(f"[tool.gateway.compiled]\nmodules = [{names}]\n")
    (tmp_path / "gateway/http").mkdir(parents=True)
    for name in [*MODULES, "cli"]:
        (tmp_path / f"gateway/{name}.py").write_text(f"# {name}\n")
    return tmp_path


@pytest.fixture
def built(checkout: Path) -> Path:
    """What was built of it."""
    made = checkout / "build/compiled"
    (made / "gateway/http").mkdir(parents=True)
    for name in [*MODULES, "cli"]:
        (made / f"gateway/{name}.py").write_bytes((checkout / f"gateway/{name}.py").read_bytes())
    for name in MODULES:
        (made / f"gateway/{name}.cpython-311-x86_64-linux-gnu.so").write_bytes(b"")
    return made


def test_what_was_built_of_these_sources_is_measured(checkout: Path, built: Path) -> None:
    """Nothing is said against it."""
    assert outdated(checkout, built) == ""


def test_what_is_not_there_is_not(checkout: Path) -> None:
    """Nobody has built it."""
    assert outdated(checkout, checkout / "build/compiled").endswith("build/compiled is not there")


def test_a_source_that_is_newer_is_found(checkout: Path, built: Path) -> None:
    """Though its copy may be the same: it was copied before the compiler failed."""
    later = (built / "gateway/headers.cpython-311-x86_64-linux-gnu.so").stat().st_mtime + 5
    os.utime(checkout / "gateway/headers.py", (later, later))

    assert outdated(checkout, built) == "gateway/headers.py is newer than what is built"


def test_a_module_without_a_library_is_found(checkout: Path, built: Path) -> None:
    """It would run interpreted."""
    (built / "gateway/http/fields.cpython-311-x86_64-linux-gnu.so").unlink()

    assert outdated(checkout, built) == "gateway/http/fields.py is not compiled"


def test_an_interpreted_module_that_has_changed_is_found(checkout: Path, built: Path) -> None:
    """So is one that is new."""
    (checkout / "gateway/cli.py").write_text("# changed\n")
    assert outdated(checkout, built) == "gateway/cli.py is not what was built"
    (built / "gateway/cli.py").write_text("# changed\n")
    (checkout / "gateway/tap.py").write_text("")

    assert outdated(checkout, built) == "gateway/tap.py is not what was built"
