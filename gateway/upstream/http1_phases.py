"""The phases of a backend connection of HTTP/1.1: what it is busy with, and what can happen to it.

`gateway.upstream.http1_connection` follows the table; it keeps no other flags about its life.

# Note [The life of a backend connection]
A connection carries one request at a time, and this is the time's name:

- `IDLE`: nobody uses it. The keeper may have it among its unused ones; what the backend says now was not asked for, and
  ends it.
- `LENT`: the keeper has opened its stream for an attempt, which sends or gives it back before the reactor turns.
- `UPLOADING`: the head of a request is out, content is still to come from the client; nothing of an answer's head.
- `WAITING`: all of the request is out; nothing of an answer's head. Most requests go from `LENT` here.
- `EARLY`: content is still to come, and the head of the answer is there already.
- `ANSWERING`: all of the request is out, the head of the answer is there, its content comes.
- `SWITCHED`: the answer was a 101. The steps of the chain look at it, nothing is read, and what comes all the same is
  kept for the client's end.
- `TUNNEL`: the client's end has joined; octets pass both ways.
- `BACKEND_ENDED`, `CLIENT_ENDED`: a tunnel of which one side will send no more.
- `CLOSING`: we have closed or reset it; the keeper does not count it any more. A deadline sees to it that it ends.
- `LOST`: the transport is gone.

An attempt hears of what happens from `UPLOADING` up to `SWITCHED`, and in no other phase. The keeper counts the tunnel
as in flight in the three phases of a tunnel. An answer that is complete leads to `IDLE` even where the connection is
not fit for another request; then `CLOSED` follows at once, and nobody gets it in between.

Two things are no phases, since they change in any of these: whether the client takes what we read, and whether the
backend takes what we write. They decide together with the phase whose turn it is (`Http1Connection._settle`).

A pair that is not in the table cannot happen, and is a KeyError; `tests/upstream/test_http1_phases.py` goes through
all of them, and says of each of those why not.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Phase(IntEnum):
    """What a connection is busy with; see Note [The life of a backend connection]."""

    IDLE = 0
    LENT = 1
    UPLOADING = 2
    WAITING = 3
    EARLY = 4
    ANSWERING = 5
    SWITCHED = 6
    TUNNEL = 7
    BACKEND_ENDED = 8
    CLIENT_ENDED = 9
    CLOSING = 10
    LOST = 11


class Event(IntEnum):
    """What happens to a connection."""

    OPENED = 0
    """The keeper opens the stream."""
    RETURNED = 1
    """Who got the stream gives it back without having sent."""
    SENT = 2
    """The whole request is written."""
    BEGUN = 3
    """The head of a request is written, content is to come."""
    CONTENT_ENDED = 4
    """The last of the request's content is written."""
    HEAD = 5
    """The head of the answer is there, and not all of its content."""
    COMPLETED = 6
    """The answer is complete."""
    SWITCHES = 7
    """The answer is a 101."""
    JOINED = 8
    """The client's end of the tunnel is there."""
    BACKEND_ENDS = 9
    """The backend has closed its half."""
    CLIENT_ENDS = 10
    """The client has closed its half of the tunnel."""
    CLOSED = 11
    """We close or reset the connection."""
    DISCONNECTED = 12
    """The transport is gone."""


OPENED: Final = {Phase.IDLE: Phase.LENT}
RETURNED: Final = {Phase.LENT: Phase.IDLE}
SENT: Final = {Phase.LENT: Phase.WAITING}
BEGUN: Final = {Phase.LENT: Phase.UPLOADING}
CONTENT_ENDED: Final = {Phase.UPLOADING: Phase.WAITING, Phase.EARLY: Phase.ANSWERING}
HEAD: Final = {Phase.UPLOADING: Phase.EARLY, Phase.WAITING: Phase.ANSWERING}
COMPLETED: Final = {
    Phase.UPLOADING: Phase.IDLE,
    Phase.WAITING: Phase.IDLE,
    Phase.EARLY: Phase.IDLE,
    Phase.ANSWERING: Phase.IDLE,
    Phase.LOST: Phase.LOST,  # an answer whose end is the end of the connection
}
SWITCHES: Final = {Phase.WAITING: Phase.SWITCHED}
JOINED: Final = {
    Phase.SWITCHED: Phase.TUNNEL,
    # It ended while the steps of the chain looked at the 101: the client's end is told so as it joins.
    Phase.CLOSING: Phase.CLOSING,
    Phase.LOST: Phase.LOST,
}
# When a backend has closed its half, its connection is closed, except in a tunnel: an answer that goes on until the
# close is complete by that, and every other answer that is under way fails.
BACKEND_ENDS: Final = {
    **dict.fromkeys(Phase, Phase.CLOSING),
    Phase.TUNNEL: Phase.BACKEND_ENDED,
    Phase.BACKEND_ENDED: Phase.BACKEND_ENDED,
    Phase.LOST: Phase.LOST,
}
CLIENT_ENDS: Final = {
    Phase.TUNNEL: Phase.CLIENT_ENDED,
    Phase.CLIENT_ENDED: Phase.CLIENT_ENDED,
    Phase.BACKEND_ENDED: Phase.CLOSING,  # Twisted leaves a connection open whose halves are both closed
    Phase.CLOSING: Phase.CLOSING,
    Phase.LOST: Phase.LOST,
}
CLOSED: Final = {**dict.fromkeys(Phase, Phase.CLOSING), Phase.LOST: Phase.LOST}
DISCONNECTED: Final = dict.fromkeys(Phase, Phase.LOST)

NEXT: Final[dict[Event, dict[Phase, Phase]]] = {
    Event.OPENED: OPENED,
    Event.RETURNED: RETURNED,
    Event.SENT: SENT,
    Event.BEGUN: BEGUN,
    Event.CONTENT_ENDED: CONTENT_ENDED,
    Event.HEAD: HEAD,
    Event.COMPLETED: COMPLETED,
    Event.SWITCHES: SWITCHES,
    Event.JOINED: JOINED,
    Event.BACKEND_ENDS: BACKEND_ENDS,
    Event.CLIENT_ENDS: CLIENT_ENDS,
    Event.CLOSED: CLOSED,
    Event.DISCONNECTED: DISCONNECTED,
}
"""For each event, the phases in which it can come, and the phase that follows. Its columns have names, too: a
connection looks one up at every step."""

TUNNELS: Final = frozenset([Phase.TUNNEL, Phase.BACKEND_ENDED, Phase.CLIENT_ENDED])
UPLOADS: Final = frozenset([Phase.UPLOADING, Phase.EARLY])
