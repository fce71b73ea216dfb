"""A gateway from files, with its admin port and clients in memory: what tests of the admin API have in common."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from gateway.composition.lifecycle import GatewayService
from gateway.listening.endpoints import ListenFailed, Listening
from gateway.memory.stand_ins import NoThreads
from gateway.testing import FakeBackend, FakeClient, MemoryNetwork
from tests.composition.world import Log, Port
from tests.processes.alone import Alone

TOKEN = "the-admin-token"
CONFIGURATION = f"""
listeners: [{{endpoint: "tcp:1"}}]
admin: {{endpoint: "tcp:9", token: {TOKEN}}}
upstreams: [{{name: orders, backends: [{{url: "http://127.0.0.1:9001"}}]}}]
routes:
  - {{name: orders, path: /orders/*, upstream: orders}}
  - {{path: /others, respond: {{status: 200, body: others}}}}
"""
KEPT = CONFIGURATION.replace("admin: {", "admin: {overlay: kept/overlay.yaml, ")


class Answer(NamedTuple):
    """What the admin port says."""

    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """What the body says."""
        return json.loads(self.body)

    @property
    def places(self) -> list[str]:
        """Where problems are, as `LINE:COLUMN path`."""
        return [f"{one['line']}:{one['column']} {one['path']}" for one in self.json["problems"]]


class Api:
    """A running gateway, and a caller of its admin port.

    Args:
        path: Its configuration; written with `text` where that is given.
        text: What it says.
        environ: Its environment.
        passes: What is asked about the configuration is passed on, as by one of several workers.
    """

    def __init__(
        self,
        path: Path,
        text: str | None = CONFIGURATION,
        environ: Mapping[str, str] | None = None,
        passes: bool = False,
    ) -> None:
        self.path = path
        if text is not None:
            path.write_text(text)
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock)
        self.backend = FakeBackend(self.network, "127.0.0.1", 9001)
        self.taken: set[str] = set()
        self.factories: dict[str, Any] = {}
        whole = Alone(lambda: self.service, self.clock) if passes else None
        self.service = GatewayService(
            path,
            self.clock,
            watch=False,
            environ=environ or {},
            now=self.clock.seconds,
            wall_clock=self.clock.seconds,
            dialer=self.network,
            make_writer=Log,
            open_port=self._open_port,
            threads=lambda most, name: NoThreads(),
            whole=whole,
        )
        self.service.privilegedStartService()
        self.service.startService()

    def _open_port(self, reactor: Any, endpoint: str, factory: Any, limit: Any) -> Deferred[Listening]:
        if endpoint in self.taken:
            return fail(ListenFailed(endpoint, "address already in use"))
        self.factories[endpoint] = factory
        return succeed(cast("Listening", Port(endpoint)))

    def ask(
        self,
        method: str,
        path: str,
        body: str | bytes | Any = b"",
        token: str = TOKEN,
        address: str = "192.0.2.9",
        **fields: str,
    ) -> Answer:
        """Ask the admin port something; a body that is no text is sent as JSON."""
        if not isinstance(body, (str, bytes)):
            body, fields = json.dumps(body), {"content_type": "application/json", **fields}
        content = body if isinstance(body, bytes) else body.encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(content)}"]
        lines += [f"Authorization: Bearer {token}"] if token else []
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
        return self.send("\r\n".join([*lines, "", ""]).encode() + content, address)

    def send(self, data: bytes, address: str = "192.0.2.9") -> Answer:
        """Send the bytes of one request to the admin port."""
        protocol = self.factories["tcp:9"].buildProtocol(IPv4Address("TCP", address, 5))
        transport = StringTransport(peerAddress=IPv4Address("TCP", address, 5))
        protocol.makeConnection(transport)
        protocol.dataReceived(data)
        self._turn(lambda: bool(transport.value()))
        head, _, content = transport.value().partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        return Answer(int(first.split()[1]), dict(line.split(": ", 1) for line in rest), content)

    def get(self, path: str) -> Any:
        """Read something from the admin port, without a token."""
        answer = self.ask("GET", path, token="")
        assert answer.status == 200, answer
        return answer.json

    def version(self, number: int) -> str:
        """Return what a version of this start is called."""
        return f"{number}-{self.service.changes.version.partition('-')[2]}"

    def tag(self, number: int) -> str:
        """Return the entity tag of a version of this start."""
        return f'"{self.version(number)}"'

    def status(self, path: str) -> int:
        """Ask the gateway for a path as a client; returns the status."""
        client = FakeClient()
        self.network.connect(client, self.service.gateway.site.buildProtocol(IPv4Address("TCP", "192.0.2.1", 1)))
        client.send(f"GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
        self.network.pump()
        return client.responses()[0].status

    def reload(self) -> bool:
        """Read the files again; returns whether they are in force."""
        done: list[bool] = []
        self.service.reload("SIGHUP").addCallback(done.append)
        self._turn(lambda: bool(done))
        return done[0]

    def _turn(self, done: Callable[[], bool]) -> None:
        """Let the reactor turn until something is done: much work goes in slices."""
        for _ in range(1000):
            if done():
                return
            self.clock.advance(0)

    def stop(self) -> None:
        """Stop the gateway."""
        self.service.stopService()
        for _ in range(20):
            self.clock.advance(0.1)
            self.network.pump()
