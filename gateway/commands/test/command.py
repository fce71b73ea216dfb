"""`gateway test CONFIG…`: the tests that configurations carry, made by the real gateway in memory.

What a test is, is in `gateway.rehearsal.judging`; what is printed, in `gateway.commands.test.verdicts`.

Tests: `tests/commands/test/test_command.py`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import click

from gateway.commands.reading import COULD_NOT
from gateway.commands.resting import collector_resting

if TYPE_CHECKING:
    from gateway.commands.test.verdicts import Progress, Report
    from gateway.config.loading import Loaded

FAILED: Final = 1


@click.command()
@click.argument("paths", metavar="CONFIG...", nargs=-1, required=True, type=click.Path())
@click.option(
    "-k", "expression", metavar="EXPRESSION", default="", help="Only tests whose names fit: `users and not slow`."
)
@click.option("-x", "--exitfirst", "stop", is_flag=True, help="Stop at the first that fails.")
@click.option("-v", "--verbose", is_flag=True, help="A line for each test, and all that no test has touched.")
@click.option("-n", "most", metavar="NUMBER", type=click.IntRange(1), help="Tests at once; as many as there are cores.")
@click.option("--junit-xml", metavar="FILE", type=click.Path(dir_okay=False), help="Write a report for CI.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object in place of the text.")
@collector_resting()
def test(
    paths: tuple[str, ...],
    expression: str,
    stop: bool,
    verbose: bool,
    most: int | None,
    junit_xml: str | None,
    as_json: bool,
) -> None:
    """Run the tests of configurations (their key `tests`), in memory: no port is opened, and nothing is sent.

    Time is the test's own: a minute passes in no time. Each CONFIG is a file or a directory, as for `gateway run`.

    Exits with 0 where all is as expected, with 1 where a test failed, with 2 where none could be run.
    """
    from gateway.commands.test import verdicts
    from gateway.commands.test.choosing import chooser

    try:
        chooses = chooser(expression) if expression else _all
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'-k'") from None
    begun = time.perf_counter()
    reports = []
    for path in paths:
        report = _run(path, chooses, stop, most, None if as_json else verdicts.Progress(path, verbose))
        reports.append(report)
        if stop and report.failed:
            break
    seconds = time.perf_counter() - begun
    if junit_xml is not None:
        _write(junit_xml, verdicts.junit(reports, seconds))
    if as_json:
        click.echo(json.dumps(verdicts.as_json(reports, seconds), indent=2, default=str))
    else:
        verdicts.show(reports, seconds, verbose)
    if not any(report.verdicts for report in reports):
        what = f"no test fits {expression!r}" if expression else "no tests: they are written under `tests`"
        _end(f"{', '.join(paths)}: {what}")
    raise SystemExit(FAILED if any(report.failed for report in reports) else 0)


def _run(path: str, chooses: Callable[[str], bool], stop: bool, most: int | None, progress: Progress | None) -> Report:
    """Make the tests of one configuration."""
    from gateway.commands.test.verdicts import Report
    from gateway.config import ConfigError
    from gateway.config.written import find_places
    from gateway.rehearsal.judging import judge

    loaded = _loaded(path)
    settings = loaded.settings
    chosen = [index for index, case in enumerate(settings.tests) if chooses(case.title)]
    report = Report(path, loaded, len(settings.tests) - len(chosen))
    if not chosen:
        return report
    try:
        for verdict in judge(settings, chosen, most):
            report.verdicts.append(verdict)
            if progress is not None:
                progress(verdict)
            if stop and not verdict.passed:
                break
    except ConfigError as error:
        find_places(error, loaded.root, settings)
        _end("\n".join(map(str, error.problems)))
    finally:
        if progress is not None:
            progress.end()
    return report


def _loaded(path: str) -> Loaded:
    from gateway.config import ConfigError
    from gateway.config.loading import load_with_places

    try:
        return load_with_places(path, os.environ)
    except ConfigError as error:
        _end("\n".join(map(str, error.problems)))


def _write(file: str, text: str) -> None:
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        _end(f"cannot write {file}: {error.strerror}")


def _all(name: str) -> bool:
    return True


def _end(words: str) -> NoReturn:
    click.echo(words, err=True)
    raise SystemExit(COULD_NOT)
