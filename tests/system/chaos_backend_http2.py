"""A backend of HTTP/2 that can be told to misbehave, as a process of its own: `python -m … PORT CONTROL`.

Spoken on PORT by prior knowledge, by `h2`. Faults are set on CONTROL, by HTTP/1.1, as at `chaos_backend.py`. Besides
its own there are `refuse` (every stream, REFUSED_STREAM) and `leave` (GOAWAY for every request, then the connection
ends: none of them was looked at). Checks of grpc.health.v1 are answered.
"""

# mypy: disable-error-code="arg-type, attr-defined, override, union-attr"
# (Twisted's reactor has its types at run time.)

from __future__ import annotations

import contextlib
import sys

from h2.exceptions import ProtocolError
from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol

from tests.http2.server import Asked2, Http2Server
from tests.system.chaos_backend import BODY, Backend

REFUSED_STREAM, CANCEL = 7, 8


class Serving(Factory):
    """Makes its connections."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def buildProtocol(self, addr: object) -> Connection:
        return Connection(self._backend)


class Connection(Protocol, Http2Server):
    """One connection; it answers what is complete."""

    def __init__(self, backend: Backend) -> None:
        Http2Server.__init__(self)
        self.backend = backend
        self.muted = False
        self.left = False

    def connectionMade(self) -> None:
        self.backend.open.add(self)
        self.flush()

    def connectionLost(self, reason: object = None) -> None:
        self.backend.open.discard(self)

    def dataReceived(self, data: bytes) -> None:
        self.receive(data)

    def flush(self) -> None:
        data = self.take()
        if data and not self.muted and not self.left:
            self.transport.write(data)

    def whole(self, asked: Asked2) -> None:
        # A process that was stopped may find a request and its reset, or the connection's end, in one read.
        with contextlib.suppress(ProtocolError):
            self._serve(asked)

    def _serve(self, asked: Asked2) -> None:
        fault = self.backend.fault
        if asked.target == b"/grpc.health.v1.Health/Check":
            self.answer(
                asked, b"\0\0\0\0\2\x08\1", [("content-type", "application/grpc")], trailers=[("grpc-status", "0")]
            )
        elif fault in ("none", "mute"):
            self.answer(asked, BODY)
        elif fault == "slow":
            reactor.callLater(2.0, self._late, asked)
        elif fault == "busy":
            self.answer(asked, b"busy", status=503)
        elif fault == "cut":
            self.head(asked, [("content-length", str(len(BODY)))])
            self.data(asked, BODY[:1000], end=False)
            reactor.callLater(0.01, self._cut, asked)
        elif fault == "refuse":
            self.give_up(asked, REFUSED_STREAM)
        elif fault == "leave" and not self.left:
            # Streams whose heads came before this one's may have content to come: they were not looked at either.
            waiting = [sid for sid, one in self.asked.items() if not one.complete]
            self.go_away(max(0, min([*waiting, asked.sid]) - 2))
            self.left = True
            self.transport.loseConnection()

    def _late(self, asked: Asked2) -> None:
        if asked.reset is None and self.transport.connected:
            self.answer(asked, BODY)

    def _cut(self, asked: Asked2) -> None:
        if asked.reset is None and self.transport.connected:
            self.give_up(asked, CANCEL)


if __name__ == "__main__":
    port, control = map(int, sys.argv[1:])
    shared = Backend()
    reactor.listenTCP(port, Serving(shared), interface="127.0.0.1", backlog=1024)
    reactor.listenTCP(control, shared, interface="127.0.0.1", backlog=1024)
    reactor.run()
