"""A backend in memory that does as it is told: answers, refuses, stalls, resets, trickles, lies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from httptools import HttpParserUpgrade, HttpRequestParser

from gateway.headers import Headers
from gateway.memory.end import End
from gateway.memory.network import MemoryNetwork
from gateway.transport.proxy_header import Header, HeaderReader

Answer = Callable[["Asked"], bytes | None]
"""Makes the bytes that answer a request; None for silence."""


_SWITCHES = b"HTTP/1.1 101"


class Asked:
    """A request as the backend got it.

    Attributes:
        connection: The connection it came on.
        complete: Its end has come.
    """

    def __init__(self, connection: BackendConnection) -> None:
        self.connection = connection
        self.method = b""
        self.target = b""
        self.headers = Headers()
        self.trailers = Headers()
        self.complete = False
        self._body = bytearray()

    @property
    def body(self) -> bytes:
        """Return what came of its content."""
        return bytes(self._body)

    def feed(self, data: bytes) -> None:
        """Add a part of the content."""
        self._body += data


def ok(body: bytes = b"ok", *fields: tuple[bytes, bytes], status: bytes = b"200 OK") -> bytes:
    """Return a complete answer."""
    lines = b"".join(b"%b: %b\r\n" % field for field in fields)
    return b"HTTP/1.1 %b\r\n%bContent-Length: %d\r\n\r\n%b" % (status, lines, len(body), body)


class BackendConnection(End):
    """The backend's end of one connection; llhttp reads it.

    Attributes:
        introduction: What its PROXY header said, where the backend reads one first.
    """

    def __init__(self, backend: FakeBackend) -> None:
        super().__init__()
        self.backend = backend
        self.raw_mode = False
        self._answer_begins = b""
        self._parser = HttpRequestParser(self)
        self._asked: Asked | None = None
        self._fields: list[tuple[bytes, bytes]] = []
        self._introducing = HeaderReader() if backend.introduced else None
        self.introduction: Header | None = None

    def connectionMade(self) -> None:
        self.backend.connections.append(self)
        if self.backend.greeting:
            self.send(self.backend.greeting)

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        if self.backend.resets:
            self.reset()
            return
        if self._introducing is not None:
            self.introduction = self._introducing.feed(data)
            if self.introduction is None:
                return
            self._introducing, data = None, self.introduction.rest
        if not self.raw_mode:
            try:
                self._parser.feed_data(data)
            except HttpParserUpgrade as upgrade:
                self.raw_mode = True
                if not _SWITCHES.startswith(self._answer_begins):
                    self._speak_http()
                    self._parser.feed_data(data[upgrade.args[0] :])

    def send(self, data: bytes) -> None:
        """Write octets."""
        self._answer_begins += data[: len(_SWITCHES) - len(self._answer_begins)]
        if self.raw_mode and not _SWITCHES.startswith(self._answer_begins):
            self._speak_http()
        super().send(data)

    def _speak_http(self) -> None:
        """Read what comes after a declined change of protocol."""
        self.raw_mode = False
        self._parser = HttpRequestParser(self)

    # Called by httptools.

    def on_message_begin(self) -> None:
        self._answer_begins = b""
        self._asked = Asked(self)
        self._fields = []

    def on_url(self, url: bytes) -> None:
        assert self._asked is not None
        self._asked.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        asked = self._asked
        assert asked is not None
        asked.method = self._parser.get_method()
        asked.headers = Headers(self._fields)
        self._fields = []
        self.backend.requests.append(asked)
        self.backend.head_came(asked)

    def on_body(self, data: bytes) -> None:
        assert self._asked is not None
        self._asked.feed(data)

    def on_message_complete(self) -> None:
        asked = self._asked
        assert asked is not None
        asked.trailers = Headers(self._fields)
        asked.complete = True
        self.backend.message_came(asked)


class FakeBackend:
    """A backend at an address of a `MemoryNetwork`.

    Attributes:
        requests: What it was asked, in order.
        connections: Accepted so far.
        answer: Makes the answer to a complete request.
        answer_head: Makes an answer as soon as the head is there, or None to wait for the whole.
        introduced: It reads a PROXY header first on each connection.
    """

    def __init__(self, network: MemoryNetwork, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.requests: list[Asked] = []
        self.connections: list[BackendConnection] = []
        self.answer: Answer = lambda asked: ok()
        self.answer_head: Answer = lambda asked: None
        self.greeting = b""
        self.introduced = False
        self.resets = False
        self._network = network
        self.accept_connections()

    # What it may be told.

    def accept_connections(self) -> None:
        """Accept connections (again)."""
        self._network.listen(self.host, self.port, lambda: BackendConnection(self))

    def refuse_connections(self) -> None:
        """Refuse connections."""
        self._network.close(self.host, self.port)

    def swallow_connections(self) -> None:
        """Let attempts to connect hang."""
        self._network.listen(self.host, self.port, None)

    def answers(self, *answers: bytes) -> None:
        """Answer with these bytes in turn, the last again and again."""
        left = list(answers)
        self.answer = lambda asked: left.pop(0) if len(left) > 1 else left[0]

    def stall(self) -> None:
        """Say nothing."""
        self.answer = lambda asked: None

    def reset_on_data(self) -> None:
        """Break every connection off when something comes."""
        self.resets = True

    # Called by its connections.

    def head_came(self, asked: Asked) -> None:
        self._send(asked, self.answer_head(asked))

    def message_came(self, asked: Asked) -> None:
        self._send(asked, self.answer(asked))

    @property
    def last(self) -> Asked:
        """Return the request that came last."""
        return self.requests[-1]

    @property
    def connection(self) -> BackendConnection:
        """Return the connection that was accepted last."""
        return self.connections[-1]

    def _send(self, asked: Asked, data: Any) -> None:
        if data is not None:
            asked.connection.send(data)
