"""`gateway simulate CONFIG`: traffic and faults, through the real gateway in memory, and what clients notice.

What is played is in `gateway.simulation`; what the options say, in `gateway.commands.simulate.scene`; how it is told,
in `gateway.commands.simulate.text` and `gateway.commands.simulate.chart`.

Tests: `tests/commands/simulate/test_command.py`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from gateway.commands.reading import CouldNot, loaded, shown
from gateway.commands.resting import collector_resting

if TYPE_CHECKING:
    from gateway.commands.simulate.scene import Wanted
    from gateway.config.loading import Loaded
    from gateway.simulation.playing import Outcome

MISSED: Final = 1


@click.command()
@click.argument("path", metavar="CONFIG", type=click.Path())
@click.option(
    "--load",
    "loads",
    metavar="RATE",
    multiple=True,
    help="Requests at random: 20/s (the default), 600/m; 200/s@10m+5m only from 10 minutes on, for 5. Several add up. "
    "Or an access log, of the gateway, nginx or Envoy: its requests, at its times.",
)
@click.option("--for", "length", metavar="TIME", help="How long requests come; by default 10m, or the whole log.")
@click.option(
    "--fault",
    "faults",
    metavar="FAULT",
    multiple=True,
    help="What goes wrong: WHO:WHAT[@START[+LENGTH]], as in orders[1]:down@2m+1m. WHO is an upstream, or a backend "
    "of one; WHAT is down, lost (no answer), slow=5 (times as long), errors=20% (answered with 500) or 503=20%. "
    "WHO may be redis where limits are counted in it: down, lost or slow.",
)
@click.option(
    "--service",
    "services",
    metavar="TIME",
    multiple=True,
    help="What a request takes a backend: [UPSTREAM:]TIME[,at-once=N]. TIME is 20ms (always), mean=20ms (exponential) "
    "or p50=20ms,p99=200ms (lognormal; the default). With at-once, requests beyond so many wait in line.",
)
@click.option(
    "--request",
    "requests",
    metavar="CURL",
    multiple=True,
    help="What is asked: a URL, or 'curl -X PUT URL' in quotes; '3x URL' three times as often as others. By default "
    "one request for each route that leads to an upstream.",
)
@click.option("--callers", metavar="NUMBER", default=20, type=click.IntRange(1, 100_000), help="How many call; 20.")
@click.option("--as", "claims", metavar="CLAIMS", help='What is said of all callers: {"scope": "read"}.')
@click.option("--seed", metavar="NUMBER", default=1, type=int, help="The same one gives the same figures; 1.")
@click.option("--max-errors", metavar="SHARE", help="Exit with 1 where more requests fail: 1%.")
@click.option("--max-p99", metavar="TIME", help="Exit with 1 where the 99th percentile of latency is above: 500ms.")
@click.option("--svg", metavar="FILE", type=click.Path(dir_okay=False), help="Write a chart.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object in place of the text.")
def simulate(
    path: str,
    max_errors: str | None,
    max_p99: str | None,
    svg: str | None,
    as_json: bool,
    claims: str | None,
    length: str | None,
    callers: int,
    seed: int,
    loads: tuple[str, ...],
    faults: tuple[str, ...],
    services: tuple[str, ...],
    requests: tuple[str, ...],
) -> None:
    """Play an hour of traffic in seconds, with backends that fail, and say what clients notice.

    The gateway is the real one, in memory, on a clock that jumps from one thing to the next: no port is opened, and
    nothing is sent. Backends are made up: they take as long as --service says, and fail as --fault says. A failure is
    an answer with a status from 500, or none.

    Exits with 0; with 1 where --max-errors or --max-p99 is missed; with 2 where it could not be played.
    """
    from gateway.commands.simulate import text as simulate_text
    from gateway.commands.simulate.scene import Said, read_option, wanted
    from gateway.config.units import parse_timeout

    most_errors = None if max_errors is None else read_option("--max-errors", max_errors, simulate_text.parse_share)
    most_p99 = None if max_p99 is None else read_option("--max-p99", max_p99, parse_timeout)
    with collector_resting():
        read = loaded(path)
        what = wanted(Said(loads, length, faults, services, requests, callers, claims, seed), read.settings)
    begun = time.perf_counter()
    outcome = _played(read, what)
    told = simulate_text.Told(path, what, outcome, time.perf_counter() - begun, most_errors, most_p99)
    if svg is not None:
        from gateway.commands.simulate.chart import draw

        _write(svg, draw(outcome.figures))
    if as_json:
        click.echo(json.dumps(simulate_text.document(told), indent=2))
    else:
        simulate_text.show(told)
    raise SystemExit(MISSED if told.missed else 0)


def _played(read: Loaded, what: Wanted) -> Outcome:
    """Play, and show how far it has come where somebody waits."""
    from gateway.config import ConfigError
    from gateway.config.written import find_places
    from gateway.rehearsal.callers.credentials import CannotShow
    from gateway.simulation.playing import play

    progress: Callable[[float], object] = lambda at: None  # noqa: E731  # typed
    waits = sys.stderr.isatty()
    if waits:
        progress = lambda at: click.echo(f"\r{at / what.scene.seconds:4.0%} ", nl=False, err=True)  # noqa: E731
    try:
        return play(what.scene, what.calls, progress)
    except ConfigError as error:
        find_places(error, read.root, read.settings)
        raise CouldNot("\n".join(map(shown, error.problems))) from None
    except CannotShow as error:
        raise CouldNot(f"{error}; say other requests with --request") from None
    finally:
        if waits:
            click.echo("\r\033[K", nl=False, err=True)


def _write(file: str, text: str) -> None:
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CouldNot(f"cannot write {file}: {error.strerror}") from None
