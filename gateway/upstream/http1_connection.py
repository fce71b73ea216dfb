"""One connection of HTTP/1.1 to a backend: requests out, responses in, one at a time.

Opened for the keeper by `gateway.upstream.http1_opening`, lent to an attempt as the stream that it is, and given back
when the answer is complete and the connection can be used again. What it is busy with: `gateway.upstream.http1_phases`.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol, IPushProducer, ISSLTransport
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import classImplements

from gateway.body import Body
from gateway.dialling.failures import reset_by
from gateway.errors import GatewayError, PoolExhausted, ReusedConnectionLost
from gateway.http1.response_parser import ResponseMemo, ResponseParser
from gateway.transport.deadlines import NEVER
from gateway.upstream import http1_phases as phases
from gateway.upstream.contract import Connection, Hearer, Keeper, Stream
from gateway.upstream.http1_phases import Phase
from gateway.upstream.http1_tunnel import BackendTunnel, Carrier
from gateway.upstream.http1_upload import Upload, beginning
from gateway.upstream.request_head import Heading, authenticates

CLOSE: Final = 10.0
"""Seconds that a close may take until the connection is reset."""

_IDLE: Final = Phase.IDLE


class Http1Connection(Connection, Stream, Carrier):
    """The client side of one backend connection, which is its own only stream (`gateway.upstream.contract`).

    Args:
        keeper: Whose it is.
        heading: Writes the heads of requests.
        response_header: Most octets of the head of an answer.
        memo: Heads that this backend has answered with before.

    Attributes:
        phase: What it is busy with.
        deadline: Also when its attempt is out of time, and when a close has to be over.
    """

    __slots__ = (
        "_full",
        "_heading",
        "_hearer",
        "_parser",
        "_paused",
        "_tunnel",
        "_upload",
        "keeper",
        "phase",
        "transport",
    )

    def __init__(self, keeper: Keeper, heading: Heading, response_header: int, memo: ResponseMemo) -> None:
        super().__init__(most=1)
        self.keeper = keeper
        self.transport: Any = None
        self.phase = Phase.IDLE
        self._heading = heading
        self._hearer: Hearer | None = None
        self._upload: Upload | None = None
        # Whose turn it is: the client does not take what is read; the backend does not take what is written.
        self._paused = False
        self._full = False
        self._tunnel: BackendTunnel | None = None
        self._parser = ResponseParser(self, response_header, memo)

    @property
    def lost(self) -> bool:
        """Whether the transport is gone, or was told to go."""
        return self.phase >= Phase.CLOSING

    # Called by the keeper and the attempt (gateway.upstream.contract).

    def open(self) -> Stream:
        self.phase = phases.OPENED[self.phase]
        self.streams = 1
        return self

    def unused(self) -> None:
        self.phase = phases.RETURNED[self.phase]
        self.streams = 0
        if self.owner is None:
            self.keeper.release(self, self.keeper.now())
        else:
            self.keeper.set_aside(self, self.owner)

    def send(self, hearer: Hearer) -> None:
        self._hearer = hearer
        self.has_lent = False
        self.uses += 1
        self.deadline = hearer.deadline
        exchange = hearer.exchange
        request = exchange.request
        if authenticates(exchange):
            self.owner = hearer.owner
        self._parser.expect(request.method, request.upgrade)
        head = self._heading.encode(exchange, hearer.passes)
        body = request.body
        if body is None:
            self.phase = phases.SENT[self.phase]
            self.transport.write(head)
            return
        head += beginning(body)
        if body.ended:
            self.phase = phases.SENT[self.phase]
            self.transport.write(head)
        elif body.failed:
            self.abort()
        else:
            self.phase = phases.BEGUN[self.phase]
            upload = self._begin_upload(body)
            self.transport.write(head)  # may say that the backend has had enough: the upload is paused before it begins
            if self._upload is upload:
                body.attach(upload)

    def _begin_upload(self, body: Body) -> Upload:
        self._upload = upload = Upload(body, self.transport, self._uploaded, self._client_failed)
        self._settle()
        return upload

    def wait_until(self, deadline: float) -> None:
        self.deadline = deadline

    def abort(self) -> None:
        self._hearer = None
        self._drop_upload()
        self._tunnel = None
        self.close(aborting=True)

    def time_out(self, error: GatewayError) -> None:
        if self._hearer is not None:
            self._fail(self._hearer, error)

    def give_up(self) -> None:
        if self._hearer is not None:
            self._fail(self._hearer, PoolExhausted("Others need the connection, and the client does not go on."))
        else:
            self.close(aborting=True)

    def close(self, aborting: bool = False) -> None:
        transport = self.transport
        if self.phase is not Phase.CLOSING:
            # A backend may never answer TLS's closing alert, nor read what was written.
            self.deadline = self.keeper.now() + CLOSE
            transport.unregisterProducer()
        self._move(phases.CLOSED[self.phase])
        if aborting:
            transport.abortConnection()
        else:
            transport.loseConnection()

    # Called by Twisted (IProtocol, IHalfCloseableProtocol, IPushProducer).

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport
        self.connectionMade()

    def connectionMade(self) -> None:
        self.address = getattr(self.transport.getPeer(), "host", "")
        self.transport.registerProducer(self, True)

    def dataReceived(self, data: bytes) -> None:
        hearer = self._hearer
        if hearer is None or self._tunnel is not None:
            self._read_unasked(data)
            return
        parser = self._parser
        answered = parser.response is not None
        try:
            parser.feed(data)
        except GatewayError as error:
            self._fail(hearer, error)
            return
        if parser.interims:
            interims, parser.interims = parser.interims, []
            for interim in interims:
                hearer.interim(*interim)
        if self._hearer is not hearer:
            return  # what it read made the client go
        response = parser.response
        if parser.switched is not None:
            assert response is not None
            self.phase = phases.SWITCHES[self.phase]
            self._tunnel = tunnel = BackendTunnel(self, parser.switched)
            self.pause_reading()  # until the client's end is there to have it
            hearer.switched(response, tunnel)
        elif parser.complete:
            self._complete(hearer, answered)
        elif response is not None:
            if not answered:
                self.phase = phases.HEAD[self.phase]
            self._listen(hearer)
            if not answered:
                hearer.answered(response)

    def readConnectionLost(self) -> None:
        """The backend has closed its half."""
        phase = phases.BACKEND_ENDS[self.phase]
        if self._tunnel is not None and self._hearer is None:
            if phase is Phase.BACKEND_ENDED:
                self.phase = phase
            self._tunnel.ended()
        else:
            self._break_off(True, None)
        if phase is Phase.CLOSING and self.phase is not phase:
            self.close()

    def writeConnectionLost(self) -> None:
        """Our half is closed: the backend's half ends the connection."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The transport is gone."""
        self.keeper.deadlines.forget(self)
        if self.phase is Phase.LOST:
            return
        self._move(phases.DISCONNECTED[self.phase])
        if self._tunnel is not None:
            self._tunnel.lost(reason.check(ConnectionDone) is not None)
        self._break_off(reason.check(ConnectionDone) is not None, reason)

    def pauseProducing(self) -> None:
        """The backend reads slowly: let the client wait."""
        self._full = True
        if self._tunnel is not None:
            self._tunnel.full()
        elif self._upload is not None:
            self._upload.body.pause()
            self._settle()

    def resumeProducing(self) -> None:
        """The backend has read what was written."""
        self._full = False
        if self._tunnel is not None:
            self._tunnel.drained()
        elif self._upload is not None:
            self._settle()
            self._upload.body.resume()

    def stopProducing(self) -> None:
        """The connection is lost; `connectionLost` follows."""

    # The bodies of responses (gateway.body.BodySource), and a tunnel (gateway.upstream.http1_tunnel.Carrier).

    def pause_reading(self) -> None:
        self._paused = True
        self._settle()
        self.transport.pauseProducing()

    def resume_reading(self) -> None:
        if not self._paused:
            return
        self._paused = False
        self._settle()
        if self.phase is not Phase.LOST:
            self.transport.resumeProducing()

    def body_over_limit(self, body: Body) -> None:
        """Responses have no limit."""

    def carry(self) -> bool:
        self._hearer = None
        self.phase = phases.JOINED[self.phase]
        if self.phase is not Phase.TUNNEL:
            self.keeper.leave()
            return False
        self.resume_reading()
        return True

    def write(self, data: bytes) -> None:
        self.transport.write(data)

    def write_no_more(self) -> None:
        phase = phases.CLIENT_ENDS[self.phase]
        if phase is not Phase.CLIENT_ENDED or ISSLTransport.providedBy(self.transport):
            self.close()  # TLS as Twisted has it cannot close one half
        else:
            self.phase = phase
            self.transport.loseWriteConnection()

    # Deadlines (gateway.transport.deadlines.Timed).

    def on_deadline(self, now: float) -> None:
        if self._hearer is not None:
            self._hearer.out_of_time()
        elif self.phase is Phase.CLOSING:
            self.transport.abortConnection()
        else:
            self.close()

    # The life of the connection.

    def _move(self, phase: Phase) -> None:
        """It is in no use any more: say so to the keeper, for the tunnel that it was as well."""
        was, self.phase = self.phase, phase
        self.streams = 0
        self.keeper.lost(self)
        if was in phases.TUNNELS:
            self.keeper.leave()

    def _read_unasked(self, data: bytes) -> None:
        """Octets came that are no part of an answer."""
        if self._tunnel is not None:
            self._tunnel.received(data)
        elif self.phase is not Phase.CLOSING:
            self.close()

    def _listen(self, hearer: Hearer) -> None:
        """A part of an answer came: the next one has its time, unless it is the client's turn."""
        if not self._paused and (self._upload is None or self._full):
            self.deadline = hearer.next_deadline()

    def _settle(self) -> None:
        """See whose turn it is: while it is the client's, it is watched by its channel, and our place is lent."""
        if self._paused or (self.phase in phases.UPLOADS and not self._full):
            self.deadline = NEVER
            self.keeper.lend(self)
        else:
            self.keeper.reclaim(self)
            if self._hearer is not None:
                self.deadline = self._hearer.next_deadline()

    def _uploaded(self) -> None:
        """The last of the request's content is written."""
        self._upload = None
        self.phase = phases.CONTENT_ENDED[self.phase]
        self._settle()

    def _client_failed(self) -> None:
        """The client is gone, and its exchange with it."""
        if self._hearer is not None:
            self.abort()

    def _complete(self, hearer: Hearer, answered: bool) -> None:
        """The answer is complete: it counts, the next may have the connection, then who asked is told."""
        # Taken out first: `release` may begin the next exchange here, and then the parser holds the answer to that one.
        parser = self._parser
        response, body, trailers, keep = parser.response, parser.body, parser.trailers, parser.keep_alive
        assert response is not None
        self._hearer = None
        self.phase = phases.COMPLETED[self.phase]
        if self._upload is not None:
            self._drop_upload()
            keep = False
        if self._paused:
            self.resume_reading()
        # Report the outcome before releasing the connection: it may open the breaker, and then nobody may have it next.
        now = hearer.finished(response.status)
        if self.phase is _IDLE:
            self.streams = 0
            self.idle_for = parser.idle_for
            if parser.personal:
                self.owner = hearer.owner
            if not keep or not self.idle_for or self.retired:
                self.close()
            elif self.owner is None:
                self.keeper.release(self, now)
            else:
                self.keeper.set_aside(self, self.owner)
        if body is not None:
            body.end(trailers)
        if not answered:
            hearer.answered(response)

    def _break_off(self, clean: bool, reason: Failure | None) -> None:
        """The backend says no more: an answer may be complete by that, else the attempt fails."""
        hearer = self._hearer
        if hearer is None:
            return
        parser = self._parser
        if clean and self._tunnel is None and parser.closed():
            self._complete(hearer, answered=True)
        else:
            raced = self.uses > 1 and not parser.started
            self._fail(hearer, ReusedConnectionLost() if raced else reset_by(reason))

    def _fail(self, hearer: Hearer, error: GatewayError) -> None:
        self._hearer = None
        self._drop_upload()
        if self.phase is not Phase.LOST:
            self.close(aborting=True)
        hearer.failed(error, self._parser.body)

    def _drop_upload(self) -> None:
        if self._upload is not None:
            upload, self._upload = self._upload, None
            upload.body.detach()
            self.keeper.reclaim(self)


# Declared from outside: nothing interpreted is inherited from, so that the class can be compiled.
classImplements(Http1Connection, IProtocol, IHalfCloseableProtocol, IPushProducer)
