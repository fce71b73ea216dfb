"""The phases of a client's HTTP/2 connection: whether it takes streams, and how it ends.

What is on it are its streams, each with an exchange of its own (`gateway.serving.http2_stream`); the phases say what
the connection does with new ones:

* `NEW`: the client has sent its preface, and its settings are awaited. Ends with them, or after
  `timeouts.client_header`.
* `OPEN`: streams are taken. Without one it ends after `timeouts.client_idle`; otherwise when the gateway drains, when
  it is old enough (`timeouts.client_max_age`), or has had its share of requests.
* `NOTICED`: the client has been told that the connection is about to end, and should open no further streams; those
  that it had sent before it knew are taken (RFC 9113 section 6.8). Ends when the client answers the PING that was sent
  behind, or after a second.
* `LEAVING`: the last stream that is taken has been named (GOAWAY); what is open is finished. Ends with the last one.
* `CLOSING`: nothing more is said. The transport has been told to close, and sends what is written first.
* `CLOSED`: the transport is gone.

A pair that is not in `NEXT` changes nothing. `tests/serving/test_http2_phases.py` walks every pair on the real channel.
"""

from __future__ import annotations

from enum import IntEnum, unique
from typing import Final


@unique
class Phase(IntEnum):
    """What becomes of new streams; in those before `LEAVING` they are taken."""

    NEW = 0
    OPEN = 1
    NOTICED = 2
    LEAVING = 3
    CLOSING = 4
    CLOSED = 5


@unique
class Event(IntEnum):
    """What happens to a connection."""

    SETTINGS = 0
    """The client's settings have come."""
    PARTED = 1
    """It is to end in good order: the gateway drains, or it is old, or worn."""
    HEARD = 2
    """The client has heard so, or a second has passed."""
    IDLED = 3
    """No stream was open for `timeouts.client_idle`."""
    ENDED = 4
    """Nothing more is to be said: all is done, or the client broke the rules, or it has closed its half."""
    LOST = 5
    """The transport is gone."""


NEXT: Final = {
    (Phase.NEW, Event.SETTINGS): Phase.OPEN,
    (Phase.NEW, Event.PARTED): Phase.NOTICED,
    (Phase.NEW, Event.ENDED): Phase.CLOSING,
    (Phase.NEW, Event.LOST): Phase.CLOSED,
    (Phase.OPEN, Event.PARTED): Phase.NOTICED,
    (Phase.OPEN, Event.IDLED): Phase.LEAVING,
    (Phase.OPEN, Event.ENDED): Phase.CLOSING,
    (Phase.OPEN, Event.LOST): Phase.CLOSED,
    (Phase.NOTICED, Event.HEARD): Phase.LEAVING,
    (Phase.NOTICED, Event.ENDED): Phase.CLOSING,
    (Phase.NOTICED, Event.LOST): Phase.CLOSED,
    (Phase.LEAVING, Event.ENDED): Phase.CLOSING,
    (Phase.LEAVING, Event.LOST): Phase.CLOSED,
    (Phase.CLOSING, Event.LOST): Phase.CLOSED,
}  # fmt: skip

AFTER: Final = tuple(tuple(NEXT.get((phase, event), phase) for event in Event) for phase in Phase)
"""`NEXT` as rows by phase and columns by event."""
