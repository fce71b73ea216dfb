"""`gateway hash-secret`: what stands for a client's secret in the configuration."""

from __future__ import annotations

import os
import sys

import click


@click.command("hash-secret")
def hash_secret() -> None:
    """Hash the secret of a client of the token endpoint, for `secret_hash`.

    It is asked for twice, or read from standard input where that is no terminal; never from the command line, which
    every user of the machine can read.
    """
    from gateway.identity import secrets

    if sys.stdin.isatty():
        secret = click.prompt("Secret", hide_input=True, confirmation_prompt=True, err=True)
    else:
        # A text file ends with a line end that is not part of the secret.
        secret = sys.stdin.read(secrets.LONGEST + 2).removesuffix("\n").removesuffix("\r")
    if not secret or len(secret) > secrets.LONGEST or not secret.isprintable():
        raise click.ClickException(f"expected a secret of 1 to {secrets.LONGEST} printable characters on one line")
    click.echo(secrets.hash_secret(secret, os.urandom(16)))
