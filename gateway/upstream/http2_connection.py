"""One connection of HTTP/2 to a backend: many requests at once, each on a stream of its own.

Opened for the keeper by `gateway.upstream.http2_opening`. Its octets go through its base,
`gateway.upstream.http2_wire`; `gateway.upstream.http2_stream` is what an attempt gets, and its phases are in
`gateway.upstream.http2_phases`.

# Note [A backend that is silent]
A stream has its own deadlines, but a long answer may rightly be silent. Where nothing at all was read for `SILENCE`
while streams are open, the backend is asked whether it is there (PING); nothing within `ANSWER` more says that the
connection is dead, and its streams fail as on one that was lost. What is read in between is an answer, too. Requests
that run out of time one after the other do not begin the silence anew: on a connection that died without a word, each
would wait in vain for all of its time, and the next one would be sent there again.

# Note [When the next deadline is]
`deadline` is not later than the earliest of the streams, and may be earlier: a stream that gets more time leaves it as
it is. When it has passed, the streams are looked at, and it is set anew. So a request costs no search.

Tests: `tests/flow/test_http2_backends.py::test_exchanges_share_a_connection`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol, IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import classImplements

from gateway.dialling.failures import reset_by
from gateway.errors import BackendProtocolError, BackendReset, GatewayError
from gateway.http2 import codes
from gateway.http2.engine import WORN_BY
from gateway.http2.events import Broken, GoAway, Settings
from gateway.http2.events import Event as EngineEvent
from gateway.transport.deadlines import NEVER
from gateway.upstream import http2_phases as phases
from gateway.upstream.contract import Keeper, Stream
from gateway.upstream.http2_phases import Phase
from gateway.upstream.http2_request import Http2Request
from gateway.upstream.http2_stream import Http2Stream
from gateway.upstream.http2_talk import Talk
from gateway.upstream.http2_wire import Http2Wire

CLOSE: Final = 10.0
"""Seconds that a close may take until the connection is reset."""
SILENCE: Final = 30.0
"""Seconds without an octet, while streams are open, after which a backend is asked whether it is there."""
ANSWER: Final = 10.0
"""Seconds that it has to answer."""


class Http2Connection(Http2Wire):
    """The client side of one backend connection (`gateway.upstream.contract`).

    Args:
        keeper: Whose it is.
        talk: What connections to this backend have in common.

    Attributes:
        keeper: As given.
    """

    __slots__ = ("_has_refused", "_has_rested", "_is_lent", "keeper")

    def __init__(self, keeper: Keeper, talk: Talk) -> None:
        super().__init__(talk, keeper.now)
        self.keeper = keeper
        self._has_rested = False
        self._has_refused = False
        self._is_lent = False

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
            if self._reads != self._reads_before:
                self._reads_before = self._reads
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

    # Called by Twisted (IProtocol, IHalfCloseableProtocol); the rest is in the base.

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport
        self.connectionMade()

    def connectionMade(self) -> None:
        self.address = getattr(self.transport.getPeer(), "host", "")
        self.transport.registerProducer(self, True)
        self._flush()

    def readConnectionLost(self) -> None:
        """The backend will say no more."""
        if self.phase < Phase.CLOSING:
            self._stop()
            self.transport.loseConnection()
            self._lose_all(BackendReset)

    def writeConnectionLost(self) -> None:
        """Our half is closed; never by us alone."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The transport is gone."""
        self.keeper.deadlines.forget(self)
        if self.phase is Phase.LOST:
            return
        self._move(phases.DISCONNECTED[self.phase])
        self._lose_all(lambda: reset_by(reason))

    # Called by its streams (gateway.upstream.http2_request.StreamCarrier).

    def sent(self, stream: Http2Request) -> None:
        assert isinstance(stream, Http2Stream)
        self._by_sid[stream.sid] = stream
        self._newest = stream.sid
        self.uses += 1
        self.has_lent = False
        if stream.deadline < self.deadline:
            self.deadline = stream.deadline

    def is_fresh(self) -> bool:
        return self.fresh

    def turned(self, stream: Http2Request) -> None:
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

    def over(self, stream: Http2Request) -> None:
        self._by_sid.pop(stream.sid, None)
        self.streams -= 1
        if self.phase >= Phase.CLOSING:
            return
        if not self.streams:
            self._has_rested = True
            self.deadline = NEVER
        if (self._is_lent or self.streams) and not self._settle():
            return
        if self.engine.worn >= WORN_BY:
            self.leave()  # Note [Windows leak] in gateway.http2.engine
        if not self.streams and (self.retired or self.phase is Phase.LEAVING):
            self.close()
        elif self.streams < self.most:
            self.keeper.release(self, self.keeper.now())
        elif not self.streams:
            # The backend takes none here (MAX_CONCURRENT_STREAMS of 0), so the keeper does not have it: it would stay.
            self.deadline = self.keeper.now() + ANSWER

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
        if until <= now and not self._asked:
            self._asked = now
            self.engine.ping()
            self.wake()
        if self._asked:
            until = self._asked + ANSWER
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

    def _lose_all(self, why: Callable[[], GatewayError]) -> None:
        """End all streams of a connection that is gone; what was never written nobody has acted upon."""
        written = self._written
        for stream in list(self._by_sid.values()):
            if stream.sid > written:
                stream.unprocessed()
            else:
                stream.lost(why())

    def _settle(self) -> bool:
        """See whether all of its places wait for clients: then the connection is lent, unless there is room.

        Returns:
            Whether the caller goes on. When a connection is lent, its keeper may need the place and give up a stream
            of this very connection. If that was the last one, `over` has already closed or released the connection.
        """
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
                return self.streams > 0 and self.phase < Phase.CLOSING
            self.keeper.reclaim(self)
        return True

    # What the engine tells.

    def _hear_connection(self, event: EngineEvent) -> None:
        if isinstance(event, Settings):
            self._allow(event.most)
        elif isinstance(event, GoAway):
            self._has_refused = True
            self.leave()
            # RFC 9113 section 6.8. The engine ends only those that it has written.
            for stream in [stream for stream in self._by_sid.values() if stream.sid > event.last]:
                stream.unprocessed()
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
        if not self._settle():
            return
        if self.streams >= most:
            self.keeper.full(self)
        elif was_full:
            self.keeper.release(self, self.keeper.now())

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


# Declared from outside: nothing interpreted is inherited from, so that the class can be compiled.
classImplements(Http2Connection, IProtocol, IHalfCloseableProtocol, IPushProducer)
