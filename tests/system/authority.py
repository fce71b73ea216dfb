"""A server that others ask who is calling, on a real socket: introspection by POST, forward authentication by GET."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs


class Authority(ThreadingHTTPServer):
    """Knows tokens, and says yes or no to requests; may be slow."""

    daemon_threads = True

    def __init__(self, certificate: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self.server_address[1]}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.delay = 0.0
        self.connections: list[socket.socket] = []

    def die(self) -> None:
        """Answer nobody any more, on no connection."""
        self.shutdown()
        self.server_close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """That nobody waits any more is part of the test."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Authority

    def setup(self) -> None:
        super().setup()
        self.server.connections.append(self.connection)

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        active = form["token"] == ["good"] and self.headers["Authorization"].startswith("Basic ")
        self._answer(200, json.dumps({"active": active, "sub": "user-7", "scope": "read"}))

    def do_GET(self) -> None:
        if self.headers["Authorization"] != "Bearer good":
            self._answer(302, "log in", Location="https://login.example.com/")
        else:
            self._answer(200, "", **{"Remote-User": self.headers["X-Forwarded-Uri"]})

    def _answer(self, status: int, text: str, **fields: str) -> None:
        time.sleep(self.server.delay)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(text)), **fields}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args: Any) -> None:
        """The gateway logs."""


@contextlib.contextmanager
def authority_server(certificate: Path | None = None) -> Iterator[Authority]:
    """Serve for as long as the block lasts; over TLS with a certificate and its key."""
    with Authority(certificate) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(5)
