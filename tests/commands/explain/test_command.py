"""`gateway explain`: what it prints and exits with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway import cli
from gateway.commands.curl.request import read
from gateway.commands.explain import live as explain_live
from gateway.commands.explain.live import Now
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
        (["--client", "nobody", "http://x/"], "'--client': expected an address, found 'nobody'"),
        (["--live", "http://127.0.0.1:9090", "http://x/"], "--live ADMIN stands in the place of CONFIG: leave"),
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


BACKEND = {"url": "http://127.0.0.1:9001", "next": "is left out"}
VIEW: dict[str, Any] = {
    "route": "users",
    "own": False,
    "notes": ["A note."],
    "limits": [
        {"by": "ip", "remaining": 0, "requests": 3, "window": 60.0, "again": 1.5, "dry_run": False, "words": ""},
        {"by": "user", "remaining": 7, "requests": 9, "window": 0.5, "again": 0.0, "dry_run": True, "words": ""},
        {
            "by": "route",
            "remaining": None,
            "requests": 9,
            "window": 1.0,
            "again": None,
            "dry_run": False,
            "words": "Why.",
        },
    ],
    "cache": {"outcome": "stale", "age": 70.0, "fresh_for": -10.0, "words": ""},
    "upstreams": [
        {
            "name": "a",
            "circuit_breaker": {"state": "half_open", "why": "a probe", "probe_in_seconds": 2.0},
            "backends": [
                BACKEND | {"health": {"healthy": False}, "ejection": {"ejected": True, "for_seconds": 3.0}},
                BACKEND | {"circuit_breaker": {"state": "open", "why": "5 failures"}, "draining": True, "backup": True},
            ],
        }
    ],
    "ends": [{"what": "limit by ip", "status": 429, "reason": "limit.exceeded"}],
}


def said(view: dict[str, Any], doubt: str = "") -> list[str]:
    """Return what is said of what a gateway says."""
    now = Now("http://127.0.0.1:9090", "7-abc", view, None, doubt)
    return [" ".join(line.split()) for line in explain_live.lines(now, read(["http://x/"]))]


def test_what_is_in_the_way_now_is_said_in_words() -> None:
    """A line for each thing that is counted or watched, and what the request would be answered."""
    assert said(VIEW, "a file is not here") == [
        "now, at http://127.0.0.1:9090 (version 7-abc), for a client at 192.0.2.1",
        "decisions not known, since its configuration cannot be used here: a file is not here",
        "route users",
        "limit by ip 0 left of 3 in 60 s; a request may pass in 1.5 s",
        "limit by user 7 left of 9 in 0.5 s (dry run)",
        "limit by route Why.",
        "cache stale: an answer is kept, 70.0 s old, stale",
        "upstream a breaker half-open: a probe; a probe may pass in 2.0 s",
        "backend http://127.0.0.1:9001 is left out: it fails its checks, it is ejected for 3.0 s",
        "backend http://127.0.0.1:9001 is left out: breaker open: 5 failures, its weight is 0, it is a backup",
        "note A note.",
        "answer \x1b[31mit would be answered 429: limit.exceeded, limit by ip\x1b[0m",
    ]


def test_nothing_in_the_way_is_said_too() -> None:
    """And of the cache what it has, or why that is not known."""
    fine = VIEW | {"limits": [], "upstreams": [], "ends": [], "notes": [], "route": None, "own": True, "cache": None}
    assert said(fine)[1:] == ["route its own path", "answer nothing that is counted or watched is in its way"]
    for cache, words in (
        (
            {"outcome": "hit", "age": 1.0, "fresh_for": 9.0, "words": ""},
            "hit: an answer is kept, 1.0 s old, fresh for 9.0 s",
        ),
        ({"outcome": "miss", "age": None, "fresh_for": None, "words": ""}, "miss: nothing is kept for it"),
        ({"outcome": None, "age": None, "fresh_for": None, "words": "Why."}, "Why."),
    ):
        assert f"cache {words}" in said(fine | {"cache": cache})


def test_a_gateway_that_is_not_there_cannot_be_asked() -> None:
    """Nor what it would do at another time."""
    gone = run("--live", "http://127.0.0.1:9", "http://x/")
    assert (gone.exit_code, "does not answer" in gone.stderr) == (2, True)
    other = run("--live", "http://127.0.0.1:9", "--time", "2026-01-01", "http://x/")
    assert (other.exit_code, "a gateway that runs has its own time" in other.stderr) == (2, True)
