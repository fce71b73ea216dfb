"""The recorded session of the first minute: it can be made anew, and what is kept is of these commands."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.docs.outside import of_page
from tests.docs.recording import FIRST_MINUTE, ROOT, Terminal, as_cast, as_picture, record
from tests.system.ports import free_port

CAST = ROOT / "docs/sessions/first-minute.cast"
PICTURE = ROOT / "docs/images/first-minute.svg"
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def shown(cast: str) -> str:
    """Return what a player has shown at the end, without colours."""
    header, *events = map(json.loads, cast.splitlines())
    assert header["version"] == 2
    assert [kind for _, kind, _ in events] == ["o"] * len(events)
    assert [at for at, *_ in events] == sorted(at for at, *_ in events)
    return COLOURS.sub("", "".join(text for *_, text in events)).replace("\r\n", "\n")


def blurred(text: str) -> str:
    """Leave out what differs from one run to the next: ids, times, ports and sizes."""
    text = re.sub(r"[0-9a-f-]{32,36}|\d{4}-\d\d-\d\dT[\d:.]+Z", "ID", text)
    return re.sub(r"\d[\d.]*", "N", text)


def test_the_recording_is_what_the_commands_show() -> None:
    """Typed again, on other ports, they say the same."""
    ports = {port: free_port() for port in (8080, 9090, 9001, 9002)}
    again = shown(as_cast(record(FIRST_MINUTE, ports)))

    assert blurred(again) == blurred(shown(CAST.read_text())), "record it anew: python -m tests.docs.recording"


def test_the_picture_is_of_the_recording() -> None:
    """Drawn from it, with nothing that another host would be asked for."""
    events = [(at, text) for at, _, text in map(json.loads, CAST.read_text().splitlines()[1:])]
    picture = PICTURE.read_text()

    assert picture == as_picture(events)
    assert of_page(picture) == []
    assert "route.none" in picture


def test_each_command_is_typed_letter_by_letter(tmp_path: Path) -> None:
    """As a person would; what it prints has colours, since it is a terminal, and comes when it comes."""
    terminal = Terminal(tmp_path)
    try:
        terminal.type("test -t 1 && printf '\\033[31mred\\033[0m\\n'")
        terminal.type("false; echo $?")
    finally:
        terminal.close()
    text = "".join(text for _, text in terminal.events)

    assert "\x1b[31mred\x1b[0m\r\n" in text
    assert text.endswith("1\r\n")
    assert terminal.events[3][0] > terminal.events[2][0] > 0


def test_the_dark_picture_is_the_light_one() -> None:
    """In other colours."""
    light, dark = (
        re.sub("#[0-9a-f]{6}", "colour", (ROOT / f"docs/images/flow-{name}.svg").read_text())
        for name in ("light", "dark")
    )

    assert light == dark
    assert of_page(light) == []
