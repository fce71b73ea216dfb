"""`Harness`: a gateway in memory, with backends to command and a clock to turn."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

from gateway import config
from gateway.composition.assembly import Gateway
from gateway.config import Settings
from gateway.headers import Headers
from gateway.interfaces import Middleware
from gateway.memory.backend import FakeBackend
from gateway.memory.client import FakeClient, Received, parse_responses
from gateway.memory.gateway import MemoryGateway, virtual_clock
from gateway.memory.network import MemoryNetwork
from gateway.middleware.chain import Chain
from gateway.middleware.gate import Gate


class Harness:
    """The real site, chain, forwarder and pool, over memory.

    Args:
        routes: As in the configuration; by default one for each backend that is asked for.
        settings: Further sections of the configuration.
        seed: For everything that is left to chance.
        disorder: Let what is due on the network happen in an order that is drawn, and cut reads anywhere.

    Attributes:
        clock: The one clock there is.
        network: What the gateway dials into.
        memory: The gateway.
        gateway: Its parts.
    """

    def __init__(
        self,
        *backends: str,
        routes: list[dict[str, Any]] | None = None,
        upstreams: list[dict[str, Any]] | None = None,
        seed: int = 1,
        disorder: bool = False,
        **settings: Any,
    ) -> None:
        self.clock = virtual_clock()
        self.network = MemoryNetwork(self.clock, random.Random(seed) if disorder else None)  # nosec B311 - seeded
        self._backends: dict[str, FakeBackend] = {}
        names = backends or ("orders",)
        self._ports = {name: 9001 + number for number, name in enumerate(names)}
        self.configuration: dict[str, Any] = {
            "upstreams": upstreams or [self.upstream(name) for name in names],
            "routes": routes
            if routes is not None
            else [{"name": name, "path": f"/{name}/*", "upstream": name} for name in names],
            **settings,
        }
        for name in names:
            self.backend(name)
        self.memory = MemoryGateway(self.settings(), self.network, random.Random(seed))  # nosec B311 - seeded
        self.log = self.memory.log
        self.gateway: Gateway = self.memory.parts
        self.memory.start()

    def now(self) -> float:
        """Return monotonic seconds, as the gateway has them."""
        return self.memory.now()

    def upstream(self, name: str, **extra: Any) -> dict[str, Any]:
        """Return the configuration of an upstream with one backend of that name."""
        return {"name": name, "backends": [{"url": f"http://127.0.0.1:{self._ports[name]}"}], **extra}

    def settings(self, **changes: Any) -> Settings:
        """Return the configuration, with changes."""
        self.configuration |= changes
        return config.from_mapping(self.configuration)

    def backend(self, name: str) -> FakeBackend:
        """Return the backend of that name."""
        backend = self._backends.get(name)
        if backend is None:
            port = self._ports.setdefault(name, 9001 + len(self._ports))
            backend = self._backends[name] = FakeBackend(self.network, "127.0.0.1", port)
        return backend

    def client(self, address: str = "192.0.2.1", listener: str | None = None) -> FakeClient:
        """Open a client connection, to the first listener by default."""
        client = FakeClient()
        self.memory.accept(client, address, listener)
        return client

    def insert(self, path: str, *steps: Middleware) -> None:
        """Put steps on the route of a path in the snapshot in force, innermost: where plugins stand."""
        leaf = self.gateway.root.tree.routes.match(b"gateway.test", path.encode(), b"GET", Headers(), b"").value
        before = leaf._chain
        assert isinstance(before, Chain)
        chain = leaf._chain = Chain(steps, before._handler, before._render_error)
        chain._requests = before._requests + chain._requests
        chain._responses += before._responses
        chain._finishes += before._finishes

    def hang_up(self) -> None:
        """Let every client reset its connection."""
        for transport in list(self.network.transports):
            if isinstance(transport.protocol, FakeClient):
                transport.protocol.reset()
        self.network.pump()

    def send(self, data: bytes, client: FakeClient | None = None) -> FakeClient:
        """Send octets on a connection, a new one by default, and let everything settle."""
        client = client or self.client()
        client.send(data)
        self.network.pump()
        return client

    def request(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        client: FakeClient | None = None,
    ) -> Received:
        """Make a request and return its response, complete or not."""
        fields = {"Host": "gateway.test", **(headers or {})}
        if body is not None:
            fields["Content-Length"] = str(len(body))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        client = client or self.client()
        before = len(client.received)
        self.send(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + (body or b""), client)
        client_view = client.received[before:]
        responses = parse_responses(client_view, (method.encode(),), ended=client.closed is not None)
        return responses[0] if responses else Received()

    def get(self, target: str, **headers: str) -> Received:
        """Make a GET request on a new connection."""
        return self.request("GET", target, {name.replace("_", "-"): value for name, value in headers.items()})

    def advance(self, seconds: float) -> None:
        """Let time pass, in the steps in which deadlines are looked at."""
        self.memory.advance(seconds)

    def apply(self, **changes: Any) -> None:
        """Put a changed configuration into force, as a reload does."""
        self.memory.apply(self.settings(**changes))

    @property
    def gates(self) -> list[Gate]:
        """Return the gates that limit exchanges in flight, in the configuration in force."""
        return [thing for thing in self.gateway.foundation.carried._things.values() if isinstance(thing, Gate)]

    @property
    def logs(self) -> list[dict[str, Any]]:
        """Return the access log so far."""
        return [json.loads(line) for line in self.log.lines]

    @property
    def last_log(self) -> dict[str, Any]:
        """Return the last record of the access log."""
        return self.logs[-1]

    def metric(self, name: str, /, **labels: str) -> float:
        """Return the value of a metric as a scrape sees it, 0 where there is none."""
        self.clock.advance(1)  # past the memo
        _, text = self.gateway.foundation.metrics.exposition(b"", self.now())
        wanted = {f'{label}="{value}"' for label, value in labels.items()}
        total = 0.0
        for line in text.decode().splitlines():
            series, _, value = line.rpartition(" ")
            if series.partition("{")[0] == name and wanted <= set(series.partition("{")[2].rstrip("}").split(",")):
                total += float(value)
        return total

    def check_quiet(self) -> None:
        """Assert that nothing is left behind when nothing is in flight.

        Raises:
            AssertionError: A count did not return to zero, or a deadline of something that is gone is watched.
        """
        foundation = self.gateway.foundation
        assert self.gateway.root.in_flight == 0, f"{self.gateway.root.in_flight} exchanges in flight"
        for gate in self.gates:
            assert (gate.in_flight, gate.waiting) == (0, 0), f"gate not quiet: {gate.scope} {gate.name}"
        assert not self.gateway.site.asking, f"subrequests in flight: {self.gateway.site.asking}"
        alive: set[object] = set(self.gateway.site.channels)
        for pool in [*foundation.pool.pools(), *foundation.pool._leaving]:
            figures = (pool.backend, pool.in_flight, pool.busy, pool.pending, pool.connecting)
            assert figures[1:] == (0, 0, 0, 0), f"pool not quiet: {figures}"
            for part in pool.parts():
                alive |= {part, *part._open}
        # Also of those that are closing: they are still connected.
        alive |= {transport.protocol for transport in self.network.transports}
        dead = set(foundation.deadlines._watched) - alive
        assert not dead, f"deadlines of what is gone: {dead}"
        for channel in self.gateway.site.channels:
            assert not channel.closed, f"a closed connection is kept: {channel}"
