"""How much may be on its way: the sizes of flow control, and what a receiver owes its peer.

Layer 1. An engine gives a window back only for what was consumed (`gateway.http2.engine.Engine.consume`), so whoever
takes a body decides how fast its sender may go on.

# Note [Windows and the sizes of bodies]
A stream's window is what a `Body` may hold before it pauses its source (`gateway.body.HIGH_WATER`): what one stream
sends while nobody takes it fits into one body. A connection from a client has 16 such windows, so that many uploads go
on while some stand still; it is also what bounds what the connection can make the gateway hold. A connection to a
backend has one for each stream and 1 MiB more: clients that read slowly hold their own streams, and never the
connection that others' answers come by.

# Note [A crowded connection]
What waits to be sent is bounded for each stream (`HIGH_WATER`) and for the connection (`CONNECTION_HIGH_WATER`). The
latter may be used up by streams that stand still, since their windows are full: they must not hold up the others. So on
a crowded connection a source goes on when all that it has written is out, a chunk at a time. And sources are told of
room `ROOMS` at a time, the others in the next turn: were a hundred told at once, each would read a chunk before any of
them knew that the connection is crowded again.
"""

from __future__ import annotations

from typing import Final

STREAM: Final = 64 * 1024
"""Octets that a peer may send on a stream before some are consumed."""

CLIENTS: Final = 1024 * 1024
"""The same for all streams of a client's connection."""

HIGH_WATER: Final = 64 * 1024
"""Octets that wait to be sent on a stream, from which on its source is to pause."""
LOW_WATER: Final = 32 * 1024
"""The same, down to which it is to go on."""

CONNECTION_HIGH_WATER: Final = 256 * 1024
"""`HIGH_WATER` for all streams of a connection together: from here on every source that writes is to pause."""
CONNECTION_LOW_WATER: Final = 128 * 1024
"""`LOW_WATER` likewise; Note [A crowded connection] has what holds above it."""

ROOMS: Final = 4
"""Sources that are told at once that they may go on."""

PULL: Final = 128 * 1024
"""Octets taken from an engine at once, at most: what is not taken is not framed, and priorities still apply to it."""


def of_backend(streams: int) -> int:
    """Return the window of a connection to a backend that carries so many streams."""
    return streams * STREAM + 1024 * 1024


class Owed:
    """What one stream has received and not given back yet.

    Attributes:
        paused: Nobody takes what comes.
        octets: Received meanwhile.
    """

    __slots__ = ("octets", "paused")

    def __init__(self) -> None:
        self.paused = False
        self.octets = 0

    def received(self, octets: int) -> int:
        """Take note of octets; returns how many to consume now."""
        if self.paused:
            self.octets += octets
            return 0
        return octets

    def pause(self) -> None:
        """Give nothing back until `settle`."""
        self.paused = True

    def settle(self) -> int:
        """Give back from now on; returns how many octets to consume."""
        self.paused = False
        octets, self.octets = self.octets, 0
        return octets
