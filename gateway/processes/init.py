"""Stand in for the first process of a container when it has handed over: its end would be the container's.

`gateway.processes.first` turns the process that has drained into this program, which takes signals for the gateway
that serves now, reaps what nobody else does, and ends as that one ends. It imports nothing but the standard library:
it may live as long as the container, across any number of upgrades.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from contextlib import suppress
from types import FrameType

PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT)


class Init:
    """Stands for one process after the other.

    Args:
        main: The process that serves.
        news: Descriptor on which each process that takes over says its number, on a line.
    """

    def __init__(self, main: int, news: int) -> None:
        self._main = main
        self._news = news

    def pass_on(self, number: int, frame: FrameType | None) -> None:
        """Send a signal on."""
        self._read()
        with suppress(ProcessLookupError):
            os.kill(self._main, number)

    def run(self) -> int:
        """Reap until the process that serves has ended; return what it ended with, negative for a signal."""
        os.set_blocking(self._news, False)
        for number in PASSED_ON:
            signal.signal(number, self.pass_on)
        # Blocked by the program before this one, so that none of them is lost between the two.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
        while True:
            try:
                # nosemgrep: blocking-process - process 1 has no reactor: to wait is all it does
                pid, status = os.waitpid(-1, 0)
            except ChildProcessError:
                return 0
            self._read()
            if pid == self._main:
                return os.waitstatus_to_exitcode(status)

    def _read(self) -> None:
        """Learn who serves now."""
        while select.select([self._news], [], [], 0)[0]:
            said = os.read(self._news, 4096)
            if not said:
                return
            self._main = int(said.split()[-1])


def main() -> None:
    """Be the program: `init.py PID DESCRIPTOR`."""
    ended = Init(int(sys.argv[1]), int(sys.argv[2])).run()
    # The first process of a container cannot end by a signal: it says so in the way that shells do.
    sys.exit(128 - ended if ended < 0 else ended)


if __name__ == "__main__":
    main()
