"""The phases of a fetch of the cache: how far it has come, and what can happen to it.

`gateway.middleware.cache_fetch` follows the table; it keeps no other flags about its life.

# Note [The life of a fetch]
- `MADE`: nobody has been asked, and nobody can find it.
- `ASKED`: the backend has been asked; those who wait for the answer are in its list. Others find it and join them.
- `COMING`: the head of an answer that is to be kept is there, and its content comes. Nobody waits: all whom it fits
  read it as it comes, and others find it and read it from the start.
- `PASSING`: the same, but it cannot be kept any more: it is too long, broke off or has trailers. Those who read it get
  what comes; nobody finds it any more, and nothing of it is left when they are done.
- `OVER`: it has told everybody what there was to tell, or nobody wanted to know. An answer that is not kept goes on to
  the one client that it is for without its fetch.

A fetch is among those that others find (`gateway.caching.flights.Flights`) while `ASKED` or `COMING`, unless a purge
has taken it out. What it records has room (`Room`) from `COMING` until nobody reads that any more. One that waits and
leaves while others do changes nothing, nor does a reader that is not the last one. A fetch for which nobody waits, or
that nobody reads, is ended (`DROPPED`), unless it goes on for the cache alone: it is in the background, or a client
needed its head only.

A pair that is not in the table cannot happen, and is a KeyError; `tests/middleware/test_cache_fetch.py` goes through
all of them, and says of each of those why not.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Phase(IntEnum):
    """How far a fetch has come; see Note [The life of a fetch]."""

    MADE = 0
    ASKED = 1
    COMING = 2
    PASSING = 3
    OVER = 4


class Event(IntEnum):
    """What happens to a fetch."""

    BEGUN = 0
    """The backend is asked."""
    JOINED = 1
    """Another exchange wants the answer, too."""
    ASKED_ANEW = 2
    """A 304 was about something that is not kept: the backend is asked for the whole."""
    COMES = 3
    """The head of an answer that is to be kept is there."""
    TOLD = 4
    """Everybody is told: an answer that is all there, one that is not kept, what is kept, or an error."""
    WHOLE = 5
    """All of an answer that is to be kept is there."""
    UNKEPT = 6
    """What was to be kept cannot be."""
    DROPPED = 7
    """Nobody wants the answer."""


BEGUN: Final = {Phase.MADE: Phase.ASKED}
JOINED: Final = {Phase.ASKED: Phase.ASKED, Phase.COMING: Phase.COMING}
ASKED_ANEW: Final = {Phase.ASKED: Phase.ASKED}
COMES: Final = {Phase.ASKED: Phase.COMING}
TOLD: Final = {Phase.ASKED: Phase.OVER}
WHOLE: Final = {Phase.COMING: Phase.OVER}
UNKEPT: Final = {Phase.COMING: Phase.PASSING}
DROPPED: Final = {Phase.ASKED: Phase.OVER, Phase.COMING: Phase.OVER, Phase.PASSING: Phase.OVER}

NEXT: Final[dict[Event, dict[Phase, Phase]]] = {
    Event.BEGUN: BEGUN,
    Event.JOINED: JOINED,
    Event.ASKED_ANEW: ASKED_ANEW,
    Event.COMES: COMES,
    Event.TOLD: TOLD,
    Event.WHOLE: WHOLE,
    Event.UNKEPT: UNKEPT,
    Event.DROPPED: DROPPED,
}
"""For each event, the phases in which it can come, and the phase that follows."""

FOUND: Final = frozenset([Phase.ASKED, Phase.COMING])
"""Those in which others find it."""
