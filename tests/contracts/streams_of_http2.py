"""Backend connections of HTTP/2 as `many_streams` has them: the gateway's own, and `h2` at the other end of each.

What is under "The peer" there, a test says here likewise; what was written is passed on at once.
"""

from __future__ import annotations

from h2.settings import SettingCodes
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from gateway.errors import GatewayError
from gateway.http2 import codes
from gateway.upstream.contract import Connect, Connection, Keeper
from gateway.upstream.http2_connection import Http2Connection
from gateway.upstream.http2_head import Http2Heading
from gateway.upstream.http2_talk import Talk
from tests.http2.server import Asked2, Http2Server
from tests.upstream.conftest import Wire

LIMIT = 100
"""`pool.max_streams`; the peers of the tests take fewer."""


class OverHttp2:
    """One connection, and its peer."""

    def __init__(self, keeper: Keeper, talk: Talk, most: int) -> None:
        self.connection = Http2Connection(keeper, talk)
        self.server = Http2Server(most)
        self.wire = Wire()
        self._pumping = False
        self._over = False
        self.connection.makeConnection(self.wire)
        self.pump()

    def pump(self) -> None:
        """Pass on what was written, either way, and that it has ended."""
        if self._pumping:
            return
        self._pumping = True
        while not self._over and (self.wire.value() or self.server.unsent):
            said = self.wire.value()
            self.wire.clear()
            self.server.receive(said)
            answer = self.server.take()
            if answer and not self.wire.disconnecting:
                self.connection.dataReceived(answer)
        self._pumping = False
        if self.wire.disconnecting and not self._over:
            self._over = True
            self.connection.connectionLost(connectionDone)

    @property
    def open_streams(self) -> list[StreamOfHttp2]:
        """What was asked, and neither answered nor given up."""
        self.pump()
        if self.closed:
            return []
        asked = self.server.asked.values()
        return [StreamOfHttp2(self, one) for one in asked if one.reset is None and one.sid in self.connection._by_sid]

    @property
    def streams(self) -> int:
        return self.connection.streams

    @property
    def closed(self) -> str:
        return "closed" if self.connection.lost else ""

    @property
    def address(self) -> str:
        return self.connection.address

    @address.setter
    def address(self, address: str) -> None:
        self.connection.address = address

    # The peer.

    def allow(self, most: int) -> None:
        """SETTINGS."""
        self.server.peer.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: most})
        self.server.flush()
        self.pump()

    def go_away(self, looked_at: int) -> None:
        """GOAWAY; all but the first ones that are open were not looked at."""
        there = self.open_streams
        if looked_at:
            last = there[min(looked_at, len(there)) - 1].asked.sid if there else max(self.server.asked, default=0)
        else:
            last = max(there[0].asked.sid - 2, 0) if there else max(self.server.asked, default=0)
        self.server.go_away(last)
        self.pump()

    def lose(self) -> None:
        """The transport is gone."""
        self._over = True
        self.connection.connectionLost(Failure(ConnectionLost()))


class StreamOfHttp2:
    """One request, as the peer sees it."""

    def __init__(self, connection: OverHttp2, asked: Asked2) -> None:
        self.connection = connection
        self.asked = asked

    def end(self) -> None:
        """A whole answer."""
        self.connection.server.answer(self.asked)
        self.connection.pump()

    def refuse(self) -> None:
        """REFUSED_STREAM."""
        self._give_up(codes.REFUSED_STREAM)

    def fail(self, error: GatewayError) -> None:
        """RST_STREAM, which is heard as a reset."""
        self._give_up(codes.INTERNAL_ERROR)

    def _give_up(self, code: int) -> None:
        self.connection.server.give_up(self.asked, code)
        self.connection.pump()


class BackendOfHttp2:
    """Opens such connections at once, and has them."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.connections: list[OverHttp2] = []
        self._talk = Talk(Http2Heading(b"http", b"orders:80"), 65536, LIMIT, lambda call: call())

    @property
    def connect(self) -> Connect:
        """What a pool is handed."""

        def connect(keeper: Keeper) -> Deferred[Connection]:
            made = OverHttp2(keeper, self._talk, self.most)
            self.connections.append(made)
            dialled: Deferred[Connection] = Deferred()
            dialled.callback(made.connection)
            return dialled

        return connect

    def pump(self) -> None:
        """Pass everything on."""
        for connection in self.connections:
            connection.pump()

    @property
    def streams(self) -> list[StreamOfHttp2]:
        """All that are open, in their order."""
        return [stream for connection in self.connections for stream in connection.open_streams]
