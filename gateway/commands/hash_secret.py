"""`gateway hash-secret`: what stands for a client's secret in the configuration."""

from __future__ import annotations

import os
import sys

import click

from gateway.commands.reading import CouldNot


@click.command("hash-secret")
@click.option("--user", metavar="NAME", help="Print a line for the file of `auth.basic.users_file`.")
def hash_secret(user: str | None) -> None:
    """Hash the secret of a client of the token endpoint, for `secret_hash`; or the password of a user.

    It is asked for twice, or read from standard input where that is no terminal; never from the command line, which
    every user of the machine can read.

    Exits with 0, and with 2 where it is no secret.
    """
    from gateway.identity import secrets
    from gateway.identity.users import LONGEST_NAME, UsersUnreadable, read_users

    if sys.stdin.isatty():
        secret = click.prompt("Secret", hide_input=True, confirmation_prompt=True, err=True)
    else:
        # A text file ends with a line end that is not part of the secret.
        secret = sys.stdin.read(secrets.LONGEST + 2).removesuffix("\n").removesuffix("\r")
    if not secret or len(secret) > secrets.LONGEST or not secret.isprintable():
        raise CouldNot(f"expected a secret of 1 to {secrets.LONGEST} printable characters on one line")
    line = secrets.hash_secret(secret, os.urandom(16))
    if user is not None:
        line = f"{user}:{line}"
        try:
            known = read_users(line.encode()).find(user)
        except (UsersUnreadable, UnicodeEncodeError):
            known = None
        if known is None:
            raise CouldNot(
                f"expected a name of 1 to {LONGEST_NAME} octets without a colon and control characters, and no comment"
            )
    click.echo(line)
