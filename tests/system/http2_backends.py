"""A backend of HTTP/2 on real sockets, on `h2`, in threads of the test."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.http2.server import Asked2, Http2Server
from tests.system.backends import PIECE


class Http2Origin:
    """What is known of it.

    Attributes:
        port: Where it listens.
        agreed: What ALPN has found, for each connection.
        asked: Methods and targets, in order.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.agreed: list[str | None] = []
        self.asked: list[tuple[bytes, bytes]] = []


class _Serving(Http2Server):
    """Answers `/bytes/N` with as many octets, and content with its length; each with a trailer."""

    def __init__(self, origin: Http2Origin) -> None:
        super().__init__()
        self._origin = origin

    def whole(self, asked: Asked2) -> None:
        self._origin.asked.append((asked.method, asked.target))
        if asked.method == b"GET":
            size = int(asked.target.rpartition(b"/")[2] or 0)
            body = (PIECE * (size // len(PIECE) + 1))[:size]
        else:
            body = b"%d" % len(asked.body)
        self.answer(asked, body, [("x-version", "2")], trailers=[("x-sum", str(len(body)))])


@contextlib.contextmanager
def http2_backend(identity: Path | None = None, alpn: Sequence[str] = ("h2",)) -> Iterator[Http2Origin]:
    """Run one; over TLS where it has a certificate."""
    context: ssl.SSLContext | None = None
    if identity is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity)
        context.set_alpn_protocols(list(alpn))
    listening = socket.create_server(("127.0.0.1", 0))
    origin = Http2Origin(listening.getsockname()[1])

    def serve(plain: socket.socket) -> None:
        with contextlib.suppress(OSError), plain:
            wire = plain if context is None else context.wrap_socket(plain, server_side=True)
            with wire:
                if isinstance(wire, ssl.SSLSocket):
                    origin.agreed.append(wire.selected_alpn_protocol())
                serving = _Serving(origin)
                wire.sendall(serving.take())
                while data := wire.recv(1 << 16):
                    serving.receive(data)
                    said = serving.take()
                    if said:
                        wire.sendall(said)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield origin
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
