"""`gateway import`: what it prints and exits with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway import cli
from gateway.commands.importing import import_

KONG = """\
_format_version: "3.0"
services:
  - name: orders
    url: http://orders.internal
    tags: [a]
    routes: [{name: orders, id: 7, paths: [/orders]}]
    lua: x
consumers:
  - {username: web, jwt_secrets: [{key: i, secret: hush}]}
plugins: [{name: jwt}]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of Kong's with a key that nobody knows."""
    path = tmp_path / "kong.yaml"
    path.write_text(KONG)
    return path


def run(*arguments: object, color: bool = False) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli.main, ["import", *map(str, arguments)], color=color)


def test_the_result_is_on_stdout_and_what_is_to_be_known_on_stderr(file: Path) -> None:
    """Something was left out, and the rest was made: that is what was asked for."""
    result = run("kong", file)

    assert result.exit_code == 0
    assert result.stdout.startswith("# Made by `gateway import kong kong.yaml`.\n")
    lines = result.stderr.splitlines()
    assert lines[0].startswith(f"{file}:7: services[0].lua: this command does not know it, ")
    assert f"JWT_WEB: set it to the secret at {file}:9, in the environment or in .env beside the result" in lines
    assert "says nothing about traffic: id (1)" in lines
    assert lines[-1] == f"{file}: 1 upstream, 1 route, 2 tests; 1 left out"
    assert "hush" not in result.output


def test_all_was_carried_over(file: Path) -> None:
    """Exit code 0, and with -o nothing on stdout."""
    file.write_text(KONG.replace("    lua: x\n", ""))
    out = file.with_name("gateway.yaml")

    result = run("kong", file, "-o", out)

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.endswith("; nothing left out\n")
    assert "  - {name: orders, backends:" in out.read_text()


def test_a_script_can_ask_that_nothing_is_left_out(file: Path) -> None:
    """The result is the same, the exit code is not."""
    checked = run("kong", file, "--check")

    assert (checked.exit_code, checked.stdout) == (1, run("kong", file).stdout)


def test_programs_read_json(file: Path) -> None:
    """One object, with the result where it was not written to a file."""
    said = json.loads(run("kong", file, "--json").stdout)

    assert said["made"] == {"upstreams": 1, "routes": 1, "tests": 2}
    assert said["secrets"] == [{"variable": "JWT_WEB", "meaning": "the secret", "file": str(file), "line": 9}]
    (left,) = said["left"]
    assert (left["line"], left["what"]) == (7, "services[0].lua")
    assert said["configuration"].startswith("# Made by")


def test_a_terminal_gets_colour(file: Path) -> None:
    """A pipe gets none."""
    assert "\x1b[" in run("kong", file, color=True).stderr
    assert "\x1b[" not in run("kong", file).stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lighttpd", "x.conf"], "found 'lighttpd'"),
        (["kongs", "x.conf"], "did you mean `kong`?"),
        (["kong", "none.yaml"], "none.yaml:1:1: expected a file that can be read: No such file"),
    ],
)
def test_what_cannot_be_read(arguments: list[str], words: str) -> None:
    """It is said why, with exit code 2."""
    result = run(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr


def test_the_source_is_not_written_over(file: Path) -> None:
    """It may be the only copy."""
    assert run("kong", file, "-o", file).exit_code == 2
    assert file.read_text() == KONG


def test_a_result_that_cannot_be_written(file: Path) -> None:
    """Exit code 2, with the reason."""
    result = run("kong", file, "-o", file / "x")

    assert result.exit_code == 2
    assert "cannot write" in result.stderr


def test_kinds_are_completed_in_a_shell() -> None:
    """Each with what it is."""
    kind = import_.params[0]
    found = kind.shell_complete(import_.make_context("import", ["kong", "x"]), "op")

    assert [(one.value, one.help) for one in found] == [("openapi", "a description of an API, OpenAPI 3.0 or 3.1")]
