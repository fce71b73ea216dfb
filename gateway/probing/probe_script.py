"""A check by a program: its exit status must be 0.

The environment of the program names the backend, and has nothing else but
PATH. The program leads a process group of its own, which is killed as a whole
when it takes too long.

Tests: `tests/system/test_probes.py`.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from gateway.probing.prober import CheckFailed

MOST = 1024
"""Last octets of the program's output that are kept, to describe a failure."""


class ScriptProbe:
    """Runs a program.

    Args:
        command: The program and its arguments.
        environment: Its environment: GATEWAY_UPSTREAM, GATEWAY_BACKEND_URL, _HOST and _PORT, and PATH.
        reactor: Has `spawnProcess`.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], reactor: Any) -> None:
        self._command = [part.encode() for part in command]
        self._environment = {**environment, "PATH": os.environ.get("PATH", os.defpath)}
        self._reactor = reactor

    def run(self) -> Deferred[None]:
        """See `gateway.probing.prober.Probe`."""
        run = _Run()
        try:
            # usePTY: with a terminal of its own Twisted makes the program lead a session and a process group.
            self._reactor.spawnProcess(run, self._command[0], self._command, self._environment, usePTY=True)
        except OSError as error:
            run.done.errback(CheckFailed(f"the program does not start: {error.strerror}"))
        return run.done


class _Run(ProcessProtocol):
    """One run of the program."""

    def __init__(self) -> None:
        self._process: Any = None
        self._group: int | None = None  # None and not 0, which would be the gateway's own group
        self._said = b""
        self.done: Deferred[None] = Deferred(lambda _: self._kill())

    def connectionMade(self) -> None:
        # Set here and not when `spawnProcess` returns: a short run may be over by then.
        self._process = self.transport
        self._group = self._process.pid

    def outReceived(self, data: bytes) -> None:
        self._said = (self._said + data)[-MOST:]

    errReceived = outReceived  # Twisted's name

    def processExited(self, reason: Failure) -> None:
        # Processes that the program has started and left behind in its group end with it.
        self._kill_group()
        if self.done.called:
            return  # `_kill` has closed the terminal
        if self._process.connected:
            self._process.doRead()  # SIGCHLD may come before the last output has been read
        self._process.loseConnection()
        error: Any = reason.value
        if error.exitCode == 0:
            self.done.callback(None)
            return
        ended = f"exit status {error.exitCode}" if error.exitCode is not None else f"signal {error.signal}"
        lines = self._said.decode("utf-8", "replace").strip().splitlines()
        last = f": {lines[-1][:200]}" if lines else ""
        self.done.errback(CheckFailed(f"{ended}{last}"))

    def _kill(self) -> None:
        if self._process is not None:
            self._kill_group()
            with suppress(ProcessExitedAlready):
                self._process.signalProcess("KILL")  # a process that was just forked has no group of its own yet
            self._process.loseConnection()

    def _kill_group(self) -> None:
        assert self._group is not None
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._group, signal.SIGKILL)
