"""`gateway why ID`: the story of one exchange, from a gateway that runs or from its access log.

What is said is in `gateway.commands.why.story`; here it is asked for and printed.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import quote

import click

from gateway.commands.defaults import ADMIN_PORT
from gateway.commands.reading import COULD_NOT

if TYPE_CHECKING:
    from rich.console import Console

    from gateway.commands.why.story import Rows, Story

NOT_FOUND: Final = 1

_BAR: Final = 24
"""Columns of the waterfall."""

_WIDE: Final = 10_000

_COLOURS: Final = {
    "gateway": "blue",
    "queue": "magenta",
    "connect": "cyan",
    "wait": "red",
    "answer": "green",
    "backoff": "yellow",
    "client": "white",
}


@click.command()
@click.argument("name", metavar="ID")
@click.option("--admin", "url", metavar="URL", help=f"The admin port: {ADMIN_PORT} by default; also unix:PATH.")
@click.option(
    "--log", "logs", metavar="FILE", multiple=True, help="An access log in JSON; .gz too; - reads from a pipe."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object: what is known, and the story.")
def why(name: str, url: str | None, logs: tuple[str, ...], as_json: bool) -> None:
    """Tell the story of one exchange: route, caller, limits, attempts, time, and what to do about it.

    ID is its request id (`X-Request-ID` of the answer, `request_id` of the log) or its trace id. The gateway knows the
    last hundred that failed; the access log has the others, with less about each. Several files may be given.

    Exits with 0; with 1 where there is no such exchange, with 2 where nobody could be asked.
    """
    from rich.console import Console

    from gateway.commands.why.story import tell

    if url is not None and logs:
        raise click.UsageError("--admin and --log are two ways to find it: use one of them.")
    exchange, rows = _logged(logs, name) if logs else _kept(ADMIN_PORT if url is None else url, name)
    story = tell(exchange, rows, near(exchange, rows))
    if as_json:
        said = {"exchange": exchange, "story": {"headline": story.headline, **dict(story.parts)}}
        click.echo(json.dumps(said, indent=2, default=str))
        return
    console = Console(highlight=False, emoji=False, markup=False)
    if console.is_terminal:
        show(story, console)
        return
    console.width = _WIDE  # a line stays a line for programs
    with console.capture() as captured:
        show(story, console)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


def show(story: Story, console: Console) -> None:
    """Print a story; with colours, and as wide as it is, where that is a terminal."""
    from rich.table import Table
    from rich.text import Text

    console.print(Text(story.headline, style="bold red" if story.failed else "bold green"))
    console.print()
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for title, lines in story.parts:
        for place, line in enumerate(lines):
            table.add_row(Text("" if place else title), Text(line))
        if title == "Time" and story.phases:
            for bar in bars(story.phases, story.total):
                table.add_row("", bar)
    console.print(table)


def bars(phases: Sequence[Mapping[str, Any]], total: float) -> list[Any]:
    """Return the lines of the waterfall: where each phase lies in the whole, what it was, and how long."""
    from rich.text import Text

    from gateway.commands.why.story import PHASES
    from gateway.commands.wording import duration, printable

    lines = []
    whole = max([total, *(phase["start_ms"] + phase["ms"] for phase in phases)]) or 1.0
    for phase in phases:
        begin = min(_BAR - 1, int(phase["start_ms"] / whole * _BAR))
        wide = max(1, min(_BAR - begin, round(phase["ms"] / whole * _BAR)))
        line = Text()
        line.append("·" * begin, style="dim")
        line.append("█" * wide, style=_COLOURS.get(phase["name"], "white"))
        line.append("·" * (_BAR - begin - wide), style="dim")
        number = f" ({phase['attempt']})" if phase.get("attempt") else ""
        words = printable(str(PHASES.get(phase["name"], phase["name"])))
        line.append(f" {duration(phase['ms']):>7}  {words}{number}")
        lines.append(line)
    return lines


def _kept(url: str, name: str) -> tuple[dict[str, Any], Rows | None]:
    """Ask a gateway that runs."""
    from gateway.commands.admin_port import AdminPort, NoAnswer

    try:
        port = AdminPort(url)
        status, content = port.get(f"/exchanges/{quote(name, safe='')}")
        if status == 404:
            _end(
                f"{url} knows no exchange of the id {name}: it did not fail, or others have taken its place. "
                f"The access log has all of them: gateway why {name} --log FILE",
                NOT_FOUND,
            )
        found: dict[str, Any] = json.loads(content) if status == 200 else {}
        if "id" not in found:
            _end(f"{url}/exchanges answers {status}: is the gateway of another version?", COULD_NOT)
        return found, port.json("/routes")
    except (NoAnswer, ValueError) as error:
        _end(str(error), COULD_NOT)


def _logged(logs: Sequence[str], name: str) -> tuple[dict[str, Any], None]:
    """Look into files."""
    from gateway.commands.why.logged import NotOurs, find

    found = None
    for path in logs:
        try:
            found = find(path, name) or found
        except NotOurs as error:
            _end(str(error), COULD_NOT)
        except (OSError, EOFError, zlib.error) as error:
            _end(f"cannot read {path}: {getattr(error, 'strerror', None) or error}", COULD_NOT)
    if found is None:
        _end(f"no record of {', '.join(logs)} has the id {name}", NOT_FOUND)
    return found, None


def near(exchange: Mapping[str, Any], rows: Rows | None) -> str:
    """Say which route comes nearest to a request that none took."""
    if not rows or exchange.get("reason") != "route.none":
        return ""
    from gateway.routing.nearest import Nearest
    from gateway.routing.rule import RouteRule

    rules = [
        RouteRule(str(row["name"]), None if host == "*" else host, str(row["path"]), None, {}, {})
        for row in rows
        for host in str(row["host"]).split(", ")
    ]
    host = str(exchange.get("host") or "").rpartition(":")[0] or str(exchange.get("host") or "")
    rule = Nearest(rules).find(host.lower().encode(), str(exchange.get("path") or "").encode())
    if rule is None:
        return ""
    where = "any host" if rule.host is None else f"host {rule.host}"
    return f'The nearest is "{rule.name}" ({where}, path {rule.path}).'


def _end(words: str, code: int) -> NoReturn:
    from gateway.commands.wording import printable

    click.echo(printable(words), err=True)
    raise SystemExit(code)
