"""A file, or standard output, that takes batches of lines and never raises.

Used by the thread of `gateway.telemetry.access_log`; everything in here may
block, so nothing of it runs on the reactor's thread.
"""

from __future__ import annotations

import os
import select

STDOUT = "-"


class LogFile:
    """Where the lines go.

    Attributes:
        lost: Lines that could not be written.
        error: The last failure, as text; empty when the last write went well.
    """

    def __init__(self, path: str) -> None:
        self.lost = 0
        self.error = ""
        self._path = path
        self._fd = -1
        self._torn = False

    def write(self, data: bytes) -> None:
        """Write whole lines; what cannot be written is counted, and tried no more."""
        # A line that was cut off by a full disk is ended first: the next record must not be glued to it.
        data = b"\n" + data if self._torn else data
        view = memoryview(data)
        try:
            if self._fd < 0:
                self._open()
            while view:
                view = view[self._write_some(view) :]
            self._torn = False
            self.error = ""
        except OSError as error:
            self.lost += view.tobytes().count(b"\n")
            sent = len(data) - len(view)
            if sent:
                self._torn = data[sent - 1 : sent] != b"\n"
            self.error = str(error)

    def reopen(self) -> None:
        """Let go of the file: the next write opens what then has its name (logrotate)."""
        if self._path != STDOUT and self._fd >= 0:
            os.close(self._fd)
        self._fd = -1
        self._torn = False

    def _open(self) -> None:
        if self._path == STDOUT:
            self._fd = 1
        else:
            # O_APPEND: several processes may share the file, and logrotate's copytruncate works.
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)

    def _write_some(self, view: memoryview) -> int:
        while True:
            try:
                return os.write(self._fd, view)
            except BlockingIOError:
                # Standard output may be a pipe that somebody else made non-blocking.
                poll = select.poll()
                poll.register(self._fd, select.POLLOUT)
                poll.poll()
