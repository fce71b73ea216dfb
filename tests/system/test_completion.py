"""Completion as shells do it: the script that `gateway completion` prints, installed as it says, and asked."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.gateway_process import CODE, PATIENCE

ASKING = {
    "bash": (
        "source ~/.local/share/bash-completion/completions/gateway\n"
        "COMP_WORDS=(gateway pl); COMP_CWORD=1\n"
        "_gateway_completion gateway; printf '%s\\n' \"${COMPREPLY[@]}\""
    ),
    # What zsh itself shows needs a terminal: the function by which the script answers is ours here.
    "zsh": (
        "compdef() { :; }\n"
        "_describe() { print -l -- ${(@P)3}; }\n"
        "source ~/.zfunc/_gateway\n"
        "words=(gateway pl); CURRENT=2\n"
        "_gateway_completion"
    ),
    "fish": "complete -C 'gateway pl'",
}
"""For each shell, what is typed in a new one for the completions of `gateway pl`."""

MOST_SECONDS = 0.2
"""Of processor time, for one press of the Tab key; 0.05 on the machine where this was written."""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Of somebody who has the command `gateway`, and nothing in their home."""
    command = tmp_path / "bin" / "gateway"
    command.parent.mkdir()
    command.write_text(f"#!{sys.executable} -P\nfrom gateway.cli import main\nmain()\n")
    command.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    mine = {"HOME": str(home), "PATH": f"{command.parent}:{os.environ['PATH']}", "PYTHONPATH": CODE}
    return {**{name: value for name, value in os.environ.items() if not name.startswith("XDG_")}, **mine}


def typed(shell: str, script: str, environ: dict[str, str]) -> str:
    """Type something into a new shell; returns what it printed."""
    done = subprocess.run(
        [shell, "-c", script], env=environ, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("shell", ASKING)
def test_a_shell_completes_after_what_is_said_about_installing_it(shell: str, environ: dict[str, str]) -> None:
    """Piped into the shell, as it may be; a new shell then knows the commands."""
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} on PATH")
    typed(shell, f"gateway completion {shell} --install | {shell}", environ)

    printed = typed(shell, ASKING[shell], environ)

    assert re.findall(r"^(\w+)", printed, re.MULTILINE) == ["plan", "plugin"]


def test_a_press_of_the_key_is_answered_at_once(environ: dict[str, str]) -> None:
    """In processor time, the least of three: other work on the machine does not count."""
    asked = {**environ, "_GATEWAY_COMPLETE": "bash_complete", "COMP_WORDS": "gateway pl", "COMP_CWORD": "1"}
    spent = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(["gateway"], env=asked, capture_output=True, text=True, timeout=PATIENCE, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert done.stdout == "plain,plan\nplain,plugin\n"

    assert min(spent) < MOST_SECONDS
