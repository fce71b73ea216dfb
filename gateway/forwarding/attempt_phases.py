"""The phases of an attempt: how far it has come, and what can happen to it.

`gateway.forwarding.attempt` follows the table; it keeps no other flags about its life.

# Note [The life of an attempt]
- `MADE`: nobody has been asked for a stream, and it counts nowhere.
- `WAITING`: it counts as in flight at its backend, and waits for a stream; until then it is watched here.
- `SENT`: it has a stream, which sends its request and watches for the answer.
- `ANSWERED`: the observer was told of the head of the answer, its content comes; or of a 101.
- `HELD`: the same, but the observer keeps the head for itself: if the stream breaks off, it is as if none had come.
- `OVER`: it does not count any more (a tunnel that it has become does), and the observer has been told.

An answer that comes in one read is told once the attempt is over, so that its connection may serve the next one while
this answer is on its way: `HEAD` may come in `OVER`, too. What comes to an attempt that is over in another way changes
nothing: the observer was told once.

A pair that is not in the table cannot happen, and is a KeyError; `tests/forwarding/test_attempt.py` goes through all of
them.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Phase(IntEnum):
    """How far an attempt has come; see Note [The life of an attempt]."""

    MADE = 0
    WAITING = 1
    SENT = 2
    ANSWERED = 3
    HELD = 4
    OVER = 5


class Event(IntEnum):
    """What happens to an attempt."""

    STARTED = 0
    """It is to begin."""
    CONNECTED = 1
    """There is a stream, and the request goes out."""
    HEAD = 2
    """The head of the answer is there, or a 101."""
    HOLD = 3
    """The observer keeps the head for itself."""
    FINISHED = 4
    """The answer is complete."""
    FAILED = 5
    """There is no stream, it broke off, or time is up."""
    CANCELLED = 6
    """The exchange is over for another reason."""
    DISCARDED = 7
    """Another attempt takes its place."""
    TAKEN = 8
    """The client's end takes the tunnel."""


STARTED: Final = {Phase.MADE: Phase.WAITING}
CONNECTED: Final = {Phase.WAITING: Phase.SENT}
HEAD: Final = {Phase.SENT: Phase.ANSWERED, Phase.OVER: Phase.OVER}
HOLD: Final = {Phase.ANSWERED: Phase.HELD}
FINISHED: Final = {Phase.SENT: Phase.OVER, Phase.ANSWERED: Phase.OVER, Phase.HELD: Phase.OVER}
ENDED: Final = {**FINISHED, Phase.WAITING: Phase.OVER, Phase.OVER: Phase.OVER}
DISCARDED: Final = {Phase.ANSWERED: Phase.OVER, Phase.OVER: Phase.OVER}
TAKEN: Final = {Phase.ANSWERED: Phase.OVER}

NEXT: Final[dict[Event, dict[Phase, Phase]]] = {
    Event.STARTED: STARTED,
    Event.CONNECTED: CONNECTED,
    Event.HEAD: HEAD,
    Event.HOLD: HOLD,
    Event.FINISHED: FINISHED,
    Event.FAILED: ENDED,
    Event.CANCELLED: ENDED,
    Event.DISCARDED: DISCARDED,
    Event.TAKEN: TAKEN,
}
"""For each event, the phases in which it can come, and the phase that follows."""
