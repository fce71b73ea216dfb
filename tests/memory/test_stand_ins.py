"""What stands in for files and threads keeps their promises."""

from __future__ import annotations

from twisted.python.failure import Failure

from gateway.memory.stand_ins import MemoryLog, NoThreads


def test_lines_are_kept_in_order() -> None:
    """And none is dropped."""
    log = MemoryLog()
    log.write(b"one")
    log.write(b"two")

    assert (log.lines, log.dropped) == ([b"one", b"two"], 0)


def test_work_is_done_at_once() -> None:
    """And what it raises comes as a thread would bring it."""
    results: list[object] = []
    failures: list[Failure] = []
    NoThreads().call(divmod, 7, 3).addCallback(results.append)
    NoThreads().call(divmod, 7, 0).addErrback(failures.append)

    assert results == [(2, 1)]
    assert [failure.type for failure in failures] == [ZeroDivisionError]
