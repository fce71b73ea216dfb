"""`gateway hash-secret`."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.identity.secrets import LONGEST, matches


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

    assert result.exit_code == 1
    assert result.stdout == ""
    assert "expected a secret" in result.stderr


def test_a_secret_on_the_command_line_is_an_error() -> None:
    """It would stand in the list of processes and in the shell's history."""
    assert CliRunner().invoke(main, ["hash-secret", "correct"]).exit_code == 2
