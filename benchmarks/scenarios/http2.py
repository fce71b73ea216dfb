"""Requests over HTTP/2, many at once on each of a few connections, through h2load."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from benchmarks import h2load, wrk
from benchmarks.proxies.base import Proxy
from benchmarks.scenarios.load import Load
from benchmarks.stand import Drive, Running, Stand


@dataclass(frozen=True)
class Http2Load(Load):
    """A load of h2load.

    Attributes:
        streams: On each connection, at a time.
        rate: Requests of a round, for each of its seconds; fewer where a connection would have too many.
        backend: Whether the backend speaks HTTP/2, too.
        body: Sent with every request, by POST.
    """

    connections: int = 8
    streams: int = 32
    rate: float = 15_000
    backend: bool = False
    body: bytes = b""

    def started(self, stand: Stand, proxies: Sequence[Proxy]) -> AbstractContextManager[list[Running]]:
        """Run the proxies that can do it over HTTP/2."""
        return stand.started(proxies, tls=self.tls, http2=True, http2_backend=self.backend)

    @property
    def content(self) -> bytes:
        """The body of every request."""
        return self.body

    @property
    def held(self) -> str:
        """What h2load holds."""
        each = f"{self.streams} streams each" if self.streams > 1 else "one stream each"
        return f"{self.connections} connections with {each}"

    @property
    def watched(self) -> int:
        """None: a run ends when all is answered, so nothing can wait in vain."""
        return 0

    def drive(self, stand: Stand) -> Drive:
        """Return what asks a proxy."""
        headers = stand.headers if self.headers is None else self.headers
        body = None
        if self.body:
            body = stand.file(f"{self.name}.body")
            body.write_bytes(self.body)
        most = h2load.MOST_A_CONNECTION * self.connections

        def drive(one: Running, seconds: float) -> wrk.Load:
            requests = min(most, max(self.connections, round(self.rate * seconds)))
            url = one.task.url(self.path)
            return h2load.run(url, requests, self.connections, self.streams, headers, body)

        return drive
