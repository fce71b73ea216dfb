"""Where the lines of the access log are collected: what happens for every request, apart so that it is compiled.

`gateway.telemetry.access_log` takes them from here.
"""

from __future__ import annotations

from collections.abc import Callable


class LogLines:
    """Lines that nobody has taken yet.

    Args:
        full: Called where there are more octets than `early`; it takes the lines, or sees to it that they are taken.
        early: As above.

    Attributes:
        lines: The lines, each with its end.
        octets: Of all of them.
        early: How many octets may wait.
    """

    __slots__ = ("_full", "early", "lines", "octets")

    def __init__(self, full: Callable[[], None], early: int) -> None:
        self._full = full
        self.early = early
        self.lines: list[bytes] = []
        self.octets = 0

    def write(self, line: bytes) -> None:
        """Take one line, its end included."""
        self.lines.append(line)
        self.octets += len(line)
        if self.octets > self.early:
            self._full()
