"""What signals mean to a gateway: SIGHUP reloads, SIGUSR1 opens the logs anew.

SIGTERM and SIGINT are the reactor's own: it stops, and stopping drains.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from twisted.application.service import Service

Handler = Callable[[int, FrameType | None], Any] | int | None


class Signals(Service):
    """Calls something for a signal, while it runs.

    What another part of the process does on the same signal (twistd turns its
    log file on SIGUSR1) is done as well.

    Args:
        reactor: The calls are made from its thread.
        actions: By signal number.
    """

    name = "signals"

    def __init__(self, reactor: Any, actions: dict[int, Callable[[], object]]) -> None:
        self._reactor = reactor
        self._actions = actions
        self._before: dict[int, Handler] = {}

    def startService(self) -> None:
        """Take the signals over."""
        super().startService()
        for number, action in self._actions.items():
            before = self._before[number] = signal.getsignal(number)
            signal.signal(number, self._handler(action, before))

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
