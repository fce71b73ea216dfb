"""The last lines of the application log, for the live page: kept from the moment that somebody first asks for them.

Lines go on to where they always went; this is one more observer, of a bounded number of lines of a bounded length.
"""

from __future__ import annotations

import json
from collections import deque
from typing import Any, Final

from twisted.logger import FilteringLogObserver, ILogObserver, LogEvent, LogPublisher, globalLogPublisher
from zope.interface import implementer

from gateway.telemetry.logging import Levels, as_json, levels

MOST: Final = 200
"""Lines that wait to be taken; of more, the oldest are left out."""

LONGEST: Final = 4000
"""Characters of a message or a traceback that are kept."""

Line = dict[str, Any]
"""Time, level, logger and message, and a traceback where there is one."""


@implementer(ILogObserver)
class LogTail:
    """Keeps lines until they are taken.

    Threads log too: a line is put, or taken, in one step.
    """

    def __init__(self) -> None:
        self._lines: deque[Line] = deque(maxlen=MOST)

    def __call__(self, event: LogEvent) -> None:
        """Keep a line."""
        record = json.loads(as_json(event))
        line: Line = {key: str(record.get(key, "")) for key in ("timestamp", "level", "logger", "message")}
        line["message"] = line["message"][:LONGEST]
        if "traceback" in record:
            line["traceback"] = str(record["traceback"])[-LONGEST:]
        self._lines.append(line)

    def taken(self) -> list[Line]:
        """Return the lines since the last call."""
        found: list[Line] = []
        while self._lines:
            found.append(self._lines.popleft())
        return found


def follow(chosen: Levels = levels, publisher: LogPublisher = globalLogPublisher) -> LogTail:
    """Keep what the log has from now on.

    Args:
        chosen: Which events are lines.
        publisher: Has them.
    """
    tail = LogTail()
    publisher.addObserver(FilteringLogObserver(tail, [chosen]))
    return tail
