from __future__ import annotations

import signal
from pathlib import Path

import pytest

from gateway.telemetry.twistd_log import SharedLogFile, log_to_file


def test_lines_of_two_processes_stand_after_each_other(tmp_path: Path) -> None:
    """Each writes to the end, wherever that is."""
    path = tmp_path / "a.log"
    one, other = SharedLogFile.fromFullPath(str(path)), SharedLogFile.fromFullPath(str(path))
    for number in range(3):
        one.write(f"one {number}\n")
        other.write(f"other {number}\n")

    assert path.read_text().splitlines() == [f"{who} {number}" for number in range(3) for who in ("one", "other")]
    one.close()
    other.close()


def test_one_rotation_is_enough_for_both(tmp_path: Path) -> None:
    """SIGUSR1 goes to both: the second goes on in the file that the first has begun."""
    path = tmp_path / "a.log"
    one, other = SharedLogFile.fromFullPath(str(path)), SharedLogFile.fromFullPath(str(path))
    one.write("before\n")
    one.rotate()
    other.rotate()
    one.write("one\n")
    other.write("other\n")

    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.log", "a.log.1"]
    assert path.read_text() == "one\nother\n"
    one.close()
    other.close()


def test_who_gets_no_signal_follows_with_the_next_line(tmp_path: Path) -> None:
    """Workers: the signal is their parent's."""
    path = tmp_path / "a.log"
    parent, worker = SharedLogFile.fromFullPath(str(path)), SharedLogFile.fromFullPath(str(path))
    worker.write("before\n")
    parent.rotate()
    worker.write("worker\n")
    worker.write("worker again\n")

    assert path.read_text() == "worker\nworker again\n"
    assert (tmp_path / "a.log.1").read_text() == "before\n"
    parent.close()
    worker.close()


def test_a_file_that_was_moved_is_begun_anew_by_who_gets_the_signal(tmp_path: Path) -> None:
    """Logrotate's way; nothing is lost in between, and nobody else begins it."""
    path, moved = tmp_path / "a.log", tmp_path / "a.log.moved"
    parent, worker = SharedLogFile.fromFullPath(str(path)), SharedLogFile.fromFullPath(str(path))
    path.rename(moved)
    worker.write("between\n")
    assert not path.exists()

    parent.rotate()
    worker.write("worker\n")
    parent.write("parent\n")

    assert moved.read_text() == "between\n"
    assert path.read_text() == "worker\nparent\n"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.log", "a.log.moved"]
    parent.close()
    worker.close()


def test_what_cannot_be_begun_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    """A directory in the place of the file: lines go on where they went."""
    path, moved = tmp_path / "a.log", tmp_path / "a.log.moved"
    log = SharedLogFile.fromFullPath(str(path))
    path.rename(moved)
    path.mkdir()
    log.write("one\n")
    log.rotate()
    log.write("two\n")

    assert moved.read_text() == "one\ntwo\n"
    log.close()


@pytest.mark.parametrize("taken", [False, True])
def test_the_signal_begins_another_file(tmp_path: Path, taken: bool) -> None:
    """As twistd's own does, unless somebody else has the signal."""

    def handler(*_: object) -> None:
        """Somebody's."""

    before = signal.signal(signal.SIGUSR1, handler if taken else signal.SIG_DFL)
    try:
        observer = log_to_file(str(tmp_path / "a.log"), lambda call: call())
        observer({"log_format": "hello", "log_time": 0.0})
        assert "hello" in (tmp_path / "a.log").read_text()
        assert (signal.getsignal(signal.SIGUSR1) is handler) == taken
        if not taken:
            signal.raise_signal(signal.SIGUSR1)
            assert (tmp_path / "a.log.1").exists()
    finally:
        signal.signal(signal.SIGUSR1, before)
