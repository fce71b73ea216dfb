"""`gateway explain CONFIG [curl arguments]`: one request, and every decision about it with the line that made it.

What decides is in `gateway.rehearsal.decisions`; here the request is read, and the answer printed. What a gateway that
runs says of it (`--live`) is in `gateway.commands.explain.live`.

Tests: `tests/commands/explain/test_command.py`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from gateway.commands.claims import claims_of
from gateway.commands.curl.options import NOUNS
from gateway.commands.reading import COULD_NOT
from gateway.commands.resting import collector_resting

if TYPE_CHECKING:
    from gateway.commands.explain.live import Now
    from gateway.config.loading import Loaded
    from gateway.config.schema.cases import CaseRequest
    from gateway.rehearsal.decisions import Explanation

_COLOURS: Final = {"-": "red", "+": "green"}


class _Pasted(click.Command):
    """Leaves what follows the word `curl` to curl: it has options of the same names as ours (`--json`)."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Part our words from curl's."""
        taking = {name for one in self.params if isinstance(one, click.Option) and not one.is_flag for name in one.opts}
        for place, word in enumerate(args):
            if word in NOUNS and place and args[place - 1] not in taking:
                args = [*args[:place], "--", *args[place:]]
                break
        return super().parse_args(ctx, args)


@click.command(cls=_Pasted, context_settings={"ignore_unknown_options": True})
@click.argument("path", metavar="[CONFIG]", type=click.Path())
@click.option(
    "--live",
    metavar="ADMIN",
    help="The gateway that runs, in the place of CONFIG: URL of its admin port; sends nothing.",
)
@click.option(
    "--as", "caller", metavar="CLAIMS", help='Who calls: {"sub": "u1", "scope": "read"}, or a name for `sub`.'
)
@click.option("--client", metavar="ADDRESS", help="Where the client is.")
@click.option("--listener", metavar="NAME", help="The listener that it comes in by.")
@click.option("--time", "moment", metavar="TIME", help="When: 2026-01-01T12:00:00Z. By default now.")
@click.option("--curl", "as_curl", is_flag=True, help="Print the curl command that makes the request, and no more.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object in place of the text.")
@click.argument("words", metavar="[CURL ARGUMENTS] URL", nargs=-1, type=click.UNPROCESSED)
@collector_resting()
def explain(
    path: str,
    live: str | None,
    caller: str | None,
    client: str | None,
    listener: str | None,
    moment: str | None,
    as_curl: bool,
    as_json: bool,
    words: tuple[str, ...],
) -> None:
    """Explain one request: each decision in order, with the line of the configuration that made it.

    The request is said as to curl, and a whole `curl …` command may be pasted behind CONFIG, with our options before
    it. It is made by the real gateway in memory: nothing is sent, and backends answer 200 with nothing.

    With --live the configuration is the one in force, and what the gateway knows now is told besides: what limits have
    left for this caller, what its cache has, which backends are up. It sends nothing either, and counts nothing.

    Exits with 0 whatever the answer is, with 2 where it cannot be made.
    """
    import time

    from gateway.commands.curl.request import NotUnderstood, read, written
    from gateway.config.problems import Unexpected
    from gateway.config.units import parse_moment

    if live is not None:
        if moment is not None:
            raise click.UsageError("Say one of --live and --time: a gateway that runs has its own time.")
        if Path(path).exists():
            raise click.UsageError(f"--live ADMIN stands in the place of CONFIG: leave {path} out.")
        words = (path, *words)
    try:
        request = read(words)
        if client is not None or listener is not None:
            request = _from(request, client, listener)
        claims = None if caller is None else claims_of(caller)
        begins = time.time() if moment is None else parse_moment(moment)
    except (NotUnderstood, ValueError) as error:
        _end(f"expected {error.expected}" if isinstance(error, Unexpected) else str(error))
    if as_curl:
        click.echo(written(request))
        return
    now = None if live is None else _asked(live, request, claims)
    loaded = _loaded(path) if now is None else now.loaded
    if now is not None and loaded is None:
        _say_now(now, request, as_json)
        return
    assert loaded is not None  # for the type checker
    if listener is not None and listener not in (known := [one.name for one in loaded.settings.listeners]):
        _end(f"there is no listener {listener!r}: there are {', '.join(known)}")
    explanation = _explained(loaded, request, claims, begins)
    _say(request, explanation, None if now is None else _doubted(now, explanation), as_json)


def _say(request: CaseRequest, explanation: Explanation, now: Now | None, as_json: bool) -> None:
    if now is not None and now.loaded is None:  # what was decided here is not what the gateway does
        _say_now(now, request, as_json)
        return
    if as_json:
        said = _document(request, explanation) | ({} if now is None else now.document)
        click.echo(json.dumps(said, indent=2, default=str))
        return
    for line in _lines(request, explanation, "" if now is None else ", as far as the configuration decides"):
        click.echo(line)
    if now is not None:
        click.echo()
        _say_now(now, request, as_json)


def _loaded(path: str) -> Loaded:
    from gateway.config import ConfigError
    from gateway.config.loading import load_with_places

    try:
        return load_with_places(path, os.environ)
    except ConfigError as error:
        _end("\n".join(map(str, error.problems)))


def _explained(loaded: Loaded, request: CaseRequest, claims: dict[str, Any] | None, begins: float) -> Explanation:
    from gateway.config import ConfigError
    from gateway.config.written import find_places
    from gateway.rehearsal.callers.credentials import CannotShow
    from gateway.rehearsal.decisions import explain as explained

    try:
        return explained(loaded, request, claims, begins)
    except ConfigError as error:
        find_places(error, loaded.root, loaded.settings)
        _end("\n".join(map(str, error.problems)))
    except CannotShow as error:
        _end(str(error))


def _asked(url: str, request: CaseRequest, claims: dict[str, Any] | None) -> Now:
    from gateway.commands.admin_port import NoAnswer
    from gateway.commands.explain.live import ask

    try:
        return ask(url, request, claims)
    except (NoAnswer, ValueError) as error:
        _end(str(error))


def _doubted(now: Now, explanation: Explanation) -> Now:
    from gateway.commands.explain.live import doubted

    return doubted(now, explanation)


def _say_now(now: Now, request: CaseRequest, as_json: bool) -> None:
    from gateway.commands.explain.live import lines

    if as_json:
        click.echo(json.dumps(now.document, indent=2))
        return
    for line in lines(now, request):
        click.echo(line)


def _from(request: CaseRequest, client: str | None, listener: str | None) -> CaseRequest:
    """Say where a request comes from.

    Raises:
        click.BadParameter: It is no address.
    """
    from ipaddress import ip_address

    try:
        where = {} if client is None else {"client": str(ip_address(client))}
    except ValueError:
        raise click.BadParameter(f"expected an address, found {client!r}", param_hint="'--client'") from None
    return request.model_copy(update={**where, **({} if listener is None else {"listener": listener})})


def _lines(request: CaseRequest, explanation: Explanation, how_far: str = "") -> Iterator[str]:
    from gateway.commands.wording import printable

    yield click.style(printable(f"{request.method} {request.url}"), bold=True)
    yield ""
    width = max(len(one.name) for one in explanation.decisions)
    kind = ""
    for one in explanation.decisions:
        title, kind = ("" if one.kind == kind else one.kind), one.kind
        where = "" if one.place is None else click.style(f"  {one.place}", dim=True) + f" {one.key}"
        words = printable(one.words)
        if words.startswith("ended it"):
            words = click.style(words, fg="red")
        yield f"{title:<9} {printable(one.name):<{width}}  {words}{where}".rstrip()
    if explanation.considered:
        yield ""
        yield "routes looked at"
        yield from (f"  {printable(line)}" for line in explanation.considered)
    yield ""
    if explanation.difference:
        yield "what the upstream gets (- what the client sent)"
        for line in explanation.difference:
            yield "  " + click.style(printable(line), fg=_COLOURS.get(line[0]))
    else:
        yield "the upstream gets nothing"
    answer = explanation.outcome.answer
    yield ""
    yield f"what the client gets{how_far}"
    yield f"  HTTP/1.1 {answer.status} {printable(answer.reason.decode('latin-1'))}"
    for name, value in answer.headers:
        yield printable(f"  {name.decode('latin-1')}: {value.decode('utf-8', 'backslashreplace')}")
    if answer.body:
        yield printable(f"  {answer.body.decode('utf-8', 'backslashreplace')}")


def _document(request: CaseRequest, explanation: Explanation) -> dict[str, Any]:
    answer, record = explanation.outcome.answer, explanation.outcome.failure or explanation.outcome.record
    return {
        "request": {"method": request.method, "url": request.url, "client": request.client},
        "decisions": [
            {
                "kind": one.kind,
                "name": one.name,
                "words": one.words,
                "key": one.key or None,
                "file": None if one.place is None else one.place.file,
                "line": None if one.place is None else one.place.line,
            }
            for one in explanation.decisions
        ],
        "considered": explanation.considered,
        "difference": explanation.difference,
        "answer": {
            "status": answer.status,
            "headers": [_field(*field) for field in answer.headers],
            "body": answer.body.decode("utf-8", "backslashreplace"),
        },
        "exchange": record,
    }


def _field(name: bytes, value: bytes) -> list[str]:
    return [name.decode("latin-1"), value.decode("utf-8", "backslashreplace")]


def _end(words: str) -> NoReturn:
    click.echo(words, err=True)
    raise SystemExit(COULD_NOT)
