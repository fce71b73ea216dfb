"""Backends on real sockets, in threads of the test."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PIECE = bytes(range(256)) * 256


class Handler(BaseHTTPRequestHandler):
    """Does what the path says: `/bytes/N`, `/chunks/N`, `/sink`, `/slow/SECONDS`, `/name`, `/cut/N`."""

    protocol_version = "HTTP/1.1"
    server: Backend

    def do_GET(self) -> None:
        what, _, number = self.path.strip("/").partition("/")
        if what == "bytes":
            self._send(int(number))
        elif what == "chunks":
            self._chunk(int(number))
        elif what == "cut":
            self.send_response(200)
            self.send_header("Content-Length", str(int(number) * 2))
            self.end_headers()
            self.wfile.write(b"x" * int(number))
            self.close_connection = True
        elif what == "slow":
            self.server.waiting.append(self.connection)
            time.sleep(float(number))
            self._send(5)
        else:
            self._text(self.server.name)

    def do_POST(self) -> None:
        received = 0
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                received += len(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
        else:
            left = int(self.headers.get("Content-Length", 0))
            while left:
                data = self.rfile.read(min(left, 1 << 16))
                received += len(data)
                left -= len(data)
        self._text(str(received))

    def log_message(self, *args: Any) -> None:
        """The gateway logs."""

    def _send(self, size: int) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        while size:
            size -= self.wfile.write(PIECE[: min(size, len(PIECE))])

    def _chunk(self, size: int) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while size:
            part = min(size, len(PIECE))
            self.wfile.write(b"%x\r\n%b\r\n" % (part, PIECE[:part]))
            size -= part
        self.wfile.write(b"0\r\n\r\n")

    def _text(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


class Backend(ThreadingHTTPServer):
    """One backend."""

    request_queue_size = 1024
    daemon_threads = True

    def __init__(self, name: str = "backend") -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.name = name
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.waiting: list[socket.socket] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks off is part of the tests."""


@contextlib.contextmanager
def backend(name: str = "backend") -> Iterator[Backend]:
    """Serve for as long as the block lasts."""
    with Backend(name) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(5)


@contextlib.contextmanager
def httpbin() -> Iterator[str]:
    """Serve httpbin; gives its URL."""
    from httpbin import app  # type: ignore[import-untyped]
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log(self, *args: Any) -> None:
            """The gateway logs."""

    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(5)
