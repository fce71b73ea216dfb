"""Start the installed code anew on the sockets of this process, and let it take over: SIGUSR2.

The command that started this process runs again, as a child with the listening sockets in hand
(`gateway.processes.handover`). When it says that it serves, this process leaves sockets, files and PID file to it and
drains; until then nothing has changed, so a new version that does not come up is one line in the log.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from gateway.processes.handover import VARIABLE, Handover
from gateway.processes.passing import Passing, descriptors_of_systemd
from gateway.transport.inherited import Given

PATIENCE: Final = 300.0
"""Seconds for the new process to serve: it imports, reads its configuration and builds, and waits for its workers. They
have less (`gateway.processes.team`): what they cannot do in time is for it to say."""

_log = Logger()


class Successor(ProcessProtocol):
    """The new process, until it serves.

    Args:
        upgrade: Who started it.
        status: Its descriptor on which it says so.
    """

    def __init__(self, upgrade: Upgrade, status: int) -> None:
        self._upgrade = upgrade
        self._status = status
        self._said = b""

    def childDataReceived(self, childFD: int, data: bytes) -> None:  # noqa: N803  # Twisted's names
        """Take what it says: its number, on a line; or why it does not come up."""
        if childFD != self._status:
            for line in data.decode(errors="replace").splitlines():
                if line.strip():
                    _log.error("The installed version says: {line}", line=line)
            return
        self._said += data
        if self._said.endswith(b"\n"):
            self._upgrade.serves(int(self._said))

    def processExited(self, reason: Failure) -> None:  # Twisted's name
        """It has ended."""
        self._upgrade.ended(reason)


class Upgrade:
    """How this process is succeeded.

    Args:
        reactor: Starts processes and keeps time.
        command: Starts the gateway.
        directory: Where it was started.
        sockets: Describes those that listen.
        pidfile: The file that names this process, empty for none.
        hand_over: Called with the number of the process that serves from now on.
        init: Descriptor on which the first process of a container is told who serves; None where there is none.
        files: Returns a descriptor of the memory with files that the new process may not read, if there are any.
        hear: Log what the new process writes to standard error, which nobody else reads: this one is in the background.
        environ: Of this process.
        by_systemd: Descriptors that systemd has handed to this process.
    """

    def __init__(
        self,
        reactor: Any,
        command: Sequence[str],
        directory: str,
        sockets: Callable[[], Sequence[Given]],
        pidfile: str,
        hand_over: Callable[[int], object],
        init: int | None = None,
        *,
        files: Callable[[], int | None] = lambda: None,
        hear: bool = False,
        environ: Mapping[str, str] = os.environ,
        by_systemd: Callable[[], Sequence[int]] = descriptors_of_systemd,
    ) -> None:
        self._reactor = reactor
        self._command = command
        self._directory = directory
        self._sockets = sockets
        self._pidfile = pidfile
        self._hand_over = hand_over
        self._init = init
        self._files = files
        self._hear = hear
        self._environ = environ
        self._by_systemd = by_systemd
        self._process: Any = None
        self._timer: Any = None
        self._done = False

    def begin(self) -> None:
        """Start the new process, unless one is being started."""
        if self._process is not None or self._done:
            _log.info("SIGUSR2: another process is taking over already")
            return
        passing = Passing(list(self._sockets()), self._by_systemd())
        if self._hear:
            passing.descriptors[2] = "r"
        init = None if self._init is None else passing.add(self._init)
        status = passing.add("r")
        command, environ = passing.command(self._command, self._environ)
        files = self._files()
        passed = None if files is None else passing.add(files)
        environ[VARIABLE] = Handover(passing.sockets, status, self._pidfile, init, self._hear, passed).as_text()
        _log.info("SIGUSR2: starting the installed version, which takes over when it serves", event="upgrade.began")
        try:
            self._process = self._reactor.spawnProcess(
                Successor(self, status), command[0], command, environ, self._directory, childFDs=passing.descriptors
            )
        except OSError as error:
            _log.error(
                "The installed version cannot be started; this process serves on: {cause}",
                cause=str(error),
                event="upgrade.failed",
            )
            return
        finally:
            if files is not None:
                os.close(files)
        self._timer = self._reactor.callLater(PATIENCE, self._too_late)

    def give_up(self) -> None:
        """End a new process that does not serve yet: this one is told to stop, and nobody is to stay."""
        if not self._done:
            self._done = True
            self._end("TERM")

    def serves(self, pid: int) -> None:
        """The new process serves: leave everything to it."""
        if self._done or self._process is None:
            return
        self._done = True
        self._timer.cancel()
        if self._pidfile:
            write_pid(Path(self._pidfile), pid)
        if self._init is not None:
            os.write(self._init, b"%d\n" % pid)
        _log.info("Process {pid} has taken over", pid=pid, event="upgrade.done")
        self._hand_over(pid)

    def ended(self, reason: Failure) -> None:
        """The new process has ended."""
        self._process = None
        if self._done:
            return
        self._timer.cancel()
        words = "exit code 0" if reason.check(ProcessDone) else _words(reason.value)
        _log.error(
            "The installed version did not come up ({cause}); this process serves on",
            cause=words,
            event="upgrade.failed",
        )
        if self._pidfile:
            write_pid(Path(self._pidfile), os.getpid())  # written anew: `gateway upgrade` waits for that

    def _too_late(self) -> None:
        _log.error("The installed version does not serve after {seconds} s: it is ended", seconds=PATIENCE)
        self._timer = self._reactor.callLater(PATIENCE, lambda: None)  # `ended` cancels it
        self._end("KILL")

    def _end(self, how: str) -> None:
        if self._process is not None:
            with suppress(ProcessExitedAlready):
                self._process.signalProcess(how)


def command_line(original: Sequence[str], executable: str = sys.executable) -> list[str]:
    """Return the command that starts what is installed now.

    Args:
        original: The command line that started this process, the interpreter first (`sys.orig_argv`).
        executable: The interpreter.

    A script (`bin/gateway`) is run by its own first line: it may be another interpreter's by now, where the path goes
    through a symbolic link to the version in use.
    """
    if len(original) > 1 and not original[1].startswith("-"):
        script = Path(original[1])
        with suppress(OSError), script.open("rb") as opened:
            if os.access(script, os.X_OK) and opened.read(2) == b"#!":
                return [str(script.absolute()), *original[2:]]
    return [executable, *original[1:]]


def write_pid(path: Path, pid: int) -> None:
    """Let a PID file name another process, in one step where the directory is ours to write."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        try:
            fresh.write_text(str(pid))
            fresh.replace(path)
        except OSError:
            fresh.unlink(missing_ok=True)
            path.write_text(str(pid))
    except OSError as error:
        _log.error("{path} does not name the process that serves, {pid}: {error}", path=path, pid=pid, error=error)


def _words(error: Any) -> str:
    signal = getattr(error, "signal", None)
    return f"signal {signal}" if signal else f"exit code {getattr(error, 'exitCode', '?')}"
