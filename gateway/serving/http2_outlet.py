"""What a client's HTTP/2 connection writes, and when: a part of `gateway.serving.http2_channel`.

# Note [A turn of a channel]
What was read goes to the engine as a whole, and its events are handled one by one; meanwhile nothing is written.
Streams that have something to say tell the engine, and `wake` the channel: it writes at the end of the turn; where
there is none, at the end of the reactor's, or at once if no other stream could have something to say by then. What the
transport does not take stays in the engine, by streams, where priorities still apply to it: reading goes on while a
client does not read, since it may be sending what makes room.

# Note [A client that reads nothing]
Windows bound what a client can leave unread of its streams, and each stream that stands still is given up after a while
(Note [A stream behind its answer] in `gateway.serving.http2_stream`). Where the client does not read the connection
itself, not even a reset can be said: when the transport has had no room for `UNREAD` seconds, it is cut.

Tests: `tests/flow/test_http2_floods.py::test_a_client_that_does_not_read_its_connection_is_cut`.
"""

from __future__ import annotations

from typing import Any, Final

from mypy_extensions import mypyc_attr

from gateway.http2.engine import Engine
from gateway.http2.events import Event as EngineEvent
from gateway.http2.windows import PULL
from gateway.serving.contract import Host
from gateway.serving.http2_phases import Phase
from gateway.serving.http2_stream import Carrier
from gateway.transport.deadlines import NEVER

UNREAD: Final = 60.0
"""Seconds for which a transport may have no room: twice what a stream has, since up to 200 KB have to leave first."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Outlet(Carrier):
    """Writes what the engine has to send, as far as the transport takes it.

    Args:
        site: Whose connection it is.
        engine: Makes and reads its octets.

    Attributes:
        phase: Whether anything is said on it.
        transport: Of the client, once the connection is made.
        unread_deadline: When the client has read nothing for too long.
    """

    __slots__ = ("_dirty", "_full", "_in_turn", "_waits", "phase", "transport", "unread_deadline")

    def __init__(self, site: Host, engine: Engine) -> None:
        super().__init__(site, engine)
        self.transport: Any = None
        self.phase = Phase.NEW
        self.unread_deadline = NEVER
        self._in_turn = False
        self._dirty = True  # the engine has something to send, or may have: at first our settings
        self._full = False
        self._waits = False  # to be written at the end of the reactor's turn

    def hear(self, event: EngineEvent, now: float) -> None:
        """Take what the engine tells."""
        raise NotImplementedError

    def shared(self) -> bool:
        """Whether more than one stream is open."""
        raise NotImplementedError

    # Called by the transport (`twisted.internet.interfaces.IPushProducer`).

    def pauseProducing(self) -> None:
        """The client reads slowly: what is to be sent stays in the engine, which pauses its sources."""
        self._full = True
        self.unread_deadline = self.site.now() + UNREAD

    def resumeProducing(self) -> None:
        """The client has read what was written."""
        self._full = False
        self.unread_deadline = NEVER
        self._flush()

    def stopProducing(self) -> None:
        """The connection is lost; `connectionLost` follows."""

    # Called by its streams.

    def wake(self) -> None:
        """The engine has something to send; Note [A turn of a channel]."""
        self._dirty = True
        if self._in_turn or self._waits:
            return
        if self.shared():
            # Other answers may come in the same turn of the reactor: together they cost one system call.
            self._waits = True
            self.site.later(self._turn_over)
        else:
            self._flush()

    # What is sent.

    def _turn_over(self) -> None:
        self._waits = False
        self._flush()

    def _flush(self) -> None:
        """Write what the engine has to send, as far as the transport takes it."""
        if self._in_turn:
            return
        self._in_turn = True
        try:
            while self._dirty and not self._full and self.phase < Phase.CLOSING:
                self._dirty = False
                data, events = self.engine.pull()
                if data:
                    self._dirty = len(data) >= PULL
                    self.transport.write(data)
                if events:
                    now = self.site.now()
                    for event in events:
                        self.hear(event, now)
        finally:
            self._in_turn = False
        if self.engine.has_rooms and self.phase < Phase.CLOSING:
            self._dirty = True
            if not self._full and not self._waits:
                self._waits = True
                self.site.later(self._turn_over)
