"""The log file of `twistd --logfile`, as several processes may write it: while one takes over from another, both do.

Twisted's own writes at the place that it remembers, over the lines of the other process.
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

    def rotate(self) -> None:
        """Begin another file; go on in the one that another process has begun, where it has."""
        with suppress(OSError):
            if not os.path.samestat(os.fstat(self._file.fileno()), Path(self.path).stat()):
                self.reopen()
                return
        super().rotate()


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
