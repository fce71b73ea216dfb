"""What signals mean to a gateway: SIGHUP reloads, SIGUSR1 opens the logs anew, SIGUSR2 upgrades, others stop.

`gateway.early` has noted those that came before this service was there. It is stopped after the drain: until then
SIGHUP needs a handler, since it ends a process that has none.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Collection
from types import FrameType
from typing import Any

from twisted.application.service import Service

HURRY = 3.0
"""Seconds from the second SIGTERM or SIGINT until the process is ended by it, whatever still holds it up."""

Handler = Callable[[int, FrameType | None], Any] | int | None


class Signals(Service):
    """Calls something for a signal, while it runs.

    What another part of the process does on the same signal (twistd turns its
    log file on SIGUSR1) is done as well.

    Args:
        reactor: The calls are made from its thread.
        actions: By signal number.
        early: Numbers of signals that came before this service starts.
    """

    name = "signals"

    def __init__(self, reactor: Any, actions: dict[int, Callable[[], object]], early: Collection[int] = ()) -> None:
        self._reactor = reactor
        self._actions = actions
        self._early = early
        self._before: dict[int, Handler] = {}

    def startService(self) -> None:
        """Take the signals over, and act on those that came before."""
        super().startService()
        for number, action in self._actions.items():
            before = self._before[number] = signal.getsignal(number)
            signal.signal(number, self._handler(action, before))
            # Looked at after the handler is there: between the two, a signal would be neither noted nor handled.
            if number in self._early:
                self._reactor.callFromThread(action)

    def stopService(self) -> None:
        """Give the signals back."""
        super().stopService()
        for number, before in self._before.items():
            signal.signal(number, before if before is not None else signal.SIG_DFL)
        self._before.clear()

    def _handler(self, action: Callable[[], object], before: Handler) -> Callable[[int, FrameType | None], None]:
        def handle(number: int, frame: FrameType | None) -> None:
            self._reactor.callFromThread(action)
            if callable(before):
                before(number, frame)

        return handle


class StopSignals(Service):
    """The first SIGTERM or SIGINT stops the reactor, and stopping drains; the next one cuts the drain short.

    Twisted's own handler stops a second time: that is an error in its log, and the drain goes on.

    Args:
        reactor: Has `sigTerm` and `sigInt`, which stop it and remember the signal for the exit code.
        stopping: Whether the gateway is stopping already, for whatever reason.
        hurry: Cuts the drain short.
        end: Ends the process by a signal, some seconds later, unless it has ended by then.
    """

    def __init__(
        self,
        reactor: Any,
        stopping: Callable[[], bool],
        hurry: Callable[[], object],
        end: Callable[[int], object] | None = None,
    ) -> None:
        self._reactor = reactor
        self._stopping = stopping
        self._hurry = hurry
        self._end = end or end_later
        self._asked = False

    def startService(self) -> None:
        """Take the signals over once the reactor runs: it installs its own handlers when it begins to."""
        super().startService()
        self._reactor.callWhenRunning(self._install)

    def _install(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            if signal.getsignal(number) is not signal.SIG_IGN:  # a shell's background job ignores SIGINT
                signal.signal(number, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self._asked and not self._stopping():
            self._asked = True
            first = self._reactor.sigTerm if number == signal.SIGTERM else self._reactor.sigInt
            first(number, frame)
            return
        # Whoever sends a third one means it: the kernel ends the process, whatever it is doing.
        signal.signal(number, signal.SIG_DFL)
        self._reactor.callFromThread(self._hurry)
        self._end(number)


def end_later(number: int) -> None:
    """End this process by a signal that has its default meaning, in `HURRY` seconds: so a shell sees the right code."""
    timer = threading.Timer(HURRY, os.kill, (os.getpid(), number))
    timer.daemon = True
    timer.start()
