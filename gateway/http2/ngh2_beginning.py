"""ngh2, where it can be had, and what it is told at the beginning of a connection.

Layer 1. Whether there is one says `gateway.http2.library`, without loading this.

# Note [Two lines of limits]
What becomes an event of ngh2's is counted here by the caller's clock (`gateway.http2.abuse`). What does not is bounded
by libnghttp2, by a clock of its own: frames without content, frames of unknown kinds, priorities, streams over the
limit, CONTINUATION, answers to SETTINGS and PING that nobody reads. Some of its limits end the session where it stands,
without a GOAWAY: then that frame is written here. Heads are read up to four times the limits, so that a client that is
a little over them can be told 431.

Tests: `tests/http2/test_ngh2_engine.py::test_a_flood_ends_the_connection`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from gateway.http2 import codes
from gateway.http2.engine import EngineOptions
from gateway.http2.windows import STREAM

try:
    import ngh2
except ImportError:  # no wheel for this platform, and nobody has built it
    ngh2 = None  # type: ignore[assignment]

__all__ = ["KINDS", "SHARED", "begun", "ngh2"]

HEAD: Final = 1
DATA: Final = 2
TRAILERS: Final = 3
CLOSED: Final = 4
RESET: Final = 5
WINDOW: Final = 6
RARE: Final = 0
"""Any other."""

KINDS: Final[dict[Any, int]] = {}
"""Kinds of the library's events that come with requests; `isinstance` for each costs more than all else about them."""

if ngh2 is not None:
    KINDS.update(
        {
            ngh2.RequestReceived: HEAD,
            ngh2.ResponseReceived: HEAD,
            ngh2.DataReceived: DATA,
            ngh2.TrailersReceived: TRAILERS,
            ngh2.StreamClosed: CLOSED,
            ngh2.StreamReset: RESET,
            ngh2.WindowUpdated: WINDOW,
        }
    )

SHARED = ngh2.Priority(3, True) if ngh2 is not None else None  # type: ignore[redundant-expr]  # see above
"""Of usual urgency, and to be sent in turn with others (`incremental`, RFC 9218 section 4)."""

_HARD = 4
"""Heads are read up to so many times their limits."""
_RESETS = (2**32, 2**32)
"""The library's own limit for resets, which goes by the time of the machine: none, since ours goes by the caller's."""
_GLITCHES = (1000, 33)


@lru_cache(maxsize=16)
def _configuration(options: EngineOptions) -> ngh2.Configuration:
    """Return what is the same for all connections of a site."""
    return ngh2.Configuration(
        auto_window_update=False,
        max_reserved_remote_streams=0,
        stream_reset_rate_limit=_RESETS,
        glitch_rate_limit=_GLITCHES,
        # RFC 9113 section 6.5.2: each field counts 32 octets more, and here four, as a line of HTTP/1.1 has.
        max_inbound_header_list_size=_HARD * (options.head + 32 * options.fields),
        max_inbound_header_count=_HARD * options.fields,
    )


def begun(client: bool, options: EngineOptions) -> ngh2.Connection:
    """Return a connection that has our settings to send.

    Args:
        client: We open the streams.
        options: What the peer may do.
    """
    role = ngh2.Role.CLIENT if client else ngh2.Role.SERVER
    connection = ngh2.Connection(role, _configuration(options))
    settings = {codes.INITIAL_WINDOW_SIZE: STREAM}
    if client:
        settings[codes.ENABLE_PUSH] = 0
    else:
        settings[codes.MAX_CONCURRENT_STREAMS] = options.streams
        settings[codes.NO_RFC7540_PRIORITIES] = 1
        if options.connect:
            settings[codes.ENABLE_CONNECT_PROTOCOL] = 1
    connection.initiate_connection(settings)
    connection.set_local_window_size(options.connection_window)
    return connection
