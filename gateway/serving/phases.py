"""The phases of a client's HTTP/1.1 connection: what is on it now, and what may come next.

A connection carries one exchange at a time, so it is in one of eight phases:

* `NEW`: it is open, and nothing has come. Ends with the first octet of a head, or after `timeouts.client_header`.
* `HEAD`: a request head has begun and is not complete. Ends with its last octet, or with a 408.
* `IDLE`: an answer is written, and the client has not begun another request. Ends with the first octet of a head, or
  after `timeouts.client_idle`.
* `HELD`: requests are ready, but the client does not read the answers that it has been sent. They are served when it
  has read them; after `timeouts.client_idle` it is given up.
* `SERVING`: an exchange is under way: from the end of its head to the last octet of its answer, the whole of a tunnel
  included. How far its answer is, `gateway.serving.life` knows. Ends with the answer.
* `LINGERING`: the last answer is written and our half is closed, while the client may still be sending: closing now
  would make its TCP throw the answer away (RFC 9112 section 9.6). What it sends is read and dropped.
* `CLOSING`: nothing more is served. The transport has been told to close, and sends what is written first.
* `CLOSED`: the transport is gone. No event leads out of here.

An exchange exists in `SERVING` and in no other phase. Requests wait in the parser's queue in `SERVING` (their turn has
not come) and in `HELD`; `CLOSING` forgets them.

A client that has closed its half (FIN) may still wait for answers, and it may be gone: the two look alike. So its half
is a small machine of its own, `Half`, beside the phases. Where nothing is owed to the client, FIN ends the connection.

Who makes the transitions: `gateway.serving.connection` those that end a connection, `gateway.serving.http1_channel` the
others. A pair that is not in `NEXT` changes nothing: `LOST` may follow `CLOSED`, and a drain finds connections in every
phase. `tests/serving/test_phases.py` walks every pair on the real channel.
"""

from __future__ import annotations

from enum import IntEnum, unique
from typing import Final


@unique
class Phase(IntEnum):
    """What is on the connection now; in those before `SERVING` an exchange may begin."""

    NEW = 0
    HEAD = 1
    IDLE = 2
    HELD = 3
    SERVING = 4
    LINGERING = 5
    CLOSING = 6
    CLOSED = 7


@unique
class Event(IntEnum):
    """What happens to a connection."""

    OCTET = 0
    """A head has begun, and is not complete."""
    REQUEST = 1
    """An exchange begins: a head is complete, or an error stands in its place."""
    ANSWERED = 2
    """The answer is complete, and another request may come."""
    UNREAD = 3
    """A request is ready, and the client does not read its answers."""
    PARTED = 4
    """The answer is complete and the last one, and the client may still be sending."""
    ENDED = 5
    """The client has closed its half."""
    DRAINED = 6
    """The site serves no further requests."""
    EXPIRED = 7
    """The time that was running is over."""
    CLOSED = 8
    """Nothing more is to be said: the transport is told to close."""
    LOST = 9
    """The transport is gone."""


NEXT: Final = {
    (Phase.NEW, Event.OCTET): Phase.HEAD,
    (Phase.NEW, Event.REQUEST): Phase.SERVING,
    (Phase.NEW, Event.ENDED): Phase.CLOSING,
    (Phase.NEW, Event.DRAINED): Phase.CLOSING,
    (Phase.NEW, Event.EXPIRED): Phase.CLOSING,
    (Phase.NEW, Event.CLOSED): Phase.CLOSING,
    (Phase.NEW, Event.LOST): Phase.CLOSED,
    (Phase.HEAD, Event.REQUEST): Phase.SERVING,
    (Phase.HEAD, Event.UNREAD): Phase.HELD,
    (Phase.HEAD, Event.ENDED): Phase.CLOSING,
    (Phase.HEAD, Event.DRAINED): Phase.CLOSING,
    # A 408 is an exchange too: it has its record in the log, and its answer.
    (Phase.HEAD, Event.EXPIRED): Phase.SERVING,
    (Phase.HEAD, Event.CLOSED): Phase.CLOSING,
    (Phase.HEAD, Event.LOST): Phase.CLOSED,
    (Phase.IDLE, Event.OCTET): Phase.HEAD,
    (Phase.IDLE, Event.REQUEST): Phase.SERVING,
    (Phase.IDLE, Event.UNREAD): Phase.HELD,
    (Phase.IDLE, Event.ENDED): Phase.CLOSING,
    (Phase.IDLE, Event.DRAINED): Phase.CLOSING,
    (Phase.IDLE, Event.EXPIRED): Phase.CLOSING,
    (Phase.IDLE, Event.CLOSED): Phase.CLOSING,
    (Phase.IDLE, Event.LOST): Phase.CLOSED,
    # `ENDED` is not here: reading is held back, and the client is owed the answers to what it sent before.
    (Phase.HELD, Event.REQUEST): Phase.SERVING,
    (Phase.HELD, Event.EXPIRED): Phase.CLOSING,
    (Phase.HELD, Event.CLOSED): Phase.CLOSING,
    (Phase.HELD, Event.LOST): Phase.CLOSED,
    (Phase.SERVING, Event.ANSWERED): Phase.IDLE,
    (Phase.SERVING, Event.PARTED): Phase.LINGERING,
    (Phase.SERVING, Event.CLOSED): Phase.CLOSING,
    (Phase.SERVING, Event.LOST): Phase.CLOSED,
    (Phase.LINGERING, Event.ENDED): Phase.CLOSING,
    (Phase.LINGERING, Event.EXPIRED): Phase.CLOSING,
    (Phase.LINGERING, Event.CLOSED): Phase.CLOSING,
    (Phase.LINGERING, Event.LOST): Phase.CLOSED,
    (Phase.CLOSING, Event.LOST): Phase.CLOSED,
}  # fmt: skip


AFTER: Final = tuple(tuple(NEXT.get((phase, event), phase) for event in Event) for phase in Phase)
"""`NEXT` as rows by phase and columns by event: looking up a pair costs 40 ns in place of 120 in a dictionary."""


@unique
class Half(IntEnum):
    """The client's half of the connection.

    `OPEN` until FIN. `ENDED`: FIN has come; whether the client is still there has not been asked. `ASKED`: an interim
    response has been sent, which makes a client that is gone answer with RST.
    """

    OPEN = 0
    ENDED = 1
    ASKED = 2
