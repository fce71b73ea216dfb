"""Collect access records on the reactor, write them on a thread of their own.

A disk or a pipe that stands still must never hold up traffic: the reactor
only appends to a list and, a few times a second, hands the batch to a daemon
thread that may block. What waits for that thread is bounded; past the bound
the newest records are dropped and counted (C-27).
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Final, Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from gateway.telemetry.log_file import LogFile
from gateway.telemetry.log_lines import LogLines

FLUSH_SECONDS: Final = 0.25
"""How late a record may be."""

EARLY_BYTES: Final = 256 * 1024
"""Collected bytes that are handed over before their time."""

WAITING_BYTES: Final = 16 * 1024 * 1024
"""Bytes that may wait for the thread."""

STOP_SECONDS: Final = 2.0
"""Longest wait, on stop, for what is still to be written."""

COMPLAIN_SECONDS: Final = 60.0
"""Shortest time between two complaints in the application log."""

_log = Logger()


class Worker(Protocol):
    """As much of a thread as is needed."""

    def is_alive(self) -> bool: ...


def start_thread(work: Callable[[], None]) -> Worker:
    """Run `work` on a daemon thread: one that hangs in a dead pipe must not keep the process from ending."""
    thread = Thread(target=work, name="access-log", daemon=True)
    thread.start()
    return thread


class AccessLogWriter(Service):
    """Writes lines to a file, at most a quarter of a second late, whatever the file does.

    The thread is started in `startService`: one that was started before
    twistd forks into the background would be gone. A writer that was stopped,
    because a reload moved the log elsewhere, still writes the records of
    exchanges that began before the reload.

    Attributes:
        write: Takes one record, its line end included.
    """

    name = "access-log"

    def __init__(
        self, path: str, clock: IReactorTime, start_worker: Callable[[Callable[[], None]], Worker] = start_thread
    ) -> None:
        """Prepare to write.

        Args:
            path: Of the file, or `-` for standard output.
            clock: Tells when to flush.
            start_worker: Runs the writing loop beside the reactor.
        """
        self._clock = clock
        self._start_worker = start_worker
        self._file = LogFile(path)
        self._path = path
        self._collected = LogLines(self._early_or_late, EARLY_BYTES)
        self.write: Callable[[bytes], None] = self._collected.write
        self._late: IDelayedCall | None = None
        # Two totals, each written by one thread only, so that no lock is needed to tell what waits.
        self._handed_over = 0
        self._written = 0
        self._refused = 0
        self._queue: SimpleQueue[bytes | Callable[[], None] | None] = SimpleQueue()
        self._worker: Worker | None = None
        self._loop = LoopingCall(self._tick)
        self._loop.clock = clock
        self._complained = -COMPLAIN_SECONDS
        self._complained_of = 0

    @property
    def dropped(self) -> int:
        """Records lost so far, for want of room or because writing failed."""
        return self._refused + self._file.lost

    def reopen(self) -> None:
        """Open the path anew: what has come so far goes to the old file."""
        self._hand_over()
        self._queue.put(self._file.reopen)

    def startService(self) -> None:
        """Start the thread and the clockwork."""
        Service.startService(self)
        self._collected.early = EARLY_BYTES
        self._worker = self._start_worker(self._work)
        self._loop.start(FLUSH_SECONDS, now=False)

    def stopService(self) -> Deferred[None]:
        """Write what there is, and wait for that, but not for long."""
        Service.stopService(self)
        if self._loop.running:
            self._loop.stop()
        self._collected.early = -1
        self._hand_over()
        worker = self._worker
        if worker is None:
            return succeed(None)
        self._queue.put(None)
        done: Deferred[None] = Deferred()
        self._wait(worker, done, self._clock.seconds() + STOP_SECONDS)
        return done

    def _wait(self, worker: Worker, done: Deferred[None], until: float) -> None:
        # The reactor looks again now and then; `join` would block it while others still stop.
        if worker.is_alive() and self._clock.seconds() < until:
            self._clock.callLater(0.01, self._wait, worker, done, until)
        else:
            self._complain()
            done.callback(None)

    def _early_or_late(self) -> None:
        if self._collected.early >= 0:
            self._hand_over()
        elif self._late is None:
            self._late = self._clock.callLater(FLUSH_SECONDS, self._write_late)

    def _write_late(self) -> None:
        """Write what came after the stop, on a thread that ends with it."""
        self._late = None
        self._hand_over()
        if self.running:
            return  # `startService` came first: its thread writes what came late
        if self._worker is not None and self._worker.is_alive():
            self._late = self._clock.callLater(FLUSH_SECONDS, self._write_late)
        else:
            self._queue.put(None)
            self._worker = self._start_worker(self._work)

    def _tick(self) -> None:
        self._hand_over()
        self._complain()

    def _hand_over(self) -> None:
        collected = self._collected
        lines = collected.lines
        if not lines:
            return
        room = WAITING_BYTES - (self._handed_over - self._written)
        if collected.octets > room:
            size, keep = 0, 0
            while size + len(lines[keep]) <= room:
                size += len(lines[keep])
                keep += 1
            self._refused += len(lines) - keep
            del lines[keep:]
        batch = b"".join(lines)
        lines.clear()
        collected.octets = 0
        if batch:
            self._handed_over += len(batch)
            self._queue.put(batch)

    def _complain(self) -> None:
        now = self._clock.seconds()
        dropped = self.dropped
        if dropped > self._complained_of and now - self._complained >= COMPLAIN_SECONDS:
            _log.error(
                "access log {path}: {count} records lost: {cause}",
                path=self._path,
                count=dropped - self._complained_of,
                cause=self._file.error or "written too slowly",
                event="access_log.lost",
            )
            self._complained = now
            self._complained_of = dropped

    def _work(self) -> None:
        """What the thread does until it is told to end."""
        while (item := self._queue.get()) is not None:
            if isinstance(item, bytes):
                self._file.write(item)
                self._written += len(item)
            else:
                item()
        self._file.reopen()
