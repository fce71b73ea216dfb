"""`gateway new` without a terminal: options, and what is refused. At a terminal: tests/system/test_new.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main


def run(*arguments: object) -> Result:
    """Run a command as a shell would, nobody sitting there."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_with_yes_nothing_is_asked(tmp_path: Path) -> None:
    """Each file is named, and three commands come next, which name them."""
    done = run("new", tmp_path / "mine", "--yes")

    assert done.exit_code == 0
    etc = tmp_path / "mine" / "etc"
    assert done.stdout == (
        f"wrote {etc / 'gateway.yaml'}\nwrote {etc / 'tests.yaml'}\nwrote {tmp_path / 'mine' / 'compose.yaml'}\n\n"
        f"Next:\n  gateway test {etc}\n  gateway run {etc}\n  curl -i http://127.0.0.1:8080/\n"
    )
    assert run("check", etc).exit_code == run("lint", etc).exit_code == run("test", etc).exit_code == 0


def test_options_say_all(tmp_path: Path) -> None:
    """Then nobody needs to be asked, and nothing is taken for granted."""
    said = ("--backend", "app:9002", "--path", "api", "--port", 8081, "--auth", "api-key", "--limit", 5)
    done = run("new", tmp_path, *said, "--json")

    document = json.loads(done.stdout)
    assert document["next"][2] == f"curl -i -H 'X-API-Key: {document['key']}' http://127.0.0.1:8081/api/"
    text = (tmp_path / "etc/gateway.yaml").read_text()
    assert "http://app:9002" in text
    assert document["key"] not in text
    assert json.loads(run("routes", tmp_path / "etc", "--json").stdout)[0]["path"] == "/api/*"
    assert "auth 1/1, limits 1/1" in run("test", tmp_path / "etc").stdout


def test_the_key_that_is_shown_gets_in(tmp_path: Path) -> None:
    """Its hash is what stands in the configuration."""
    key = json.loads(run("new", tmp_path, "--yes", "--auth", "api-key", "--json").stdout)["key"]

    explained = json.loads(
        run("explain", tmp_path / "etc", "--json", "-H", f"X-API-Key: {key}", "http://localhost:8080/").stdout
    )
    assert explained["answer"]["status"] == 200


def test_tokens_have_an_issuer_and_an_audience(tmp_path: Path) -> None:
    """There is no default for either: without them the tokens of anybody would get in."""
    tokens = ("new", tmp_path, "--yes", "--auth", "jwt")

    assert "Say --issuer" in run(*tokens).stderr
    assert "Say --audience" in run(*tokens, "--issuer", "https://issuer.example.com").stderr
    assert list(tmp_path.iterdir()) == []
    assert run(*tokens, "--issuer", "https://issuer.example.com", "--audience", "api").exit_code == 0


def test_where_nobody_can_be_asked_the_options_are_named(tmp_path: Path) -> None:
    """Those that were not said, and the one that stands for all."""
    done = run("new", tmp_path, "--path", "/*", "--limit", 1)

    assert done.exit_code == 2
    assert "say --backend, --port, --auth; or --yes" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", ["etc/gateway.yaml", "etc/tests.yaml", "compose.yaml"])
def test_nothing_is_overwritten(there: str, tmp_path: Path) -> None:
    """Nor is anything else written."""
    (tmp_path / there).parent.mkdir(exist_ok=True)
    (tmp_path / there).write_text("mine")

    done = run("new", tmp_path, "--yes")

    assert done.exit_code == 2
    assert done.stderr == f"{tmp_path / there}: is there already, and is not overwritten\n"
    assert [(str(file.relative_to(tmp_path)), file.read_text()) for file in tmp_path.rglob("*") if file.is_file()] == [
        (there, "mine")
    ]


def test_a_directory_that_is_read_as_a_whole_has_to_be_empty(tmp_path: Path) -> None:
    """What is in it would be a part of the configuration."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "other.yaml").write_text("routes: []\n")

    done = run("new", tmp_path, "--yes")

    assert done.exit_code == 2
    assert "expected an empty directory" in done.stderr


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--backend", "ftp://x", "expected a port, HOST:PORT or a URL"),
        ("--path", "/a?b", "expected a path"),
        ("--port", "0", "1<=x<=65535"),
        ("--auth", "password", "'none', 'api-key', 'jwt'"),
        ("--limit", "1001", "0<=x<=1000"),
        ("--issuer", "https://issuer.example.com", "are for --auth jwt"),
    ],
)
def test_what_cannot_be_is_told_with_the_option(option: str, value: str, words: str, tmp_path: Path) -> None:
    """And nothing is written."""
    done = run("new", tmp_path, "--yes", option, value)

    assert done.exit_code == 2
    assert option in done.stderr
    assert words in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    """With the reason of the system."""
    (tmp_path / "file").write_text("")

    done = run("new", tmp_path / "file" / "below", "--yes")

    assert done.exit_code == 2
    assert "cannot write" in done.stderr
    assert "Not a directory" in done.stderr
