"""A backend connection of many streams, in memory: what a connection of HTTP/2 will be to the pool.

The same contract suite runs on it and on the real one of HTTP/1.1 (`tests/contracts/test_connection.py`). The methods
under "The peer" are what the test lets the backend do.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred

from gateway.body import Body
from gateway.errors import BackendReset, GatewayError, PoolExhausted, RequestUnprocessed
from gateway.headers import Headers
from gateway.message import Response
from gateway.transport.deadlines import NEVER
from gateway.upstream.contract import Connect, Connection, Hearer, Keeper, Stream


class ManyStreams(Connection):
    """A connection; the test is its peer."""

    def __init__(self, keeper: Keeper, most: int) -> None:
        super().__init__(most)
        self.keeper = keeper
        self.open_streams: list[OneStream] = []
        self.closed = ""
        self.has_rested = False
        self.has_refused = False

    @property
    def fresh(self) -> bool:
        return not self.has_rested and not self.has_refused

    @property
    def lost(self) -> bool:
        return bool(self.closed)

    def open(self) -> Stream:
        assert self.streams < self.most, "there is no room"
        assert not self.closed, self.closed
        stream = OneStream(self)
        self.open_streams.append(stream)
        self.streams += 1
        return stream

    def give_up(self) -> None:
        waiting = [stream for stream in self.open_streams if stream.waits_for_client]
        waiting[0].fail(PoolExhausted())

    def close(self, aborting: bool = False) -> None:
        self._end("aborted" if aborting else "closed", BackendReset())

    def on_deadline(self, now: float) -> None:
        if not self.open_streams:
            self.close()
        for stream in [stream for stream in self.open_streams if stream.deadline <= now]:
            assert stream.hearer is not None
            stream.hearer.out_of_time()

    # What its streams tell it.

    def over(self, stream: OneStream) -> None:
        """A stream is over: its place is free, unless that was the last that it was kept for."""
        if stream not in self.open_streams:
            return
        self.open_streams.remove(stream)
        self.streams -= 1
        self.has_rested = self.has_rested or not self.streams
        if not self.settle() or self.closed:
            return
        if not self.streams and (self.retired or not self.most):
            self.close()
        elif self.streams < self.most:
            self.keeper.release(self, self.keeper.now())

    def settle(self) -> bool:
        """See whose turn it is, and until when.

        Returns whether the caller goes on: who is lent this connection may give up its last stream, which ends all.
        """
        self.deadline = min((stream.deadline for stream in self.open_streams), default=NEVER)
        if self.streams >= max(1, self.most) and all(stream.waits_for_client for stream in self.open_streams):
            self.keeper.lend(self)
            return self.streams > 0 and not self.closed
        self.keeper.reclaim(self)
        return True

    def _end(self, why: str, error: GatewayError) -> None:
        if self.closed:
            return
        self.closed = why
        self.keeper.lost(self)
        self.keeper.deadlines.forget(self)
        for stream in list(self.open_streams):
            stream.fail(error)

    # The peer.

    def allow(self, most: int) -> None:
        """SETTINGS: so many streams from now on."""
        if not self.most:
            return  # it has gone away
        was_full, self.most = self.streams >= self.most, most
        if not self.settle():
            return
        if self.streams >= most:
            self.keeper.full(self)
        elif was_full:
            self.keeper.release(self, self.keeper.now())

    def go_away(self, looked_at: int) -> None:
        """GOAWAY: no more streams, and all but the first ones that are open were not looked at."""
        self.has_refused = True
        self.most = 0
        self.keeper.full(self)
        for stream in self.open_streams[looked_at:]:
            stream.refuse()
        if not self.streams:
            self.close()

    def lose(self) -> None:
        """The transport is gone."""
        self._end("lost", BackendReset())


class OneStream(Stream):
    """A stream of it, and the source of the answer's body."""

    def __init__(self, connection: ManyStreams) -> None:
        self.connection = connection
        self.deadline = NEVER
        self.hearer: Hearer | None = None
        self.content = b""
        self.ended = False
        self.paused = False
        self.response: Response | None = None

    @property
    def waits_for_client(self) -> bool:
        """Whether it is the client's turn."""
        return self.paused or (self.hearer is not None and not self.ended)

    def send(self, hearer: Hearer) -> None:
        self.hearer = hearer
        self.connection.uses += 1
        self.connection.has_lent = False
        self.deadline = hearer.deadline
        body = hearer.exchange.request.body
        if body is None:
            self.ended = True
        else:
            self.content = body.take()
            self.ended = body.ended
            body.attach(self)
        self.connection.settle()

    def unused(self) -> None:
        self.connection.over(self)

    def wait_until(self, deadline: float) -> None:
        self.deadline = deadline
        self.connection.settle()

    def abort(self) -> None:
        self._let_go()
        self.connection.over(self)

    def time_out(self, error: GatewayError) -> None:
        self.fail(error)

    def fail(self, error: GatewayError) -> None:
        """It is over without a whole answer."""
        hearer = self._let_go()
        if hearer is None:
            return
        self.connection.over(self)
        body = None if self.response is None else self.response.body
        hearer.failed(error, body if isinstance(body, Body) else None)

    def _let_go(self) -> Hearer | None:
        hearer, self.hearer = self.hearer, None
        if hearer is not None and not self.ended and hearer.exchange.request.body is not None:
            hearer.exchange.request.body.detach()
        return hearer

    # The body of the request (gateway.body.BodySink), and that of the answer (gateway.body.BodySource).

    def body_received(self, data: bytes) -> None:
        self.content += data

    def body_ended(self, trailers: Headers | None) -> None:
        self.ended = True
        self.connection.settle()

    def body_failed(self) -> None:
        self.abort()

    def pause_reading(self) -> None:
        self.paused = True
        self.connection.settle()

    def resume_reading(self) -> None:
        self.paused = False
        self.connection.settle()

    def body_over_limit(self, body: Body) -> None:
        """There is none."""

    # The peer.

    def interim(self) -> None:
        """103."""
        assert self.hearer is not None
        self.hearer.interim(103, b"", Headers())

    def head(self) -> None:
        """The head of the answer."""
        assert self.hearer is not None
        self.response = Response(200, Headers(), Body(self))
        self.hearer.answered(self.response)

    def end(self) -> None:
        """The end of the answer; all of it where the head has not been there."""
        hearer = self._let_go()
        assert hearer is not None
        self.paused = False
        hearer.finished(200)
        self.connection.over(self)
        if self.response is None:
            hearer.answered(Response(200, Headers(), b"ok"))
        else:
            assert isinstance(self.response.body, Body)
            self.response.body.end()

    def refuse(self) -> None:
        """RST_STREAM with REFUSED_STREAM: not looked at."""
        self.connection.has_refused = True
        self.fail(RequestUnprocessed())


class ManyStreamsBackend:
    """Opens such connections at once, and has them."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.connections: list[ManyStreams] = []

    @property
    def connect(self) -> Connect:
        """What a pool is handed."""

        def connect(keeper: Keeper) -> Deferred[Connection]:
            connection = ManyStreams(keeper, self.most)
            self.connections.append(connection)
            dialled: Deferred[Connection] = Deferred()
            dialled.callback(connection)
            return dialled

        return connect

    def pump(self) -> None:
        """Nothing is on its way."""

    @property
    def streams(self) -> list[OneStream]:
        """All that are open, in their order."""
        return [stream for connection in self.connections for stream in connection.open_streams]
