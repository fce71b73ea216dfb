"""`gateway replay`: what it prints and exits with."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway import cli
from gateway.commands.replay import text as replay_text
from gateway.commands.replay.command import _KINDS
from gateway.commands.replay.log import Progress
from gateway.rehearsal.replaying.answered import KINDS
from tests.recorded.test_text_lines import COMBINED
from tests.rehearsal.logs import request, write

OLD = """\
auth: {jwt: {default: {algorithms: [HS256], secret: a-secret-of-forty-octets-for-the-tests-only}}}
upstreams:
  - {name: a, backends: [{url: "http://127.0.0.1:9001"}]}
routes:
  - {name: a, path: /a/*, upstream: a, auth: {type: jwt, scopes: [read]}}
"""
NEW = OLD.replace("[read]", "[read, write]")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A log, a configuration, and one that asks for more."""
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(OLD)
    new.write_text(NEW)
    requests = [request(line, line * 1.0, f"/a/{line}", user="u1") for line in range(1, 4)]
    requests.append(request(4, 4.0, status=401))
    return write(tmp_path / "access.log", requests), old, new


def run(*arguments: object, stdin: bytes = b"", color: bool = False, **environment: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli.main, ["replay", *map(str, arguments)], input=stdin, color=color, env=environment)


def test_what_would_be_answered_otherwise_is_printed(files: tuple[Path, Path, Path]) -> None:
    """How many, in which ways, which for example, and who is hit."""
    log, old, new = files

    result = run(log, "--config", new, "--against", old, "--ignore", "fields")

    assert result.exit_code == 1, result.output
    assert result.stdout.splitlines() == [
        f"{log}: 4 requests (gateway), 2026-11-30 09:14:01 to 09:14:04 UTC",
        "",
        "3 of 4 requests would be answered otherwise",
        "",
        "status",
        "        3  200 → 403 (auth.forbidden)",
        f"           {log}:1  GET x/a/1  u1 from 192.0.2.7",
        f"           {log}:2  GET x/a/2  u1 from 192.0.2.7",
        f"           {log}:3  GET x/a/3  u1 from 192.0.2.7",
        "",
        "upstream",
        "        3  a → none",
        f"           {log}:1  GET x/a/1  u1 from 192.0.2.7",
        f"           {log}:2  GET x/a/2  u1 from 192.0.2.7",
        f"           {log}:3  GET x/a/3  u1 from 192.0.2.7",
        "",
        "who is hit",
        "  clients  192.0.2.7 (3)",
        "  callers  u1 (3)",
        "  hosts    x (3)",
        "",
        "In no log: content, and most fields of requests; credentials were made up for each caller.",
    ]


def test_the_one_before_may_be_said_as_a_second_configuration(files: tuple[Path, Path, Path]) -> None:
    """As many would expect."""
    log, old, new = files

    first, second = run(log, "--config", new, "--against", old), run(log, "--config", new, "--config", old)

    assert first.stdout == second.stdout
    assert first.exit_code == second.exit_code == 1


def test_nothing_otherwise_is_0(files: tuple[Path, Path, Path]) -> None:
    """Against the configuration before, and against the log."""
    log, old, _ = files

    assert run(log, "--config", old, "--against", old).exit_code == 0
    result = run(log, "--config", old)

    assert result.exit_code == 0
    assert "0 of 4 requests would be answered otherwise" in result.stdout


def test_the_same_as_data(files: tuple[Path, Path, Path]) -> None:
    """For programs."""
    log, old, new = files

    said = json.loads(run(log, "--config", new, "--against", old, "--json").stdout)

    assert said["log"]["format"] == "gateway"
    assert (said["requests"], said["otherwise"]) == (4, 3)
    assert said["statuses"] == {"401": 1, "403": 3}
    first = said["groups"][0]
    assert (first["kind"], first["before"], first["after"], first["count"]) == (
        "status",
        "200",
        "403 (auth.forbidden)",
        3,
    )
    assert first["examples"][0] == {
        "line": 1,
        "method": "GET",
        "host": "x",
        "target": "/a/1",
        "client": "192.0.2.7",
        "user": "u1",
        "status": 200,
    }
    assert said["hit"]["callers"] == {"u1": 3}


def test_no_credential_of_a_log_is_shown(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    """Other servers write them into theirs, and a report is read by more people than a log."""
    log = tmp_path / "combined.log"
    log.write_bytes(COMBINED.replace(b"GET /a?b=c", b"GET /nowhere?page=2&password=hush"))
    _, old, _ = files

    said = [run(log, "--config", old, *option).stdout for option in ([], ["--json"])]

    assert ["/nowhere?page=2&password=REDACTED" in one for one in said] == [True, True]
    assert ["hush" in one for one in said] == [False, False]


def test_standard_input_is_a_log(files: tuple[Path, Path, Path]) -> None:
    """Packed, too; it is read twice."""
    log, old, new = files

    result = run("-", "--config", new, "--against", old, stdin=gzip.compress(log.read_bytes()))

    assert result.exit_code == 1, result.output
    assert result.stdout.startswith("-: 4 requests (gateway)")


def test_what_a_log_does_not_know_is_said(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    """With the options that say it."""
    _, old, _ = files
    log = tmp_path / "nginx.log"
    log.write_bytes(COMBINED.replace(b"u1", b"-") + b"junk\n")

    result = run(log, "--config", old)

    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        f"{log}: 1 request (combined), 2026-11-30 09:14:00 to 09:14:00 UTC",
        "1 line without a request",
        f"  {log}:2: it is no line of the form combined",
        "",
        "0 of 1 request would be answered otherwise",
        "",
        "In no log: content, and most fields of requests; credentials were made up for each caller.",
        (
            "In this one neither: hosts (--host says which); who called (--as says who); "
            "durations: backends answer at once."
        ),
    ]


def test_claims_may_be_said(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    """By caller, in a file; what the routes asked for is then not taken for granted."""
    log, old, new = files
    claims = tmp_path / "claims.json"
    claims.write_text('{"u1": {"scope": "read write"}}')

    assert run(log, "--config", new, "--against", old, "--claims", claims, "--ignore", "fields").exit_code == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [("[1]", "expected a JSON object of claims by caller"), ("{", "expected a JSON object of claims by caller")],
)
def test_claims_that_are_none_are_refused(
    files: tuple[Path, Path, Path], tmp_path: Path, content: str, words: str
) -> None:
    """With the name of the file."""
    log, old, _ = files
    claims = tmp_path / "claims.json"
    claims.write_text(content)

    result = run(log, "--config", old, "--claims", claims)

    assert result.exit_code == 2
    assert result.stderr.startswith(f"{claims}: {words}")


def test_what_cannot_be_done_is_2(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    """With the reason: no log, no configuration, nothing in the log."""
    log, old, _ = files
    nothing = tmp_path / "nothing.log"
    nothing.write_text("hello\n")

    for result, words in (
        (run(f"{tmp_path}/no.log", "--config", old), f"cannot read {tmp_path}/no.log: No such file or directory"),
        (run(nothing, "--config", old), f"{nothing}: no line at its beginning is one of an access log"),
        (run(nothing, "--config", old, "--format", "common"), f"{nothing}: no line holds a request; line 1: it is no"),
        (run(log, "--config", old, "--format", "csv"), f"{log}: expected gateway, envoy, nginx, combined"),
        (run(log, "--config", f"{tmp_path}/no.yaml"), f"{tmp_path}/no.yaml"),
        (run(log), "Usage:"),
    ):
        assert result.exit_code == 2, result.output
        assert result.stderr.startswith(words)
        assert result.stdout == ""


def test_colours_are_for_terminals(files: tuple[Path, Path, Path]) -> None:
    """And not where `NO_COLOR` is set."""
    log, old, new = files

    assert "\033[31m" in run(log, "--config", new, "--against", old, color=True).stdout
    assert "\033[" not in run(log, "--config", new, "--against", old, color=True, NO_COLOR="1").stdout


def test_the_option_names_the_kinds_that_there_are() -> None:
    """In its own spelling: the list is not loaded for `--help`."""
    assert tuple(kind.replace(" ", "-") for kind in KINDS) == _KINDS
    assert set(replay_text._TITLES) >= set(KINDS)


def test_progress_is_for_terminals(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody sits here."""
    progress = Progress(100)
    progress(50)
    progress.end()

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--header", "nonsense"], "--header: expected NAME: VALUE, found 'nonsense'"),
        (["--config", "x.yaml"], "Usage:"),
        (["--as", "u1"], "Usage:"),
    ],
)
def test_what_a_target_has_no_use_for_is_refused(
    files: tuple[Path, Path, Path], options: list[str], words: str
) -> None:
    """Before anything is sent."""
    result = run(files[0], "--target", "http://127.0.0.1:1", *options)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(words)


@pytest.mark.parametrize("option", [["--rate", "5"], ["--unsafe"], ["--header", "A: b"], ["--expect", "http://x"]])
def test_what_is_for_a_target_needs_one(files: tuple[Path, Path, Path], option: list[str]) -> None:
    """In memory there is nothing to be paced."""
    result = run(files[0], "--config", files[1], *option)

    assert result.exit_code == 2
    assert f"{option[0]} is for --target." in result.stderr
