"""`gateway check PATH`: all that is wrong with a configuration, and with the files that it names.

What a start would fail on is found by `gateway.rehearsal.start`.

Tests: `tests/test_cli.py::test_check_of_a_bad_file_tells_everything`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from gateway.commands.reading import count, shown
from gateway.commands.resting import collector_resting

if TYPE_CHECKING:
    from gateway.config import Settings

WRONG: Final = 1


@click.command()
@click.argument("path", metavar="PATH", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="One JSON object in place of the text.")
@collector_resting()
def check(path: str, as_json: bool) -> None:
    """Tell everything that is wrong with a configuration, and with the files that it names.

    What is only unwise is a warning; with `strict: true` it is an error.

    Exits with 0 where nothing is wrong, with 1 where something is, a file that cannot be read included.
    """
    from gateway.config import ConfigError
    from gateway.config.loading import load_with_places
    from gateway.rehearsal.start import rehearse

    show = str if as_json else shown
    try:
        loaded = load_with_places(path, os.environ)
    except ConfigError as error:
        settings, failures, warnings = None, [show(problem) for problem in error.problems], []
    else:
        settings = loaded.settings
        failures, heard = rehearse(loaded)
        warnings = [*map(show, loaded.doubts), *heard]
        if settings.strict:
            failures, warnings = [*failures, *warnings], []
    if as_json:
        counts = {} if settings is None else _counts(settings)
        click.echo(json.dumps({"problems": failures, "warnings": warnings, **counts}, indent=2))
    else:
        _tell(path, settings, failures, warnings)
    if failures:
        raise SystemExit(WRONG)


def _tell(path: str, settings: Settings | None, failures: Sequence[str], warnings: Sequence[str]) -> None:
    for warning in warnings:
        click.echo(f"{click.style('warning', fg='yellow')}: {warning}", err=True)
    for failure in failures:
        click.echo(failure, err=True)
    if failures:
        click.echo(click.style(count(len(failures), "problem"), fg="red"), err=True)
    elif settings is not None:
        parts = ", ".join(count(number, noun.removesuffix("s")) for noun, number in _counts(settings).items())
        click.echo(f"{click.style('ok', fg='green')}: {path}: {parts}")


def _counts(settings: Settings) -> dict[str, int]:
    return {
        "listeners": len(settings.listeners),
        "routes": len(settings.routes),
        "upstreams": len(settings.upstreams),
        "backends": sum(len(upstream.backends) for upstream in settings.upstreams),
    }
