"""What may become of a worker's place, as a table.

A place is kept for as long as there are to be so many workers; who is in it changes.

- STARTING: a process was started, and has not said that it serves. It may be anywhere between its first import and its
  first connection.
- SERVING: it has said so. Everybody else's word about it is asked and answered over its channel.
- LEAVING: it was told to drain, and nobody comes after it.
- WAITING: nobody is there; another process is started when its time has come.
- GONE: nobody is there, and nobody comes.
"""

from __future__ import annotations

from enum import Enum
from typing import Final


class Phase(Enum):
    """Where a place is."""

    STARTING = "starting"
    SERVING = "serving"
    LEAVING = "leaving"
    WAITING = "waiting"
    GONE = "gone"


class Event(Enum):
    """What may happen to it."""

    UP = "the process serves"
    ENDED = "the process has ended"
    LEAVE = "nobody is to be there any more"
    AGAIN = "the time has come for another"


NEXT: Final = {
    (Phase.STARTING, Event.UP): Phase.SERVING,
    (Phase.STARTING, Event.ENDED): Phase.WAITING,
    (Phase.STARTING, Event.LEAVE): Phase.LEAVING,
    (Phase.SERVING, Event.ENDED): Phase.WAITING,
    (Phase.SERVING, Event.LEAVE): Phase.LEAVING,
    (Phase.LEAVING, Event.ENDED): Phase.GONE,
    (Phase.WAITING, Event.AGAIN): Phase.STARTING,
    (Phase.WAITING, Event.LEAVE): Phase.GONE,
}
"""What is not here changes nothing."""


def after(phase: Phase, event: Event) -> Phase:
    """Return where a place is after an event."""
    return NEXT.get((phase, event), phase)
