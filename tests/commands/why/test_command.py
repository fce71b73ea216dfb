"""`gateway why ID` on an access log; on a gateway that runs it is in `tests/system/test_commands.py`."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from gateway.cli import main
from gateway.commands.why.command import bars, show
from gateway.commands.why.story import tell

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
        (("abc", "--admin", "http://127.0.0.1:port"), 2, "is no URL of an admin port"),
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


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"request_id":' + b"[" * 100_000, "no access log of the gateway"),
        (gzip.compress(b"x" * 50_000 + os.urandom(500))[:40] + b"\xff" * 400, "cannot read"),
    ],
)
def test_files_that_are_broken_are_said_to_be(content: bytes, words: str, tmp_path: Path) -> None:
    """In a line, with 2."""
    path = tmp_path / ("log.gz" if content.startswith(b"\x1f\x8b") else "log")
    path.write_bytes(content)
    done = run("abc", "--log", path)

    assert done.exit_code == 2
    assert words in done.output
    assert done.output.count("\n") == 1


def test_an_id_that_is_no_text_is_in_no_log(log: Path) -> None:
    """A terminal may send any octets."""
    done = run("\udcff", "--log", log)

    assert (done.exit_code, done.output) == (1, f"no record of {log} has the id \\udcff\n")


def test_texts_where_numbers_should_be_are_not_known(tmp_path: Path) -> None:
    """Something on the way of the log may have made texts of them."""
    path = tmp_path / "access.log"
    texts = {name: str(value) if isinstance(value, (int, float)) else value for name, value in RECORD.items()}
    path.write_text(json.dumps(texts) + "\n")
    done = run("abc", "--log", path)

    assert done.exit_code == 0
    assert done.output.startswith("GET shop/orders/7 ")


@pytest.mark.parametrize("url", ["bogus", "http://h:x", "http://h:99999", "http://[::", "http://h/\x01", "ftp://h", ""])
def test_what_is_no_url_of_an_admin_port_is_said_to_be(url: str) -> None:
    """With what to say in its place."""
    done = run("abc", "--admin", url)

    assert done.exit_code == 2
    assert "is no URL of an admin port: say http://127.0.0.1:9090" in done.output
