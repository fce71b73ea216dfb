"""Record what a terminal shows in the first minute: `python -m tests.docs.recording`.

The commands are typed into a real shell whose output is a pseudo-terminal, so that they have the colours that a person
sees. What came, and when, is kept as an asciinema recording (version 2, docs/sessions/first-minute.cast), which any
player of such plays; for the pages it is drawn as a picture that needs none (docs/images/first-minute.svg).
"""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

ROOT = Path(__file__).parents[2]
WIDTH, HEIGHT = 100, 40
TITLE = "The first minute"

FIRST_MINUTE: Sequence[str] = (
    "gateway check etc/gateway.yaml",
    "gateway run etc/gateway.yaml >access.log 2>gateway.log &",
    "curl -s --retry 9 --retry-connrefused http://127.0.0.1:8080/api/users/7 | head -4",
    "curl -si http://127.0.0.1:8080/api/user/7 | tr -d '\\r' | grep -E '^(HTTP|Gateway-R|X-Req)' >head; cat head",
    "gateway why $(awk '/^X-Req/ {print $2}' head) --admin http://127.0.0.1:9090 | head -9",
    "sed '0,/upstream: orders/s//upstrem: orders/' etc/gateway.yaml >wrong.yaml; gateway check wrong.yaml",
)
"""What is typed, with etc/gateway.yaml as it is, and its two demo backends there."""

_TYPED = 0.04
"""Seconds for each character; what is printed has the times that it came at."""

_MARK = "\x1e"
_PATIENCE = 30.0

_THEME = TerminalTheme(
    (24, 26, 31),
    (220, 223, 228),
    [
        (63, 68, 81),
        (224, 108, 117),
        (152, 195, 121),
        (229, 192, 123),
        (97, 175, 239),
        (198, 120, 221),
        (86, 182, 194),
        (220, 223, 228),
    ],
    [
        (107, 114, 128),
        (239, 131, 139),
        (172, 214, 141),
        (240, 207, 145),
        (124, 193, 250),
        (213, 146, 233),
        (112, 202, 213),
        (255, 255, 255),
    ],
)

# Rich's own picture asks another host for its font.
_PICTURE = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" role="img" xmlns="http://www.w3.org/2000/svg">
<title>Recorded terminal session</title>
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-family: system-ui, sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""

Event = tuple[float, str]
"""Seconds since the beginning, and what the terminal shows from then on."""


class Terminal:
    """A shell that is typed into, and all that it shows.

    Args:
        directory: Where it works.
    """

    def __init__(self, directory: Path) -> None:
        self.events: list[Event] = []
        self._now = 0.0
        self._ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (HEIGHT, WIDTH))
        paths = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environ = {**os.environ, "PATH": paths, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
        environ.pop("NO_COLOR", None)
        # Commands come by a pipe: a terminal would show them again as it reads them.
        self._shell = subprocess.Popen(
            ["bash"], cwd=directory, env=environ, stdin=subprocess.PIPE, stdout=theirs, stderr=theirs
        )
        os.close(theirs)

    def type(self, command: str) -> None:
        """Type a command and wait until it is done.

        Raises:
            TimeoutError: It is not, within half a minute.
        """
        self._show("\x1b[1;32m$\x1b[0m ")
        for character in command:
            self._now += _TYPED
            self._show(character)
        self._show("\r\n")
        assert self._shell.stdin is not None
        self._shell.stdin.write(f"{command}\nprintf '\\036'\n".encode())
        self._shell.stdin.flush()
        began, first = time.monotonic(), self._now
        for printed in self._printed(began + _PATIENCE):
            self._now = first + time.monotonic() - began
            self._show(printed)

    def close(self) -> None:
        """End the shell."""
        assert self._shell.stdin is not None
        self._shell.stdin.close()
        self._shell.wait(_PATIENCE)
        os.close(self._ours)

    def _show(self, text: str) -> None:
        if text:
            self.events.append((round(self._now, 3), text))

    def _printed(self, deadline: float) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")()
        while True:
            ready, _, _ = select.select([self._ours], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError("the command is not done")
            text, mark, _ = decoder.decode(os.read(self._ours, 65536)).partition(_MARK)
            yield text
            if mark:
                return


def record(commands: Sequence[str], ports: Mapping[int, int]) -> list[Event]:
    """Type commands beside the demo backends.

    Args:
        commands: For the ports of etc/gateway.yaml.
        ports: Those ports, and the ones that are had instead.
    """

    def mine(text: str) -> str:
        return re.sub(r"\b[89]\d{3}\b", lambda found: str(ports.get(int(found[0]), found[0])), text)

    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "etc").mkdir()
        (directory / "etc/gateway.yaml").write_text(mine((ROOT / "etc/gateway.yaml").read_text()))
        demo = [sys.executable, str(ROOT / "examples/demo_backends.py"), "--ports", str(ports[9001]), str(ports[9002])]
        with _running(demo):
            terminal = Terminal(directory)
            try:
                for command in commands:
                    terminal.type(mine(command))
                events = list(terminal.events)
                terminal.type("kill %1; wait")
            finally:
                terminal.close()
    return events


def as_cast(events: Sequence[Event]) -> str:
    """Return a recording as asciinema has it."""
    header = {"version": 2, "width": WIDTH, "height": HEIGHT, "title": TITLE, "env": {"TERM": "xterm-256color"}}
    lines = [json.dumps(header), *(json.dumps([at, "o", text]) for at, text in events)]
    return "\n".join(lines) + "\n"


def as_picture(events: Sequence[Event]) -> str:
    """Return the last screen, with all that was on it, as SVG."""
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True, color_system="truecolor")
    shown = "".join(text for _, text in events).replace("\r\n", "\n").rstrip("\n")
    console.print(Text.from_ansi(shown))
    return console.export_svg(title=TITLE, theme=_THEME, code_format=_PICTURE, unique_id="session")


@contextlib.contextmanager
def _running(command: Sequence[str]) -> Iterator[None]:
    """Have the demo backends, which say a line each when they are there."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            if not all("http://" in process.stdout.readline() for _ in range(2)):
                raise RuntimeError("the demo backends do not start")
            yield
        finally:
            process.send_signal(signal.SIGTERM)


def main() -> None:
    """Record, and write both files."""
    events = record(FIRST_MINUTE, {port: port for port in (8080, 9090, 9001, 9002)})
    cast = ROOT / "docs/sessions/first-minute.cast"
    cast.parent.mkdir(exist_ok=True)
    cast.write_text(as_cast(events))
    (ROOT / "docs/images/first-minute.svg").write_text(as_picture(events))


if __name__ == "__main__":
    main()
