"""One connection of HTTP/2 to a backend: many requests at once, each on a stream of its own.

Opened for the keeper by `gateway.upstream.http2_opening`. `gateway.http2.engine` makes and reads its octets, and
`gateway.upstream.http2_stream` is what an attempt gets; its phases are in `gateway.upstream.http2_phases`.

# Note [A turn of a backend's connection]
What was read goes to the engine as a whole, its events are handled one by one, and the heads of answers that are not
complete by then are told; meanwhile nothing is written. Otherwise it is written at once where one stream is open, and
at the end of the reactor's turn where there are more: together they cost one system call. What the transport does not
take stays in the engine, by streams.

# Note [A backend that is silent]
A stream has its own deadlines, but a long answer may rightly be silent. Where nothing at all was read for `SILENCE`
while streams are open, the backend is asked whether it is there (PING); nothing within `ANSWER` more says that the
connection is dead, and its streams fail as on one that was lost. What is read in between is an answer, too.

# Note [When the next deadline is]
`deadline` is not later than the earliest of the streams, and may be earlier: a stream that gets more time leaves it as
it is. When it has passed, the streams are looked at, and it is set anew. So a request costs no search.

Tests: `tests/flow/test_http2_backends.py::test_exchanges_share_a_connection`.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol, IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import classImplements

from gateway.dialling.failures import reset_by
from gateway.errors import BackendProtocolError, BackendReset, GatewayError
from gateway.http2 import codes
from gateway.http2.engine import WORN_BY
from gateway.http2.events import Broken, Closed, Data, GoAway, Head, Interim, Reset, Room, Settings, Trailers
from gateway.http2.events import Event as EngineEvent
from gateway.http2.ngh2_engine import Ngh2Engine
from gateway.http2.windows import PULL
from gateway.transport.deadlines import NEVER
from gateway.upstream import http2_phases as phases
from gateway.upstream.contract import Connection, Keeper, Stream
from gateway.upstream.http2_phases import Phase
from gateway.upstream.http2_stream import Http2Stream, StreamCarrier
from gateway.upstream.http2_talk import Talk

CLOSE: Final = 10.0
"""Seconds that a close may take until the connection is reset."""
SILENCE: Final = 30.0
"""Seconds without an octet, while streams are open, after which a backend is asked whether it is there."""
ANSWER: Final = 10.0
"""Seconds that it has to answer."""


class Http2Connection(Connection, StreamCarrier):
    """The client side of one backend connection (`gateway.upstream.contract`).

    Args:
        keeper: Whose it is.
        talk: What connections to this backend have in common.

    Attributes:
        engine: Makes and reads its octets.
        keeper: As given.
        phase: Whether it takes streams.
        transport: To the backend, once the connection is made.
    """

    __slots__ = (
        "_by_sid",
        "_dirty",
        "_full",
        "_has_refused",
        "_has_rested",
        "_heads",
        "_heard",
        "_in_turn",
        "_is_lent",
        "_pinged",
        "_reads",
        "_talk",
        "_waits",
        "engine",
        "keeper",
        "phase",
        "transport",
    )

    def __init__(self, keeper: Keeper, talk: Talk) -> None:
        super().__init__(most=talk.most)
        self.keeper = keeper
        self.transport: Any = None
        self.phase = Phase.OPEN
        self.engine = Ngh2Engine(True, talk.options)
        self._talk = talk
        self._by_sid: dict[int, Http2Stream] = {}
        self._heads: list[Http2Stream] = []
        self._has_rested = False
        self._has_refused = False
        self._is_lent = False
        self._reads = 0
        self._heard = 0.0  # when something was read last, or the first stream was opened
        self._pinged = False
        self._in_turn = False
        self._dirty = True  # the engine has something to send, or may have: at first our settings
        self._full = False
        self._waits = False  # to be written at the end of the reactor's turn

    @property
    def lost(self) -> bool:
        """Whether the transport is gone, or was told to go."""
        return self.phase >= Phase.CLOSING

    @property
    def fresh(self) -> bool:
        return not self._has_rested and not self._has_refused

    # Called by the keeper (gateway.upstream.contract).

    def open(self) -> Stream:
        assert self.streams < self.most, "there is no room"
        assert self.phase is Phase.OPEN, self.phase
        if not self.streams:
            self._heard = self.keeper.now()
            self.deadline = self._heard + SILENCE
        self.streams += 1
        return Http2Stream(self, self.engine, self._talk.heading, self._talk.memo)

    def give_up(self) -> None:
        for stream in self._by_sid.values():
            if stream.awaits_client:
                stream.give_up()
                return

    def close(self, aborting: bool = False) -> None:
        transport = self.transport
        if self.phase < Phase.CLOSING and not aborting:
            self.engine.goaway(codes.NO_ERROR)
            data, _ = self.engine.pull()
            if data:
                transport.write(data)
        self._stop()
        if aborting:
            transport.abortConnection()
        else:
            transport.loseConnection()
        self._fail_all(BackendReset())

    # Called by Twisted (IProtocol, IHalfCloseableProtocol, IPushProducer).

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport
        self.connectionMade()

    def connectionMade(self) -> None:
        self.address = getattr(self.transport.getPeer(), "host", "")
        self.transport.registerProducer(self, True)
        self._flush()

    def dataReceived(self, data: bytes) -> None:
        if self.phase >= Phase.CLOSING:
            return
        self._heard = now = self.keeper.now()
        self._pinged = False
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

    def readConnectionLost(self) -> None:
        """The backend will say no more."""
        if self.phase < Phase.CLOSING:
            self._stop()
            self.transport.loseConnection()
            for stream in list(self._by_sid.values()):
                stream.lost(BackendReset())

    def writeConnectionLost(self) -> None:
        """Our half is closed; never by us alone."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The transport is gone."""
        self.keeper.deadlines.forget(self)
        if self.phase is Phase.LOST:
            return
        self._move(phases.DISCONNECTED[self.phase])
        for stream in list(self._by_sid.values()):
            stream.lost(reset_by(reason))

    def pauseProducing(self) -> None:
        """The backend reads slowly: what is to be sent stays in the engine, which pauses its sources."""
        self._full = True

    def resumeProducing(self) -> None:
        """The backend has read what was written."""
        self._full = False
        self._flush()

    def stopProducing(self) -> None:
        """The connection is lost; `connectionLost` follows."""

    # Called by its streams (gateway.upstream.http2_stream.StreamCarrier).

    def wake(self) -> None:
        self._dirty = True
        if self._in_turn or self._waits:
            return
        if self.streams > 1:
            self._waits = True
            self._talk.later(self._turn_over)
        else:
            self._flush()

    def sent(self, stream: Http2Stream) -> None:
        self._by_sid[stream.sid] = stream
        self.uses += 1
        self.has_lent = False
        if stream.deadline < self.deadline:
            self.deadline = stream.deadline

    def is_fresh(self) -> bool:
        return self.fresh

    def reads(self) -> int:
        return self._reads

    def answers(self, stream: Http2Stream) -> None:
        self._heads.append(stream)

    def turned(self, stream: Http2Stream) -> None:
        if stream.deadline < self.deadline:
            self.deadline = stream.deadline
        if stream.awaits_client:
            if not self._is_lent and self.streams >= self.most:
                self._settle()
        elif self._is_lent:
            self._settle()

    def refused(self) -> None:
        self._has_refused = True

    def leave(self) -> None:
        if self.phase is Phase.OPEN:
            self.phase = phases.LEFT[self.phase]
            self.most = 0
            self.keeper.full(self)

    def over(self, stream: Http2Stream) -> None:
        self._by_sid.pop(stream.sid, None)
        self.streams -= 1
        if self.phase >= Phase.CLOSING:
            return
        if not self.streams:
            self._has_rested = True
            self.deadline = NEVER
        if self._is_lent or self.streams:
            self._settle()
        if self.engine.worn >= WORN_BY:
            self.leave()  # Note [Windows leak] in gateway.http2.engine
        if not self.streams and (self.retired or self.phase is Phase.LEAVING):
            self.close()
        elif self.streams < self.most:
            self.keeper.release(self)

    # Deadlines (gateway.transport.deadlines.Timed).

    def on_deadline(self, now: float) -> None:
        if self.phase >= Phase.CLOSING:
            self.transport.abortConnection()
        elif not self.streams:
            self.close()
        else:
            for stream in [stream for stream in self._by_sid.values() if stream.deadline <= now]:
                hearer = stream.hearer
                if hearer is not None and stream.deadline <= now:
                    hearer.out_of_time()
            if self.streams and self.phase < Phase.CLOSING:
                self._look_whether_it_lives(now)

    def _look_whether_it_lives(self, now: float) -> None:
        """Note [A backend that is silent], and Note [When the next deadline is]."""
        until = self._heard + SILENCE
        if until <= now and not self._pinged:
            self._pinged = True
            self.engine.ping()
            self.wake()
        if self._pinged:
            until += ANSWER
            if until <= now:
                self._die(BackendReset("The backend does not answer a PING."))
                return
        for stream in self._by_sid.values():
            if stream.deadline < until:
                until = stream.deadline
        self.deadline = until

    # The life of the connection.

    def _stop(self) -> None:
        """Say nothing more on it; the transport is to be closed now."""
        if self.phase < Phase.CLOSING:
            # A backend may never answer TLS's closing alert, nor read what was written.
            self.deadline = self.keeper.now() + CLOSE
            self.transport.unregisterProducer()
        self._move(phases.CLOSED[self.phase])

    def _move(self, phase: Phase) -> None:
        """It is in no use any more: say so to the keeper."""
        self.phase = phase
        self.keeper.lost(self)

    def _die(self, error: GatewayError) -> None:
        self._stop()
        self.transport.abortConnection()
        self._fail_all(error)

    def _fail_all(self, error: GatewayError) -> None:
        """End all streams; an error is one hearer's own, so each gets another of the kind."""
        for stream in list(self._by_sid.values()):
            stream.fail(type(error)(error.detail), None)

    def _settle(self) -> None:
        """See whether all of its places wait for clients: then the connection is lent, unless there is room."""
        lent = self.streams >= max(1, self.most) and self.streams == len(self._by_sid)
        if lent:
            for stream in self._by_sid.values():
                if not stream.awaits_client:
                    lent = False
                    break
        if lent is not self._is_lent:
            self._is_lent = lent
            if lent:
                self.keeper.lend(self)
            else:
                self.keeper.reclaim(self)

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
        if isinstance(event, Settings):
            self._allow(event.most)
        elif isinstance(event, GoAway):
            self._has_refused = True
            self.leave()
            if not self.streams and self.phase is Phase.LEAVING:
                self.close()
        elif isinstance(event, Broken):
            self._broken(event)

    def _allow(self, most: int) -> None:
        """The backend takes so many streams."""
        most = min(most, self._talk.limit)
        self._talk.most = max(1, most)
        if self.phase is not Phase.OPEN or most == self.most:
            return
        was_full, self.most = self.streams >= self.most, most
        self._settle()
        if self.streams >= most:
            self.keeper.full(self)
        elif was_full:
            self.keeper.release(self)

    def _broken(self, event: Broken) -> None:
        if self.phase >= Phase.CLOSING:
            return
        data, _ = self.engine.pull()  # what is left to be said: why
        if data:
            self.transport.write(data)
        self._stop()
        self.transport.loseConnection()
        if event.code == codes.NO_ERROR:
            self._fail_all(BackendReset())
        else:
            self._fail_all(BackendProtocolError(f"The backend breaks RFC 9113 ({codes.name_of(event.code)})."))

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
                for event in events:
                    self._hear(event)
        finally:
            self._in_turn = False


# Declared from outside: nothing interpreted is inherited from, so that the class can be compiled.
classImplements(Http2Connection, IProtocol, IHalfCloseableProtocol, IPushProducer)
