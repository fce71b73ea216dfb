"""Which time is running at a client, and when it is over.

One deadline stands for a connection at any moment. Between exchanges it goes by the connection's phase (`BETWEEN`);
while there is one, by how far its answer is and by whose turn it is (`DURING`):

* Nothing of the answer is out, and it is for the client to send more content: `CONTENT`. What matters is its silence,
  not how long the whole takes.
* Nothing is out, and the content is there, or the backend does not take it: `ANSWER`, the time for the exchange.
* The head is out: `SILENCE` from each part of the answer on, `CONTENT` from a part of the content on while there is
  more of it to come.
* A tunnel may be silent for hours: `NONE`.

# Note [A call has no content that is due]
A client of gRPC may keep its half of a call open for as long as it likes, and say nothing: nobody waits for it. So a
call has the times of its answer in place of `CONTENT`, which count from what moves in either direction.

Pure: the caller passes `now`.
"""

from __future__ import annotations

from enum import IntEnum, unique
from typing import Final

from gateway.exchange import Exchange
from gateway.http.grpc import is_call
from gateway.serving.contract import ConnectionOptions
from gateway.serving.phases import Phase
from gateway.transport.deadlines import NEVER

LINGER: Final = 5.0
"""Seconds of silence, at most, while a client that was answered early is let finish sending."""
LINGER_TOTAL: Final = 30.0
"""Seconds that it may go on sending."""
CLOSE: Final = 10.0
"""Seconds that a close may take: the client reads what is written, and answers TLS's closing alert."""
CLOSE_IDLE: Final = 0.5
"""Seconds that it may take where nothing is left to write: only TLS waits for an answer then."""
HALF_CLOSED_PROBE: Final = 1.0
"""Seconds after which a half-closed client is asked whether it is still there."""


@unique
class Stage(IntEnum):
    """How far an exchange's answer is, at its client."""

    ASKED = 0
    """Nothing of it is out: an error may still take its place."""
    ANSWERING = 1
    """Its head is out: it can be completed, or broken off."""
    TUNNEL = 2
    """A 101 is out: bytes go both ways."""


@unique
class Turn(IntEnum):
    """Who is waited for while an exchange is under way."""

    CLIENT = 0
    """The client has more of the request's content to send, and it is read."""
    BACKEND = 1
    """The backend, or a step of the chain: the content is all there, or the backend does not take it."""


@unique
class Time(IntEnum):
    """What is bounded."""

    HEAD = 0
    """`timeouts.client_header`: until a head is complete."""
    IDLE = 1
    """`timeouts.client_idle`: until the client begins another request, or reads on."""
    CONTENT = 2
    """`timeouts.client_body`: until the next part of the content comes."""
    ANSWER = 3
    """`Exchange.deadline`: until the answer begins."""
    SILENCE = 4
    """The route's `request_timeout`, or `timeouts.request`: until the answer moves on."""
    LINGER = 5
    """Until a client that was answered early stops sending."""
    CLOSE = 6
    """Until a close is done."""
    NONE = 7
    """Nothing."""


_IDLE: Final = Time.IDLE

BETWEEN: Final = {
    Phase.NEW: Time.HEAD,
    Phase.HEAD: Time.HEAD,
    Phase.IDLE: Time.IDLE,
    Phase.HELD: Time.IDLE,
    Phase.LINGERING: Time.LINGER,
    Phase.CLOSING: Time.CLOSE,
    Phase.CLOSED: Time.NONE,
}
"""Without an exchange, by phase; in `SERVING` there is one."""

DURING: Final = {
    (Stage.ASKED, Turn.CLIENT): Time.CONTENT,
    (Stage.ASKED, Turn.BACKEND): Time.ANSWER,
    (Stage.ANSWERING, Turn.CLIENT): Time.CONTENT,
    (Stage.ANSWERING, Turn.BACKEND): Time.SILENCE,
    (Stage.TUNNEL, Turn.CLIENT): Time.NONE,
    (Stage.TUNNEL, Turn.BACKEND): Time.NONE,
}
"""With one, by how far its answer is and whose turn it is."""


def between(phase: Phase, now: float, options: ConnectionOptions) -> float:
    """Return when a connection that enters a phase without an exchange is out of time."""
    time = BETWEEN[phase]
    if time is _IDLE:
        return now + options.client_idle
    if time is Time.HEAD:
        return now + options.client_header
    if time is Time.LINGER:
        return now + LINGER
    return now + CLOSE if time is Time.CLOSE else NEVER


def during(stage: Stage, turn: Turn, exchange: Exchange, now: float, options: ConnectionOptions) -> float:
    """Return when an exchange is out of time, counted from something that moved at `now`."""
    time = DURING[stage, turn]
    if time is Time.ANSWER:
        return exchange.deadline
    if time is Time.CONTENT:
        if is_call(exchange.request):  # Note [A call has no content that is due]
            return exchange.deadline if stage is Stage.ASKED else now + silence(exchange, options)
        until = now + options.client_body
        route = exchange.route
        if stage is Stage.ASKED and (route is None or not route.request_timeout):
            # What is sent to the gateway itself (a form) has to be there in time as a whole, too.
            return min(until, exchange.deadline)
        return until
    return now + silence(exchange, options) if time is Time.SILENCE else NEVER


def silence(exchange: Exchange, options: ConnectionOptions) -> float:
    """Return for how many seconds an answer that has begun may stand still."""
    route = exchange.route
    return (0.0 if route is None else route.request_timeout) or options.request
