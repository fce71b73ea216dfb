"""`gateway import KIND FILE`: a configuration, with its tests, made from that of another gateway.

What is made, and of what, is in `gateway.importing`; here it is written, and told what was left out.

Tests: `tests/commands/test_importing.py`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from gateway.commands.reading import COULD_NOT
from gateway.commands.resting import collector_resting

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from gateway.importing.draft import Draft

LEFT: Final = 1


class _Kinds(click.ParamType[str]):
    """A kind of source; which there are, is loaded when it is asked."""

    name = "kind"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Take the name of a kind."""
        from gateway.config.problems import suggestion
        from gateway.importing.kinds import KINDS

        if value not in KINDS:
            self.fail(f"expected {', '.join(KINDS)}, found {value!r}{suggestion(str(value), KINDS)}", param, ctx)
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer the kinds that begin so, each with what it is."""
        from click.shell_completion import CompletionItem

        from gateway.importing.kinds import KINDS

        return [CompletionItem(name, help=kind.words) for name, kind in KINDS.items() if name.startswith(incomplete)]


@click.command("import")
@click.argument("kind", metavar="KIND", type=_Kinds())
@click.argument("file", metavar="FILE", type=click.Path())
@click.option("-o", "--output", "out", metavar="OUT", type=click.Path(dir_okay=False), help="Write the result here.")
@click.option("--check", is_flag=True, help="Exit with 1 where something was left out: for scripts.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object: the result, and what was left out.")
@collector_resting()
def import_(kind: str, file: str, out: str | None, check: bool, as_json: bool) -> None:
    """Make a configuration, with tests, of FILE, which another gateway reads or which describes an API.

    What is not carried over is listed with its line. The tests say what FILE says: `gateway test` runs them.

    Exits with 0; with --check, with 1 where something was left out; with 2 where FILE cannot be read.
    """
    from gateway.config import ConfigError
    from gateway.importing.kinds import convert
    from gateway.importing.writing import as_yaml

    if out is not None and Path(out).exists() and Path(file).exists() and Path(out).samefile(file):
        raise click.BadParameter("it is FILE, which would be lost", param_hint="'-o'")
    try:
        draft = convert(kind, file)
    except ConfigError as error:
        _end("\n".join(map(str, error.problems)))
    text = as_yaml(draft)
    if out is not None:
        try:
            Path(out).write_text(text, encoding="utf-8")
        except OSError as error:
            _end(f"cannot write {out}: {error.strerror}")
    if as_json:
        click.echo(json.dumps(_document(draft, text, out), indent=2))
    else:
        if out is None:
            click.echo(text, nl=False)
        _summarize(draft)
    raise SystemExit(LEFT if check and draft.left else 0)


def _summarize(draft: Draft) -> None:
    """Say on stderr what was made, what is to be set, and what was left out."""
    from gateway.commands.wording import printable

    for one in draft.in_order():
        where = click.style(f"{one.place.file}:{one.place.line}:", bold=True)
        rest = f", {one.instead}" if one.instead else ""
        click.echo(f"{where} {click.style(printable(one.what), fg='yellow')}: {printable(one.why + rest)}", err=True)
    for sentence in draft.remarks:
        click.echo(f"{click.style('otherwise here', fg='cyan')}: {sentence}", err=True)
    for variable, (place, meaning) in draft.secrets.items():
        what = f"set it to {meaning} at {place.file}:{place.line}, in the environment or in .env beside the result"
        click.echo(f"{click.style(variable, fg='cyan')}: {what}", err=True)
    if draft.passed:
        kinds = ", ".join(f"{key} ({count})" for key, count in sorted(draft.passed.items()))
        click.echo(f"says nothing about traffic: {printable(kinds)}", err=True)
    made = ", ".join(f"{count} {what if count != 1 else what[:-1]}" for what, count in _counts(draft).items())
    left = click.style(f"{len(draft.left)} left out", fg="yellow") if draft.left else "nothing left out"
    click.echo(f"{draft.file}: {made}; {left}", err=True)


def _counts(draft: Draft) -> dict[str, int]:
    return {"upstreams": len(draft.upstreams), "routes": len(draft.routes), "tests": len(draft.tests)}


def _document(draft: Draft, text: str, out: str | None) -> dict[str, Any]:
    return {
        "kind": draft.kind,
        "file": draft.file,
        "made": _counts(draft),
        "secrets": [
            {"variable": name, "meaning": one.meaning, "file": one.place.file, "line": one.place.line}
            for name, one in draft.secrets.items()
        ],
        "remarks": list(draft.remarks),
        "passed_over": dict(draft.passed),
        "left": [
            {
                "file": one.place.file,
                "line": one.place.line,
                "column": one.place.column,
                "what": one.what,
                "why": one.why,
                "instead": one.instead,
            }
            for one in draft.in_order()
        ],
        **({"configuration": text} if out is None else {"output": out}),
    }


def _end(words: str) -> NoReturn:
    click.echo(words, err=True)
    raise SystemExit(COULD_NOT)
