"""A gateway service from a file, with ports, a network and a log in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from gateway.answering.health import State
from gateway.composition.lifecycle import GatewayService
from gateway.listening.endpoints import ListenFailed, Listening
from gateway.memory.stand_ins import MemoryLog
from gateway.testing import FakeBackend, FakeClient, MemoryNetwork

GET = b"GET /orders/7 HTTP/1.1\r\nHost: h\r\n\r\n"
CONFIGURATION = """
listeners: [{endpoint: "tcp:1"}]
admin: {endpoint: "tcp:9"}
timeouts: {shutdown: 5s}
upstreams: [{name: orders, backends: [{url: "http://127.0.0.1:9001"}]}]
routes: [{name: orders, path: /orders/*, upstream: orders}]
"""


class Port:
    """An open port that remembers."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.open = True
        self.renewed = 0

    def describe(self) -> str:
        return self.endpoint

    def leave(self, leaving: bool) -> None:
        """No two of them have the same address."""

    def let_go(self) -> None:
        """It has no socket."""

    def read_again(self) -> list[Callable[[], None]]:
        return [self.renew]

    def renew(self) -> None:
        self.renewed += 1

    def certificates(self) -> dict[str, float]:
        """It shows nobody a certificate."""
        return {}

    async def stop_accepting(self) -> None:
        self.open = False


class Log(MemoryLog):
    """An access log that is started and stopped."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.running = False
        self.reopened = 0

    def startService(self) -> None:
        self.running = True

    def stopService(self) -> Deferred[None]:
        self.running = False
        return succeed(None)

    def reopen(self) -> None:
        self.reopened += 1


class World:
    """A service from a file, with ports, a network and a log in memory."""

    def __init__(self, path: Path, *, watch: bool = False) -> None:
        self.path = path
        self.path.write_text(CONFIGURATION)
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock)
        self.backend = FakeBackend(self.network, "127.0.0.1", 9001)
        self.ports: list[Port] = []
        self.taken: set[str] = set()
        self.writers: list[Log] = []
        self.service = GatewayService(
            path,
            self.clock,
            watch=watch,
            environ={},
            now=self.clock.seconds,
            wall_clock=self.clock.seconds,
            dialer=self.network,
            make_writer=self.log,
            open_port=self.open_port,
        )

    def open_port(self, reactor: Any, endpoint: str, factory: Any, limit: Any) -> Deferred[Listening]:
        if endpoint in self.taken:
            return fail(ListenFailed(endpoint, "address already in use"))
        self.ports.append(Port(endpoint))
        return succeed(cast("Listening", self.ports[-1]))

    def log(self, path: str) -> Log:
        self.writers.append(Log(path))
        return self.writers[-1]

    def state(self) -> State:
        return self.service.gateway.foundation.health.state

    def version(self, number: int) -> str:
        """Return what a version of this start is called."""
        return f"{number}-{self.service.changes.version.partition('-')[2]}"

    def open(self) -> list[str]:
        return [port.endpoint for port in self.ports if port.open]

    def client(self) -> FakeClient:
        client = FakeClient()
        self.network.connect(client, self.service.gateway.site.buildProtocol(IPv4Address("TCP", "192.0.2.1", 1)))
        return client

    def send(self, data: bytes, client: FakeClient | None = None) -> FakeClient:
        client = client or self.client()
        client.send(data)
        self.network.pump()
        return client

    def advance(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)
            self.network.pump()

    def change(self, before: str, after: str) -> bool:
        """Edit the file and reload; returns whether it is in force."""
        text = self.path.read_text()
        assert before in text
        self.path.write_text(text.replace(before, after))
        return self.reload()

    def reload(self) -> bool:
        done: list[bool] = []
        self.service.reload().addCallback(done.append)
        return done[0]

    def stop(self) -> Deferred[None]:
        stopped = self.service.stopService()
        self.network.pump()
        return stopped
