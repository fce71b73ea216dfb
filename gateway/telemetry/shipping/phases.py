"""The states of a shipper: what it waits for, and what happens next.

`gateway.telemetry.shipping.shipper` follows the table. What is not in the table changes nothing.

# Note [The states of a shipper]
- `EMPTY`: nothing is queued, and nothing is under way. No timer.
- `GATHERING`: items wait for the interval to end, or for a batch to be full. The timer is the interval's.
- `SENDING`: a batch is under way; what comes meanwhile is queued behind it. No timer: who posts has a timeout.
- `WAITING`: the batch could not be delivered, and is sent again later. The timer is the back-off's.
- `FLUSHING`, `PAUSING`: as `SENDING` and `WAITING`, but the gateway ends: nothing more comes, and everything queued is
  sent without waiting for an interval. The timer of the whole flush runs beside.
- `CLOSED`: nothing is sent any more; what was left is lost, and counted.

There is one batch under way at a time, and it is delivered or given up before the next one leaves: so they keep their
order.
"""

from __future__ import annotations

from enum import Enum
from typing import Final


class State(Enum):
    """What a shipper is at."""

    EMPTY = "empty"
    GATHERING = "gathering"
    SENDING = "sending"
    WAITING = "waiting"
    FLUSHING = "flushing"
    PAUSING = "pausing"
    CLOSED = "closed"


class Event(Enum):
    """What happens to it.

    `TAKEN`: an item was queued; `FILLED`: and there is a batch of them. `DUE`: the timer has fired. The batch under way
    is done with: `EMPTIED` (nothing else is queued), `LEFT` (less than a batch is), `MORE` (a batch is). `AGAIN`: the
    batch is to be sent again. `CLOSE`: the gateway ends. `OUT_OF_TIME`: the flush has taken too long.
    """

    TAKEN = "taken"
    FILLED = "filled"
    DUE = "due"
    EMPTIED = "emptied"
    LEFT = "left"
    MORE = "more"
    AGAIN = "again"
    CLOSE = "close"
    OUT_OF_TIME = "out of time"


NEXT: Final = {
    (State.EMPTY, Event.TAKEN): State.GATHERING,
    (State.EMPTY, Event.CLOSE): State.CLOSED,
    (State.GATHERING, Event.FILLED): State.SENDING,
    (State.GATHERING, Event.DUE): State.SENDING,
    (State.GATHERING, Event.CLOSE): State.FLUSHING,
    (State.SENDING, Event.EMPTIED): State.EMPTY,
    (State.SENDING, Event.LEFT): State.GATHERING,
    (State.SENDING, Event.MORE): State.SENDING,
    (State.SENDING, Event.AGAIN): State.WAITING,
    (State.SENDING, Event.CLOSE): State.FLUSHING,
    (State.WAITING, Event.DUE): State.SENDING,
    (State.WAITING, Event.CLOSE): State.FLUSHING,
    (State.FLUSHING, Event.EMPTIED): State.CLOSED,
    (State.FLUSHING, Event.LEFT): State.FLUSHING,
    (State.FLUSHING, Event.MORE): State.FLUSHING,
    (State.FLUSHING, Event.AGAIN): State.PAUSING,
    (State.FLUSHING, Event.OUT_OF_TIME): State.CLOSED,
    (State.PAUSING, Event.DUE): State.FLUSHING,
    (State.PAUSING, Event.OUT_OF_TIME): State.CLOSED,
}
