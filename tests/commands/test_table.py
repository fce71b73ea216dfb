"""Tables for people, and for programs that read what is meant for people."""

from __future__ import annotations

import pytest
from rich.console import Console

from gateway.commands.table import show

HEAD = ["name", "backends"]
ROWS = [["one", "http://10.0.0.1, http://10.0.0.2"], ["[bold]two", ":smile:"]]


def test_what_is_no_terminal_gets_a_line_a_row_however_long(capsys: pytest.CaptureFixture[str]) -> None:
    """And cells as they are, whatever they would mean as markup."""
    show(HEAD, [*ROWS, ["long", "x" * 300]])

    head, one, two, long = capsys.readouterr().out.splitlines()
    assert head == "name       backends"
    assert one == "one        http://10.0.0.1, http://10.0.0.2"
    assert two == "[bold]two  :smile:"
    assert long == f"long       {'x' * 300}"


def test_a_terminal_gets_what_fits_it(capsys: pytest.CaptureFixture[str]) -> None:
    """With the head in bold, and cells that are folded where they are too long."""
    show(HEAD, ROWS, Console(force_terminal=True, width=30, markup=False, emoji=False, color_system="standard"))

    head, *lines = capsys.readouterr().out.splitlines()
    assert "\x1b[1mname" in head
    assert [line.rstrip() for line in lines] == [
        "one        http://10.0.0.1,",
        "           http://10.0.0.2",
        "[bold]two  :smile:",
    ]
