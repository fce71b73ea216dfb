"""`gateway upgrade`, where it finds nobody. With real processes: `tests/system/test_upgrade.py`."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.commands.upgrade import upgrade


def run(pidfile: Path, *more: str) -> Result:
    """Type it."""
    return CliRunner().invoke(upgrade, [str(pidfile), *more])


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[threading.Event]:
    """Be the process that is asked."""
    heard = threading.Event()
    before = signal.signal(signal.SIGUSR2, lambda *_: heard.set())
    (tmp_path / "g.pid").write_text(str(os.getpid()))
    yield heard
    signal.signal(signal.SIGUSR2, before)


@pytest.mark.parametrize(("text", "words"), [(None, "No such file"), ("x", "invalid literal")])
def test_a_file_that_names_nobody(tmp_path: Path, text: str | None, words: str) -> None:
    """It says what is wrong with it."""
    if text is not None:
        (tmp_path / "g.pid").write_text(text)

    result = run(tmp_path / "g.pid")

    assert result.exit_code == 2
    assert words in result.output


def test_a_process_that_is_not_there(tmp_path: Path) -> None:
    """The number is above all that a kernel gives."""
    (tmp_path / "g.pid").write_text(str(2**31 - 2))

    assert "is not there" in run(tmp_path / "g.pid").output


def test_the_file_names_the_process_that_has_taken_over(tmp_path: Path, asked: threading.Event) -> None:
    """It is waited for."""
    pidfile = tmp_path / "g.pid"

    def take_over() -> None:
        asked.wait(10)
        pidfile.write_text("77")

    taking = threading.Thread(target=take_over)
    taking.start()
    result = run(pidfile)
    taking.join()

    assert (result.exit_code, result.output) == (0, f"process 77 has taken over from {os.getpid()}\n")


def test_a_file_that_is_written_again_with_the_same_name_tells_of_a_failure(
    tmp_path: Path, asked: threading.Event
) -> None:
    """The log has the reason."""
    pidfile = tmp_path / "g.pid"

    def fail() -> None:
        asked.wait(10)
        fresh = tmp_path / "fresh"
        fresh.write_text(str(os.getpid()))
        fresh.replace(pidfile)

    failing = threading.Thread(target=fail)
    failing.start()
    result = run(pidfile)
    failing.join()

    assert result.exit_code == 1
    assert "did not come up" in result.output


def test_it_does_not_wait_for_ever(tmp_path: Path, asked: threading.Event) -> None:
    """The process may hang."""
    result = run(tmp_path / "g.pid", "--timeout", "0.1")

    assert asked.is_set()
    assert result.exit_code == 1
    assert "still" in result.output
