"""Where the lines of the access log are collected: what happens for every request, apart so that it is compiled.

`gateway.telemetry.access_log` takes them from here, and `gateway.telemetry.shipped_lines` those that are sent away.
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

    def take(self) -> list[bytes]:
        """Return the lines there are, and begin anew."""
        lines, self.lines, self.octets = self.lines, [], 0
        return lines


class Twofold:
    """Hands each line to two that take it.

    Args:
        write: Takes it first.
        collected: Takes it too.
    """

    __slots__ = ("_collected", "_write")

    def __init__(self, write: Callable[[bytes], None], collected: LogLines) -> None:
        self._write = write
        self._collected = collected

    def write(self, line: bytes) -> None:
        """Hand a line on."""
        self._write(line)
        self._collected.write(line)
