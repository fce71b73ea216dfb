"""What all commands have in common: exit codes, `--json`, colours, and help that says the first."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from gateway.cli import main

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"

CONFIGURATION = """\
listeners: [{endpoint: "tcp:8080"}]
auth: {api_keys: {keys: [{id: one, hash: "sha256:%s"}]}}
upstreams: [{name: app, backends: [{url: "http://127.0.0.1:9001"}]}]
routes: [{name: app, path: "/*", upstream: app}]
tests:
  - {request: "http://localhost:8080/", expect: {status: 200}}
""" % (64 * "0")

KONG = """\
_format_version: "3.0"
services:
  - {name: app, url: "http://127.0.0.1:9001", routes: [{name: app, paths: [/]}]}
"""

LOG = '192.0.2.1 - - [30/Nov/2026:09:00:00 +0000] "GET / HTTP/1.1" 200 0 "-" "-"\n'

NOWHERE = "http://127.0.0.1:1"

CANNOT = {
    "apikey create": "--config BAD",
    "apikey list": "--config BAD",
    "apikey revoke": "--config BAD one",
    "completion": "csh",
    "config": "BAD",
    "diff": "BAD BAD",
    "explain": "BAD http://localhost:8080/",
    "hash-secret": "",
    "health": "--admin ftp://x",
    "import": "kong BAD",
    "lint": "BAD",
    "new": ". --yes",
    "plan": "GOOD BAD",
    "plugin new": "json",
    "replay": "access.log --config BAD",
    "routes": "BAD",
    "run": "GOOD --config GOOD",
    "schema": "GOOD",
    "simulate": "BAD",
    "test": "BAD",
    "top": f"--admin {NOWHERE}",
    "upgrade": "none.pid",
    "why": f"abc --admin {NOWHERE}",
}
"""By command: a line after which it cannot do what it is for. BAD is a configuration with mistakes."""

ANSWERS_WITH_JSON = {
    "apikey list": "--config GOOD",
    "check": "GOOD",
    "config": "GOOD",
    "diff": "GOOD OTHER",
    "explain": "GOOD http://localhost:8080/",
    "import": "kong KONG",
    "lint": "GOOD",
    "new": "made --yes",
    "plan": "GOOD OTHER",
    "replay": "access.log --config GOOD",
    "routes": "GOOD",
    "simulate": "GOOD --for 1s",
    "test": "GOOD",
}
"""By command: a line to which `--json` is added."""

ASK_A_GATEWAY = {"health", "top", "why"}
"""Their `--json` is tried on one that runs, in tests/system/test_commands.py."""

NOT_ONLY_BAD = {
    "check": "mistakes are what it looks for: 1",
}
"""Commands without a line in `CANNOT`, and why."""


def commands(group: click.Group = main, above: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command by what is typed."""
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from commands(command, f"{above}{name} ")
        else:
            yield f"{above}{name}", command


COMMANDS = dict(commands())
WITH_JSON = {name for name, command in COMMANDS.items() if any("--json" in each.opts for each in command.params)}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with configurations, in which commands are typed."""
    (tmp_path / "good.yaml").write_text(CONFIGURATION)
    (tmp_path / "other.yaml").write_text(CONFIGURATION.replace("9001", "9002"))
    (tmp_path / "bad.yaml").write_text("routes: [{path: 1}\n")
    (tmp_path / "kong.yaml").write_text(KONG)
    (tmp_path / "access.log").write_text(LOG)
    (tmp_path / "compose.yaml").write_text("mine")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def typed(command: str, line: str, *, color: bool = False, **environ: str) -> Result:
    """Type a command, as at a terminal with `color`."""
    files = {"GOOD": "good.yaml", "OTHER": "other.yaml", "BAD": "bad.yaml", "KONG": "kong.yaml"}
    words = [files.get(word, word) for word in line.split()]
    return CliRunner(env={"NO_COLOR": "", **environ}).invoke(main, [*command.split(), *words], color=color)


def rows() -> dict[str, list[str]]:
    """The table of the page: by command, what its codes mean, and whether it has `--json`."""
    found = re.findall(r"^\| (`.*?) \|(.*)\|$", PAGE.read_text().partition("## Exit codes")[2], re.MULTILINE)
    return {name: [*map(str.strip, row.split("|"))] for names, row in found for name in re.findall(r"`([^`]+)`", names)}


def test_the_page_has_a_row_for_every_command() -> None:
    """And none for another; its last column says who has `--json`."""
    assert rows().keys() == COMMANDS.keys()
    assert {name for name, row in rows().items() if row[-1] == "yes"} == WITH_JSON


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_the_exit_codes(command: str) -> None:
    """Those that the page has words for."""
    said = " ".join(typed(command, "--help").stdout.split())

    assert "Exits " in said
    named = said.partition("Exits ")[2].partition(" Options:")[0]
    for code, words in zip("012", rows()[command], strict=False):
        if words and command not in ("schema", "completion"):
            assert code in named, f"{code}: {words}"


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in NOT_ONLY_BAD])
def test_what_cannot_be_done_is_a_two(command: str, here: Path) -> None:
    """With words on standard error, and nothing where the result would be."""
    done = typed(command, CANNOT[command])

    assert done.exit_code == 2, done.output
    assert done.stderr.strip()
    assert done.stdout == ""
    if "BAD" in CANNOT[command]:
        assert "bad.yaml:2:1" in done.stderr


def test_mistakes_are_what_check_looks_for(here: Path) -> None:
    """They are its one."""
    assert typed("check", "BAD").exit_code == 1
    assert json.loads(typed("check", "BAD --json").stdout)["problems"][0].startswith("bad.yaml:2:1")


@pytest.mark.parametrize("command", sorted(WITH_JSON - ASK_A_GATEWAY))
def test_json_is_for_programs(command: str, here: Path) -> None:
    """One document on standard output, and no colours in it, at a terminal too."""
    done = typed(command, f"{ANSWERS_WITH_JSON[command]} --json", color=True)

    assert done.exit_code == 0, done.output
    assert isinstance(json.loads(done.stdout), dict | list)
    assert "\x1b[" not in done.stdout


@pytest.mark.parametrize("command", ANSWERS_WITH_JSON)
def test_nobody_who_wants_no_colours_gets_any(command: str, here: Path) -> None:
    """`NO_COLOR` set, at a terminal."""
    done = typed(command, ANSWERS_WITH_JSON[command], color=True, NO_COLOR="1")

    assert done.exit_code == 0, done.output
    assert "\x1b[" not in done.output


@pytest.mark.parametrize("command", ["check", "diff", "explain", "lint", "new", "plan", "test"])
def test_at_a_terminal_there_are_colours(command: str, here: Path) -> None:
    """What the test above would not notice, if there never were any."""
    assert "\x1b[" in typed(command, ANSWERS_WITH_JSON[command], color=True).output
