"""The parent, on a private reactor that starts no processes: the test speaks for the workers."""

# mypy: allow-untyped-calls
# (Twisted's reactors carry few types.)

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent

from gateway.composition.origin import origin_of
from gateway.composition.starting import StartError
from gateway.processes.arrival import WORKER
from gateway.processes.assignment import Assignment
from gateway.processes.channel import Channel, connect
from gateway.processes.parent import Parent
from gateway.transport.inherited import Inherited
from tests.processes.test_team import Center
from tests.system.ports import free_port
from tests.system.private_reactor import PrivateReactor, private_reactor


class Processes:
    """Workers that say what they are told to say.

    Attributes:
        ends: The workers' ends of their channels.
        heard: What they were told.
    """

    def __init__(self, reactor: PrivateReactor) -> None:
        self.reactor = reactor
        self.ends: list[Channel] = []
        self.protocols: list[Any] = []
        self.heard: list[str] = []
        self.says: tuple[str, Any] = ("up", None)

    def start(self, protocol: Any, program: str, command: Any, environ: Any, directory: str, childFDs: Any) -> None:  # noqa: N803
        """See `IReactorProcess.spawnProcess`."""
        told = Assignment.of(environ[WORKER])
        end = Channel(self.reactor, "the parent")
        for kind in ("alive", "drain", "prepare", "commit", "forget", "logs", "hurry"):
            end.on(kind, partial(self._hears, end, protocol, kind))
        connect(self.reactor, os.dup(childFDs[told.channel]), end)
        end.tell(*self.says)
        self.ends.append(end)
        self.protocols.append(protocol)
        protocol.transport = self
        if self.says[0] == "failed":
            self.reactor.callLater(0.05, protocol._ended, "exit code 1")

    def signalProcess(self, name: str) -> None:  # noqa: N802  # Twisted's name
        """See `IProcessTransport`."""
        self.heard.append(name)

    def _hears(self, end: Channel, protocol: Any, kind: str, body: object) -> None:
        if kind != "alive":
            self.heard.append(kind)
        if kind == "drain":
            end.tell("closed")
            self.reactor.callLater(0.05, protocol._ended, "exit code 0")


class World:
    """A parent and those who speak for its workers."""

    def __init__(self, reactor: PrivateReactor, directory: Path) -> None:
        self.reactor = reactor
        self.processes = Processes(reactor)
        reactor.spawnProcess = self.processes.start  # type: ignore[method-assign,assignment]
        self.path = directory / "gateway.yaml"
        self.port = free_port()
        self.write("/a")
        origin = origin_of(self.path, reactor, {}, watch=False)
        self.center = Center()
        self.center.descriptor = os.open(os.devnull, os.O_RDONLY)
        self.parent = Parent(origin, reactor, ["gateway"], "/", Inherited(), self.center, lambda: 0.5)

    def write(self, path: str) -> None:
        """Write the configuration."""
        self.path.write_text(
            f"processes: 2\nlisteners: [{{endpoint: 'tcp:{self.port}:interface=127.0.0.1'}}]\n"
            f"admin: {{endpoint: 'tcp:0:interface=127.0.0.1'}}\n"
            f"routes: [{{name: a, path: {path}, respond: {{body: x}}}}]\n"
        )

    def started(self) -> World:
        """Start it."""
        self.parent.privilegedStartService()
        self.parent.startService()
        return self

    def done(self, waiting: Deferred[Any]) -> Any:
        """Wait for something."""
        found: list[Any] = []
        waiting.addBoth(found.append)
        self.reactor.until(lambda: found)
        return found[0]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two workers, wherever the version stands."""
    with private_reactor() as reactor:
        yield World(reactor, tmp_path)


def test_it_starts_changes_and_ends(world: World) -> None:
    """One line says what is served; workers are asked first, told then; it ends when the last of them has."""
    with capturedLogs() as events:
        parent = world.started().parent
    assert parent.team.all_up()
    assert sum("2 workers" in formatEvent(event) for event in events) == 1
    assert parent.reads_files
    assert not parent.stopping

    world.write("/b")
    assert world.done(parent.reload("SIGHUP")) is True
    assert world.processes.heard == ["prepare", "prepare", "commit", "commit"]
    assert parent.settings.routes[0].pattern == "/b"
    assert parent.changes.version.startswith("2-")

    parent.reopen_logs()
    parent.hurry()
    world.done(parent.stopService())
    assert sorted(world.processes.heard[4:]) == ["drain", "drain", "hurry", "hurry", "logs", "logs"]
    assert parent.stopping
    assert parent.ports.sockets() == []


def test_a_worker_that_cannot_serve_keeps_the_whole_from_starting(world: World) -> None:
    """In its words; the others are killed, and the ports are closed."""
    world.processes.says = ("failed", "gateway: no such file")
    with pytest.raises(StartError, match=r"^gateway: no such file$") as raised:
        world.started()

    assert raised.value.code == "gateway: no such file"
    assert set(world.processes.heard) <= {"KILL"}
    world.reactor.turns()
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", world.port))


def test_one_that_dies_is_replaced(world: World) -> None:
    """With what is in force."""
    parent = world.started().parent
    with capturedLogs() as events:
        world.processes.protocols[0]._ended("signal 9")
        world.reactor.until(lambda: len(world.processes.ends) == 3 and parent.team.all_up())

    assert "Worker 1 has ended (signal 9)" in formatEvent(events[0])
    assert world.center.restarts == 1
    world.done(parent.stopService())
