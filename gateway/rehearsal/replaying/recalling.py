"""Backends that remember: each request of a log is answered as the log says that it was, after the time that it took.

What the gateway answered itself says nothing about its backend, which then answers 200 at once. Where the log says that
a backend broke off or kept silent, it does so again.

Tests: `tests/rehearsal/replaying/test_rerun.py::test_a_backend_answers_as_the_log_says`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from gateway.memory.backend import Asked
from gateway.memory.client import FakeClient
from gateway.recorded.request import Recorded
from gateway.rehearsal.backends import Backends, Sent, upstream_of
from gateway.rehearsal.replaying.answered import CLIENT_GONE


@dataclass(slots=True)
class Pending:
    """A request under way.

    Attributes:
        place: Among all requests.
        request: As the log has it.
        begun: When it was sent, by the clock of the network.
        client: Who sent it.
        id: The exchange's request id; empty where that is not known.
        sent: What backends got for it.
        record: What the access log says of it; empty before that is written.
    """

    place: int
    request: Recorded
    begun: float
    client: Client
    id: str = ""
    sent: list[Sent] = field(default_factory=list)
    record: Mapping[str, Any] = field(default_factory=dict)


class Client(FakeClient):
    """Says when something has come."""

    def __init__(self, heard: Callable[[Client], None]) -> None:
        super().__init__()
        self._heard = heard
        self.pending: Pending | None = None

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        self._heard(self)

    def readConnectionLost(self) -> None:
        super().readConnectionLost()
        self._heard(self)


class Recalling(Backends):
    """Backends that answer each request as the log says that it was answered.

    Attributes:
        find: Returns the request under way that a backend was asked for.
    """

    find: Callable[[Asked], Pending | None] = staticmethod(lambda asked: None)

    def came(self, names: Sequence[str], asked: Asked) -> None:
        """Answer as recorded; what belongs to no request of the log is answered 200 at once."""
        pending = self.find(asked)
        # Nothing of a long log may be kept by what only tests look at.
        asked.connection.backend.requests.clear()
        asked.connection.backend.connections.clear()
        asked.connection.received = b""
        if pending is None:
            asked.connection.send(octets(200))
            return
        pending.sent.append(Sent(upstream_of(asked, names), asked))
        request = pending.request
        if request.reason is None:
            status, seconds = request.status, request.upstream_seconds or request.seconds or 0.0
        elif not request.reason.startswith("upstream."):
            status, seconds = 200, 0.0  # the gateway answered itself: what the backend would have, nobody knows
        elif request.reason == "upstream.timeout":
            return  # nobody knows either after which time it would have answered
        else:
            asked.connection.reset()
            return
        answer = octets(200 if status in CLIENT_GONE or status == 101 else status)
        if seconds:
            self.clock.callLater(seconds, asked.connection.send, answer)
        else:
            asked.connection.send(answer)


def octets(status: int) -> bytes:
    """Return an answer without content, as a backend writes it."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Recorded"
    length = "" if status in (204, 304) else "Content-Length: 0\r\n"
    return f"HTTP/1.1 {status} {phrase}\r\n{length}\r\n".encode()
