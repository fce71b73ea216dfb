"""The whole configuration in etcd: read at the start, followed, and kept while etcd is away; with the real server."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.logger import capturedLogs

from gateway.composition.lifecycle import GatewayService
from gateway.config import ConfigError
from gateway.discovery.documents import PASSWORD, USER, EtcdDocuments
from tests.registries.etcd_server import PROGRAM, EtcdServer, etcd_server
from tests.system.running_reactor import eventually, running_reactor

__all__ = ["running_reactor"]

needs_etcd = pytest.mark.skipif(PROGRAM is None, reason="no etcd on PATH")

BASE = "listeners: [{endpoint: 'tcp:0:interface=127.0.0.1'}]\nadmin: {endpoint: 'tcp:0:interface=127.0.0.1'}\n"


def route(name: str) -> str:
    """A document with one route."""
    return f"routes: [{{name: {name}, path: /{name}, respond: {{status: 200, body: {name}}}}}]\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdServer]:
    """One for all tests."""
    with etcd_server(tmp_path_factory.mktemp("etcd")) as found:
        yield found


class Bench:
    """A gateway whose configuration is below a prefix."""

    def __init__(self, server: EtcdServer, prefix: str, reactor: Any) -> None:
        self.server = server
        self.prefix = prefix
        self.reactor = reactor
        self.service: Any = None

    def put(self, key: str, text: str) -> None:
        """Write a document."""
        self.server.put(self.prefix + key, text)

    def start(self) -> None:
        """Start the gateway."""
        url = f"etcd+{self.server.url}{self.prefix}"
        self.service = GatewayService(url, self.reactor, environ={})
        self.service.startService()

    async def stop(self) -> None:
        """Stop it."""
        if self.service is not None:
            await self.service.stopService()

    @property
    def routes(self) -> list[str]:
        """The names of the routes in force."""
        return [one.name for one in self.service.settings.routes]


@pytest.fixture
def bench(server: EtcdServer, reactor: Any, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Two documents, which are merged."""
    bench = Bench(server, f"/{request.node.name}/", reactor)
    bench.put("a.yaml", BASE)
    bench.put("b.yaml", route("one"))
    yield bench
    server.resume()


@needs_etcd
@pytest_twisted.ensureDeferred
async def test_documents_are_merged_and_followed(bench: Bench) -> None:
    """A key more, one changed, one removed: each is in force within a second."""
    bench.start()
    try:
        assert bench.routes == ["one"]
        began = bench.reactor.seconds()
        bench.put("c.yaml", route("two"))
        await eventually(bench.reactor, lambda: bench.routes == ["one", "two"])
        assert bench.reactor.seconds() - began < 2
        bench.put("c.yaml", '{"routes": [{"name": "three", "path": "/", "respond": {"status": 200}}]}')
        await eventually(bench.reactor, lambda: bench.routes == ["one", "three"])
        bench.server.delete(f"{bench.prefix}c.yaml")
        await eventually(bench.reactor, lambda: bench.routes == ["one"])
    finally:
        await bench.stop()


@needs_etcd
@pytest_twisted.ensureDeferred
async def test_what_is_wrong_changes_nothing(bench: Bench) -> None:
    """The log names the key, line and column; so it is when all keys are gone."""
    bench.start()
    try:
        with capturedLogs() as events:
            bench.put("b.yaml", "routes:\n  - {path: 7}\n")
            await eventually(bench.reactor, lambda: any("was not applied" in event["log_format"] for event in events))
        (said,) = [str(event["cause"]) for event in events if "was not applied" in event["log_format"]]
        assert f"etcd+{bench.server.url}{bench.prefix}b.yaml:2:" in said
        assert bench.routes == ["one"]
        with capturedLogs() as events:
            bench.server.delete(bench.prefix, bench.prefix[:-1] + "0")
            await eventually(bench.reactor, lambda: any("read last" in event["log_format"] for event in events))
        assert bench.routes == ["one"]
        bench.put("a.yaml", BASE + route("two"))
        await eventually(bench.reactor, lambda: bench.routes == ["two"])
    finally:
        await bench.stop()


@needs_etcd
@pytest_twisted.ensureDeferred
async def test_etcd_may_be_away_and_come_back(bench: Bench, tmp_path: Path) -> None:
    """What was read last stays, is read again on request, and what changed meanwhile is found."""
    with etcd_server(tmp_path) as own:
        bench.server = own
        bench.put("a.yaml", BASE + route("one"))
        bench.start()
        try:
            with capturedLogs() as events:
                own.kill()
                await eventually(bench.reactor, lambda: any("read last" in event["log_format"] for event in events))
            assert await bench.service.reload()
            assert bench.routes == ["one"]
            own.start()
            bench.put("a.yaml", BASE + route("two"))
            await eventually(bench.reactor, lambda: bench.routes == ["two"])
        finally:
            await bench.stop()


@needs_etcd
@pytest_twisted.ensureDeferred
async def test_a_prefix_without_documents_is_no_configuration(bench: Bench) -> None:
    """And neither is a cluster that is not there."""
    with pytest.raises(ConfigError, match="expected a document in a key below the prefix, found none"):
        GatewayService(f"etcd+{bench.server.url}/nothing/", bench.reactor, environ={})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ConfigError, match="expected an answer of etcd, found an error"):
        GatewayService(f"etcd+http://127.0.0.1:{port}/nothing/", bench.reactor, environ={})


@pytest.mark.parametrize(
    "url", ["etcd+ftp://a/b/", "etcd+http://a", "etcd+http:///b/", "etcd+http://u:s3cret@a/b/", "etcd+http://a/b?c"]
)
def test_what_is_no_such_url(url: str) -> None:
    """It is refused, and a password in it is shown to nobody."""
    with pytest.raises(ConfigError, match=r"expected a URL such as etcd\+http") as caught:
        EtcdDocuments(url, {})
    assert "s3cret" not in str(caught.value)


def test_credentials_come_from_the_environment() -> None:
    """Both, or none."""
    assert EtcdDocuments("etcd+http://a/b/", {USER: "u", PASSWORD: "p"}).credentials == ("u", "p")
    assert EtcdDocuments("etcd+https://a:1/b/", {USER: "u"}).credentials is None
