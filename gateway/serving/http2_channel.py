"""One client connection: HTTP/2 in, HTTP/2 out.

Lets the site's tree render an exchange for each stream (`gateway.serving.http2_stream`), and is the only writer to the
client; `gateway.http2.engine` makes the octets. The connection's phases are in `gateway.serving.http2_phases`.

# Note [What came in one feed]
The exchange of a request that has content begins when the content that was read with its head is there, too: nearly
always that is all of it, and a backend is asked in one piece. Whatever else is told of any stream meanwhile has the
exchanges begin that wait so: only heads and content pass them.

Tests: `tests/serving/test_http2_phases.py`.
"""

from __future__ import annotations

from os import urandom
from typing import Any, Final

from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol, IPushProducer, ISSLTransport
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import classImplements

from gateway.body import Body
from gateway.errors import ClientAborted, GatewayError, ShuttingDown
from gateway.exchange import Exchange
from gateway.http1.framing import CHUNKED
from gateway.http2 import codes
from gateway.http2.abuse import HEADERS
from gateway.http2.engine import WORN_BY, EngineOptions
from gateway.http2.events import Broken, Closed, Data, GoAway, Head, Pong, Reset, Room, Settings, Trailers
from gateway.http2.events import Event as EngineEvent
from gateway.http2.fields import asked_for, request_of
from gateway.http2.ngh2_engine import Ngh2Engine
from gateway.listening.coverage import expect_covered
from gateway.listening.peers import READERS
from gateway.peer import Peer
from gateway.serving.contract import Host
from gateway.serving.http2_outlet import Outlet
from gateway.serving.http2_phases import AFTER, Event, Phase
from gateway.serving.http2_stream import Http2Stream
from gateway.serving.http2_tunnel import WebSocketStream, as_http1
from gateway.serving.times import CLOSE
from gateway.transport.deadlines import NEVER, aged

NOTICE: Final = 1.0
"""Seconds after which a client is taken to have heard that its connection ends."""
REQUESTS: Final = 10_000
"""Streams that a connection takes: its client opens another then, which a balancer in between may place anew."""


class Http2Channel(Outlet):
    """The streams of one client connection.

    Args:
        site: Whose connection it is.
        address: Of the other end; empty where the socket has none.

    Attributes:
        engine: Makes and reads its octets.
        peer: The other end, once the connection is made.
        phase: Whether it takes streams.
        site: As given.
        streams: That are not closed, by number.
        taken: How many there were so far.
        transport: Of the client, once the connection is made.
    """

    __slots__ = (
        "_begun",
        "_head_deadline",
        "_host",
        "_own_deadline",
        "address",
        "expires",
        "peer",
        "streams",
        "taken",
    )

    peer: Peer

    def __init__(self, site: Host, address: str) -> None:
        most = site.options
        limits = EngineOptions(
            most.streams, most.request_header, most.header_fields, most.resets, most.reset_window, connect=True
        )
        super().__init__(site, Ngh2Engine(False, limits))
        self.address = address
        self.streams: dict[int, Http2Stream] = {}
        self.expires = NEVER
        self._own_deadline = NEVER
        self._head_deadline = NEVER  # of a head that has begun
        self._begun: list[Http2Stream] = []  # whose exchanges are to begin: Note [What came in one feed]
        self.taken = 0
        self._host = b""  # that was asked for last

    @property
    def closed(self) -> bool:
        """Whether the transport is gone."""
        return self.phase is Phase.CLOSED

    # Called by Twisted.

    def makeConnection(self, transport: Any) -> None:
        """The connection is there (`twisted.internet.interfaces.IProtocol`)."""
        self.transport = transport
        self.connectionMade()

    def connectionMade(self) -> None:
        """Begin to wait for the client's settings."""
        transport = self.transport
        secure = ISSLTransport.providedBy(transport)
        site = self.site
        self.peer = Peer(self.address, site.forwarding(self.address, secure), secure, transport, READERS)
        now, options = site.now(), site.options
        self._own_deadline = now + options.client_header
        if options.client_max_age:
            self.expires = now + aged(options.client_max_age, site.random)
        transport.registerProducer(self, True)
        site.connected(self)
        site.speaks_http2(self)

    def dataReceived(self, data: bytes) -> None:
        if self.phase >= Phase.CLOSING:
            return
        now = self.site.now()
        self._in_turn = True
        try:
            for event in self.engine.feed(data, now):
                self.hear(event, now)
            if self._begun:
                self._render(now)
        finally:
            self._in_turn = False
        if not self.engine.in_head:
            self._head_deadline = NEVER
        elif self._head_deadline == NEVER:
            self._head_deadline = now + self.site.options.client_header
        self._dirty = True
        self._flush()

    def readConnectionLost(self) -> None:
        """The client will send no more: a client of HTTP/2 that wants answers keeps its half open."""
        if self.phase < Phase.CLOSING:
            self._close()
            self._abandon(ClientAborted())

    def writeConnectionLost(self) -> None:
        """Our half is closed; never by us alone."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.phase = AFTER[self.phase][Event.LOST]
        self._own_deadline = self._head_deadline = self.unread_deadline = NEVER
        self.site.disconnected(self)
        self._abandon(ClientAborted())

    def shared(self) -> bool:
        return len(self.streams) > 1

    # The life of the connection.

    @property
    def deadline(self) -> float:
        """When something on it is out of time: asked a few times a second, and not kept for each request."""
        soonest = self._own_deadline
        if self._head_deadline < soonest:
            soonest = self._head_deadline
        if self.unread_deadline < soonest:
            soonest = self.unread_deadline
        if self.expires < soonest and self.phase < Phase.NOTICED:
            soonest = self.expires
        for stream in self.streams.values():
            if stream.deadline < soonest:
                soonest = stream.deadline
        return soonest

    @deadline.setter
    def deadline(self, deadline: float) -> None:
        self._own_deadline = deadline

    def on_deadline(self, now: float) -> None:
        if self.unread_deadline <= now:
            self._close(aborting=True)
            self._abandon(ClientAborted())
            return
        late = [stream for stream in self.streams.values() if stream.deadline <= now]
        unread = late and all(stream.stands(now) for stream in self.streams.values())
        for stream in late:
            if stream.deadline <= now:
                stream.on_deadline(now)
        if unread:
            self.part()
        if self._head_deadline <= now:
            self.engine.goaway(codes.ENHANCE_YOUR_CALM)
            self._broken(Broken(codes.ENHANCE_YOUR_CALM, HEADERS))
            return
        if self.expires <= now:
            self.part()
        if self._own_deadline <= now:
            self._expired(now)

    def part(self) -> None:
        """End in good order: the client is told first, since what it sends meanwhile is not lost then."""
        phase = self.phase
        self.phase = AFTER[phase][Event.PARTED]
        if self.phase is not phase:
            self.engine.notice()
            self._own_deadline = self.site.now() + NOTICE
            self.wake()

    def drain(self) -> None:
        """Accept no further request; close when idle."""
        self.part()

    def shut(self) -> None:
        """Close at once, whatever is under way; clients of WebSockets are told where a frame may stand."""
        if self.phase < Phase.CLOSING:
            told = not self._full and [stream for stream in self.streams.values() if stream.leave()]
            if told:
                self._goaway(codes.NO_ERROR)
            self._close(aborting=not told)
        self._abandon(ShuttingDown())

    def _expired(self, now: float) -> None:
        phase = self.phase
        if phase is Phase.NEW:
            self._goaway(codes.SETTINGS_TIMEOUT)
            self._close()
        elif phase is Phase.CLOSING:
            self.transport.abortConnection()
        elif phase is Phase.OPEN:
            self._leave(Event.IDLED)
        else:
            self._leave(Event.HEARD)

    def _leave(self, event: Event) -> None:
        """Name the last stream that is taken; with the last of them the connection ends."""
        phase = self.phase
        self.phase = AFTER[phase][event]
        if self.phase is not phase:
            self._own_deadline = NEVER
            self._goaway(codes.NO_ERROR)

    def _goaway(self, code: int) -> None:
        self.engine.goaway(code)
        self._dirty = True
        self._flush()

    def _close(self, aborting: bool = False) -> None:
        """Say nothing more, and end the connection once what is written is sent, or (aborting) at once."""
        self.phase = AFTER[self.phase][Event.ENDED]
        transport = self.transport
        self._own_deadline = self.site.now() + CLOSE
        self._head_deadline = self.unread_deadline = NEVER
        transport.unregisterProducer()
        if aborting:
            transport.abortConnection()
        else:
            transport.loseConnection()

    def _abandon(self, error: GatewayError) -> None:
        streams = list(self.streams.values())
        self.streams.clear()
        for stream in streams:
            stream.abandon(error)
            self.site.forget(stream)

    # What the engine tells.

    def hear(self, event: EngineEvent, now: float) -> None:
        if isinstance(event, Head):
            self._begin(event, now)
            return
        if self._begun and not isinstance(event, Data):
            self._render(now)
        stream = self.streams.get(event.sid)
        if stream is None:
            if isinstance(event, Data):
                self.engine.consume(event.sid, len(event.data))
            elif not event.sid:
                self._hear_connection(event, now)
        elif isinstance(event, Closed):
            self._over(stream, event.code, False, now)
        elif isinstance(event, Data):
            stream.received(event.data, event.end)
        elif isinstance(event, Trailers):
            stream.ended(event)
        elif isinstance(event, Room):
            stream.room()
        elif isinstance(event, Reset):
            self._over(stream, event.code, True, now)

    def _hear_connection(self, event: EngineEvent, now: float) -> None:
        if isinstance(event, Settings):
            if self.phase is Phase.NEW:
                self.phase = AFTER[self.phase][Event.SETTINGS]
                self._own_deadline = NEVER if self.streams else now + self.site.options.client_idle
        elif isinstance(event, Pong):
            self._leave(Event.HEARD)
        elif isinstance(event, Broken):
            self._broken(event)
        elif isinstance(event, GoAway):
            self.part()  # the client opens no further streams; those that are open are finished

    def _broken(self, event: Broken) -> None:
        if event.flood:
            self.site.flooded(event.flood)
        self._abandon(ClientAborted())
        if self.phase < Phase.CLOSING:
            data, _ = self.engine.pull()  # what is left to be said: why
            if data:
                self.transport.write(data)
            self._close()

    def _over(self, stream: Http2Stream, code: int, reset: bool, now: float) -> None:
        del self.streams[stream.sid]
        stream.over(code, reset)
        if self.engine.worn >= WORN_BY:
            self.part()  # Note [Windows leak] in gateway.http2.engine
        if not self.streams and self.phase is Phase.OPEN:
            self._own_deadline = now + self.site.options.client_idle

    def _begin(self, head: Head, now: float) -> None:
        """A stream begins, and its exchange."""
        site, sid = self.site, head.sid
        stream = self.streams[sid] = Http2Stream(self, sid)
        if self.phase is Phase.OPEN:
            self._own_deadline = NEVER
        self._head_deadline = NEVER  # of a head that has begun
        self.taken += 1
        if self.taken >= REQUESTS:
            self.part()
        try:
            request, length = request_of(head, site.blocks, connect=True)
            if request.host != self._host:
                expect_covered(self.peer, self.transport, request.host)
                self._host = request.host
            if request.upgrade is not None:
                as_http1(request, urandom)
        except GatewayError as error:
            exchange = Exchange(asked_for(head), stream, self.peer, now, NEVER)
            if not head.end:
                # Its content is dropped; that there was some says that the client may still be sending.
                exchange.request.body = Body(stream)
            stream.begin(exchange)
            stream.deadline = now + site.options.request
            site.root.render_error(exchange, error)
            return
        if request.upgrade is not None:
            stream = self.streams[sid] = WebSocketStream(self, sid)
        elif not head.end:
            request.body = Body(stream, None if length == CHUNKED else length)
        exchange = Exchange(request, stream, self.peer, now, now + site.options.request)
        stream.begin(exchange)
        if request.body is not None:
            self._begun.append(stream)
            return
        site.root.render_exchange(exchange)
        stream.began(exchange, now)

    def _render(self, now: float) -> None:
        begun, self._begun = self._begun, []
        for stream in begun:
            exchange = stream.life.exchange
            if exchange is not None:
                self.site.root.render_exchange(exchange)
                stream.began(exchange, now)


# Said here, and not by a base class or a decorator: what is called for every request inherits from nothing interpreted.
classImplements(Http2Channel, IProtocol, IHalfCloseableProtocol, IPushProducer)
