"""The log file of `twistd --logfile`, as several processes may write it: workers, and one that takes over from another.

Twisted's own writes at the place that it remembers, over the lines of the other process.

# Note [One of them rotates]
SIGUSR1 comes to one process, and a file is full for whoever writes the line that fills it. The others find out before
their next line: what has the name by then is another file than theirs. Where nothing has the name (logrotate has moved
the file) they go on in the old one until the process that gets the signal has begun another.
"""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from twisted.logger import ILogObserver, textFileLogObserver
from twisted.python.logfile import LogFile


class SharedLogFile(LogFile):
    """A log file whose every line goes to its end, wherever that is by then."""

    def _openFile(self) -> None:  # noqa: N802  # Twisted's name
        super()._openFile()
        descriptor = self._file.fileno()
        fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_APPEND)

    def write(self, data: str) -> None:
        """Write a line, into the file that has the name now: Note [One of them rotates]."""
        if self._is_elsewhere():
            self.reopen()
        super().write(data)

    def rotate(self) -> None:
        """Begin another file; go on in the one that another process has begun, where it has."""
        # Of a duplicate, since Twisted closes the file before it gives it another name. Two processes whose lines fill
        # it in the same moment would otherwise both move it, and what the first has begun would be the second's past.
        held = os.dup(self._file.fileno())
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            if self._is_elsewhere() or not Path(self.path).exists():
                self.reopen()
            else:
                super().rotate()
        finally:
            os.close(held)

    def reopen(self) -> None:
        """Go on in what has the name; in the file that is open where that cannot be had."""
        before = self._file
        with suppress(OSError):
            self._openFile()
        if self._file is not before:
            before.close()

    def _is_elsewhere(self) -> bool:
        """Whether another file has the name."""
        try:
            return not os.path.samestat(os.fstat(self._file.fileno()), Path(self.path).stat())
        except OSError:
            return False


def log_to_file(path: str, call: Callable[[Callable[[], Any]], Any]) -> ILogObserver:
    """Return an observer that writes as twistd's own does, and begins another file on SIGUSR1.

    Args:
        path: The file.
        call: Calls something from the reactor's thread.
    """
    file = SharedLogFile.fromFullPath(path)
    if not signal.getsignal(signal.SIGUSR1):
        signal.signal(signal.SIGUSR1, lambda *_: call(file.rotate))
    return textFileLogObserver(file)
