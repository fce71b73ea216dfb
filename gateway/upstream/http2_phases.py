"""The phases of a backend's HTTP/2 connection, and of each stream on it.

`gateway.upstream.http2_connection` and `gateway.upstream.http2_stream` follow the tables, and keep no other flags about
their lives.

# Note [The life of a backend's HTTP/2 connection]
- `OPEN`: it takes streams, up to `most`. There is no phase in which the backend's settings are awaited: streams may be
  opened before they come (RFC 9113 section 3.4), and what goes over the backend's limit it refuses as not processed.
- `LEAVING`: it takes none any more. The backend has said so (GOAWAY), the connection is worn (Note [Windows leak] in
  `gateway.http2.engine`), or may be authenticated. What is open goes on, and with the last of it the connection ends.
- `CLOSING`: we have closed or reset it; the keeper does not count it any more. A deadline sees to it that it ends.
- `LOST`: the transport is gone.

# Note [The life of a backend's stream]
- `LENT`: the keeper has opened it for an attempt, which sends or gives it back before the reactor turns.
- `UPLOADING`: the head of a request is out, content is still to come from the client; no answer was told.
- `WAITING`: all of the request is handed over; no answer was told. Most requests go from `LENT` here.
- `EARLY`: content is still to come, and the head of the answer was told already.
- `ANSWERING`: all of the request is handed over, the head of the answer was told, its content comes.
- `OVER`: its attempt hears nothing more, and its place is free. The engine may have frames of it to send or to read:
  they are dropped, and given back to the window.

An answer that is complete leads to `OVER` from each of the four phases between. Two things are no phases, since they
change in any of these: whether the client takes what we read, and whether the backend takes what we write. They decide
together with the phase whose turn it is (`Http2Stream._settle`).

A pair that is not in a table cannot happen, and is a KeyError.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Phase(IntEnum):
    """Whether a connection takes streams; see Note [The life of a backend's HTTP/2 connection]."""

    OPEN = 0
    LEAVING = 1
    CLOSING = 2
    LOST = 3


LEFT: Final = {
    Phase.OPEN: Phase.LEAVING,
    Phase.LEAVING: Phase.LEAVING,
    Phase.CLOSING: Phase.CLOSING,
    Phase.LOST: Phase.LOST,
}
"""It takes no more streams."""
CLOSED: Final = {**dict.fromkeys(Phase, Phase.CLOSING), Phase.LOST: Phase.LOST}
"""We close or reset it."""
DISCONNECTED: Final = dict.fromkeys(Phase, Phase.LOST)
"""The transport is gone."""


class StreamPhase(IntEnum):
    """How far a stream has come; see Note [The life of a backend's stream]."""

    LENT = 0
    UPLOADING = 1
    WAITING = 2
    EARLY = 3
    ANSWERING = 4
    OVER = 5


SENT: Final = {StreamPhase.LENT: StreamPhase.WAITING}
"""The whole request is handed over."""
BEGUN: Final = {StreamPhase.LENT: StreamPhase.UPLOADING}
"""The head of a request is handed over, content is to come."""
CONTENT_ENDED: Final = {StreamPhase.UPLOADING: StreamPhase.WAITING, StreamPhase.EARLY: StreamPhase.ANSWERING}
"""The last of the request's content is handed over."""
HEAD: Final = {StreamPhase.UPLOADING: StreamPhase.EARLY, StreamPhase.WAITING: StreamPhase.ANSWERING}
"""The attempt is told the head of the answer, and not all of its content is there."""
ENDED: Final = dict.fromkeys(
    [
        StreamPhase.LENT,
        StreamPhase.UPLOADING,
        StreamPhase.WAITING,
        StreamPhase.EARLY,
        StreamPhase.ANSWERING,
    ],
    StreamPhase.OVER,
)
"""The answer is complete, it failed, or it was given up or back."""

UPLOADS: Final = frozenset([StreamPhase.UPLOADING, StreamPhase.EARLY])
