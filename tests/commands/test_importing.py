"""`gateway import`: what it prints and exits with."""

from __future__ import annotations

from click.testing import CliRunner

from gateway.commands.importing import import_


def test_a_kind_that_there_is_not() -> None:
    """It is named, with those that there are."""
    result = CliRunner().invoke(import_, ["lighttpd", "x.conf"])

    assert result.exit_code == 2
    assert "found 'lighttpd'" in result.stderr
