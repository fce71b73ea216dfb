"""Work that is done by copies of this process."""

from __future__ import annotations

import os
import signal

import pytest

from gateway.rehearsal.apart import Apart, Broken


def test_each_piece_begins_from_the_same() -> None:
    """What one changes, no other sees, nor does this process; results come in the order of the items."""
    seen: list[int] = []

    def work(item: int) -> tuple[int, list[int]]:
        seen.append(item)
        return item, list(seen)

    assert list(Apart(work, 3).each(range(10))) == [(item, [item]) for item in range(10)]
    assert seen == []


def test_what_goes_wrong_is_told() -> None:
    """An exception with its traceback; a process that ends, by its status. The others go on."""

    def work(item: int) -> int:
        if item == 1:
            raise ValueError("no such thing")
        if item == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    first, second, third, fourth = Apart(work, 2).each(range(4))

    assert (first, fourth) == (0, 3)
    assert isinstance(second, Broken)
    assert "ValueError: no such thing" in second.words
    assert third == Broken("its process ended with status -9")


def test_who_stops_early_leaves_nothing_running(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that have not ended are ended, and waited for."""
    reading, writing = os.pipe()
    begun: list[int] = []
    fork = os.fork

    def forked() -> int:
        process = fork()
        begun.append(process)
        return process

    monkeypatch.setattr(os, "fork", forked)

    def work(item: int) -> int:
        if item:
            os.read(reading, 1)  # for ever
        return item

    found = Apart(work, 3).each(range(3))

    assert next(found) == 0
    found.close()  # type: ignore[attr-defined]  # it is a generator
    os.close(reading)
    os.close(writing)
    assert len(begun) == 3
    for process in begun:
        with pytest.raises(ChildProcessError):
            os.waitpid(process, os.WNOHANG)


def test_results_may_be_longer_than_a_pipe() -> None:
    """They are read while they are written."""

    def work(item: int) -> str:
        return "x" * item

    assert list(Apart(work, 2).each([1 << 20, 3])) == ["x" * (1 << 20), "xxx"]
