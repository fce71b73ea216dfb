"""What commands have in common that look at a configuration: they load it, or say what is wrong with it and end.

Tests: `tests/test_cli.py::test_routes_of_a_configuration_that_cannot_be_used`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from gateway.config.loading import Loaded
    from gateway.config.problems import Problem

COULD_NOT: Final = 2
"""The exit code of a command that could not do what it is for."""


class CouldNot(click.ClickException):
    """A command cannot do what it is for; click prints why, and exits."""

    exit_code = COULD_NOT


def loaded(path: str) -> Loaded:
    """Load a configuration, or print what is wrong with it and exit with 2."""
    from gateway.config import ConfigError
    from gateway.config.loading import load_with_places

    try:
        return load_with_places(path, os.environ)
    except ConfigError as error:
        for problem in error.problems:
            click.echo(shown(problem), err=True)
        click.echo(click.style(count(len(error.problems), "problem"), fg="red"), err=True)
        raise SystemExit(COULD_NOT) from None


def shown(problem: Problem) -> str:
    """Write a problem for a terminal."""
    where = click.style(f"{problem.file}:{problem.line}:{problem.column}:", bold=True)
    key = f"{click.style(problem.path, fg='cyan')}: " if problem.path else ""
    return f"{where} {key}{problem.message}"


def count(number: int, noun: str) -> str:
    """Write a number of things: `1 route`, `2 routes`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
