"""`gateway lint`: what it prints and exits with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway import cli

FILE = """\
routes:
  - {path: /, respond: {}, rate_limit: {rate: 1/s, scope: user}}
  - {path: /b, respond: {}, queue: {}}  # gateway: ignore no-effect
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration with a limit for nobody."""
    path = tmp_path / "g.yaml"
    path.write_text(FILE)
    return path


def run(*arguments: object, color: bool = False, **environment: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli.main, ["lint", *map(str, arguments)], color=color, env=environment)


def test_a_finding_has_its_line_its_code_and_a_fix(file: Path) -> None:
    """And the exit code says that there is one."""
    result = run(file)

    assert result.exit_code == 1, result.output
    first, *_ = lines = result.stdout.splitlines()
    assert first.startswith(f"{file}:2:")
    assert "warning: routes[0].rate_limit[0].scope: `user` is unknown" in first
    assert first.endswith("[limit-without-auth]")
    assert "fix limit-without-auth: Add `auth` to the routes, or limit by `ip`." in lines
    assert lines[-1] == f"{file}: 1 finding, 1 ignored"


def test_nothing_is_found(file: Path) -> None:
    """Exit code 0."""
    file.write_text(FILE.replace("scope: user", "scope: ip"))

    result = run(file)

    assert (result.exit_code, result.stdout) == (0, f"{file}: nothing is doubtful, 1 ignored\n")


def test_programs_read_json(file: Path) -> None:
    """Findings, and what is ignored."""
    said = json.loads(run("--json", file).stdout)

    (one,) = said["findings"]
    assert (one["code"], one["level"], one["line"], one["key"]) == (
        "limit-without-auth", "warning", 2, "routes[0].rate_limit[0].scope",
    )  # fmt: skip
    assert one["fix"]
    assert one["reason"]
    assert [one["code"] for one in said["ignored"]] == ["no-effect"]


def test_a_configuration_that_cannot_be_used(file: Path) -> None:
    """Its problems, and exit code 2."""
    file.write_text("routes: 3")

    result = run(file)

    assert result.exit_code == 2
    assert result.stderr.startswith(f"{file}:1:9: routes: expected")


def test_a_rule_is_explained() -> None:
    """Without a configuration; one that there is not is not."""
    assert "Write `issuer`" in run("--explain", "jwt-issuer").stdout
    assert json.loads(run("--explain", "jwt-issuer", "--json").stdout)["level"] == "advice"
    result = run("--explain", "jwt-isuer")
    assert (result.exit_code, "did you mean `jwt-issuer`?" in result.stderr) == (2, True)
    assert run().exit_code == 2


def test_colours_are_for_terminals(file: Path) -> None:
    """And for none that says NO_COLOR."""
    assert "\x1b" in run(file, color=True).stdout
    assert "\x1b" not in run(file, color=True, NO_COLOR="1").stdout
