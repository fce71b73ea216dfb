"""`gateway hash-secret`."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.identity.secrets import LONGEST, matches
from gateway.identity.users import read_users


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_from_standard_input_is_hashed(end: str) -> None:
    """Without the end of its line; the hash alone is printed."""
    result = CliRunner().invoke(main, ["hash-secret"], input=f"correct horse{end}")

    assert result.exit_code == 0
    (line,) = result.stdout.splitlines()
    assert line.startswith("$argon2id$")
    assert matches("correct horse", line)


@pytest.mark.parametrize("text", ["", "\n", "two\nlines\n", "x" * (LONGEST + 1), "bell\a\n"])
def test_what_can_be_no_secret_is_refused(text: str) -> None:
    """It is more likely a mistake, such as the wrong file."""
    result = CliRunner().invoke(main, ["hash-secret"], input=text)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert "expected a secret" in result.stderr


def test_a_secret_on_the_command_line_is_an_error() -> None:
    """It would stand in the list of processes and in the shell's history."""
    assert CliRunner().invoke(main, ["hash-secret", "correct"]).exit_code == 2


@pytest.mark.parametrize("name", ["alice", "çelik", "alice@example.com"])
def test_a_line_for_a_file_of_users(name: str) -> None:
    """As `auth.basic.users_file` takes it."""
    result = CliRunner().invoke(main, ["hash-secret", "--user", name], input="correct horse\n")

    assert result.exit_code == 0
    encoded = read_users(result.stdout.encode()).find(name)
    assert encoded is not None
    assert matches("correct horse", encoded)


@pytest.mark.parametrize("name", ["", "a:b", "#alice", " alice", "alice\t", "x" * 256])
def test_a_name_that_such_a_file_cannot_have(name: str) -> None:
    """It would be another name in there, or a comment."""
    result = CliRunner().invoke(main, ["hash-secret", "--user", name], input="correct horse\n")

    assert result.exit_code == 2
    assert result.stdout == ""
    assert "expected a name of 1 to 255 octets" in result.stderr
