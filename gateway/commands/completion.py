"""`gateway completion SHELL`: what the Tab key needs to know about the command line.

The scripts are click's, which ask the command itself at each press of the key: a new command is completed without a
new script. What that costs is held by `tests/system/test_completion.py`.

Tests: `tests/commands/test_completion.py`.
"""

from __future__ import annotations

from typing import Final

import click

NAME: Final = "gateway"
ASKED: Final = "_GATEWAY_COMPLETE"
"""The variable of the environment by which a shell asks; click takes it from the command's name."""

# Each is a script of its shell, so that it can be piped into one.
INSTALLING: Final = {
    "bash": """\
# bash-completion, which most systems have, reads this file at the first press of Tab in a new shell.
mkdir -p ~/.local/share/bash-completion/completions
gateway completion bash >~/.local/share/bash-completion/completions/gateway
# Without bash-completion, put this line into ~/.bashrc:
#   eval "$(gateway completion bash)"
""",
    "zsh": """\
mkdir -p ~/.zfunc
gateway completion zsh >~/.zfunc/_gateway
# ~/.zshrc has to have these lines (compinit once, behind the first):
#   fpath=(~/.zfunc $fpath)
#   autoload -Uz compinit && compinit
""",
    "fish": """\
# fish reads this file by itself.
mkdir -p ~/.config/fish/completions
gateway completion fish >~/.config/fish/completions/gateway.fish
""",
}
"""By shell: the commands that put its script where it is looked for."""


@click.command()
@click.argument("shell", type=click.Choice(tuple(INSTALLING)))
@click.option("--install", is_flag=True, help="Print the commands that install the script, in the script's place.")
@click.pass_context
def completion(context: click.Context, shell: str, install: bool) -> None:
    """Print the script by which SHELL completes commands, options and files at the Tab key.

    Nothing is written: `gateway completion bash --install` prints what to type, and may be piped into the shell.

    Exits with 0.
    """
    if install:
        click.echo(INSTALLING[shell], nl=False)
        return
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None  # click has all three
    click.echo(kind(context.find_root().command, {}, NAME, ASKED).source())
