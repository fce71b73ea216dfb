"""What stands in for files and threads: lines are kept, work is done at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred


class MemoryLog:
    """An access log that keeps its lines (`gateway.telemetry.access_log.AccessLogWriter`).

    Attributes:
        lines: Written so far.
        dropped: Lines that were lost: none ever is.
    """

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.dropped = 0
        self.running = True

    def write(self, line: bytes) -> None:
        """Keep a line."""
        self.lines.append(line)


class NoThreads(Service):
    """Does at once what threads would do (`gateway.transport.threads.Threads`)."""

    def call(self, work: Callable[..., Any], /, *arguments: Any) -> Deferred[Any]:
        """Do the work, and return what came of it."""
        return maybeDeferred(work, *arguments)
