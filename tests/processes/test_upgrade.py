"""How a process is succeeded, on a reactor that starts nothing. With real ones: `tests/system/test_upgrade.py`."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure

from gateway.processes.handover import VARIABLE
from gateway.processes.passing import descriptors_of_systemd
from gateway.processes.upgrade import PATIENCE, Upgrade, command_line, write_pid
from gateway.transport.inherited import SYSTEMD, Given


class Reactor(Clock):
    """Notes what is to be started."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[Any] = []
        self.signals: list[str] = []
        self.fails = False

    def spawnProcess(self, protocol: Any, *arguments: Any, **more: Any) -> Reactor:  # noqa: N802  # Twisted's name
        """See `IReactorProcess`."""
        if self.fails:
            raise OSError("no memory")
        self.started.append((protocol, *arguments, more["childFDs"]))
        return self

    def signalProcess(self, name: str) -> None:  # noqa: N802  # Twisted's name
        """See `IProcessTransport`."""
        self.signals.append(name)


class World:
    """A process and what becomes of it."""

    def __init__(
        self,
        directory: Path,
        *sockets: Given,
        by_systemd: tuple[int, ...] = (),
        hear: bool = False,
        files: int | None = None,
    ) -> None:
        self.pidfile = directory / "g.pid"
        self.pidfile.write_text("1")
        self.reactor = Reactor()
        self.handed: list[int] = []
        self.upgrade = Upgrade(
            self.reactor,
            ["gateway", "run"],
            "/srv",
            lambda: sockets,
            str(self.pidfile),
            self.handed.append,
            None,
            files=lambda: files,
            hear=hear,
            environ={"HOME": "/"},
            by_systemd=lambda: by_systemd,
        )

    @property
    def successor(self) -> Any:
        """The protocol of the last process that was started."""
        return self.reactor.started[-1][0]

    def says(self, data: bytes) -> None:
        """Let the new process say something."""
        told = json.loads(self.reactor.started[-1][3][VARIABLE])
        self.successor.childDataReceived(told["status"], data)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """One with a socket."""
    return World(tmp_path, Given(socket.AF_INET, "", 80, 11))


def test_when_it_serves_everything_is_left_to_it(world: World) -> None:
    """Its number may come in parts."""
    world.upgrade.begin()
    _, executable, command, environ, directory, descriptors = world.reactor.started[0]
    assert (executable, command, directory) == ("gateway", ["gateway", "run"], "/srv")
    assert environ["HOME"] == "/"
    assert json.loads(environ[VARIABLE])["sockets"] == [[socket.AF_INET, "", 80, 3]]
    assert descriptors == {0: 0, 1: 1, 2: 2, 3: 11, 4: "r"}
    world.says(b"4")
    assert world.handed == []
    world.says(b"2\n")

    assert world.handed == [42]
    assert world.pidfile.read_text() == "42"
    assert world.reactor.getDelayedCalls() == []
    world.upgrade.begin()
    world.upgrade.give_up()
    world.successor.processExited(Failure(ProcessDone(0)))
    assert len(world.reactor.started) == 1
    assert world.reactor.signals == []


def test_sockets_of_systemd_keep_their_numbers(tmp_path: Path) -> None:
    """Others go behind them, whatever numbers they have here; one that no listener has is passed on as it is."""
    world = World(tmp_path, Given(socket.AF_INET, "", 80, 3), Given(socket.AF_INET, SYSTEMD, 4, 12), by_systemd=(3, 4))
    world.upgrade.begin()
    _, executable, command, environ, _, descriptors = world.reactor.started[0]

    assert descriptors == {0: 0, 1: 1, 2: 2, 3: 3, 4: 12, 5: 3, 6: "r"}
    assert (executable, command[-2:]) == (sys.executable, ["gateway", "run"])
    assert environ["LISTEN_FDS"] == "2"
    assert json.loads(environ[VARIABLE])["sockets"] == [[socket.AF_INET, "", 80, 5]]


def test_files_that_it_may_not_read_are_handed_on(tmp_path: Path) -> None:
    """By a descriptor, of which nothing is left here."""
    files = os.open(os.devnull, os.O_RDONLY)
    world = World(tmp_path, files=files)
    world.upgrade.begin()
    _, _, _, environ, _, descriptors = world.reactor.started[0]

    assert descriptors[json.loads(environ[VARIABLE])["files"]] == files
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(files)


def test_one_that_ends_before_changes_nothing(world: World) -> None:
    """The file is written again, which tells who waits; and another may be tried."""
    world.upgrade.begin()
    world.upgrade.begin()
    assert len(world.reactor.started) == 1
    with capturedLogs() as events:
        world.successor.processExited(Failure(ProcessTerminated(1)))

    assert "did not come up (exit code 1)" in formatEvent(events[0])
    assert world.pidfile.read_text() == str(os.getpid())
    assert world.handed == []
    assert world.reactor.getDelayedCalls() == []
    world.upgrade.begin()
    assert len(world.reactor.started) == 2


def test_in_the_background_its_words_are_logged(tmp_path: Path) -> None:
    """Nobody else reads them, and they say why it does not come up."""
    world = World(tmp_path, hear=True)
    world.upgrade.begin()
    assert world.reactor.started[0][-1] == {0: 0, 1: 1, 2: "r", 3: "r"}
    with capturedLogs() as events:
        world.successor.childDataReceived(2, b"g.yaml:1:1: rutes\n\ng.yaml:2:1: x")

    words = [formatEvent(event) for event in events]
    assert words == [f"The installed version says: g.yaml:{line}" for line in ("1:1: rutes", "2:1: x")]
    assert world.handed == []


@pytest.mark.parametrize(("how", "words"), [(ProcessTerminated(signal=9), "signal 9"), (ProcessDone(0), "exit code 0")])
def test_how_it_ended_is_said(world: World, how: Exception, words: str) -> None:
    """By a signal, or as if all were well."""
    world.upgrade.begin()
    with capturedLogs() as events:
        world.successor.processExited(Failure(how))

    assert words in formatEvent(events[0])


def test_one_that_does_not_serve_in_time_is_ended(world: World) -> None:
    """This process serves on."""
    world.upgrade.begin()
    world.reactor.advance(PATIENCE)
    assert world.reactor.signals == ["KILL"]
    world.successor.processExited(Failure(ProcessTerminated(signal=9)))

    assert world.handed == []
    assert world.reactor.getDelayedCalls() == []


def test_a_process_that_is_told_to_stop_leaves_nobody_behind(world: World) -> None:
    """SIGTERM while another one starts: it is not to serve then, even if it says so in the same moment."""
    world.upgrade.begin()
    world.upgrade.give_up()
    world.says(b"42\n")

    assert world.reactor.signals == ["TERM"]
    assert world.handed == []


def test_what_cannot_be_started_is_logged(world: World) -> None:
    """There may be no memory for it."""
    world.reactor.fails = True
    with capturedLogs() as events:
        world.upgrade.begin()

    assert "no memory" in formatEvent(events[-1])
    assert world.reactor.getDelayedCalls() == []


def test_the_command_is_that_which_started_this_one(tmp_path: Path) -> None:
    """A script is run by its own first line: its interpreter may be another one by now."""
    script = tmp_path / "gateway"
    script.write_text("#!/opt/python\n")
    assert command_line(["python", str(script), "run"], "/py") == ["/py", str(script), "run"]
    script.chmod(0o755)

    assert command_line(["python", str(script), "run"], "/py") == [str(script), "run"]
    assert command_line(["python", "-m", "gateway.cli", "run"], "/py") == ["/py", "-m", "gateway.cli", "run"]
    assert command_line(["python", "/nowhere", "run"], "/py") == ["/py", "/nowhere", "run"]
    assert command_line(["python"], "/py") == ["/py"]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The process serves all the same."""
    with capturedLogs() as events:
        write_pid(tmp_path / "none/g.pid", 7)

    assert "none/g.pid does not name the process that serves, 7" in formatEvent(events[0])


def test_this_process_has_no_sockets_of_systemd() -> None:
    """What is asked is there: a private part of Twisted's."""
    assert list(descriptors_of_systemd()) == []
