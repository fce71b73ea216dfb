"""A table on the terminal: fitted to it, or as wide as it must be where somebody else reads it."""

from __future__ import annotations

from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Table

_WIDE = 10_000
"""Columns for programs: a line stays a line."""


def show(head: Sequence[str], rows: Sequence[Sequence[str]], console: Console | None = None) -> None:
    """Print rows under a head; cells may be of any text, nothing in them is markup.

    Args:
        head: Names of the columns.
        rows: Their cells.
        console: Where to; standard output by default.
    """
    console = console or Console(markup=False, highlight=False, emoji=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in head:
        table.add_column(name, min_width=len(name), overflow="fold", no_wrap=not console.is_terminal)
    for row in rows:
        table.add_row(*row)
    if console.is_terminal:
        console.print(table)
        return
    console.width = _WIDE
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())
