"""What falls to the first process of a container besides serving: children that nobody else waits for, and to stay.

The kernel makes it the parent of every process whose own parent has ended, and ends the container with it.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from twisted.application.service import Service
from twisted.internet import process

from gateway.processes import init


class Reaper(Service):
    """Waits for the children that Twisted knows nothing of.

    Args:
        reactor: Has its own handler for SIGCHLD once it runs.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def startService(self) -> None:
        """Begin once the reactor has installed its handler."""
        super().startService()
        self._reactor.callWhenRunning(self._install)

    def _install(self) -> None:
        before = signal.getsignal(signal.SIGCHLD)

        def handle(number: int, frame: FrameType | None) -> None:
            if callable(before):
                before(number, frame)
            self._reactor.callFromThread(self.reap)

        signal.signal(signal.SIGCHLD, handle)
        signal.siginterrupt(signal.SIGCHLD, False)
        self.reap()

    def reap(self) -> None:
        """Wait for those that have ended, but not for those that Twisted waits for: it needs their exit codes."""
        process.reapAllProcesses()
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None or found.si_pid in process.reapProcessHandlers:
                return
            os.waitpid(found.si_pid, os.WNOHANG)


def stay(pid: int, news: int) -> None:
    """Become the program that stands for another process.

    Args:
        pid: The process that serves.
        news: Descriptor on which those that take over from it say their numbers.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, init.PASSED_ON)  # they wait for its handlers
    os.set_inheritable(news, True)
    os.execv(  # noqa: S606  # ours
        sys.executable, [sys.executable, "-I", str(Path(init.__file__)), str(pid), str(news)]
    )
