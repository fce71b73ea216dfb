"""`gateway new [DIRECTORY]`: the first configuration, with tests and a file for `docker compose`.

Five questions, or as many options; what is written is in `gateway.commands.new.starter`.

Tests: `tests/commands/new/test_command.py`; at a terminal, and run, in `tests/system/test_new.py`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import click

from gateway.commands.reading import COULD_NOT

if TYPE_CHECKING:
    from gateway.commands.new.starter import Issuer, Key
    from gateway.config.proxies import Proxy

T = TypeVar("T")


MOST: Final = 1000
"""Highest limit: a test that `gateway new` writes makes as many requests, and takes no longer than a moment."""

BACKEND: Final = "http://127.0.0.1:9001"
PATH: Final = "/*"
PORT: Final = 8080
AUTH: Final = "none"
LIMIT: Final = 600

AUTHS: Final = ("none", "api-key", "jwt")


@click.command()
@click.argument("directory", metavar="[DIRECTORY]", default=".", type=click.Path(path_type=Path, file_okay=False))
@click.option("--backend", metavar="URL", help=f"Where the service is; {BACKEND} by default.")
@click.option("--path", metavar="PATH", help="Which paths go to it: /api/* is all below /api; /* by default.")
@click.option("--port", type=click.IntRange(1, 65535), help=f"Where the gateway listens; {PORT} by default.")
@click.option("--auth", type=click.Choice(AUTHS), help="What callers show: nothing, an API key (one is made), a token.")
@click.option("--issuer", metavar="URL", help="For --auth jwt: who gives out the tokens.")
@click.option("--audience", metavar="NAME", help="For --auth jwt: who the tokens are for, as `aud` says it.")
@click.option(
    "--limit", type=click.IntRange(0, MOST), help=f"Requests a minute, of each caller; {LIMIT} by default, 0: any."
)
@click.option("--yes", "-y", "as_proposed", is_flag=True, help="Ask nothing: what no option says is the default.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object in place of the text.")
def new(
    directory: Path,
    backend: str | None,
    path: str | None,
    port: int | None,
    auth: str | None,
    issuer: str | None,
    audience: str | None,
    limit: int | None,
    as_proposed: bool,
    as_json: bool,
) -> None:
    """Write a configuration, its tests and a file for docker compose into DIRECTORY, by default the working directory.

    Asks for what no option says: where the service is, which of its paths, the port, who may call, and how often.
    Nothing is overwritten.

    Exits with 0, and with 2 where it could not write: something is there already, or nobody can be asked.
    """
    from gateway.commands.new import starter

    taken = [name for name in (starter.CONFIGURATION, starter.TESTS, starter.COMPOSE) if (directory / name).exists()]
    if taken:
        _end(f"{', '.join(str(directory / name) for name in taken)}: is there already, and is not overwritten")
    etc = directory / starter.DIRECTORY
    if any(etc.glob("*")):
        _end(f"{etc}: expected an empty directory, or none: the gateway reads all files that are in it")
    ask = _Questions(as_proposed)
    service = ask("--backend", "Where is the service?", backend, BACKEND, _service)
    paths = ask("--path", "Which paths go to it? /api/* is all below /api.", path, PATH, _paths)
    number = ask("--port", "On which port does the gateway listen?", port, PORT, click.IntRange(1, 65535))
    shown = ask("--auth", "What do callers show?", auth, AUTH, click.Choice(AUTHS))
    allowed = ask("--limit", "Requests a minute, of each caller? 0 is no limit.", limit, LIMIT, click.IntRange(0, MOST))
    key: str | None = None
    who: Key | Issuer | None = None
    if shown == "jwt":
        who = _issuer(ask, issuer, audience)
    elif issuer is not None or audience is not None:
        raise click.UsageError("--issuer and --audience are for --auth jwt.")
    ask.end()
    if shown == "api-key":
        key, who = _key()
    made = starter.files(starter.Starter(number, paths, service, who, allowed))
    for name, text in made.items():
        _write(directory / name, text)
    url = f"http://127.0.0.1:{number}{paths.removesuffix('*')}"
    field = "" if who is None else f" -H 'X-API-Key: {key}'" if key else ' -H "Authorization: Bearer $TOKEN"'
    commands = [f"gateway test {_word(etc)}", f"gateway run {_word(etc)}", f"curl -i{field} {url}"]
    if as_json:
        written = [str(directory / name) for name in made]
        click.echo(json.dumps({"written": written, "key": key, "next": commands}, indent=2))
        return
    for name in made:
        click.echo(f"{click.style('wrote', fg='green')} {directory / name}")
    if key:
        click.echo(f"\nThe API key, which is shown once: {click.style(key, bold=True)}")
    click.echo("\nNext:")
    for command in commands:
        click.echo(f"  {command}")


class _Questions:
    """Asks for what no option says; where nobody can be asked, `end` says which options are wanted.

    Args:
        as_proposed: Take the defaults.
    """

    def __init__(self, as_proposed: bool) -> None:
        self._as_proposed = as_proposed
        self._asks = not as_proposed and sys.stdin.isatty()
        self._missing: list[str] = []

    def __call__(self, option: str, question: str, said: T | None, default: T, kind: Any) -> T:
        if said is None and self._asks:
            answer: T = click.prompt(question, default=default, type=kind, err=True)
            return answer
        if said is None:
            self._missing.append(option)
            return default
        return said if isinstance(kind, click.ParamType) else _valid(option, said, kind)

    def needed(self, option: str, question: str, said: str | None) -> str:
        """Ask for what has no default."""
        if said is None and not self._asks:
            raise click.UsageError(f"Say {option}: {question}")
        return said or str(click.prompt(question, err=True))

    def end(self) -> None:
        """Look whether all is known.

        Raises:
            click.UsageError: It is not, and nobody can be asked.
        """
        if self._missing and not self._as_proposed:
            raise click.UsageError(
                f"Nobody can be asked, since standard input is no terminal: say {', '.join(self._missing)}; "
                "or --yes, for what is proposed."
            )


def _valid(option: str, said: T, kind: Callable[[T], T]) -> T:
    try:
        return kind(said)
    except click.UsageError as error:
        raise click.BadParameter(error.message, param_hint=f"'{option}'") from None


def _service(said: str) -> str:
    return _read(f"{PORT}={said}").backend


def _paths(said: str) -> str:
    return _read(f"{PORT}{said if said.startswith('/') else f'/{said}'}={BACKEND}").path


def _read(form: str) -> Proxy:
    from gateway.config.proxies import ProxyError, parse

    try:
        return parse(form)
    except ProxyError as error:
        raise click.UsageError(str(error)) from None


def _issuer(ask: _Questions, url: str | None, audience: str | None) -> Issuer:
    from gateway.commands.new.starter import Issuer

    issuer = ask.needed("--issuer", "Who gives out the tokens? The URL that `iss` says.", url)
    return Issuer(
        _valid("--issuer", issuer, _url), ask.needed("--audience", "Who are they for, as `aud` says?", audience)
    )


def _url(said: str) -> str:
    from gateway.config import patterns
    from gateway.config.problems import Unexpected

    try:
        patterns.url(said)
    except Unexpected as error:
        raise click.UsageError(f"expected {error.expected}, found {said!r}") from None
    return said


def _key() -> tuple[str, Key]:
    """Make an API key; returns it, and what is kept of it."""
    from gateway.commands.new.starter import Key
    from gateway.identity.api_keys import digester, new_key

    name = "first"
    key = new_key(name, os.urandom)
    return key, Key(name, f"sha256:{digester(b'')(key.encode()).hex()}")


def _word(path: Path) -> str:
    import shlex

    return shlex.quote(str(path))


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        _end(f"cannot write {file}: {error.strerror}")


def _end(words: str) -> NoReturn:
    click.echo(words, err=True)
    raise SystemExit(COULD_NOT)
