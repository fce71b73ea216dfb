"""`gateway lint CONFIG`: what is doubtful and unwise, each with the rule's code.

What is doubted is in `gateway.config.doubts`; here it is printed.

Tests: `tests/commands/test_lint.py`.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final

import click

from gateway.commands.reading import COULD_NOT
from gateway.commands.resting import collector_resting

if TYPE_CHECKING:
    from gateway.config.linting import Linted
    from gateway.config.problems import Problem

FOUND: Final = 1

_COLOURS: Final = {"warning": "yellow", "advice": "cyan"}


@click.command()
@click.argument("path", metavar="CONFIG", required=False, type=click.Path())
@click.option("--explain", "code", metavar="CODE", help="Say why there is this rule, and what to do; nothing is read.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object in place of the text.")
@collector_resting()
def lint(path: str | None, code: str | None, as_json: bool) -> None:
    """Tell what is doubtful about a configuration: all that `gateway check` warns of, and what is only unwise.

    Each line ends with the code of its rule; who means it writes `# gateway: ignore CODE` behind the key, or above it.

    Exits with 0 where nothing is found, with 1 where something is, with 2 where the configuration cannot be used.
    """
    if (path is None) is (code is None):
        raise click.UsageError("Say one of CONFIG and --explain CODE.")
    if code is not None:
        _explain(code, as_json)
        return
    from gateway.config import ConfigError
    from gateway.config.linting import lint as linted

    assert path is not None  # for the type checker
    try:
        found = linted(path, os.environ)
    except ConfigError as error:
        click.echo("\n".join(map(str, error.problems)), err=True)
        raise SystemExit(COULD_NOT) from None
    if as_json:
        click.echo(json.dumps(_document(found), indent=2))
    else:
        _show(path, found)
    raise SystemExit(FOUND if found.findings else 0)


def _explain(code: str, as_json: bool) -> None:
    from gateway.config.doubts.rules import RULES
    from gateway.config.problems import suggestion

    rule = RULES.get(code)
    if rule is None:
        raise click.BadParameter(f"there is no rule {code!r}{suggestion(code, RULES)}", param_hint="'--explain'")
    if as_json:
        click.echo(json.dumps(rule._asdict(), indent=2))
        return
    click.echo(f"{click.style(rule.code, bold=True)} ({rule.level})")
    click.echo(f"\n{rule.reason}\n\n{click.style('fix', fg='green')}: {rule.fix}")


def _show(path: str, found: Linted) -> None:
    from gateway.commands.wording import printable
    from gateway.config.doubts.rules import RULES

    for one in found.findings:
        where = click.style(f"{one.file}:{one.line}:{one.column}:", bold=True)
        key = f"{one.path}: " if one.path else ""
        level = RULES[one.code].level
        shown = click.style(level, fg=_COLOURS[level])
        click.echo(f"{where} {shown}: {printable(key + one.message)} [{one.code}]")
    codes = dict.fromkeys(one.code for one in found.findings)
    if codes:
        click.echo()
        for code in codes:
            click.echo(f"{click.style('fix', fg='green')} {code}: {RULES[code].fix}")
        click.echo()
    count = len(found.findings)
    words = "nothing is doubtful" if not count else "1 finding" if count == 1 else f"{count} findings"
    ignored = f", {len(found.ignored)} ignored" if found.ignored else ""
    click.echo(f"{path}: {click.style(words, fg='yellow' if count else 'green')}{ignored}")


def _document(found: Linted) -> dict[str, Any]:
    return {
        "findings": [_finding(one) for one in found.findings],
        "ignored": [_finding(one) for one in found.ignored],
    }


def _finding(one: Problem) -> dict[str, Any]:
    from gateway.config.doubts.rules import RULES

    rule = RULES[one.code]
    place = {"file": one.file, "line": one.line, "column": one.column, "key": one.path or None}
    return {
        "code": one.code,
        "level": rule.level,
        **place,
        "message": one.message,
        "reason": rule.reason,
        "fix": rule.fix,
    }
