"""`gateway replay LOG --config NEW`: the requests of an access log, and which of them would be answered otherwise.

What becomes of them is in `gateway.rehearsal.replaying.replay`; how it is said, in `gateway.commands.replay.text`.

Tests: `tests/commands/replay/test_command.py`.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from gateway.commands.replay.log import callers_of, end, opened, surveyed
from gateway.commands.replay.log import replay as replayed
from gateway.commands.resting import collector_resting

if TYPE_CHECKING:
    from gateway.config.loading import Loaded

OTHERWISE: Final = 1

_KINDS: Final = ("status", "route", "upstream", "path", "reason", "sent-fields", "fields", "body")
"""As `gateway.rehearsal.replaying.answered.KINDS`, which is loaded with all of the gateway."""


@click.command()
@click.argument("log", metavar="LOG", type=click.Path())
@click.option(
    "--config",
    "configs",
    metavar="NEW",
    multiple=True,
    type=click.Path(),
    help="The configuration; said a second time: as --against.",
)
@click.option("--against", metavar="OLD", type=click.Path(), help="The one before; without it the log itself counts.")
@click.option("--format", "form", metavar="FORM", help="gateway, envoy, nginx, combined, common, or a template.")
@click.option("--host", metavar="HOST", help="The host of requests whose log has none.")
@click.option(
    "--as", "stranger", metavar="CLAIMS", help="Who called, where the log has no names: as `gateway explain`."
)
@click.option("--claims", metavar="FILE", type=click.Path(), help='What else callers have: {"u1": {"scope": "read"}}.')
@click.option(
    "--ignore",
    "ignored",
    metavar="KIND",
    multiple=True,
    type=click.Choice(_KINDS),
    help=f"What does not count: {', '.join(_KINDS)}. May be said several times.",
)
@click.option("--target", metavar="URL", help="A test instance that the requests are sent to, in place of --config.")
@click.option("--expect", metavar="URL", help="One whose answers are right; without it the log's statuses count.")
@click.option("--rate", metavar="NUMBER", type=click.FloatRange(0, min_open=True), help="Requests a second.")
@click.option("--at-once", metavar="NUMBER", type=click.IntRange(1), help="Requests that wait for answers: 64.")
@click.option("--unsafe", is_flag=True, help="Send also what may change something: POST, DELETE, …")
@click.option("--forwarded", is_flag=True, help="Tell the clients' addresses in X-Forwarded-For.")
@click.option("--header", "headers", metavar="FIELD", multiple=True, help="Sent with each: 'Authorization: Bearer …'.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object in place of the text.")
def replay(
    log: str,
    configs: tuple[str, ...],
    against: str | None,
    form: str | None,
    host: str | None,
    stranger: str | None,
    claims: str | None,
    ignored: tuple[str, ...],
    as_json: bool,
    target: str | None,
    **sending: Any,
) -> None:
    """Take the requests of an access log through NEW, and tell which would be answered otherwise than by OLD.

    LOG is ours in any schema, Envoy's JSON or usual line, nginx's JSON, `combined` or `common`; gzip too, and `-` is
    standard input. Requests are made at the moments when they came, by the gateway's own clock; backends answer with
    the status, and after the time, that the log has. All of it is done in memory: nothing is opened, nothing is sent.

    With --target they are really sent, to a server that is there to be tried on: at their moments, or at a --rate, and
    only those of safe methods.

    Exits with 0 where all are answered as before, with 1 where one is not, with 2 where it could not be done.
    """
    from gateway.commands.replay import text as replay_text

    if target is not None:
        if configs or against is not None or claims is not None or stranger is not None or host is not None:
            raise click.UsageError("--target is in place of --config, --against, --host, --as and --claims.")
        _send(log, form, target, frozenset(ignored), as_json, **sending)
    if given := [name for name, value in sending.items() if value]:
        raise click.UsageError(f"--{given[0].replace('_', '-').replace('headers', 'header')} is for --target.")
    named = [*configs, *([] if against is None else [against])]
    if not configs or len(named) > 2:
        raise click.UsageError("Say --config NEW, and --against OLD where the log does not count; or --target URL.")
    with collector_resting():
        loaded = [_loaded(path) for path in named]
    with opened(log, form, [one.settings for one in loaded]) as open_log:
        survey = surveyed(open_log)
        found = replayed(open_log, survey, loaded, callers_of(survey, claims, stranger), host, ignored)
    if as_json:
        click.echo(json.dumps(replay_text.document(log, survey, found), indent=2))
    else:
        for line in replay_text.text(log, survey, found):
            click.echo(line)
    raise SystemExit(OTHERWISE if found.otherwise else 0)


def _send(
    log: str,
    form: str | None,
    target: str,
    ignored: frozenset[str],
    as_json: bool,
    expect: str | None,
    rate: float | None,
    at_once: int | None,
    unsafe: bool,
    forwarded: bool,
    headers: tuple[str, ...],
) -> NoReturn:
    """Send requests to a server."""
    from gateway.commands.replay import text as replay_text
    from gateway.commands.replay.sending import Sending, send
    from gateway.rehearsal.replaying.answered import KINDS
    from gateway.rehearsal.replaying.paced import Pace

    kinds = {kind for kind in KINDS if kind.replace(" ", "-") in ignored}
    with opened(log, form, ()) as open_log:
        survey = surveyed(open_log)
        pace = Pace(rate, at_once or Pace().at_once, unsafe)
        found = send(open_log, survey, Sending(target, expect, headers, forwarded, pace), kinds)
    if as_json:
        click.echo(json.dumps(replay_text.document(log, survey, found), indent=2))
    else:
        for line in replay_text.of_target(log, survey, found):
            click.echo(line)
    raise SystemExit(OTHERWISE if found.otherwise else 0)


def _loaded(path: str) -> Loaded:
    from gateway.config import ConfigError
    from gateway.config.loading import load_with_places

    try:
        return load_with_places(path, os.environ)
    except ConfigError as error:
        end("\n".join(map(str, error.problems)))
