"""`gateway test`: what it prints, writes and exits with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from gateway import cli

CONFIGURATION = """\
upstreams:
  - {name: users, backends: [{url: "http://127.0.0.1:9001"}]}
routes:
  - {name: users, path: /users/:id, upstream: users, rate_limit: {requests: 2, window: 60s}}
  - {name: unused, path: /unused, upstream: users}
tests:
  - name: users are read
    request: http://x/users/7
    expect: {status: 200, route: users, sent: {path: /users/7}}
  - name: users are limited
    request: http://x/users/7
    given: {repeat: 3}
    expect: {status: 429}
"""

FAILING = """\
  - name: users fail
    request: http://x/users/7
    given: {backends: {users: {refuse: true}}}
    expect:
      status: 200
      headers: {X-A: "*"}
"""


def run(*arguments: object, color: bool = False, **environment: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli.main, ["test", *map(str, arguments)], color=color, env=environment)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration with two tests that pass."""
    path = tmp_path / "g.yaml"
    path.write_text(CONFIGURATION)
    return path


@pytest.fixture
def failing(file: Path) -> Path:
    """With one more, which fails."""
    file.write_text(CONFIGURATION + FAILING)
    return file


def test_all_is_as_expected(file: Path) -> None:
    """A dot for each, what no test has touched, the figures; exit code 0."""
    result = run(file)

    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == f"{file} .."
    assert lines[1:3] == [
        "coverage: routes 1/2, limits 1/1",
        f"  {file}:5:5: no test takes route unused",
    ]
    assert "2 passed in " in lines[3]


def test_a_failure_is_told_with_its_places(failing: Path) -> None:
    """Each with file, line and column, what was expected and what was found; and what the gateway did. Exit code 1."""
    result = run(failing)

    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == f"{failing} ..F"
    for line in (
        f"users fail ({failing}:14:5)",
        f"  {failing}:18:15: expect.status: expected 200, found 502",
        f"  {failing}:19:22: expect.headers.X-A: expected anything, found no such field",
        '    Route      "users": /users/7 fits its path /users/:id (any host, any method).',
        "    Backends   http://127.0.0.1:9001: upstream.connect (Connection was refused by other side), after 0.0 ms.",
    ):
        assert line in result.stdout.splitlines(), result.stdout
    assert "1 failed, 2 passed" in result.stdout


def test_colours_are_for_terminals(failing: Path) -> None:
    """And for none that says NO_COLOR."""
    assert "\x1b[31m" in run(failing, color=True).stdout
    assert "\x1b" not in run(failing).stdout
    assert "\x1b" not in run(failing, color=True, NO_COLOR="1").stdout


def test_tests_are_chosen_by_their_names(failing: Path) -> None:
    """Of those that are left out nothing is said but their number, nor of what they would have touched."""
    result = run(failing, "-k", "users and not (fail or limited)", "-v")

    assert result.exit_code == 0
    assert result.stdout.splitlines()[:2] == [str(failing), "  passed  users are read"]
    assert "1 passed, 2 not chosen" in result.stdout
    assert "coverage" not in result.stdout


def test_the_first_failure_may_be_the_last_test(failing: Path) -> None:
    """Also of the configurations after it."""
    text = failing.read_text().replace("expect: {status: 429}", "expect: {status: 430}")
    failing.write_text(text)

    result = run("-x", failing, failing)

    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == f"{failing} .F"
    assert "1 failed, 1 passed" in result.stdout


def test_several_configurations(file: Path, tmp_path: Path) -> None:
    """Each has its line and its coverage; a directory is one."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "one.yaml").write_text(CONFIGURATION)

    result = run(file, tmp_path / "d")

    assert result.exit_code == 0
    assert f"coverage of {tmp_path / 'd'}: routes 1/2, limits 1/1" in result.stdout
    assert "4 passed" in result.stdout


def test_programs_read_json(failing: Path) -> None:
    """One object, and nothing else."""
    result = run(failing, "--json")
    said: dict[str, Any] = json.loads(result.stdout)

    assert result.exit_code == 1
    assert (said["passed"], said["failed"]) == (2, 1)
    (of,) = said["files"]
    assert [one["outcome"] for one in of["tests"]] == ["passed", "passed", "failed"]
    assert of["tests"][2]["mismatches"][0] == {
        "file": str(failing),
        "line": 18,
        "column": 15,
        "key": "expect.status",
        "expected": "200",
        "found": "502",
    }
    assert of["tests"][2]["exchange"]["reason"] == "upstream.connect"
    assert of["coverage"] == {"routes": {"touched": 1, "total": 2}, "limits": {"touched": 1, "total": 1}}
    assert [(one["key"], one["line"]) for one in of["untouched"]] == [("routes[1]", 5)]


def test_ci_reads_junit_s_xml(failing: Path, tmp_path: Path) -> None:
    """With the places, and what was told."""
    run(failing, "--junit-xml", tmp_path / "report.xml")

    suite = ElementTree.parse(tmp_path / "report.xml").getroot()[0]  # we have written it
    assert suite.attrib == {"name": str(failing), "tests": "3", "failures": "1", "errors": "0"}
    assert [case.get("name") for case in suite] == ["users are read", "users are limited", "users fail"]
    assert (suite[2].get("file"), suite[2].get("line")) == (str(failing), "14")
    assert suite[2][0].get("message") == (
        "expect.status: expected 200, found 502; expect.headers.X-A: expected anything, found no such field"
    )
    assert "upstream.connect" in str(suite[2][0].text)


@pytest.mark.parametrize(
    ("text", "arguments", "words"),
    [
        ("{}", [], "g.yaml: no tests: they are written under `tests`"),
        (CONFIGURATION, ["-k", "nobody"], "g.yaml: no test fits 'nobody'"),
        (CONFIGURATION, ["-k", "a and"], "expected a word in 'a and', found the end"),
        (CONFIGURATION.replace("429", "nobody: 1"), [], "g.yaml:13:"),
        (CONFIGURATION.replace("tests:", "auth: {jwt: {default: {public_key_file: no.pem}}}\ntests:"), [], "no.pem"),
        (CONFIGURATION, ["--junit-xml", "/nowhere/report.xml"], "cannot write /nowhere/report.xml: No such file"),
    ],
)
def test_what_cannot_be_run(text: str, arguments: list[str], words: str, tmp_path: Path) -> None:
    """Is said on stderr; exit code 2."""
    (tmp_path / "g.yaml").write_text(text)

    result = run(tmp_path / "g.yaml", *arguments)

    assert result.exit_code == 2
    assert words in result.stderr
