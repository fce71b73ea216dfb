"""A backend that can be told to misbehave, as a process of its own: `python chaos_backend.py PORT`.

`GET /-/NAME` on its own port sets a fault: `none`, `slow` (2 s for each answer),
`mute` (connections that are open say nothing more, new ones are served),
`cut` (half an answer, then a reset), `busy` (503). `GET /health` answers 200.
"""

# mypy: disable-error-code="arg-type, attr-defined, union-attr, override"
# (Twisted's reactor has its types at run time.)

from __future__ import annotations

import sys

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol

BODY = b"x" * 2000


class Backend(Factory):
    """What all connections share."""

    def __init__(self) -> None:
        self.fault = "none"
        self.open: set[Connection] = set()

    def buildProtocol(self, addr: object) -> Connection:
        return Connection(self)


class Connection(Protocol):
    """One connection; requests have no content."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.muted = False
        self._received = b""

    def connectionMade(self) -> None:
        self.backend.open.add(self)

    def connectionLost(self, reason: object = None) -> None:
        self.backend.open.discard(self)

    def dataReceived(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received and not self.muted:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            self._serve(head.split(b" ", 2)[1])

    def _serve(self, path: bytes) -> None:
        backend = self.backend
        if path.startswith(b"/-/"):
            backend.fault = path[3:].decode()
            for connection in backend.open - {self}:
                connection.muted = backend.fault == "mute"
            self._answer(b"200 OK", b"")
        elif path == b"/health" or backend.fault in ("none", "mute"):
            self._answer(b"200 OK", BODY)
        elif backend.fault == "slow":
            reactor.callLater(2.0, self._answer, b"200 OK", BODY)
        elif backend.fault == "busy":
            self._answer(b"503 Service Unavailable", b"busy")
        elif backend.fault == "cut":
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY[:1000])
            reactor.callLater(0.01, self.transport.abortConnection)

    def _answer(self, status: bytes, body: bytes) -> None:
        if not self.muted:
            self.transport.write(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))


if __name__ == "__main__":
    reactor.listenTCP(int(sys.argv[1]), Backend(), interface="127.0.0.1", backlog=1024)
    reactor.run()
