"""A parent's `Center` and workers around it, each a gateway in memory, on one clock and one network."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred

from gateway import config
from gateway.memory.backend import FakeBackend
from gateway.memory.client import FakeClient, Received, parse_responses
from gateway.memory.gateway import EPOCH, MemoryGateway, virtual_clock
from gateway.memory.network import MemoryNetwork
from gateway.processes.center import Center
from gateway.processes.channel import Channel
from gateway.processes.memory import SharedMemory
from gateway.processes.share import Share
from tests.processes.channels import channels


class Worker:
    """One of them."""

    def __init__(self, world: Workers, number: int, configuration: Mapping[str, Any]) -> None:
        self.world = world
        self.number = number
        self.ends: tuple[Channel, Channel] = channels(world.clock, (f"worker {number}", "the parent"))
        world.center.joined(number, self.ends[0])
        self.memory = SharedMemory(os.dup(world.center.descriptor))
        self.share = Share(self.ends[1], self.memory, number, world.clock, world.wall_clock)
        self.gateway = MemoryGateway(
            config.from_mapping(configuration), world.network, random.Random(number), whole=self.share
        )
        self.share.welcome()
        world.settle()
        self.share.startService()
        self.gateway.start()
        world.settle()

    def client(self, address: str = "192.0.2.1") -> FakeClient:
        """Open a connection."""
        client = FakeClient()
        self.gateway.accept(client, address)
        return client

    def request(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        client: FakeClient | None = None,
    ) -> Received:
        """Make a request and return its response, complete or not."""
        client = client or self.client()
        before = len(client.received)
        fields = {"Host": "gateway.test", **(headers or {})}
        if body:
            fields["Content-Length"] = str(len(body))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        client.send(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + body)
        self.world.network.pump()
        self.world.settle()
        received = client.received[before:]
        responses = parse_responses(received, (method.encode(),), ended=client.closed is not None)
        return responses[0] if responses else Received()

    def get(self, target: str, **headers: str) -> Received:
        """Make a GET request on a new connection."""
        return self.request("GET", target, {name.replace("_", "-"): value for name, value in headers.items()})

    def killed(self) -> None:
        """Be gone at once: the parent hears of it."""
        self.share._telling.stop()
        self.gateway.parts.foundation.carried.stopService()
        self.ends[0].connectionLost()
        self.ends[1].connectionLost()
        self._gone()

    def stops(self) -> None:
        """End in order."""
        self.world.center.drains(self.number)
        self.world.settle()
        self.gateway.parts.foundation.carried.stopService()
        self.share.stopService()
        self.world.settle()
        self._gone()

    def _gone(self) -> None:
        self.world.workers.remove(self)
        self.world.center.left(self.number)
        self.world.settle()


class Workers:
    """All of them.

    Args:
        backends: Names of upstreams that have one backend each, and of their routes.
        number: How many workers.
        settings: Further sections of the configuration.
    """

    def __init__(self, *backends: str, number: int = 2, **settings: Any) -> None:
        self.clock = virtual_clock()
        self.network = MemoryNetwork(self.clock)
        self.center = Center(self.wall_clock)
        names = backends or ("orders",)
        ports = {name: 9001 + at for at, name in enumerate(names)}
        self.backends = {name: FakeBackend(self.network, "127.0.0.1", port) for name, port in ports.items()}
        self.configuration: dict[str, Any] = {
            "upstreams": [
                {"name": name, "backends": [{"url": f"http://127.0.0.1:{port}"}]} for name, port in ports.items()
            ],
            "routes": [{"name": name, "path": f"/{name}/*", "upstream": name} for name in names],
            **settings,
        }
        self.never: Deferred[Any] = Deferred()
        self.workers: list[Worker] = []
        for _ in range(number):
            self.start()

    def wall_clock(self) -> float:
        """Return Unix seconds."""
        return EPOCH + self.clock.seconds()

    def start(self) -> Worker:
        """Start another worker."""
        worker = Worker(self, self.center.number(), self.configuration)
        self.workers.append(worker)
        return worker

    def settle(self) -> None:
        """Let everything that was said be heard."""
        for _ in range(12):
            self.clock.advance(0)
            self.network.pump()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        left = seconds
        while left > 1e-9:
            step = min(0.1, left)
            self.clock.advance(step)
            left -= step
            for worker in self.workers:
                worker.gateway.parts.foundation.deadlines.sweep()
            self.settle()

    def result(self, waiting: Deferred[Any]) -> Any:
        """Return what is waited for, once everything has been said."""
        found: list[Any] = []
        waiting.addBoth(found.append)
        self.settle()
        assert found, "it is still waited for"
        return found[0]
