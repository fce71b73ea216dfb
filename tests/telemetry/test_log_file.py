"""A log file loses nothing that it was given, or says how much."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread

import pytest

from gateway.telemetry.log_file import LogFile


def test_lines_are_appended(tmp_path: Path) -> None:
    """What stands in the file stays."""
    path = tmp_path / "access.log"
    path.write_bytes(b"old\n")

    LogFile(str(path)).write(b"new\n")

    assert path.read_bytes() == b"old\nnew\n"


def test_after_a_rename_the_new_name_is_opened_only_on_reopen(tmp_path: Path) -> None:
    """Logrotate: until told, lines follow the renamed file; then they go to a fresh one."""
    path, rotated = tmp_path / "access.log", tmp_path / "access.log.1"
    log = LogFile(str(path))
    log.write(b"1\n")
    path.rename(rotated)
    log.write(b"2\n")
    log.reopen()
    log.write(b"3\n")

    assert rotated.read_bytes() == b"1\n2\n"
    assert path.read_bytes() == b"3\n"


def test_a_path_that_cannot_be_opened_counts_its_lines(tmp_path: Path) -> None:
    """Nothing is raised; once the directory is there, lines arrive."""
    path = tmp_path / "missing" / "access.log"
    log = LogFile(str(path))
    log.write(b"1\n2\n")

    assert (log.lost, "No such file" in log.error) == (2, True)

    path.parent.mkdir()
    log.write(b"3\n")
    assert path.read_bytes() == b"3\n"
    assert (log.lost, log.error) == (2, "")


def test_a_full_disk_is_counted() -> None:
    """`/dev/full` takes nothing."""
    log = LogFile("/dev/full")
    log.write(b"1\n2\n3\n")

    assert log.lost == 3
    assert "No space left" in log.error


def test_a_line_that_was_cut_off_is_ended_before_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up within a line leaves one broken line, not a broken neighbour."""
    path = tmp_path / "access.log"
    log = LogFile(str(path))
    full = False

    def write(fd: int, data: memoryview) -> int:
        nonlocal full
        if full:
            raise OSError(28, "No space left on device")
        full = True
        return real(fd, data[:5])

    real = os.write
    with monkeypatch.context() as patch:
        # The kernel's own partial write cannot be had without a file system of a known size.
        patch.setattr("gateway.telemetry.log_file.os.write", write)
        log.write(b"aaa\nbbb\n")
    log.write(b"ccc\n")

    assert path.read_bytes() == b"aaa\nb\nccc\n"
    assert log.lost == 1


def test_a_pipe_that_would_block_is_waited_for(capfd: pytest.CaptureFixture[str]) -> None:
    """Standard output that somebody made non-blocking takes everything, in order, as its reader makes room."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    kept = os.dup(1)
    os.dup2(writing, 1)
    received = bytearray()

    def read() -> None:
        while data := os.read(reading, 8192):
            received.extend(data)

    reader = Thread(target=read)
    reader.start()
    try:
        data = b"".join(b"%06d\n" % number for number in range(50_000))
        log = LogFile("-")
        log.write(data)
        log.reopen()
    finally:
        os.dup2(kept, 1)
        for fd in (kept, writing):
            os.close(fd)
        reader.join()
        os.close(reading)

    assert bytes(received) == data
    assert log.lost == 0
