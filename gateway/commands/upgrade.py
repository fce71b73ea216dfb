"""`gateway upgrade PIDFILE`: let the installed version take over from the gateway that runs.

It sends SIGUSR2 and waits until the file is written: it names another process then, or the same one where the installed
version did not come up. What the signal does is in `gateway.processes.upgrade`.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import click

from gateway.commands.reading import CouldNot

_LOOK = 0.05
"""Seconds between two looks at the file."""


@click.command()
@click.argument("pidfile", metavar="PIDFILE", type=click.Path(path_type=Path))
@click.option("--timeout", metavar="SECONDS", default=330.0, show_default=True, help="How long to wait for it.")
def upgrade(pidfile: Path, timeout: float) -> None:
    """Let the installed version take over from the gateway that PIDFILE names.

    No connection is refused, no request is lost. A version that does not come up leaves the one before in force, and
    the log says why.

    Exits with 0 where it has taken over, with 1 where it did not come up, with 2 where nobody could be told.
    """
    before, written = _named_by(pidfile), _state(pidfile)
    try:
        os.kill(before, signal.SIGUSR2)
    except ProcessLookupError:
        raise CouldNot(f"{pidfile} names process {before}, which is not there") from None
    except PermissionError:
        raise CouldNot(f"process {before} is another user's") from None
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        time.sleep(_LOOK)
        now = _named_by(pidfile)
        if now != before:
            click.echo(f"process {now} has taken over from {before}")
            return
        if _state(pidfile) != written:
            raise click.ClickException(f"the installed version did not come up: the log of process {before} says why")
        if not _lives(before):
            raise click.ClickException(f"process {before} has ended, and {pidfile} names no other")
    raise click.ClickException(f"{pidfile} names process {before} still: its log says why")


def _named_by(pidfile: Path) -> int:
    try:
        return int(pidfile.read_text())
    except (OSError, ValueError) as error:
        raise CouldNot(f"cannot read a process number from {pidfile}: {error}") from None


def _state(pidfile: Path) -> tuple[int, int]:
    """Return what differs once the file has been written again."""
    found = pidfile.stat()
    return found.st_ino, found.st_mtime_ns


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
