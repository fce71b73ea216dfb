"""A backend of HTTP/2 in memory, on `h2`: the gateway and its backend do not share their mistakes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import h2.config
import h2.connection
import h2.events
from h2.settings import SettingCodes, Settings

from gateway.headers import Headers
from gateway.memory.end import End
from gateway.memory.network import MemoryNetwork


class Asked2:
    """A request as the backend got it.

    Attributes:
        connection: The server that it came on.
        sid: Its stream.
        complete: Its end has come.
        reset: The code with which it was given up; None where it was not.
    """

    def __init__(self, connection: Any, sid: int, fields: list[tuple[bytes, bytes]]) -> None:
        self.connection = connection
        self.sid = sid
        self.pseudo = {name: value for name, value in fields if name.startswith(b":")}
        self.headers = Headers([field for field in fields if not field[0].startswith(b":")])
        self.trailers = Headers()
        self.body = bytearray()
        self.complete = False
        self.reset: int | None = None

    @property
    def method(self) -> bytes:
        return self.pseudo[b":method"]

    @property
    def target(self) -> bytes:
        return self.pseudo[b":path"]


class Http2Server:
    """One end of a connection, without a transport.

    Attributes:
        asked: By stream.
        reads: Give windows back for what comes.
        goaways: Last stream and code of each.
        peer: The connection as `h2` has it.
    """

    def __init__(self, streams: int = 100, window: int = 65_535) -> None:
        self.asked: dict[int, Asked2] = {}
        self.reads = True
        self.goaways: list[int] = []
        self.pings = 0
        self.unsent = False
        configuration = h2.config.H2Configuration(
            client_side=False, validate_outbound_headers=False, normalize_outbound_headers=False, header_encoding=None
        )
        self.peer = h2.connection.H2Connection(configuration)
        initial = {SettingCodes.MAX_CONCURRENT_STREAMS: streams, SettingCodes.INITIAL_WINDOW_SIZE: window}
        self.peer.local_settings = Settings(client=False, initial_values=initial)
        self.peer.initiate_connection()
        self._waiting: dict[int, tuple[bytearray, bool, list[tuple[str, str]]]] = {}

    @property
    def last(self) -> Asked2:
        """The request that came last."""
        return list(self.asked.values())[-1]

    def receive(self, data: bytes) -> None:
        """Take octets."""
        for event in self.peer.receive_data(data) if data else []:
            self._hear(event)
        self._push()

    def take(self) -> bytes:
        """Return what there is to send."""
        self.unsent = False
        data: bytes = self.peer.data_to_send()
        return data

    # What it may be told.

    def interim(self, asked: Asked2, status: int, fields: list[tuple[str, str]] | None = None) -> None:
        """Send an interim answer."""
        self.peer.send_headers(asked.sid, [(":status", str(status)), *(fields or [])])
        self.flush()

    def head(
        self, asked: Asked2, fields: list[tuple[str, str]] | None = None, status: int = 200, end: bool = False
    ) -> None:
        """Send the head of an answer."""
        self.peer.send_headers(asked.sid, [(":status", str(status)), *(fields or [])], end_stream=end)
        self.flush()

    def data(self, asked: Asked2, data: bytes, end: bool = True, trailers: list[tuple[str, str]] | None = None) -> None:
        """Send content, as the gateway's windows have room for it."""
        waiting, _, _ = self._waiting.pop(asked.sid, (bytearray(), False, []))
        self._waiting[asked.sid] = (waiting + data, end, trailers or [])
        self._push()

    def answer(
        self,
        asked: Asked2,
        body: bytes = b"ok",
        fields: list[tuple[str, str]] | None = None,
        status: int = 200,
        trailers: list[tuple[str, str]] | None = None,
    ) -> None:
        """Send a whole answer."""
        self.head(asked, [("content-length", str(len(body))), *(fields or [])] if not trailers else fields, status)
        self.data(asked, body, True, trailers)

    def give_up(self, asked: Asked2, code: int = 2) -> None:
        """Reset a stream."""
        self._waiting.pop(asked.sid, None)
        self.peer.reset_stream(asked.sid, code)
        self.flush()

    def go_away(self, last: int, code: int = 0) -> None:
        """Take no further streams."""
        self.peer.close_connection(code, last_stream_id=last)
        # It goes on: for `h2` a GOAWAY is the end.
        self.peer.state_machine.state = h2.connection.ConnectionState.SERVER_OPEN
        self.flush()

    def flush(self) -> None:
        """There is something to send."""
        self.unsent = True

    def _push(self) -> None:
        for sid, (data, end, trailers) in list(self._waiting.items()):
            while data:
                room = min(self.peer.local_flow_control_window(sid), self.peer.max_outbound_frame_size, len(data))
                if room <= 0:
                    break
                last = end and room == len(data) and not trailers
                self.peer.send_data(sid, bytes(data[:room]), end_stream=last)
                del data[:room]
                if last:
                    del self._waiting[sid]
            if not data and sid in self._waiting:
                del self._waiting[sid]
                if trailers:
                    self.peer.send_headers(sid, trailers, end_stream=True)
                elif end:
                    self.peer.end_stream(sid)
        self.flush()

    # What comes.

    def came(self, asked: Asked2) -> None:
        """The head of a request came."""

    def whole(self, asked: Asked2) -> None:
        """All of a request came."""

    def _hear(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            sid = event.stream_id
            asked = self.asked[sid] = Asked2(self, sid, [(bytes(name), bytes(value)) for name, value in event.headers])
            self.came(asked)
            return
        if isinstance(event, h2.events.ConnectionTerminated):
            self.goaways.append(int(event.error_code or 0))
            return
        if isinstance(event, h2.events.PingReceived):
            self.pings += 1
            return
        known = self.asked.get(getattr(event, "stream_id", 0) or 0)
        if known is None:
            return
        if isinstance(event, h2.events.DataReceived):
            known.body += event.data
            if self.reads and event.flow_controlled_length:
                self.peer.acknowledge_received_data(event.flow_controlled_length, known.sid)
        elif isinstance(event, h2.events.TrailersReceived):
            known.trailers = Headers([(bytes(name), bytes(value)) for name, value in event.headers])
        elif isinstance(event, h2.events.StreamEnded):
            known.complete = True
            self.whole(known)
        elif isinstance(event, h2.events.StreamReset):
            known.reset = int(event.error_code)
            self._waiting.pop(known.sid, None)


class ServerEnd(Http2Server, End):
    """The backend's end of one connection in memory."""

    def __init__(self, backend: Http2Backend) -> None:
        End.__init__(self)
        Http2Server.__init__(self, backend.streams, backend.window)
        self.backend = backend

    def connectionMade(self) -> None:
        self.backend.connections.append(self)
        self.flush()

    def dataReceived(self, data: bytes) -> None:
        self.receive(data)

    def flush(self) -> None:
        super().flush()
        if self.transport is not None and self.closed is None:
            data = self.take()
            if data:
                self.send(data)

    def came(self, asked: Asked2) -> None:
        self.backend.requests.append(asked)
        self.backend.on_head(asked)

    def whole(self, asked: Asked2) -> None:
        self.backend.on_whole(asked)


class Http2Backend:
    """A backend at an address of a `MemoryNetwork` that speaks HTTP/2 by prior knowledge.

    Attributes:
        requests: What it was asked, in order.
        connections: Accepted so far.
        on_head: Called with each request whose head is there.
        on_whole: Called with each that is complete; by default answers it.
        streams: That connections to come take at once.
        window: Octets that one takes on a stream before it says that it has read some.
    """

    def __init__(self, network: MemoryNetwork, host: str, port: int, streams: int = 100, window: int = 65_535) -> None:
        self.requests: list[Asked2] = []
        self.connections: list[ServerEnd] = []
        self.streams = streams
        self.window = window
        self.on_head: Callable[[Asked2], object] = lambda asked: None
        self.on_whole: Callable[[Asked2], object] = lambda asked: asked.connection.answer(asked)
        network.listen(host, port, lambda: ServerEnd(self))

    @property
    def last(self) -> Asked2:
        """The request that came last."""
        return self.requests[-1]
