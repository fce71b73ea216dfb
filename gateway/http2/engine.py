"""What is asked of whatever reads and writes the frames of one HTTP/2 connection.

Layer 1, without I/O and without a clock: the caller passes what was read and the time, and sends what `pull` returns.
`gateway.http2.ngh2_engine` is the one implementation; `tests/http2/test_engine.py` has what every one keeps.

# Note [An engine's turns]
What was read is fed as a whole, and all events are taken before anything is done about them: `feed`, then whatever they
lead to, then `pull` until it returns nothing. The engine is never called from inside of `feed` or `pull`. A request
whose stream was reset in the same feed is not told at all: that, and not a limit, is what makes a rapid reset cheap
(CVE-2023-44487). An answer is: a server may end its stream so when it has said all.

# Note [Small frames]
What came of one stream's content in one feed is one `Data`, however many frames it came in, and whatever came on other
streams in between: a sender that puts each octet into a frame of its own costs a walk through those frames, and not a
turn of the gateway, and a chunk to the backend, for each (D-355).

A stream lives from its `Head` (or from `request`) to `Closed`. What is said to a stream that is over, or was never
there, is dropped: the peer may have reset it meanwhile. After `Broken` all is dropped, and no `Closed` comes for the
streams that were open.

Whatever the frames, an engine refuses what breaks RFC 9113 in a message: pseudo-fields twice, unknown or behind other
fields, names in upper case, fields of one connection, values with control characters, content whose length is not the
one that was said. The stream is reset with PROTOCOL_ERROR: what had begun gets `Closed`, what had not is not told.

Outward, heads are the fields as the gateway holds them; inward, they are one block of octets, since its octets are what
`gateway.http2.fields` knows it by (D-270).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from mypy_extensions import mypyc_attr

from gateway.http2 import codes, windows
from gateway.http2.events import Event, Pairs

OutwardFields = Iterable[tuple[bytes, bytes]]
"""Names in lower case, and values."""

WORN_BY: Final = 16
"""Resets of ours within content after which a connection is to be given up; see Note [Windows leak]."""


class EngineOptions(NamedTuple):
    """What a connection lets its peer do.

    Attributes:
        streams: The peer may have open at once.
        head: Octets of a head, names and values with four more each, as they would be in HTTP/1.1.
        fields: Of a head.
        resets: Streams that may be reset, in how many seconds; see `gateway.http2.abuse`.
        window: Those seconds.
        connection_window: Octets that the peer may send on all streams together before some are consumed.
        connect: Extended CONNECT is taken (RFC 8441).
    """

    streams: int = 100
    head: int = 32 * 1024
    fields: int = 200
    resets: int = 200
    window: float = 30.0
    connection_window: int = windows.CLIENTS
    connect: bool = False


class Counts(NamedTuple):
    """What a connection has seen, for tests and figures.

    Attributes:
        streams: Open now.
        resets: Streams that the peer reset, or made the engine reset.
        settings: SETTINGS of the peer.
        pings: PING of the peer.
        updates: WINDOW_UPDATE of the peer.
        worn: Resets of ours within content; see Note [Windows leak].
        waiting: Octets that wait to be sent.
    """

    streams: int
    resets: int
    settings: int
    pings: int
    updates: int
    worn: int
    waiting: int


@mypyc_attr(allow_interpreted_subclasses=True)
class Engine:
    """One end of one connection.

    # Note [Windows leak]
    ngh2 0.3.0 forgets what it has read of a DATA frame when the stream is reset before the frame is complete: up to
    16 KiB of the connection's window are gone for good each time, and uploads stop when half of the window is gone. A
    window of 1 MiB takes 28 such resets. Whoever owns a connection looks at `worn` after it has reset a stream, and
    lets the connection end (GOAWAY, and its streams go on) when it is `WORN_BY`.

    Attributes:
        ended: Nothing more can be said on it.
        has_rooms: More streams have room than were told: the next `pull`, due in the next turn, tells them.
        in_head: The peer has begun a head, and its end has not come: who waits for it bounds the time.
        worn: Resets of ours within content.
    """

    __slots__ = ("ended", "has_rooms", "in_head", "worn")

    def __init__(self) -> None:
        self.ended = False
        self.has_rooms = False
        self.in_head = False
        self.worn = 0

    # What was read, and what is to be sent.

    def feed(self, data: bytes, now: float) -> list[Event]:
        """Take what was read; returns what it says.

        Args:
            data: Cut anywhere.
            now: Monotonic seconds.
        """
        raise NotImplementedError

    def pull(self, limit: int = windows.PULL) -> tuple[bytes, list[Event]]:
        """Return what is to be sent now, up to so many octets, and what sending it leads to (`Room`, `Closed`).

        Called again until it returns no octets.
        """
        raise NotImplementedError

    # Servers.

    def respond(
        self,
        sid: int,
        status: int,
        fields: OutwardFields,
        body: bytes = b"",
        whole: bool = True,
        trailers: OutwardFields = (),
    ) -> bool:
        """Answer a stream; returns whether its source should pause, as `write` does: never where the answer is whole.

        Args:
            sid: The stream; its answer has not begun.
            status: 200 to 999.
            fields: Of the head.
            body: What is there of the content.
            whole: That is all, but for trailers.
            trailers: Of an answer that is whole.
        """
        raise NotImplementedError

    def interim(self, sid: int, status: int, fields: OutwardFields) -> None:
        """Send an interim response."""
        raise NotImplementedError

    # Clients.

    def request(self, pseudo: Pairs, fields: OutwardFields, body: bytes = b"", whole: bool = True) -> int:
        """Open a stream; returns its number, 0 where the connection takes none any more.

        Args:
            pseudo: `:method`, `:scheme`, `:authority`, `:path`.
            fields: Of the head.
            body: What is there of the content.
            whole: That is all.
        """
        raise NotImplementedError

    # Both.

    def write(self, sid: int, data: bytes, end: bool) -> bool:
        """Send content; returns whether its source should pause: `Room` comes when it may go on.

        So it is from `windows.HIGH_WATER` octets on that wait on the stream, or `windows.CONNECTION_HIGH_WATER` on the
        connection, until most of them are sent; never at the end. Note [A crowded connection] in
        `gateway.http2.windows` has when which source goes on.
        """
        raise NotImplementedError

    def trailers(self, sid: int, fields: OutwardFields) -> None:
        """End a message with trailers."""
        raise NotImplementedError

    def consume(self, sid: int, octets: int) -> None:
        """Let the peer send as many octets again; also for streams that are over."""
        raise NotImplementedError

    def reset(self, sid: int, code: int) -> None:
        """Give a stream up: what waits on it is dropped, and `Closed` comes."""
        raise NotImplementedError

    def linger(self, sid: int) -> None:
        """Say that all of a stream's answer was handed over, and that the rest of its request is not wanted.

        Nothing is sent, so that the peer can read its answer in peace: `part` tells it later. A peer that gives the
        stream up by itself is no flood then, if it has let all of the answer be sent: one that gives no window, and
        takes nothing of what was fetched for it, is (D-410). Nothing happens where the request is complete.
        """
        raise NotImplementedError

    def part(self, sid: int, code: int = codes.NO_ERROR) -> None:
        """Give a stream up once what waits on it is sent: a reset before that would take it away.

        With NO_ERROR the answer is complete, and the request is not: the rest is not wanted (RFC 9113 section 8.1).
        Where it is complete, nothing happens. Another code says that the answer is not, and why.
        """
        raise NotImplementedError

    def waiting(self, sid: int = 0) -> int:
        """Return how many octets wait to be sent on a stream, or on all."""
        raise NotImplementedError

    def notice(self) -> None:
        """Say that the connection is about to end: the peer should open no further streams (RFC 9113 section 6.8).

        `Pong` comes when it has heard so: a PING goes out behind.
        """
        raise NotImplementedError

    def goaway(self, code: int) -> None:
        """Say that no further stream is taken; those that are open go on with NO_ERROR, and end with another code."""
        raise NotImplementedError

    def ping(self) -> None:
        """Ask whether the peer is there: `Pong` comes."""
        raise NotImplementedError

    def counts(self) -> Counts:
        """Return what was counted."""
        raise NotImplementedError
