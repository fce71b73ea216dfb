"""What every source of members promises, against real servers where they can be had.

They can for a file, the DNS (Twisted's name server) and etcd; Consul and Kubernetes have faithful doubles.
"""

# mypy: allow-untyped-calls, disable-error-code="misc"

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.task import deferLater
from twisted.internet.tcp import Server
from twisted.names import dns

from gateway.composition.builders.discovery import build_source
from gateway.config.schema.discovery import Discovery
from gateway.dialling.dialer import SocketDialer
from gateway.dialling.resolver import Resolver
from gateway.discovery.contract import Answer, Source, SourceFault
from tests.registries.consul_double import ConsulDouble
from tests.registries.etcd_server import PROGRAM, EtcdServer, etcd_server
from tests.registries.kubernetes_double import KubernetesDouble
from tests.registries.name_server import NameServer
from tests.system.running_reactor import eventually, running_reactor, turns, watched

__all__ = ["running_reactor"]

MANY = 1_000


class Foundation:
    """What sources are built on, of all that a gateway is."""

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor
        self.now = reactor.seconds
        self.random = lambda: 0.0
        self.dialer = SocketDialer(reactor, Resolver(reactor, reactor.seconds))


class Place:
    """A registry of one service with members on 127.0.0.1; each test has a fresh one.

    Attributes:
        said: The settings that lead to it.
        weights: Whether it knows weights.
    """

    said: dict[str, Any]
    weights = True

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor

    def source(self) -> Source:
        """Return what asks it."""
        return build_source(Discovery.model_validate(self.said), Foundation(self.reactor))  # type: ignore[arg-type]

    async def put(self, port: int, weight: int = 1) -> None:
        """Register a member."""
        raise NotImplementedError

    async def remove(self, port: int) -> None:
        """Deregister it."""
        raise NotImplementedError

    async def put_all(self, ports: list[int]) -> None:
        """Register many."""
        for port in ports:
            await self.put(port)

    def url(self, port: int) -> str:
        """Return the URL of the member of this port."""
        return f"http://127.0.0.1:{port}"

    async def close(self) -> None:
        """Be gone."""
        raise NotImplementedError

    async def open(self) -> None:
        """Be there again."""
        raise NotImplementedError

    async def end(self) -> None:
        """Be gone for good."""
        await self.close()


class FilePlace(Place):
    """A file."""

    def __init__(self, reactor: Any, path: Path) -> None:
        super().__init__(reactor)
        self.path = path
        self.said = {"type": "file", "path": str(path)}
        self.members: dict[int, int] = {}
        self._write()

    def _write(self) -> None:
        fresh = self.path.with_suffix(".new")
        said = [{"url": self.url(port), "weight": weight} for port, weight in self.members.items()]
        fresh.write_text(json.dumps(said))
        fresh.replace(self.path)

    async def put(self, port: int, weight: int = 1) -> None:
        self.members[port] = weight
        self._write()

    async def put_all(self, ports: list[int]) -> None:
        self.members.update(dict.fromkeys(ports, 1))
        self._write()

    async def remove(self, port: int) -> None:
        del self.members[port]
        self._write()

    async def close(self) -> None:
        self.path.unlink(missing_ok=True)

    async def open(self) -> None:
        self._write()


class NamePlace(Place):
    """The addresses of a name; members differ by address, not by port."""

    weights = False

    def __init__(self, reactor: Any) -> None:
        super().__init__(reactor)
        self.server = NameServer(reactor)
        self.said = {"type": "dns", "name": "users.test", "port": 9000, "resolver": self.server.address}

    def url(self, port: int) -> str:
        return f"http://{self.address(port)}:9000"

    def address(self, port: int) -> str:
        """Return the address that stands for this port."""
        return f"10.1.{port // 250 % 250}.{port % 250}"

    @property
    def _records(self) -> list[Any]:
        return self.server.zone.records.setdefault((b"users.test", dns.A), [])

    async def put(self, port: int, weight: int = 1) -> None:
        self._records.append(dns.Record_A(self.address(port), 0))

    async def remove(self, port: int) -> None:
        self._records.remove(dns.Record_A(self.address(port), 0))

    async def close(self) -> None:
        self.server.zone.broken = True  # one that is silent costs three seconds: tests/discovery/test_dns.py

    async def open(self) -> None:
        self.server.zone.broken = False

    async def end(self) -> None:
        await self.server.close()


class SrvPlace(NamePlace):
    """SRV records, whose target the same server knows."""

    weights = True

    def __init__(self, reactor: Any) -> None:
        super().__init__(reactor)
        self.said = {"type": "dns_srv", "name": "_http._tcp.users.test", "resolver": self.server.address}
        self.server.zone.records[b"one.users.test", dns.A] = [dns.Record_A("127.0.0.1", 1)]

    def url(self, port: int) -> str:
        return f"http://127.0.0.1:{port}"

    @property
    def _records(self) -> list[Any]:
        return self.server.zone.records.setdefault((b"_http._tcp.users.test", dns.SRV), [])

    async def put(self, port: int, weight: int = 1) -> None:
        await self.remove(port)
        self._records.append(dns.Record_SRV(1, weight, port, b"one.users.test", 1))

    async def remove(self, port: int) -> None:
        self._records[:] = [one for one in self._records if one.port != port]


class ConsulPlace(Place):
    """A double of Consul."""

    def __init__(self, reactor: Any) -> None:
        super().__init__(reactor)
        self.double = ConsulDouble(reactor)
        self.double.token = "t0ken"
        self.said = {"type": "consul", "url": self.double.served.url, "service": "users", "token": "t0ken"}

    async def put(self, port: int, weight: int = 1) -> None:
        self.double.put("127.0.0.1", port, weight=weight)

    async def remove(self, port: int) -> None:
        self.double.remove("127.0.0.1", port)

    async def close(self) -> None:
        await self.double.served.close()

    async def open(self) -> None:
        self.double.served.open()


class KubernetesPlace(Place):
    """A double of Kubernetes' API server."""

    weights = False

    def __init__(self, reactor: Any, directory: Path) -> None:
        super().__init__(reactor)
        self.double = KubernetesDouble(reactor)
        (directory / "token").write_text("kube\n")
        self.said = {
            "type": "kubernetes",
            "url": self.double.served.url,
            "service": "users",
            "token_file": str(directory / "token"),
        }

    async def put(self, port: int, weight: int = 1) -> None:
        self.double.put("127.0.0.1", port)

    async def put_all(self, ports: list[int]) -> None:
        self.double.put_all([("127.0.0.1", port) for port in ports])

    async def remove(self, port: int) -> None:
        self.double.remove("127.0.0.1", port)

    async def close(self) -> None:
        await self.double.served.close()

    async def open(self) -> None:
        self.double.served.open()


class EtcdPlace(Place):
    """A prefix of an etcd server."""

    def __init__(self, reactor: Any, server: EtcdServer, prefix: str) -> None:
        super().__init__(reactor)
        self.server = server
        self.prefix = prefix
        self.said = {"type": "etcd", "endpoints": [server.url], "prefix": prefix}

    async def put(self, port: int, weight: int = 1) -> None:
        said = self.url(port) if weight == 1 else json.dumps({"url": self.url(port), "weight": weight})
        self.server.put(f"{self.prefix}{port}", said)

    async def put_all(self, ports: list[int]) -> None:
        for start in range(0, len(ports), 100):
            puts = [
                {
                    "request_put": {
                        "key": b64encode(f"{self.prefix}{port}".encode()).decode(),
                        "value": b64encode(self.url(port).encode()).decode(),
                    }
                }
                for port in ports[start : start + 100]
            ]
            self.server.ask("kv/txn", {"success": puts})

    async def remove(self, port: int) -> None:
        self.server.delete(f"{self.prefix}{port}")

    async def close(self) -> None:
        self.server.kill()

    async def open(self) -> None:
        self.server.start()

    async def end(self) -> None:
        """The server goes on."""


class Following:
    """Follows a source as the gateway does, without its pauses.

    Attributes:
        answers: Told so far.
        faults: Their words.
    """

    def __init__(self, reactor: Any, source: Source) -> None:
        self._reactor = reactor
        self._source = source
        self.answers: list[Answer] = []
        self.faults: list[str] = []
        self._running: Deferred[None] = ensureDeferred(self._run())

    async def _run(self) -> None:
        while True:
            try:
                await self._source.follow(self.answers.append)
            except SourceFault as fault:
                self.faults.append(str(fault))
            await deferLater(self._reactor, 0.05)

    @property
    def urls(self) -> list[str] | None:
        """The members of the last answer, None before there is one."""
        return [member.url for member in self.answers[-1].members] if self.answers else None

    async def has(self, *urls: str) -> None:
        """Wait until these are the members."""
        await eventually(self._reactor, lambda: self.urls == sorted(urls))

    async def stop(self) -> None:
        """Follow no more."""
        self._running.addErrback(lambda failure: failure.trap(CancelledError) and None)
        self._running.cancel()
        self._source.close()
        await turns(self._reactor)


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdServer]:
    """One server for all tests."""
    if PROGRAM is None:
        pytest.skip("no etcd on PATH")
    with etcd_server(tmp_path_factory.mktemp("etcd")) as server:
        yield server


KINDS = ["file", "dns", "dns_srv", "consul", "kubernetes", "etcd"]


@pytest.fixture
def place(kind: str, reactor: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    """A fresh registry."""
    if kind == "etcd":
        return EtcdPlace(reactor, request.getfixturevalue("etcd"), f"/{request.node.name}/")
    if kind == "file":
        return FilePlace(reactor, tmp_path / "members.json")
    if kind == "kubernetes":
        return KubernetesPlace(reactor, tmp_path)
    return {"dns": NamePlace, "dns_srv": SrvPlace, "consul": ConsulPlace}[kind](reactor)


@asynccontextmanager
async def followed(place: Place) -> AsyncIterator[Following]:
    """Follow a place as long as the block runs."""
    following = Following(place.reactor, place.source())
    try:
        yield following
    finally:
        await following.stop()
        await place.end()


everywhere = pytest.mark.parametrize("kind", KINDS)


@everywhere
@pytest_twisted.ensureDeferred
async def test_members_come_and_go(place: Place) -> None:
    """Each change is told; none is forgotten."""
    await place.put(9001)
    async with followed(place) as following:
        await following.has(place.url(9001))
        await place.put(9002)
        await following.has(place.url(9001), place.url(9002))
        await place.remove(9001)
        await following.has(place.url(9002))
        assert following.faults == []


@everywhere
@pytest_twisted.ensureDeferred
async def test_a_change_is_told_within_a_second(place: Place) -> None:
    """Also one that comes after a while of silence; DNS has a time to live of one second."""
    await place.put(9001)
    async with followed(place) as following:
        await following.has(place.url(9001))
        await deferLater(place.reactor, 0.3)
        began = place.reactor.seconds()
        await place.put(9002)
        await following.has(place.url(9001), place.url(9002))
        assert place.reactor.seconds() - began < (1.5 if "dns" in place.said["type"] else 1.0)


@everywhere
@pytest_twisted.ensureDeferred
async def test_nothing_is_an_empty_answer(place: Place) -> None:
    """It is told, and is no fault: what becomes of it is the finder's."""
    async with followed(place) as following:
        await following.has()
        await place.put(9001)
        await following.has(place.url(9001))
        await place.remove(9001)
        await following.has()
        assert following.faults == []


@everywhere
@pytest_twisted.ensureDeferred
async def test_weights_are_told(place: Place) -> None:
    """Where the place knows them; a change of one is a change."""
    if not place.weights:
        return
    await place.put(9001, 3)
    async with followed(place) as following:
        await following.has(place.url(9001))
        assert [one.weight for one in following.answers[-1].members] == [3]
        await place.put(9001, 5)
        await eventually(place.reactor, lambda: [one.weight for one in following.answers[-1].members] == [5])


@everywhere
@pytest_twisted.ensureDeferred
async def test_a_place_that_is_gone_is_a_fault_and_comes_back(place: Place) -> None:
    """What it says then is told, and what it said before is not told as if it were news."""
    await place.put(9001)
    async with followed(place) as following:
        await following.has(place.url(9001))
        await place.close()
        await eventually(place.reactor, lambda: following.faults)
        told = len(following.answers)
        await place.open()
        await place.put(9002)
        await following.has(place.url(9001), place.url(9002))
        assert all(answer.members for answer in following.answers[told:])


@everywhere
@pytest_twisted.ensureDeferred
async def test_a_thousand_members(place: Place) -> None:
    """They are told whole."""
    ports = list(range(10_000, 10_000 + MANY))
    await place.put_all(ports)
    async with followed(place) as following:
        await following.has(*map(place.url, ports))


@everywhere
@pytest_twisted.ensureDeferred
async def test_one_that_is_stopped_leaves_nothing(place: Place) -> None:
    """No connection and no timer."""
    await place.put(9001)
    before = watched(place.reactor)
    following = Following(place.reactor, place.source())
    await following.has(place.url(9001))
    await following.stop()

    def left() -> list[Any]:
        return [one for one in watched(place.reactor) - before if not isinstance(one, Server)]

    await eventually(place.reactor, lambda: not left())
    await place.end()
