"""A client of HTTP/2 in memory, on `h2`: the gateway and its client do not share their mistakes."""

from __future__ import annotations

import json
from typing import Any

import h2.config
import h2.connection
import h2.events
from h2.settings import SettingCodes, Settings

from gateway.headers import Headers
from gateway.testing import FakeClient


class Http2Answer:
    """What came on one stream.

    Attributes:
        sid: Its number.
        interims: Status codes of the 1xx before the answer.
        said_before: All fields of these.
        complete: Its end has come.
        reset: The code with which it was given up; None where it was not.
    """

    def __init__(self, sid: int) -> None:
        self.sid = sid
        self.status = 0
        self.headers = Headers()
        self.trailers = Headers()
        self.body = b""
        self.interims: list[int] = []
        self.said_before: list[tuple[bytes, bytes]] = []
        self.complete = False
        self.reset: int | None = None

    @property
    def json(self) -> Any:
        """Return the body, read as JSON."""
        return json.loads(self.body)


class Http2Client(FakeClient):
    """One client connection.

    Args:
        window: Octets that it takes on a stream before it says that it has read some; what comes is read at once
            where `reads` is true.

    Attributes:
        answers: By stream.
        goaways: Last stream and code of each.
        reads: Give windows back for what comes.
        peer: The connection as `h2` has it.
    """

    def __init__(self, window: int = 65_535) -> None:
        super().__init__()
        self.answers: dict[int, Http2Answer] = {}
        self.goaways: list[tuple[int, int]] = []
        self.reads = True
        self._unread = b""
        configuration = h2.config.H2Configuration(
            validate_outbound_headers=False, normalize_outbound_headers=False, header_encoding=None
        )
        self.peer = h2.connection.H2Connection(configuration)
        self.peer.local_settings = Settings(client=True, initial_values={SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.peer.initiate_connection()

    def connectionMade(self) -> None:
        super().connectionMade()
        self.flush()

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        self._unread += data
        # Frame by frame: for `h2` a GOAWAY is the end, and what stands before and behind it would be dropped.
        while len(self._unread) >= 9:
            size = 9 + int.from_bytes(self._unread[:3])
            if len(self._unread) < size:
                break
            frame, self._unread = self._unread[:size], self._unread[size:]
            for event in self.peer.receive_data(frame):
                self._hear(event)
            self.flush()

    def flush(self) -> None:
        """Send what there is to send."""
        data = self.peer.data_to_send()
        if data and self.closed is None:
            self.send(data)

    def request(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | list[tuple[str, str]] | None = None,
        body: bytes | None = None,
        end: bool = True,
        authority: str = "gateway.test",
    ) -> Http2Answer:
        """Begin a request, and return what its answer will be.

        Args:
            method: As it goes out.
            path: Likewise.
            headers: Names in lower case.
            body: Content that is there.
            end: There is no more of it.
            authority: As it goes out.
        """
        pseudo = [(":method", method), (":scheme", "http"), (":authority", authority), (":path", path)]
        fields = list(headers.items() if isinstance(headers, dict) else headers or [])
        return self.ask([*pseudo, *fields], body, end)

    def ask(self, fields: list[tuple[str, str]], body: bytes | None = None, end: bool = True) -> Http2Answer:
        """Begin a request with these fields, pseudo-fields among them, whatever the rules say."""
        sid = self.peer.get_next_available_stream_id()
        answer = self.answers[sid] = Http2Answer(sid)
        self.peer.send_headers(sid, fields, end_stream=end and body is None)
        if body is not None:
            self.write(answer, body, end)
        self.flush()
        return answer

    def write(self, answer: Http2Answer, data: bytes, end: bool = False) -> None:
        """Send content, as far as the window goes.

        Raises:
            h2.exceptions.FlowControlError: It goes further.
        """
        most = self.peer.max_outbound_frame_size
        while len(data) > most:
            self.peer.send_data(answer.sid, data[:most])
            data = data[most:]
        self.peer.send_data(answer.sid, data, end_stream=end)
        self.flush()

    def cancel(self, answer: Http2Answer, code: int = 8) -> None:
        """Give a request up."""
        self.peer.reset_stream(answer.sid, code)
        self.flush()

    def read(self, answer: Http2Answer, octets: int) -> None:
        """Say that so much was read, where `reads` is false."""
        self.peer.acknowledge_received_data(octets, answer.sid)
        self.flush()

    def _hear(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ConnectionTerminated):
            self.goaways.append((event.last_stream_id or 0, int(event.error_code or 0)))
            self.peer.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN  # it goes on: streams are open
            return
        answer = self.answers.get(getattr(event, "stream_id", 0) or 0)
        if answer is None:
            return
        if isinstance(event, h2.events.InformationalResponseReceived):
            answer.interims.append(int(dict(event.headers)[b":status"]))
            answer.said_before += [(bytes(name), bytes(value)) for name, value in event.headers]
        elif isinstance(event, h2.events.ResponseReceived):
            fields = [(bytes(name), bytes(value)) for name, value in event.headers]
            answer.status = int(dict(fields)[b":status"])
            answer.headers = Headers([field for field in fields if field[0] != b":status"])
        elif isinstance(event, h2.events.DataReceived):
            answer.body += event.data
            if self.reads and event.flow_controlled_length:
                self.peer.acknowledge_received_data(event.flow_controlled_length, answer.sid)
        elif isinstance(event, h2.events.TrailersReceived):
            answer.trailers = Headers([(bytes(name), bytes(value)) for name, value in event.headers])
        elif isinstance(event, h2.events.StreamEnded):
            answer.complete = True
        elif isinstance(event, h2.events.StreamReset):
            answer.reset = int(event.error_code)
