"""`gateway apikey`: what it prints, for the keys of a configuration and of a file; Redis is in `tests/system`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.config import from_mapping

Run = Callable[..., "subprocess.CompletedProcess[str]"]

KEY = re.compile(r"gw_[A-Za-z0-9.-]+_[A-Za-z0-9_-]{43}")


def configuration(directory: Path, **keys: Any) -> Path:
    """Write one."""
    file = directory / "gateway.yaml"
    file.write_text(yaml.safe_dump({"auth": {"api_keys": keys}}))
    return file


def typed(*words: str) -> Result:
    """What comes of a command that needs no reactor."""
    return CliRunner().invoke(main, ["apikey", *words])


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Type a command, with keys in a file; in a process, since a reactor runs once in each."""
    path = configuration(tmp_path, store="sql", database="keys.sqlite3")

    def type_it(*words: str) -> subprocess.CompletedProcess[str]:
        name, *rest = words
        return subprocess.run(
            [sys.executable, "-m", "gateway.cli", "apikey", name, "--config", str(path), *rest],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    return type_it


def test_a_key_of_a_file_is_printed_once(run: Run, tmp_path: Path) -> None:
    """And never again: neither by `list` nor out of the file."""
    made = run("create", "--id", "acme", "--user", "Acme Ltd", "--role", "buyer", "--scope", "read", "--expires", "90d")
    key = made.stdout.strip()

    assert KEY.fullmatch(key)
    assert key.startswith("gw_acme_")
    listed = run("list").stdout
    assert re.fullmatch(r"acme  valid  user=Acme Ltd  roles=buyer  scopes=read  expires=20\d\d-.*\n", listed)
    secret = key.rpartition("gw_acme_")[2]
    assert secret not in listed
    assert all(secret.encode() not in file.read_bytes() for file in tmp_path.iterdir())


def test_a_program_may_list_them(run: Run) -> None:
    """A role with a comma in it stays one."""
    run("create", "--id", "acme", "--role", "buyer,seller")
    run("create", "--id", "other", "--expires", "2127-01-31")
    run("revoke", "other")

    first, second = json.loads(run("list", "--json").stdout)

    assert first == {
        "id": "acme",
        "revoked": False,
        "user": "acme",
        "roles": ["buyer,seller"],
        "scopes": [],
        "expires": None,
    }
    assert (second["revoked"], second["expires"]) == (True, "2127-01-31T00:00:00Z")


def test_an_id_is_made_up_where_none_is_given(run: Run) -> None:
    """The key names it."""
    key = run("create").stdout.strip()

    assert run("list").stdout.startswith(key.split("_")[1] + "  valid")


def test_an_id_that_is_taken(run: Run) -> None:
    """No key is printed."""
    run("create", "--id", "acme")
    again = run("create", "--id", "acme")

    assert (again.returncode, again.stdout) == (1, "")
    assert "there is a key with the id acme already" in again.stderr


def test_revoking(run: Run) -> None:
    """What cannot be told to others is said."""
    run("create", "--id", "acme")
    revoked = run("revoke", "acme")

    assert (revoked.returncode, revoked.stdout) == (0, "acme is revoked\n")
    assert "may take it for another 60 s: they share no Redis" in revoked.stderr
    assert run("list").stdout == "acme  revoked  user=acme\n"
    assert run("revoke", "nobody").returncode == 1


def test_keys_of_the_configuration_are_printed_as_they_stand_there(tmp_path: Path) -> None:
    """The key for its user, the entry for the file; both work together."""
    path = str(configuration(tmp_path))
    made = typed("create", "--config", path, "--id", "acme", "--role", "buyer", "--expires", "2030-01-31")

    assert made.exit_code == 0
    key = made.stdout.strip()
    assert KEY.fullmatch(key)
    assert key not in made.stderr
    (entry,) = yaml.safe_load(made.stderr.partition("\n")[2])
    assert entry == {
        "id": "acme",
        "hash": "sha256:" + sha256(key.encode()).hexdigest(),
        "user": "acme",
        "roles": ["buyer"],
        "expires": "2030-01-31T00:00:00Z",
    }
    from_mapping({"auth": {"api_keys": {"keys": [entry]}}})


def test_keys_of_the_configuration_are_listed_by_id_and_revoked_there(tmp_path: Path) -> None:
    """The command does not write configurations."""
    path = str(configuration(tmp_path, keys=[{"id": "acme", "key": "a-key"}, {"id": "other", "key": "another"}]))

    assert typed("list", "--config", path).stdout.splitlines() == ["acme", "other"]
    revoked = typed("revoke", "--config", path, "acme")
    assert revoked.exit_code == 2
    assert "take it out there" in revoked.stderr


@pytest.mark.parametrize("key_id", ["a b", "a_b", "-x"])
def test_an_id_that_is_none(tmp_path: Path, key_id: str) -> None:
    """It would be hard to type, or to tell from the secret."""
    made = typed("create", "--config", str(configuration(tmp_path)), f"--id={key_id}")

    assert (made.exit_code, made.stdout) == (2, "")
    assert "expected an id" in made.stderr


@pytest.mark.parametrize("option", ["--role", "--scope"])
@pytest.mark.parametrize("word", ["site admin", "", "admin\t"])
def test_a_role_that_would_become_others(tmp_path: Path, option: str, word: str) -> None:
    """Who may do something about a site is not an admin."""
    answer = typed("create", "--config", str(configuration(tmp_path)), option, word)

    assert answer.exit_code == 2
    assert f"{option}: expected a word without spaces, found {word!r}" in answer.output


def test_an_end_that_is_none(tmp_path: Path) -> None:
    """Rather than a key that never ends."""
    made = typed("create", "--config", str(configuration(tmp_path)), "--expires", "soon")

    assert (made.exit_code, made.stdout) == (2, "")
    assert "expected a duration such as 90d or a date" in made.stderr


def test_a_configuration_without_keys_or_with_mistakes(tmp_path: Path) -> None:
    """Is told, as by `gateway check`."""
    file = tmp_path / "gateway.yaml"
    file.write_text("routes: []\n")
    assert "the configuration has no auth.api_keys" in typed("list", "--config", str(file)).stderr

    file.write_text("auth: {api_keys: {store: paper}}\n")
    wrong = typed("list", "--config", str(file))
    assert wrong.exit_code == 2
    assert "auth.api_keys.store" in wrong.stderr


def test_a_store_that_cannot_be_reached(tmp_path: Path) -> None:
    """One line, no traceback."""
    file = configuration(tmp_path, store="sql", database="no/such/directory/keys.sqlite3")
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "apikey", "list", "--config", str(file)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert done.returncode == 2
    assert done.stderr == "Error: The store of API keys does not answer.\n"
