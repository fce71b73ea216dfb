"""`gateway explain`: what it prints and exits with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway import cli
from tests.rehearsal.test_decisions import FILE


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration with one route, for administrators."""
    path = tmp_path / "g.yaml"
    path.write_text(FILE)
    return path


def run(*arguments: object, color: bool = False, **environment: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli.main, ["explain", *map(str, arguments)], color=color, env=environment)


def test_a_request_is_explained(file: Path) -> None:
    """With the lines of the configuration, what the upstream gets, and what the client gets."""
    claims = '{"sub": "u", "roles": ["admin"]}'

    result = run(file, "--as", claims, "--time", "2026-01-01", "http://x/api/users/7")

    assert result.exit_code == 0, result.output
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    for line in (
        "GET http://x/api/users/7",
        "step request_id passed",
        f"authentication passed {file}:8:11 routes[0].auth",
        "+ GET /users/7 HTTP/1.1",
        "HTTP/1.1 200 OK",
    ):
        assert line in lines, result.stdout


def test_a_pasted_command_is_understood(file: Path) -> None:
    """With options of ours before it; a refusal is no failure of the command."""
    result = run(
        file, "--client", "198.51.100.7", "curl", "-sS", "-X", "GET", "-H", "Accept: */*", "http://x/api/users/7"
    )

    assert result.exit_code == 0
    assert "ended it: auth.forbidden" in result.stdout
    assert "the upstream gets nothing" in result.stdout


def test_what_follows_curl_is_curls(file: Path) -> None:
    """`--json` before it is ours, and behind it curl's; a caller may be called `curl`."""
    result = run(file, "--json", "--as", "curl", "curl", "http://x/api/users/7", "--json", "{}")

    said = json.loads(result.stdout)
    assert (said["request"]["method"], said["exchange"]["reason"]) == ("POST", "auth.forbidden")


def test_programs_read_json(file: Path) -> None:
    """One object, and nothing else."""
    said = json.loads(run(file, "--json", "http://x/api/users/7").stdout)

    ended = next(one for one in said["decisions"] if one["words"] == "ended it: auth.missing")
    assert (ended["kind"], ended["name"], ended["file"], ended["line"]) == ("step", "authentication", str(file), 8)
    assert (said["answer"]["status"], said["exchange"]["reason"]) == (401, "auth.missing")


def test_the_command_that_makes_it(file: Path) -> None:
    """To be pasted into a shell."""
    assert run(file, "--curl", "-d", "a b", "http://x/").stdout.startswith("curl -H 'Content-Type: ")


def test_colours_are_for_terminals(file: Path) -> None:
    """And for none that says NO_COLOR."""
    assert "\x1b" in run(file, "http://x/api/users/7", color=True).stdout
    assert "\x1b" not in run(file, "http://x/api/users/7", color=True, NO_COLOR="1").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "expected one URL, found none"),
        (["--as", "{", "http://x/"], "expected claims as a JSON object in --as"),
        (["--time", "noon", "http://x/"], "expected a date such as"),
        (["--client", "nobody", "http://x/"], "'nobody' does not appear to be an IPv4 or IPv6 address"),
        (["--listener", "nobody", "http://x/"], "there is no listener 'nobody': there are public"),
        (["--form", "a=b", "http://x/"], "--form is not understood"),
    ],
)
def test_what_cannot_be_explained(arguments: list[str], words: str, file: Path) -> None:
    """Is said on stderr; exit code 2."""
    result = run(file, *arguments)

    assert result.exit_code == 2
    assert words in result.stderr


def test_a_configuration_that_cannot_be_used(file: Path) -> None:
    """Is told with its places."""
    file.write_text("routes: 1\n")

    result = run(file, "http://x/")

    assert result.exit_code == 2
    assert f"{file}:1:9: routes: expected a list" in result.stderr
