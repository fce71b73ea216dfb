"""Clients that ask without a pause, each on a connection of its own, and a backend that keeps up with them."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple


class Asked(NamedTuple):
    """One request: when it was sent, when the answer was complete (monotonic seconds), and its status."""

    sent: float
    answered: float
    status: int


class Callers:
    """Threads that make the same request again and again.

    Attributes:
        asked: What they asked so far, in no order.
    """

    def __init__(self, *ports: int, threads: int = 2, target: str = "/name") -> None:
        self.asked: list[Asked] = []
        self._request = f"GET {target} HTTP/1.1\r\nHost: gateway.test\r\n\r\n".encode()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(port,)) for port in ports for _ in range(threads)]

    def between(self, start: float, end: float) -> list[Asked]:
        """Return the requests that were sent within a time."""
        return [asked for asked in self.asked if start <= asked.sent < end]

    def run_for(self, seconds: float) -> tuple[float, float]:
        """Let them ask for a time; gives its beginning and end."""
        begin = time.monotonic()
        self._over.wait(seconds)
        return begin, time.monotonic()

    def _ask(self, port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            reader = connection.makefile("rb")
            while not self._over.is_set():
                sent = time.monotonic()
                connection.sendall(self._request)
                status = int(reader.readline().split()[1])
                length = 0
                while (line := reader.readline()) != b"\r\n":
                    name, _, value = line.partition(b":")
                    if name.lower() == b"content-length":
                        length = int(value)
                reader.read(length)
                self.asked.append(Asked(sent, time.monotonic(), status))


@contextlib.contextmanager
def calling(*ports: int, threads: int = 2, target: str = "/name") -> Iterator[Callers]:
    """Let clients ask for as long as the block lasts."""
    callers = Callers(*ports, threads=threads, target=target)
    for thread in callers._threads:
        thread.start()
    try:
        yield callers
    finally:
        callers._over.set()
        for thread in callers._threads:
            thread.join(15)


class _Answers(socketserver.StreamRequestHandler):
    """Answers every request at once, in one packet: http.server would take 40 ms for two."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while self.rfile.readline() not in (b"", b"\r\n"):
                while self.rfile.readline() not in (b"", b"\r\n"):
                    pass
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


class _Server(socketserver.ThreadingTCPServer):
    request_queue_size = 1024
    daemon_threads = True
    allow_reuse_address = True


@contextlib.contextmanager
def quick_backend() -> Iterator[str]:
    """Answer requests without content for as long as the block lasts; gives the URL."""
    with _Server(("127.0.0.1", 0), _Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(5)
