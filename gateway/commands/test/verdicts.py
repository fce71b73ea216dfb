"""What `gateway test` says: to people, to CI (JUnit's XML), and to programs (JSON).

Tests: `tests/commands/test/test_command.py::test_a_failure_is_told_with_its_places`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from xml.etree import ElementTree

import click

from gateway.commands.why.command import near
from gateway.commands.why.logged import told
from gateway.commands.why.story import Rows, tell
from gateway.commands.wording import printable
from gateway.config.effective import route_table
from gateway.config.loading import Loaded
from gateway.config.problems import Place
from gateway.config.written import found
from gateway.rehearsal.coverage import Part, Touched, counted, parts
from gateway.rehearsal.judging import Verdict

SHOWN: Final = 12
"""Parts that no test has touched which are shown without `--verbose`."""

WIDE: Final = 72
"""Tests that stand in a line."""

_TOLD: Final = ("Caller", "Route", "Limits", "Steps", "Backends", "Meaning", "What to do")


@dataclass
class Report:
    """The tests of one configuration.

    Attributes:
        path: As it was said.
        loaded: The configuration.
        left_out: Tests that were not chosen.
        verdicts: What became of the others.
    """

    path: str
    loaded: Loaded
    left_out: int = 0
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def failed(self) -> list[Verdict]:
        """Those that failed."""
        return [one for one in self.verdicts if not one.passed]

    @cached_property
    def rows(self) -> Rows:
        """The routes as `gateway routes` has them."""
        return route_table(self.loaded.settings)

    @cached_property
    def coverage(self) -> list[Part]:
        """What of the configuration decides, and whether a test has seen it; nothing where tests were left out."""
        if self.left_out or not self.verdicts:
            return []
        touched = Touched()
        for verdict in self.verdicts:
            touched.join(verdict.touched)
        return list(parts(self.loaded.settings, touched))

    def place(self, key: str) -> Place:
        """Return where a key is written, or what it is a part of."""
        return found(self.loaded.root, key)[0] or Place(self.path, 1, 1)


class Progress:
    """Shows what becomes of tests while they are made.

    Args:
        path: Of their configuration.
        verbose: A line for each.
    """

    def __init__(self, path: str, verbose: bool) -> None:
        self._path = path
        self._verbose = verbose
        self._count = 0

    def __call__(self, verdict: Verdict) -> None:
        """Show one."""
        if not self._count:
            click.echo(self._path if self._verbose else f"{self._path} ", nl=self._verbose)
        self._count += 1
        colour = "green" if verdict.passed else "red"
        if self._verbose:
            click.echo(
                f"  {click.style('passed' if verdict.passed else 'FAILED', fg=colour)}  {printable(verdict.title)}"
            )
            return
        click.echo(click.style("." if verdict.passed else "E" if verdict.error else "F", fg=colour), nl=False)
        if self._count % WIDE == 0:
            click.echo()

    def end(self) -> None:
        """End the line that is being written."""
        if self._count % WIDE and not self._verbose:
            click.echo()


def show(reports: Sequence[Report], seconds: float, verbose: bool = False) -> None:
    """Print what failed and why, what no test has touched, and the figures."""
    failed = sum(len(report.failed) for report in reports)
    passed = sum(len(report.verdicts) for report in reports) - failed
    if failed:
        click.echo(f"\n{_rule('FAILURES')}")
    for report in reports:
        for verdict in report.failed:
            for line in _failure(report, verdict):
                click.echo(line)
    for report in reports:
        for line in _coverage(report, verbose, len(reports) > 1):
            click.echo(line)
    left_out = sum(report.left_out for report in reports)
    words = [f"{failed} failed"] if failed else []
    words += [f"{passed} passed"] if passed or not failed else []
    words += [f"{left_out} not chosen"] if left_out else []
    click.echo(click.style(_rule(f"{', '.join(words)} in {seconds:.2f} s"), fg="red" if failed else "green"))


def _rule(words: str) -> str:
    return f" {words} ".center(WIDE, "=")


def _failure(report: Report, verdict: Verdict) -> Iterator[str]:
    place = report.place(f"tests[{verdict.index}]")
    yield click.style(f"{printable(verdict.title)}", fg="red", bold=True) + f" ({place})"
    for mismatch in _places(report, verdict):
        where = click.style(f"{mismatch['file']}:{mismatch['line']}:{mismatch['column']}:", bold=True)
        key = click.style(mismatch["key"], fg="cyan")
        yield printable_words(f"  {where} {key}: expected {mismatch['expected']}, found {mismatch['found']}")
    if verdict.error:
        for line in verdict.error.splitlines():
            yield f"  {printable(line)}"
    if verdict.exchange:
        yield ""
        for title, lines in _explained(report, verdict):
            for number, line in enumerate(lines):
                yield f"    {'' if number else title:<10} {line}".rstrip()
    yield ""


def printable_words(line: str) -> str:
    """Return a line that is styled by us, with nothing else that does something to a terminal."""
    return "\x1b".join(map(printable, line.split("\x1b")))


def _explained(report: Report, verdict: Verdict) -> Iterator[tuple[str, list[str]]]:
    """Say what the gateway did, and why: route, steps, attempts."""
    exchange = verdict.exchange if verdict.failed else told(verdict.exchange)
    story = tell(exchange, report.rows, near(exchange, report.rows))
    yield "", [story.headline]
    yield from ((title, lines) for title, lines in story.parts if title in _TOLD)
    if verdict.steps:
        yield "Chain", [" → ".join(verdict.steps)]
    if verdict.sent:
        yield "Sent", [printable(line) for line in verdict.sent]


def _places(report: Report, verdict: Verdict) -> list[dict[str, Any]]:
    said = []
    for mismatch in verdict.mismatches:
        place = report.place(f"tests[{verdict.index}].{mismatch.key}")
        said.append(
            {
                "file": place.file,
                "line": place.line,
                "column": place.column,
                "key": mismatch.key,
                "expected": mismatch.expected,
                "found": mismatch.found,
            }
        )
    return said


def _coverage(report: Report, verbose: bool, named: bool) -> Iterator[str]:
    if not report.coverage:
        return
    figures = [f"{kind} {there[0]}/{there[1]}" for kind, there in counted(report.coverage).items()]
    yield f"coverage{f' of {report.path}' if named else ''}: {', '.join(figures)}"
    missing = [part for part in report.coverage if not part.touched]
    for part in missing if verbose else missing[:SHOWN]:
        place = report.place(part.key)
        yield f"  {place}: {printable(part.words)}"
    if not verbose and len(missing) > SHOWN:
        yield f"  and {len(missing) - SHOWN} more (-v shows all)"


def as_json(reports: Sequence[Report], seconds: float) -> dict[str, Any]:
    """Return all that is known, for programs."""
    failed = sum(len(report.failed) for report in reports)
    passed = sum(len(report.verdicts) for report in reports) - failed
    files = [_file(report) for report in reports]
    return {"passed": passed, "failed": failed, "seconds": round(seconds, 3), "files": files}


def _file(report: Report) -> dict[str, Any]:
    tests = []
    for verdict in report.verdicts:
        place = report.place(f"tests[{verdict.index}]")
        shown = {"exchange": verdict.exchange, "steps": verdict.steps, "sent": verdict.sent}
        tests.append(
            {
                "name": verdict.title,
                "file": place.file,
                "line": place.line,
                "outcome": "passed" if verdict.passed else "error" if verdict.error else "failed",
                "mismatches": _places(report, verdict),
                "error": verdict.error or None,
                **shown,
            }
        )
    missing = [
        {**_line(report.place(part.key)), "key": part.key, "kind": part.kind, "words": part.words}
        for part in report.coverage
        if not part.touched
    ]
    figures = {kind: {"touched": there, "total": all_} for kind, (there, all_) in counted(report.coverage).items()}
    return {
        "path": report.path,
        "tests": tests,
        "not_chosen": report.left_out,
        "coverage": figures,
        "untouched": missing,
    }


def _line(place: Place) -> Mapping[str, Any]:
    return {"file": place.file, "line": place.line}


def junit(reports: Sequence[Report], seconds: float) -> str:
    """Return a report that CI systems read: a suite for each configuration."""
    root = ElementTree.Element("testsuites", name="gateway test", time=f"{seconds:.3f}")
    for report in reports:
        errors = sum(bool(one.error) for one in report.verdicts)
        figures = {
            "tests": str(len(report.verdicts)),
            "failures": str(len(report.failed) - errors),
            "errors": str(errors),
        }
        suite = ElementTree.SubElement(root, "testsuite", {"name": report.path, **figures})
        for verdict in report.verdicts:
            place = report.place(f"tests[{verdict.index}]")
            case = ElementTree.SubElement(
                suite,
                "testcase",
                classname=report.path,
                name=printable(verdict.title),
                time=f"{verdict.seconds:.3f}",
                file=place.file,
                line=str(place.line),
            )
            if not verdict.passed:
                lines = [click.unstyle(line) for line in _failure(report, verdict)]
                message = "; ".join(
                    f"{one.key}: expected {one.expected}, found {one.found}" for one in verdict.mismatches
                )
                kind = "error" if verdict.error else "failure"
                said = printable(message or verdict.error.strip().splitlines()[-1])
                ElementTree.SubElement(case, kind, message=said).text = "\n".join(lines)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
