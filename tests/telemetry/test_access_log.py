"""The writer of the access log: never late, never in the way, never unbounded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from gateway.telemetry.access_log import COMPLAIN_SECONDS, EARLY_BYTES, FLUSH_SECONDS, WAITING_BYTES, AccessLogWriter


class Stalled:
    """A thread that does not get on, until the test lets it."""

    def __init__(self) -> None:
        self.works: list[Callable[[], None]] = []
        self.alive = True

    def __call__(self, work: Callable[[], None]) -> Stalled:
        self.works.append(work)
        self.alive = True
        return self

    def is_alive(self) -> bool:
        return self.alive

    def get_on(self) -> None:
        """Do everything there is to do, up to the end that was asked for."""
        self.works.pop()()
        self.alive = False


def queued(writer: AccessLogWriter) -> list[bytes]:
    """Take what was handed to the thread so far, and account for it as written."""
    items = []
    while not writer._queue.empty():
        item = writer._queue.get()
        if isinstance(item, bytes):
            writer._written += len(item)
            items.append(item)
    return items


@pytest.fixture
def clock() -> Clock:
    """Time that moves when the test says so."""
    return Clock()


@pytest.fixture
def worker() -> Stalled:
    """A thread that does nothing by itself."""
    return Stalled()


@pytest.fixture
def writer(tmp_path: Path, clock: Clock, worker: Stalled) -> AccessLogWriter:
    """Started, on a file."""
    writer = AccessLogWriter(str(tmp_path / "access.log"), clock, worker)
    writer.startService()
    return writer


def test_the_thread_starts_with_the_service(tmp_path: Path, clock: Clock, worker: Stalled) -> None:
    """Not before: a daemonising twistd forks in between, and threads do not survive that."""
    writer = AccessLogWriter(str(tmp_path / "access.log"), clock, worker)
    writer.write(b"early\n")
    assert worker.works == []

    writer.startService()
    clock.advance(FLUSH_SECONDS)

    assert len(worker.works) == 1
    assert queued(writer) == [b"early\n"]


def test_records_are_handed_over_together_in_time(writer: AccessLogWriter, clock: Clock) -> None:
    """One batch a quarter of a second, nothing where nothing came."""
    writer.write(b"1\n")
    writer.write(b"2\n")
    assert queued(writer) == []

    clock.advance(FLUSH_SECONDS)
    assert queued(writer) == [b"1\n2\n"]

    clock.advance(FLUSH_SECONDS)
    assert queued(writer) == []


def test_many_records_go_before_their_time(writer: AccessLogWriter) -> None:
    """A busy quarter of a second does not collect megabytes."""
    line = b"x" * 1023 + b"\n"
    for _ in range(EARLY_BYTES // len(line) + 1):
        writer.write(line)

    assert sum(map(len, queued(writer))) > EARLY_BYTES


def test_a_stalled_disk_costs_the_newest_records_and_bounded_memory(writer: AccessLogWriter, clock: Clock) -> None:
    """What fits waits, in order; what comes after is dropped and counted; later records are taken again."""
    line = b"x" * 99_999 + b"\n"
    fitting = WAITING_BYTES // len(line)
    for number in range(fitting + 50):
        writer.write(b"%05d" % number + line[5:])
    clock.advance(FLUSH_SECONDS)

    waiting = b"".join(queued(writer))
    assert len(waiting) <= WAITING_BYTES
    assert [record[:5] for record in waiting.splitlines()] == [b"%05d" % number for number in range(fitting)]
    assert writer.dropped == 50

    writer.write(b"again\n")
    clock.advance(FLUSH_SECONDS)
    assert queued(writer) == [b"again\n"]


def test_lost_records_are_complained_about_once_a_minute(writer: AccessLogWriter, clock: Clock) -> None:
    """The application log has how many and why, not a line for each."""
    with capturedLogs() as events:
        for lost in (3, 4):
            writer._file.lost += lost
            writer._file.error = "No space left on device"
            clock.advance(FLUSH_SECONDS)
        assert [(event["count"], event["cause"]) for event in events] == [(3, "No space left on device")]

        clock.pump([FLUSH_SECONDS] * int(COMPLAIN_SECONDS / FLUSH_SECONDS))
        assert [event["count"] for event in events] == [3, 4]


def test_stop_writes_the_rest(writer: AccessLogWriter, worker: Stalled, clock: Clock, tmp_path: Path) -> None:
    """A record that came just before the end is in the file when the service has stopped."""
    writer.write(b"last\n")
    stopped = writer.stopService()
    assert not stopped.called

    worker.get_on()
    clock.advance(0.01)

    assert stopped.called
    assert (tmp_path / "access.log").read_bytes() == b"last\n"
    assert clock.getDelayedCalls() == []


def test_stop_does_not_wait_for_a_dead_disk(writer: AccessLogWriter, clock: Clock) -> None:
    """After two seconds the process may end."""
    writer.write(b"last\n")
    stopped = writer.stopService()
    clock.pump([0.01] * 190)
    assert not stopped.called

    clock.pump([0.01] * 20)
    assert stopped.called


def test_reopen_keeps_the_order(writer: AccessLogWriter, worker: Stalled, tmp_path: Path) -> None:
    """Records from before go to the file that was open; it is the new one that gets the next."""
    path, rotated = tmp_path / "access.log", tmp_path / "access.log.1"
    writer._file.write(b"0\n")
    path.rename(rotated)
    writer.write(b"1\n")
    writer.reopen()
    writer.write(b"2\n")
    writer.stopService()
    worker.get_on()

    assert rotated.read_bytes() == b"0\n1\n"
    assert path.read_bytes() == b"2\n"


def test_the_real_thread_writes(tmp_path: Path, clock: Clock) -> None:
    """With the thread that is used in earnest, on a real file."""
    path = tmp_path / "access.log"
    writer = AccessLogWriter(str(path), clock)
    writer.startService()
    worker = writer._worker
    writer.write(b"1\n")
    clock.advance(FLUSH_SECONDS)
    writer.write(b"2\n")
    writer.stopService()
    worker.join(10)  # type: ignore[union-attr]  # a Thread, of which Worker shows less

    assert path.read_bytes() == b"1\n2\n"
    assert writer.dropped == 0


def test_a_record_that_comes_after_the_stop_is_written(
    writer: AccessLogWriter, worker: Stalled, clock: Clock, tmp_path: Path
) -> None:
    """A reload moved the log; exchanges from before it end later, and are logged where theirs was."""
    writer.write(b"1\n")
    writer.stopService()
    writer.write(b"2\n")
    clock.advance(FLUSH_SECONDS)
    worker.get_on()
    clock.advance(FLUSH_SECONDS)
    worker.get_on()
    assert (tmp_path / "access.log").read_bytes() == b"1\n2\n"

    writer.write(b"3\n")
    clock.advance(FLUSH_SECONDS)
    worker.get_on()
    assert (tmp_path / "access.log").read_bytes() == b"1\n2\n3\n"
    assert clock.getDelayedCalls() == []


def test_a_writer_that_was_never_started_stops_at_once(tmp_path: Path, clock: Clock) -> None:
    """A start that failed elsewhere stops every service."""
    writer = AccessLogWriter(str(tmp_path / "access.log"), clock)

    assert writer.stopService().called
