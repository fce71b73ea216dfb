"""A check by a call of gRPC: `grpc.health.v1.Health/Check`, which most frameworks have a server for.

The two messages have one field each, so they are written and read by hand: the request names the service (field 1, a
text), the answer says its status (field 1, a number; 1 is SERVING). Each check has a connection of its own, as other
checks have.

Tests: `tests/flow/test_grpc_health.py::test_who_does_not_serve_gets_no_traffic`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from gateway.http.grpc import CONTENT_TYPE
from gateway.http2 import codes
from gateway.http2.engine import EngineOptions
from gateway.http2.events import Broken, Closed, Data, Event, Head, Pairs, Trailers
from gateway.http2.ngh2_engine import Ngh2Engine
from gateway.probing.prober import CheckFailed

Connect = Callable[[Callable[[], IProtocol]], "Deferred[IProtocol]"]
"""Opens a connection of its own to the backend, past the pool."""

PATH: Final = b"/grpc.health.v1.Health/Check"
MOST: Final = 1024
"""Octets of an answer that are read: it has seven."""
STATUSES: Final = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}

_FIELDS: Final = [
    (b"te", b"trailers"),
    (b"content-type", CONTENT_TYPE),
    (b"user-agent", b"gateway-health-check"),
]


class GrpcProbe:
    """Asks whether a service is served.

    Args:
        connect: Opens the connection.
        scheme: `b"http"` or `b"https"`.
        authority: The backend's.
        service: What is asked for; empty for the server as a whole.
    """

    def __init__(self, connect: Connect, scheme: bytes, authority: bytes, service: str) -> None:
        self._connect = connect
        self._pseudo: Pairs = (
            (b":method", b"POST"),
            (b":scheme", scheme),
            (b":authority", authority),
            (b":path", PATH),
        )
        self._message = question(service)

    def run(self) -> Deferred[None]:
        """See `gateway.probing.prober.Probe`."""
        return self._connect(lambda: _Check(self._pseudo, self._message)).addCallback(_asked)


def _asked(protocol: Any) -> Deferred[None]:
    done: Deferred[None] = protocol.done
    return done


def question(service: str) -> bytes:
    """Return the message that asks for a service, with the five octets that stand before a message."""
    name = service.encode()
    message = b"\x0a" + _varint(len(name)) + name if name else b""
    return b"\0" + len(message).to_bytes(4) + message


def verdict(content: bytes, outcome: bytes | None) -> str:
    """Say what is wrong with an answer; empty for nothing.

    Args:
        content: Of the answer.
        outcome: Its `grpc-status`.
    """
    if outcome != b"0":
        return f"grpc-status {(outcome or b'none').decode('latin-1')[:20]}"
    if content[:1] != b"\0" or len(content) < 5 or len(content) != 5 + int.from_bytes(content[1:5]):
        return "the answer is no message"
    message = content[5:]
    # Field 1 as a number is `08`, and all statuses take one octet; a message without it says 0.
    status = message[1] if len(message) == 2 and message[0] == 8 else 0
    return "" if status == 1 else STATUSES.get(status, str(status))


def _varint(number: int) -> bytes:
    octets = b""
    while number >= 128:
        octets += bytes((number % 128 + 128,))
        number //= 128
    return octets + bytes((number,))


class _Check(Protocol):
    """One check on one connection.

    Args:
        pseudo: What is asked.
        message: Its content.

    Attributes:
        done: Fires when the backend has passed.
    """

    def __init__(self, pseudo: Pairs, message: bytes) -> None:
        self.done: Deferred[None] = Deferred(lambda _: self._leave())
        self._pseudo = pseudo
        self._message = message
        self._engine = Ngh2Engine(True, EngineOptions(streams=0))
        self._status = b""
        self._outcome: bytes | None = None
        self._content = b""
        self._over = False

    def connectionMade(self) -> None:
        self._engine.request(self._pseudo, _FIELDS, self._message)
        self._flush()

    def dataReceived(self, data: bytes) -> None:
        if self._over:
            return
        for event in self._engine.feed(data, 0.0):
            self._hear(event)
            if self._over:
                return
        self._flush()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self._over:
            self._over = True
            self.done.errback(reason)

    def _flush(self) -> None:
        while not self._over:
            data, events = self._engine.pull()
            if data:
                self.transport.write(data)  # type: ignore[union-attr]
            for event in events:
                self._hear(event)
            if not data:
                return

    def _hear(self, event: Event) -> None:
        if self._over:
            return
        if isinstance(event, Head):
            self._status = dict(event.pseudo).get(b":status", b"")
            self._outcome = _outcome(event.block)
            if event.end:
                self._end()
        elif isinstance(event, Data):
            self._content = (self._content + event.data)[:MOST]
            self._engine.consume(event.sid, len(event.data))
            if event.end:
                self._end()
        elif isinstance(event, Trailers):
            self._outcome = _outcome(event.block)
            self._end()
        elif isinstance(event, Closed):
            self._fail(f"the stream was reset ({codes.name_of(event.code)})")
        elif isinstance(event, Broken):
            self._fail(f"the connection breaks RFC 9113 ({codes.name_of(event.code)})")

    def _end(self) -> None:
        if self._status != b"200":
            self._fail(f"status {self._status.decode('latin-1')}, wanted 200")
            return
        wrong = verdict(self._content, self._outcome)
        if wrong:
            self._fail(f"{wrong}, wanted SERVING")
        else:
            self._leave()
            self.done.callback(None)

    def _fail(self, why: str) -> None:
        self._leave()
        self.done.errback(CheckFailed(why))

    def _leave(self) -> None:
        self._over = True
        if self.connected:
            self.transport.abortConnection()  # type: ignore[union-attr]


def _outcome(block: bytes) -> bytes | None:
    for line in block.split(b"\r\n"):
        if line.startswith(b"grpc-status: "):
            return line[13:]
    return None
