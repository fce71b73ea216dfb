"""`gateway top`: what a gateway does now, in a terminal.

Figures are made in `gateway.commands.top.figures` and drawn in `gateway.commands.top.screen`; here they are asked for
each second. A gateway that stops answering is waited for, with its last figures on the screen.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from gateway.commands.defaults import ADMIN_PORT
from gateway.commands.reading import COULD_NOT

if TYPE_CHECKING:
    from gateway.commands.admin_port import AdminPort
    from gateway.commands.top.figures import Sample


_QUITS: Final = b"qQ\x1b\x03\x04"

_WIDE: Final = 10_000


class Watch:
    """Looks at a gateway again and again.

    Args:
        port: Its admin port.
        now: Monotonic seconds.
    """

    def __init__(self, port: AdminPort, now: Callable[[], float] = time.monotonic) -> None:
        self._port = port
        self._now = now
        self._before: Sample | None = None

    def look(self) -> dict[str, Any]:
        """Return the figures since the last look.

        Raises:
            gateway.commands.admin_port.NoAnswer: Nobody answers.
        """
        from gateway.commands.admin_port import NoAnswer
        from gateway.commands.top.figures import figures, read

        status, text = self._port.get("/metrics")
        if status != 200:
            raise NoAnswer(f"{self._port.url}/metrics answers {status}")
        before, self._before = self._before, read(text.decode("utf-8", "replace"), self._now())
        return figures(before, self._before, self._port.json("/upstreams"), self._port.json("/exchanges"))


@click.command()
@click.option(
    "--admin", "url", metavar="URL", default=ADMIN_PORT, show_default=True, help="The admin port; also unix:PATH."
)
@click.option("--interval", metavar="SECONDS", type=click.FloatRange(0.6, 60), default=1.0, show_default=True)
@click.option("--once", is_flag=True, help="Print the figures of one interval, and end.")
@click.option("--json", "as_json", is_flag=True, help="The same as one JSON object.")
def top(url: str, interval: float, once: bool, as_json: bool) -> None:
    """Show traffic, latency, errors, busy routes, backends and the last failures of a gateway, each second; q quits.

    Of a machine elsewhere: ssh -L 9090:127.0.0.1:9090 HOST, and this in another terminal.

    Where no terminal is there it is as with --once.

    Exits with 0, and with 2 where the admin port does not answer.
    """
    from gateway.commands.admin_port import AdminPort, NoAnswer

    try:
        watch = Watch(AdminPort(url))
        first = watch.look()
        if once or as_json or not sys.stdout.isatty():
            time.sleep(interval)
            _print(watch.look(), url, as_json)
            return
    except (NoAnswer, ValueError) as error:
        click.echo(str(error), err=True)
        raise SystemExit(COULD_NOT) from None
    try:
        _follow(watch, first, url, interval)
    except KeyboardInterrupt:
        return


def _print(figures: dict[str, Any], url: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(figures, indent=2))
        return
    from rich.console import Console

    from gateway.commands.top.screen import screen

    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _WIDE
    with console.capture() as captured:
        console.print(screen(figures, url))
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


def _follow(watch: Watch, shown: dict[str, Any], url: str, interval: float) -> None:
    """Draw until somebody quits."""
    from rich.console import Console
    from rich.live import Live

    from gateway.commands.admin_port import NoAnswer
    from gateway.commands.top.screen import screen

    console = Console(highlight=False, markup=False, emoji=False)
    trouble = ""
    with _keys() as pressed, Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(screen(shown, url, console.height, trouble), refresh=True)
            if pressed(interval) in _QUITS:
                return
            try:
                shown, trouble = watch.look(), ""
            except NoAnswer as error:
                trouble = f"{error}; these figures are old"


@contextmanager
def _keys() -> Iterator[Callable[[float], bytes]]:
    """Hear single keys; yields what waits for one and returns it, or an octet that nobody can type."""
    if not sys.stdin.isatty():
        yield _sleep
        return
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)

    def pressed(seconds: float) -> bytes:
        ready, _, _ = select.select([terminal], [], [], seconds)
        return os.read(terminal, 1) if ready else b"\xff"

    try:
        tty.setcbreak(terminal)
        yield pressed
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _sleep(seconds: float) -> bytes:
    time.sleep(seconds)
    return b"\xff"
