"""What is read from a backend's HTTP/2 connection, and what is written to it.

The lower half of `gateway.upstream.http2_connection`, which has the connection's life: octets into events, each to its
stream, and what the streams have the engine send into octets. `gateway.http2.engine` makes and reads them.

# Note [A turn of a backend's connection]
What was read goes to the engine as a whole, its events are handled one by one, and the heads of answers that are not
complete by then are told; meanwhile nothing is written. Otherwise it is written at the end of the reactor's turn: what
all clients ask in one turn costs one system call. What the transport does not take stays in the engine, by streams.

Tests: `tests/flow/test_http2_backends.py::test_exchanges_share_a_connection`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.http2.events import Closed, Data, Head, Interim, Reset, Room, Trailers
from gateway.http2.events import Event as EngineEvent
from gateway.http2.ngh2_engine import Ngh2Engine
from gateway.http2.windows import PULL
from gateway.upstream.contract import Connection
from gateway.upstream.http2_phases import Phase
from gateway.upstream.http2_request import Http2Request, StreamCarrier
from gateway.upstream.http2_stream import Http2Stream
from gateway.upstream.http2_talk import Talk


class Http2Wire(Connection, StreamCarrier):
    """Reads and writes one backend connection.

    Args:
        talk: What connections to this backend have in common.
        now: Monotonic seconds.

    Attributes:
        engine: Makes and reads its octets.
        phase: Whether it takes streams.
        transport: To the backend, once the connection is made.
    """

    __slots__ = (
        "_asked",
        "_by_sid",
        "_dirty",
        "_full",
        "_heads",
        "_heard",
        "_in_turn",
        "_newest",
        "_now",
        "_reads",
        "_reads_before",
        "_talk",
        "_waits",
        "_written",
        "engine",
        "phase",
        "transport",
    )

    def __init__(self, talk: Talk, now: Callable[[], float]) -> None:
        super().__init__(most=talk.most)
        self.engine = Ngh2Engine(True, talk.options)
        self.phase = Phase.OPEN
        self.transport: Any = None
        self._talk = talk
        self._now = now
        self._by_sid: dict[int, Http2Stream] = {}
        self._heads: list[Http2Request] = []
        self._reads = 0
        # When something was read last, or the first stream was opened after that; the note on silent backends.
        self._heard = 0.0
        self._reads_before = -1  # as of the last time that a first stream was opened
        self._asked = 0.0  # when a PING was sent that nothing has come after; 0 where there is none
        self._in_turn = False
        self._dirty = True  # the engine has something to send, or may have: at first our settings
        self._full = False
        self._waits = False  # to be written at the end of the reactor's turn
        self._newest = 0  # the stream that was opened last
        self._written = 0  # the last one of which anything may have been written

    # Called by Twisted (IProtocol, IPushProducer).

    def dataReceived(self, data: bytes) -> None:
        if self.phase >= Phase.CLOSING:
            return
        self._heard = now = self._now()
        self._asked = 0.0
        self._reads += 1
        self._in_turn = True
        try:
            for event in self.engine.feed(data, now):
                self._hear(event)
            if self._heads:
                heads, self._heads = self._heads, []
                for stream in heads:
                    stream.announce()
        finally:
            self._in_turn = False
        self._dirty = True
        self._flush()

    def pauseProducing(self) -> None:
        """The backend reads slowly: what is to be sent stays in the engine, which pauses its sources."""
        self._full = True

    def resumeProducing(self) -> None:
        """The backend has read what was written."""
        self._full = False
        self._flush()

    def stopProducing(self) -> None:
        """The connection is lost; `connectionLost` follows."""

    # Called by its streams (gateway.upstream.http2_request.StreamCarrier).

    def wake(self) -> None:
        self._dirty = True
        if self._in_turn or self._waits:
            return
        self._waits = True
        self._talk.later(self._turn_over)

    def now(self) -> float:
        return self._now()

    def reads(self) -> int:
        return self._reads

    def answers(self, stream: Http2Request) -> None:
        self._heads.append(stream)

    # What the engine tells.

    def _hear(self, event: EngineEvent) -> None:
        if not event.sid:
            self._hear_connection(event)
            return
        stream = self._by_sid.get(event.sid)
        if stream is None:
            if isinstance(event, Data):
                self.engine.consume(event.sid, len(event.data))
        elif isinstance(event, Head):
            stream.head(event)
        elif isinstance(event, Data):
            stream.received(event.data, event.end)
        elif isinstance(event, Trailers):
            stream.ended(event)
        elif isinstance(event, Reset):
            stream.closed(event.code, True)
        elif isinstance(event, Closed):
            stream.closed(event.code, False)
        elif isinstance(event, Interim):
            stream.interim(event)
        elif isinstance(event, Room):
            stream.room()

    def _hear_connection(self, event: EngineEvent) -> None:
        """Hear what is of no stream."""
        raise NotImplementedError

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
                self._written = self._newest
                data, events = self.engine.pull()
                if data:
                    self._dirty = len(data) >= PULL
                    self.transport.write(data)
                for event in events:
                    self._hear(event)
        finally:
            self._in_turn = False
        if self.engine.has_rooms and self.phase < Phase.CLOSING:
            self._dirty = True
            if not self._full and not self._waits:
                self._waits = True
                self._talk.later(self._turn_over)
