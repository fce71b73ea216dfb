"""The life of a gateway as a service: start, reload, drain, stop. With real ports: `tests/system/test_life.py`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from twisted.application.service import IService, MultiService, Service
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from gateway.answering.health import State
from gateway.composition.lifecycle import GatewayService, StartError, Stopping
from gateway.config import ConfigError
from gateway.listening.endpoints import ListenFailed, Listening
from gateway.testing import FakeBackend, FakeClient, MemoryNetwork
from gateway.testing.backend import ok
from gateway.testing.harness import MemoryLog

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

    def read_again(self) -> list[Callable[[], None]]:
        return [self.renew]

    def renew(self) -> None:
        self.renewed += 1

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

    def __init__(self, path: Path) -> None:
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
            watch=False,
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


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Not started."""
    return World(tmp_path / "gateway.yaml")


@pytest.fixture
def running(world: World) -> World:
    """Started."""
    world.service.startService()
    return world


def test_it_is_a_service(world: World) -> None:
    """An application can hang it under its own; nothing is open before it starts."""
    application = MultiService()
    world.service.setServiceParent(application)
    assert IService.providedBy(world.service)
    assert world.open() == []
    assert world.state() is State.STARTING
    application.startService()

    assert world.open() == ["tcp:1", "tcp:9"]
    assert world.service.addresses == ["tcp:1"]
    assert world.state() is State.RUNNING


def test_ports_are_opened_with_the_rights_of_the_start(world: World) -> None:
    """`privilegedStartService`, once."""
    world.service.privilegedStartService()
    assert world.open() == ["tcp:1", "tcp:9"]
    world.service.startService()

    assert len(world.ports) == 2


@pytest.mark.parametrize("taken", ["tcp:1", "tcp:9"])
@pytest.mark.parametrize("start", ["privilegedStartService", "startService"])
def test_a_port_that_cannot_be_opened_is_the_end(world: World, taken: str, start: str) -> None:
    """The words say which and why, the exit code is not 0, and the others are closed again."""
    world.taken.add(taken)
    with pytest.raises(StartError, match=f"{taken}.*already in use") as caught:
        getattr(world.service, start)()

    assert caught.value.code not in (0, None)
    assert world.open() == []


def test_a_wrong_configuration_is_told_before_anything(tmp_path: Path) -> None:
    """All of what is wrong with it."""
    path = tmp_path / "gateway.yaml"
    path.write_text("routes: 3\nupstream: []\n")
    with pytest.raises(ConfigError) as caught:
        GatewayService(path, Clock(), environ={})

    assert len(str(caught.value).splitlines()) >= 2


def test_it_serves(running: World) -> None:
    """And keeps time: deadlines are looked at."""
    assert running.send(GET).responses()[0].body == b"ok"
    running.backend.stall()
    client = running.send(GET)
    running.advance(30.2)

    assert client.responses()[0].status == 504


class TestReload:
    """Another configuration, while it runs."""

    def test_routes_come_and_go(self, running: World) -> None:
        """The next exchange knows."""
        assert running.change("path: /orders/*", "path: /others/*")

        assert running.send(GET).responses()[0].status == 404
        assert running.service.settings.routes[0].path == "/others/*"

    def test_ports_come_and_go(self, running: World) -> None:
        """Connections of a port that is closed go on."""
        client = running.send(GET)
        assert running.change('"tcp:1"', '"tcp:2"')
        assert sorted(running.open()) == ["tcp:2", "tcp:9"]
        running.send(GET, client)

        assert len(client.responses()) == 2

    def test_the_admin_port_moves(self, running: World) -> None:
        """The one before is closed."""
        assert running.change('"tcp:9"', '"tcp:8"')

        assert sorted(running.open()) == ["tcp:1", "tcp:8"]

    @pytest.mark.parametrize(
        ("before", "after"), [("routes:", "route:"), ("path: /orders/*", "path: 3"), ("5s", "five")]
    )
    def test_what_is_wrong_changes_nothing(self, running: World, before: str, after: str) -> None:
        """What was in force stays."""
        snapshot = running.service.gateway.root.tree
        assert not running.change(before, after)

        assert running.service.gateway.root.tree is snapshot
        assert running.send(GET).responses()[0].status == 200

    @pytest.mark.parametrize("taken", ["tcp:2", "tcp:8"])
    def test_a_port_that_cannot_be_opened_changes_nothing(self, running: World, taken: str) -> None:
        """Neither of the two; no port that was opened for it stays."""
        running.taken.add(taken)
        snapshot = running.service.gateway.root.tree
        pools = running.service.gateway.foundation.pool.pools()
        assert not running.change('"tcp:1"}]\nadmin: {endpoint: "tcp:9"}', '"tcp:2"}]\nadmin: {endpoint: "tcp:8"}')

        assert running.open() == ["tcp:1", "tcp:9"]
        assert running.service.gateway.root.tree is snapshot
        assert running.service.gateway.foundation.pool.pools() == pools

    def test_certificates_are_renewed_with_the_rest_or_not_at_all(self, running: World) -> None:
        """A reload that fails for something else leaves them as they are."""
        running.taken.add("tcp:8")
        assert not running.change('admin: {endpoint: "tcp:9"}', 'admin: {endpoint: "tcp:8"}')
        assert [port.renewed for port in running.ports] == [0, 0]

        running.taken.clear()
        assert running.reload()
        assert running.ports[0].renewed == 1

    def test_a_file_that_is_gone_changes_nothing(self, running: World) -> None:
        """It may come back."""
        running.path.unlink()
        assert not running.reload()

        assert running.send(GET).responses()[0].status == 200

    @pytest.mark.parametrize("left", ["", "\n", "# \n", "upstreams:", "{}"])
    def test_a_file_that_is_being_written_changes_nothing(self, running: World, left: str) -> None:
        """Empty as yet, or without the routes that are in force: they are not given up for it."""
        running.path.write_text(left)
        assert not running.reload()

        assert running.send(GET).responses()[0].status == 200

    def test_all_routes_can_be_removed(self, running: World) -> None:
        """By whoever says so."""
        running.path.write_text('routes: []\nadmin: {endpoint: "tcp:9"}\nlisteners: [{endpoint: "tcp:1"}]')
        assert running.reload()

        assert running.send(GET).responses()[0].status == 404

    def test_the_access_log_moves(self, running: World) -> None:
        """The one before is stopped, when the one after is in force."""
        assert running.change("timeouts:", "access_log: {path: /tmp/other.log}\ntimeouts:")
        running.send(GET)
        first, second = running.writers

        assert (first.running, second.running, second.path) == (False, True, "/tmp/other.log")
        assert (len(first.lines), len(second.lines)) == (0, 1)

    def test_limits_change(self, running: World) -> None:
        """For the ports that are open."""
        assert running.change("timeouts:", "limits: {connections: 3}\ntimeouts:")

        assert running.service.gateway.limit.room() == 3

    def test_how_it_went_is_counted(self, running: World) -> None:
        """`gateway_config_reloads_total`, by result."""
        running.reload()
        running.change("routes:", "route:")
        text = running.service.gateway.foundation.metrics.exposition(b"", running.clock.seconds())[1].decode()
        counts = [line for line in text.splitlines() if line.startswith("gateway_config_reloads_total{")]

        assert sorted(line.rpartition(" ")[2] for line in counts) == ["1", "1"]

    def test_from_a_mapping(self, running: World) -> None:
        """Who embeds the gateway applies what it has; mistakes fail, and change nothing."""
        mapping = {
            "listeners": [{"endpoint": "tcp:1"}],
            "admin": {"endpoint": "tcp:9"},
            "upstreams": [{"name": "orders", "backends": [{"url": "http://127.0.0.1:9001"}]}],
            "routes": [{"path": "/others/*", "upstream": "orders"}],
        }
        failures: list[Any] = []
        assert running.service.apply(mapping).called
        running.service.apply({**mapping, "routes": 3}).addErrback(failures.append)

        assert failures[0].check(ConfigError)
        assert running.service.settings.routes[0].path == "/others/*"

    def test_without_a_file_there_is_nothing_to_read_again(self) -> None:
        """`apply` is there for that."""
        service = GatewayService({"upstreams": [], "routes": []}, Clock(), environ={})

        with pytest.raises(ValueError, match="apply"):
            service.reload()


class TestStop:
    """In order: accept nothing, finish, close."""

    def test_an_idle_gateway_stops_at_once(self, running: World) -> None:
        """Ports, clients, backends, timers, log: all closed."""
        client = running.send(GET)
        stopped = running.stop()

        assert stopped.called
        assert running.open() == []
        assert client.closed is not None
        assert running.backend.connection.closed is not None
        assert not running.writers[0].running
        assert [call for call in running.clock.getDelayedCalls() if call.active()] == []

    def test_what_is_under_way_is_finished(self, running: World) -> None:
        """Nothing new is accepted meanwhile, and `/ready` says so on the admin port that stays until the end."""
        running.backend.stall()
        client = running.send(GET)
        stopped = running.stop()
        assert not stopped.called
        assert running.open() == ["tcp:9"]
        assert running.service.gateway.foundation.health.state is State.DRAINING
        running.backend.connection.send(ok(b"done"))
        running.network.pump()

        assert client.responses()[0].body == b"done"
        assert client.responses()[0].headers.get(b"Connection") == b"close"
        assert stopped.called
        assert len(running.writers[0].lines) == 1

    def test_what_takes_too_long_is_broken_off(self, running: World) -> None:
        """After `timeouts.shutdown`."""
        running.backend.stall()
        client = running.send(GET)
        stopped = running.stop()
        running.advance(4.8)
        assert client.closed is None
        running.advance(0.5)

        assert client.closed is not None
        assert stopped.called
        assert running.backend.connection.closed is not None

    def test_before_it_drains_it_says_that_it_will(self, running: World) -> None:
        """`timeouts.shutdown_delay`: not ready, all is served, on new connections too, and answers close them."""
        assert running.change("shutdown: 5s", "shutdown: 5s, shutdown_delay: 2s")
        idle = running.send(GET)
        stopped = running.stop()
        running.advance(1.8)
        assert running.service.gateway.foundation.health.report(b"/ready")[0] == 503
        assert running.open() == ["tcp:1", "tcp:9"]
        answers = [running.send(GET).responses()[0], running.send(GET, idle).responses()[1]]
        assert [(each.status, each.headers.get(b"Connection")) for each in answers] == [(200, b"close")] * 2
        assert not stopped.called
        running.advance(0.3)

        assert stopped.called
        assert running.open() == []

    @pytest.mark.parametrize("delay", ["0s", "4s"])
    def test_in_a_hurry_nothing_is_waited_for(self, running: World, delay: str) -> None:
        """A second SIGTERM: neither for load balancers nor for what is in flight; the log has its records."""
        assert running.change("shutdown: 5s", f"shutdown: 5s, shutdown_delay: {delay}")
        running.backend.stall()
        client = running.send(GET)
        stopped = running.stop()
        running.advance(0.5)
        assert not stopped.called
        running.service.hurry()
        running.service.hurry()
        running.network.pump()

        assert stopped.called
        assert client.closed is not None
        assert running.open() == []
        assert len(running.writers[0].lines) == 1
        assert not running.writers[0].running

    def test_a_service_that_does_not_stop_holds_up_nobody_who_is_in_a_hurry(self, running: World) -> None:
        """A thread, a script, a disk that does not answer: another second, and what is left is left."""
        never: Deferred[None] = Deferred()
        service = Service()
        service.stopService = lambda: never  # type: ignore[method-assign]  # one that hangs
        service.setServiceParent(running.service)
        stopped = running.stop()
        running.advance(60)
        assert not stopped.called
        running.service.hurry()
        running.advance(1.2)

        assert stopped.called
        assert running.open() == []

    def test_it_is_told_that_it_stops(self, running: World) -> None:
        """For who would ask a second time."""
        assert not running.service.stopping
        running.stop()

        assert running.service.stopping

    def test_nothing_is_reloaded_any_more(self, running: World) -> None:
        """It would open the ports again."""
        running.backend.stall()
        running.send(GET)
        running.stop()
        failures: list[Any] = []
        running.service.apply(running.service.settings).addErrback(failures.append)

        assert not running.reload()
        assert failures[0].check(Stopping)
        assert running.open() == ["tcp:9"]
        running.advance(6)


def test_the_access_log_is_opened_anew(running: World) -> None:
    """For logrotate."""
    running.service.reopen_logs()

    assert running.writers[0].reopened == 1


def test_a_mapping_takes_variables_too() -> None:
    """Those of the process where no others are given; and what they set goes before what the mapping says."""
    mapping = {"admin": {"token": "${TOKEN}"}, "limits": {"connections": 5}}
    service = GatewayService(mapping, Clock(), environ={"TOKEN": "abc", "GATEWAY__LIMITS__CONNECTIONS": "7"})

    assert service.settings.admin.token.get_secret_value() == "abc"
    assert service.settings.limits.connections == 7


def test_the_file_is_watched(tmp_path: Path) -> None:
    """Where that is asked for; a mapping has no file."""
    path = tmp_path / "gateway.yaml"
    path.write_text(CONFIGURATION)

    assert GatewayService(path, Clock(), environ={})._watcher is not None
    assert GatewayService(path, Clock(), environ={}, watch=False)._watcher is None
    assert GatewayService({"upstreams": [], "routes": []}, Clock(), environ={})._watcher is None
