"""`gateway why ID` on an access log; on a gateway that runs it is in `tests/system/test_commands.py`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from gateway.cli import main
from gateway.commands.story import tell
from gateway.commands.why import bars, show

RECORD = {
    "timestamp": "2026-11-29T10:00:00.000Z",
    "request_id": "abc",
    "trace_id": "def",
    "method": "GET",
    "host": "shop",
    "path": "/orders/7",
    "status_code": 504,
    "response_time_ms": 30000.5,
    "upstream_response_time_ms": 30000.0,
    "backend": "http://10.0.0.1",
    "route": "orders",
    "reason": "upstream.timeout",
    "attempts": 1,
}


def run(*arguments: object, stdin: str | None = None) -> Result:
    """Run it."""
    return CliRunner().invoke(main, ["why", *map(str, arguments)], input=stdin)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """With one record."""
    path = tmp_path / "access.log"
    path.write_text(json.dumps(RECORD) + "\n")
    return path


def test_the_story_is_printed(log: Path) -> None:
    """A line for a sentence where no terminal is there."""
    done = run("abc", "--log", log)

    assert done.exit_code == 0
    head, _, *lines = done.output.splitlines()
    assert head == "GET shop/orders/7 was answered with 504: upstream.timeout, after 30 s."
    assert lines == [line.rstrip() for line in lines]
    assert any(line.startswith("What to do  The backend is slow or hangs") for line in lines)


def test_a_program_gets_all_of_it(log: Path) -> None:
    """What is known, and what is said."""
    said = json.loads(run("def", "--log", log, "--json").output)

    assert said["exchange"]["status"] == 504
    assert said["story"]["headline"].startswith("GET shop/orders/7")
    assert said["story"]["Backends"] == ["1 attempt, the last on http://10.0.0.1, which took 30 s."]


def test_several_logs_are_one(log: Path, tmp_path: Path) -> None:
    """Such as those that rotation has left."""
    older = tmp_path / "access.log.1"
    older.write_text(json.dumps({**RECORD, "request_id": "old"}) + "\n")

    assert run("old", "--log", log, "--log", older).exit_code == 0


def test_from_a_pipe(log: Path) -> None:
    """As `-`."""
    assert run("abc", "--log", "-", stdin=log.read_text()).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("none", "--log", "{log}"), 1, "has the id none"),
        (("abc", "--log", "{log}.gone"), 2, "cannot read"),
        (("abc", "--log", "/etc/hosts"), 2, "is no access log of the gateway"),
        (("abc", "--log", "{log}", "--admin", "http://127.0.0.1:9090"), 2, "use one of them"),
        (("abc", "--admin", "ftp://127.0.0.1"), 2, "is no URL of an admin port"),
        (("abc", "--admin", "http://127.0.0.1:port"), 2, "Port could not be cast"),
        (("abc", "--admin", "unix:{log}.sock"), 2, "does not answer"),
    ],
)
def test_what_cannot_be_told_has_its_code(log: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    """1 for an exchange that is not there, 2 where nobody could be asked."""
    done = run(*[one.format(log=log) for one in arguments])

    assert (done.exit_code, words in done.output) == (code, True), done.output


def test_a_terminal_gets_colours(capsys: pytest.CaptureFixture[str]) -> None:
    """And a waterfall that fits into it."""
    phases = [
        {"name": "gateway", "start_ms": 0.0, "ms": 10.0, "attempt": None},
        {"name": "wait", "start_ms": 10.0, "ms": 990.0, "attempt": 1},
    ]
    story = tell({"status": 504, "reason": "upstream.timeout", "duration_ms": 1000.0, "phases": phases})

    show(story, Console(force_terminal=True, width=79, color_system="standard", markup=False, highlight=False))

    lines = capsys.readouterr().out.splitlines()
    [bar] = [line for line in lines if "waiting for the answer (1)" in line]
    assert "\x1b[31m█" in bar
    assert "99 % went into waiting for the answer of attempt 1." in "\n".join(lines)


def test_bars_lie_where_their_time_lies() -> None:
    """The shortest has a column still, and none is beyond the end."""
    phases = [
        {"name": "gateway", "start_ms": 0.0, "ms": 0.001, "attempt": None},
        {"name": "wait", "start_ms": 0.0, "ms": 50.0, "attempt": 1},
        {"name": "client", "start_ms": 100.0, "ms": 0.001, "attempt": None},
    ]
    drawn = [str(bar)[:24] for bar in bars(phases, 100.0)]
    assert drawn == ["█" + "·" * 23, "█" * 12 + "·" * 12, "·" * 23 + "█"]
