"""What a command or an import costs, counted in modules: time differs by machine, and most of it goes to these.

Figures in seconds are in docs/dependencies.md. `tests/system/test_loading.py` has what a running gateway leaves out.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

CONFIGURATION = """\
listeners: [{endpoint: "tcp:8080"}]
upstreams: [{name: users, backends: [{url: "http://127.0.0.1:9001"}]}]
routes: [{path: /api/users/*, upstream: users}]
"""

ONLY_TESTS = {"h2", "hpack", "hyperframe", "priority"}
"""Twisted loads them where they are, and they are where tests run, not where the gateway does."""

AFTER = """
import json, sys
names = {name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names
print("\\n" + json.dumps([name for name in sys.modules if name.partition(".")[0] in names]))
"""
COMMAND = """
import sys
from gateway.cli import main
main(sys.argv[1:], standalone_mode=False)
"""

SLOW = {
    "argon2",
    "brotli",
    "dotenv",
    "jwt",
    "ngh2",
    "prometheus_client",
    "re2",
    "rich",
    "treq",
    "txredisapi",
    "zstandard",
}
"""What is loaded when it is used, and not to look at a small configuration (docs/dependencies.md)."""


def loaded(code: str, *arguments: str) -> list[str]:
    """Modules that are not of Python itself, after some code."""
    command = [sys.executable, "-c", code + AFTER, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    names: list[str] = json.loads(done.stdout.splitlines()[-1])
    return [name for name in names if name.partition(".")[0] not in ONLY_TESTS]


def packages(modules: list[str]) -> set[str]:
    """Names that are installed, of names that are imported."""
    return {name.partition(".")[0] for name in modules}


def test_importing_the_package_loads_nothing_else() -> None:
    """Whoever asks for its version waits for nothing."""
    assert [name for name in loaded("import gateway") if name.startswith("gateway")] == ["gateway"]


def test_the_version_is_said_without_twisted_and_pydantic() -> None:
    """And so is `--help`, and what a shell completes."""
    modules = loaded(COMMAND, "--version")

    assert packages(modules) & {"twisted", "pydantic", "yaml", "rich"} == set()
    assert len(modules) < 60


def test_the_schema_is_no_matter_of_twisted() -> None:
    """A program that reads configurations needs neither a reactor nor its TLS."""
    modules = loaded("import gateway.config")

    assert packages(modules) & {"twisted", "OpenSSL", "cryptography"} == set()
    assert len(modules) < 250


def test_an_import_builds_no_validators() -> None:
    """Pydantic would build one for each of eighty sections; a configuration builds the one that it is read with."""
    code = "import gateway.config; assert gateway.config.Settings.__pydantic_complete__ is False"

    assert "gateway.config.schema.settings" in loaded(code)


@pytest.mark.parametrize(("module", "most"), [("gateway.tap", 450), ("gateway.lifecycle", 750)])
def test_a_start_loads_no_more_than_it_did(module: str, most: int) -> None:
    """What twistd loads before it has read a configuration, and what an application does that embeds a gateway."""
    modules = loaded(f"import {module}")

    assert packages(modules) & SLOW == set()
    assert len(modules) < most


def test_a_check_of_a_small_configuration_loads_no_more_than_it_did(tmp_path: Path) -> None:
    """It builds the whole gateway in memory, without what this configuration does not use."""
    file = tmp_path / "gateway.yaml"
    file.write_text(CONFIGURATION)

    modules = loaded(COMMAND, "check", str(file))

    assert packages(modules) & SLOW == set()
    assert len(modules) < 780


def test_what_is_asked_of_a_small_configuration_loads_no_more_than_a_check_of_it(tmp_path: Path) -> None:
    """To explain a request takes the gateway in memory, and no library for credentials that nobody shows."""
    file = tmp_path / "gateway.yaml"
    file.write_text(CONFIGURATION)

    modules = loaded(COMMAND, "explain", str(file), "http://localhost/api/users/7")

    assert packages(modules) & SLOW == set()
    assert len(modules) < 800
