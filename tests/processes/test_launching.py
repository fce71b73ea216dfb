"""What a worker is started with, on a reactor that starts nothing. With real ones: `tests/system/test_processes.py`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from gateway.config.overlays import NOTHING
from gateway.config.sources import Sources
from gateway.processes.arrival import WORKER
from gateway.processes.assignment import Assignment
from gateway.processes.edition import Edition
from gateway.processes.launching import Launcher
from gateway.processes.sockets import Share
from gateway.transport.inherited import Given

EDITION = Edition(Sources(Path("/etc"), (), {}), NOTHING)


class Reactor(Clock):
    """Notes what is to be started."""

    fails = False

    def __init__(self) -> None:
        super().__init__()
        self.started: list[Any] = []
        self.killed: list[str] = []
        self.pid = 4711

    def spawnProcess(self, protocol: Any, *arguments: Any, **more: Any) -> None:  # noqa: N802  # Twisted's name
        """See `IReactorProcess`."""
        if self.fails:
            raise OSError("no memory")
        protocol.transport = self
        descriptors = {there: os.dup(here) for there, here in more["childFDs"].items()}
        self.started.append((protocol, *arguments, descriptors))

    def signalProcess(self, name: str) -> None:  # noqa: N802  # Twisted's name
        """See `IProcessTransport`."""
        self.killed.append(name)

    def adoptStreamConnection(self, descriptor: int, family: int, factory: Any) -> None:
        """See `IReactorSocket`."""


def test_it_has_its_sockets_a_channel_a_configuration_and_a_number(tmp_path: Path) -> None:
    """What is for the parent only is not in its environment."""
    reactor = Reactor()
    read, write = os.pipe()
    share = Share([Given(2, "", 80, write)], [("", 80)])
    environ = {"A": "1", "NOTIFY_SOCKET": "/run/x"}
    kept = os.memfd_create("kept")
    files = os.dup(kept)
    launcher = Launcher(
        reactor, ["gateway"], "/srv", lambda _: share, lambda: EDITION, read, environ, lambda: (), lambda: files
    )
    ended: list[str] = []

    worker = launcher(0, 7, ended.append)

    ((_, program, command, given, directory, descriptors),) = reactor.started
    assert (program, command, directory) == ("gateway", ["gateway"], "/srv")
    told = Assignment.of(given.pop(WORKER))
    assert given == {"A": "1"}
    assert told.number == 7
    assert told.shared == (("", 80),)
    assert Edition.read(descriptors[told.edition]) == EDITION
    assert os.fstat(descriptors[told.memory]) == os.fstat(read)
    assert told.files is not None
    assert os.fstat(descriptors[told.files]).st_ino == os.fstat(kept).st_ino
    assert os.fstat(descriptors[told.sockets[0].descriptor]) == os.fstat(write)
    assert worker.pid == 4711
    worker.kill()
    assert reactor.killed == ["KILL"]
    for how in (ProcessDone(0), ProcessTerminated(1), ProcessTerminated(signal=9)):
        worker.processEnded(Failure(how))
    assert ended == ["exit code 0", "exit code 1", "signal 9"]
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(files)
    for descriptor in (read, write, kept, *(each for there, each in descriptors.items() if there != told.edition)):
        os.close(descriptor)


def test_what_cannot_be_started_leaves_nothing_open() -> None:
    """Not even its channel."""
    reactor = Reactor()
    reactor.fails = True
    launcher = Launcher(reactor, ["gateway"], "/", lambda _: Share([], []), lambda: EDITION, 0, {}, lambda: ())
    before = len(list(Path("/proc/self/fd").iterdir()))

    with pytest.raises(OSError, match="no memory"):
        launcher(0, 1, lambda how: None)

    assert len(list(Path("/proc/self/fd").iterdir())) == before
