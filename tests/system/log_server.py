"""The doubles of `tests.log_receivers` behind a socket, with as much of what asks them as the guide uses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from tests.log_receivers import Answer, Elasticsearch, Loki, Receiver

Answers = Callable[[str, str, Mapping[str, str], bytes], Answer]
"""Takes the method, the path, the fields and the content of a request."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    receiver: Receiver | Answers

    def do_POST(self) -> None:  # the name that http.server calls
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fields = {name.lower(): value for name, value in self.headers.items()}
        self._answer(*self.receiver("POST", self.path, fields, body))

    def do_GET(self) -> None:  # likewise
        if not isinstance(self.receiver, Receiver):
            self._answer(*self.receiver("GET", self.path, {}, b""))
            return
        path = urlsplit(self.path).path
        taken = self.receiver.taken
        said: Any = {"error": "not found"}
        if isinstance(self.receiver, Loki) and path == "/loki/api/v1/query_range":
            found = [
                {"stream": dict(pair.split("=") for pair in labels.split(",")), "values": values}
                for labels, values in taken.items()
            ]
            said = {"status": "success", "data": {"resultType": "streams", "result": found}}
        elif isinstance(self.receiver, Elasticsearch) and path.endswith("/_search"):
            records = taken.get(path.split("/")[1], [])
            hits = [{"_source": record} for record in records]
            said = {"hits": {"total": {"value": len(records), "relation": "eq"}, "hits": hits}}
        self._answer(200, json.dumps(said).encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def served(receiver: Receiver | Answers) -> Iterator[int]:
    """Serve a receiver; gives the port."""
    handler = type("Handler", (_Handler,), {"receiver": receiver})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
