from __future__ import annotations

import pytest
from click.shell_completion import BashComplete, CompletionItem
from click.testing import CliRunner

from gateway.cli import main
from gateway.commands.completion import ASKED, INSTALLING, NAME


def completed(*words: str) -> list[CompletionItem]:
    """What the last word can become."""
    return BashComplete(main, {}, NAME, ASKED).get_completions(list(words[:-1]), words[-1])


@pytest.mark.parametrize("shell", INSTALLING)
def test_the_script_of_a_shell_asks_the_command(shell: str) -> None:
    """By the variable that click looks for in the environment of a command of this name."""
    done = CliRunner().invoke(main, ["completion", shell])

    assert done.exit_code == 0
    assert f"{ASKED}={shell}_complete" in done.stdout


def test_an_unknown_shell_is_an_error() -> None:
    """Which there are is said."""
    done = CliRunner().invoke(main, ["completion", "csh"])

    assert done.exit_code == 2
    assert "'bash', 'zsh', 'fish'" in done.stderr


def test_commands_and_options_are_completed() -> None:
    """By what they begin with."""
    assert [one.value for one in completed("pl")] == ["plan", "plugin"]
    assert [one.value for one in completed("lint", "--e")] == ["--explain"]


def test_files_are_left_to_the_shell() -> None:
    """It knows where it is, and how names are quoted."""
    assert [one.type for one in completed("check", "etc/")] == ["file"]
