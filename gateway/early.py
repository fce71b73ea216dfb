"""Signals that arrive before there is a gateway to act on them: noted, so that they do not end the process.

Called by `gateway.cli` and by the twistd plugin before they import anything that takes time, so nothing but `signal`
is imported here. `gateway.tap` hands what was noted to `Signals`, which acts on it once the reactor runs.
"""

from __future__ import annotations

import signal
from types import FrameType

HELD = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
"""Signals that a running gateway acts on, and that end a process which has no handler for them."""


class Noted:
    """A signal handler that remembers which signals came.

    Attributes:
        numbers: Of the signals that came.
    """

    def __init__(self) -> None:
        self.numbers: set[int] = set()

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Remember a signal."""
        self.numbers.add(number)

    def __bool__(self) -> bool:
        """Be false: twistd installs its handler for SIGUSR1 (it rotates the log file) only over a false one."""
        return False


noted = Noted()
"""The handler of this process."""


def hold() -> None:
    """Note SIGHUP, SIGUSR1 and SIGUSR2 from now on; let SIGINT end the process as SIGTERM does, without a traceback.

    The reactor takes SIGTERM and SIGINT over when it runs. Until then no client is served, so the process may end at
    once.
    """
    for number in HELD:
        signal.signal(number, noted)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a shell's background job ignores it
        signal.signal(signal.SIGINT, signal.SIG_DFL)
