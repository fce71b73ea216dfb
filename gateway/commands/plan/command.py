"""`gateway plan OLD NEW`: what another configuration changes, and what that means.

What changes is in `gateway.rehearsal.planning.plan`; how it is said, in `gateway.commands.plan.text`.

Tests: `tests/commands/plan/test_command.py`.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

import click

from gateway.commands.curl.options import NOUNS
from gateway.commands.reading import COULD_NOT
from gateway.commands.replay.log import callers_of, opened, replay, surveyed
from gateway.commands.resting import collector_resting

if TYPE_CHECKING:
    from gateway.config.linting import Linted
    from gateway.config.schema.cases import CaseRequest
    from gateway.recorded.request import Recorded
    from gateway.rehearsal.planning.compared_request import ComparedRequest
    from gateway.rehearsal.planning.plan import Plan

OpenLog: TypeAlias = "Callable[[], Iterable[Recorded]] | None"

DIFFERENT: Final = 1


class _Pasted(click.Command):
    """Takes a whole `curl …` command behind the last `--request` as it stands."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Make one word of it."""
        for place, word in enumerate(args[:-1]):
            if word == "--request" and args[place + 1] in NOUNS:
                args = [*args[: place + 1], shlex.join(args[place + 1 :])]
                break
        return super().parse_args(ctx, args)


@click.command(cls=_Pasted)
@click.argument("paths", metavar="[OLD] NEW", nargs=-1, required=True, type=click.Path())
@click.option("--live", metavar="ADMIN", help="The gateway that runs, in the place of OLD: URL of its admin port.")
@click.option(
    "--request",
    "requests",
    metavar="CURL",
    multiple=True,
    help="A request that is made in both: a URL, or 'curl -X PUT URL' in quotes. May be said several times; behind the "
    "last one a whole `curl …` command may be pasted.",
)
@click.option("--as", "caller", metavar="CLAIMS", help="Who makes these: as for `gateway explain`.")
@click.option("--check", is_flag=True, help="Exit with 1 where anything differs: for CI.")
@click.option("--markdown", "as_markdown", is_flag=True, help="For a pull request.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object in place of the text.")
@click.option(
    "--log", metavar="FILE", type=click.Path(), help="An access log: timeouts are held against what it shows."
)
@click.option("--format", "form", metavar="FORM", help="How it is written: as for `gateway replay`.")
@collector_resting()
def plan(**said: Any) -> None:
    """Say what NEW changes, and what that means, the worst first.

    Who gets in, and who is refused; which requests go elsewhere; which connections are drained, what begins anew.
    Both are built as a reload builds them, in memory; nothing is opened and nothing is sent.

    Exits with 0; with --check, with 1 where anything differs; with 2 where one of them cannot be used.
    """
    _plan(replays=False, **said)


@collector_resting()
def _plan(
    paths: tuple[str, ...],
    live: str | None,
    requests: tuple[str, ...],
    caller: str | None,
    check: bool,
    as_markdown: bool,
    as_json: bool,
    log: str | None,
    form: str | None,
    replays: bool,
) -> None:
    from gateway.commands.plan import text as plan_text
    from gateway.commands.replay import text as replay_text
    from gateway.config import ConfigError
    from gateway.recorded.log import NotALog

    if len(paths) != (2 if live is None else 1):
        raise click.UsageError("Say OLD and NEW, or --live ADMIN and NEW.")
    if as_markdown and as_json:
        raise click.UsageError("Say one of --markdown and --json.")
    asked = [_request(one) for one in requests]
    replayed = None
    try:
        new = _linted(paths[-1])
        with nullcontext() if log is None else opened(log, form, [new.loaded.settings]) as open_log:
            old, found = _running(live, new, open_log) if live is not None else _before(paths[0], new, open_log)
            compared = _made(asked, caller, old, new)
            if open_log is not None and replays:
                survey = surveyed(open_log)
                replayed = replay(open_log, survey, [new.loaded, old.loaded], callers_of(survey, None, caller))
    except ConfigError as error:
        _end("\n".join(map(str, error.problems)))
    except NotALog as error:
        _end(str(error))
    if as_json:
        document = plan_text.document(found, compared)
        if replayed is not None:
            document["replay"] = replay_text.document(str(log), None, replayed)
        click.echo(json.dumps(document, indent=2))
    else:
        say = plan_text.markdown if as_markdown else plan_text.text
        for line in say(found, compared):
            click.echo(line)
        if replayed is not None:
            for line in replay_text.below(str(log), replayed, as_markdown):
                click.echo(line)
    same = plan_text.is_empty(found, compared) and (replayed is None or not replayed.otherwise)
    raise SystemExit(DIFFERENT if check and not same else 0)


diff = _Pasted(
    "diff",
    params=plan.params,
    callback=partial(_plan, replays=True),
    help="""As `gateway plan`; and with --log, which requests would be answered otherwise.

    These are taken through both, in memory, as by `gateway replay FILE --config NEW --against OLD`.

    Exits with 0, 1 and 2 as `gateway plan` does.
    """,
)


def _linted(path: str, beside: Path | None = None) -> Linted:
    from gateway.config.linting import lint

    return lint(path, os.environ, beside)


def _before(path: str, new: Linted, open_log: OpenLog) -> tuple[Linted, Plan]:
    """Read the configuration before, and plan.

    The files that it names are looked for where the new one stands: both are for the same place, and one of them may
    be a copy out of its history, without them. Those that are only where it stands itself are found there.
    """
    from gateway.config import ConfigError
    from gateway.rehearsal.planning.plan import plan as planned

    try:
        old = _linted(path, new.directory)
        return old, planned(old, new, open_log or tuple)
    except ConfigError:
        old = _linted(path)
        return old, planned(old, new, open_log or tuple)


def _running(url: str, new: Linted, open_log: OpenLog) -> tuple[Linted, Plan]:
    """Read what a gateway has in force; its secrets are masked, and taken to be as in the new configuration."""
    from gateway.commands.admin_port import AdminPort, NoAnswer
    from gateway.config.linting import of_running
    from gateway.rehearsal.planning.plan import plan as planned

    try:
        port = AdminPort(url)
        try:
            old = of_running(port.json("/config"), f"{url}/config", new)
        finally:
            port.close()
    except (NoAnswer, ValueError) as error:
        _end(str(error))
    return old, planned(old, new, open_log or tuple)


def _request(said: str) -> CaseRequest:
    from gateway.commands.curl.request import NotUnderstood, read
    from gateway.commands.curl.words import shell_words

    try:
        return read(shell_words(said))
    except (NotUnderstood, ValueError) as error:
        raise click.BadParameter(str(error), param_hint="'--request'") from None


def _made(asked: Sequence[CaseRequest], caller: str | None, old: Linted, new: Linted) -> list[ComparedRequest]:
    """Make requests in both."""
    if not asked:
        return []
    from gateway.commands.claims import claims_of
    from gateway.rehearsal.callers.credentials import CannotShow
    from gateway.rehearsal.planning.compared_request import make

    try:
        claims = None if caller is None else claims_of(caller)
        return [make(request, claims, old.loaded, new.loaded) for request in asked]
    except (CannotShow, ValueError) as error:
        _end(str(error))


def _end(words: str) -> NoReturn:
    click.echo(words, err=True)
    raise SystemExit(COULD_NOT)
