"""A backend is well when a program says so: exit status 0.

The program is told of the backend by its environment and inherits nothing else
but PATH. It leads a process group of its own, which is killed as a whole when
it takes too long.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from gateway.upstream.prober import CheckFailed

MOST = 1024
"""Octets of what it says that are kept, for the words of a failure."""


class ScriptProbe:
    """Runs a program.

    Args:
        command: The program and its arguments.
        environment: What it is told: GATEWAY_UPSTREAM, GATEWAY_BACKEND_URL, _HOST and _PORT.
        reactor: Has `spawnProcess`.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], reactor: Any) -> None:
        self._command = [part.encode() for part in command]
        self._environment = {**environment, "PATH": os.environ.get("PATH", os.defpath)}
        self._reactor = reactor

    def run(self) -> Deferred[None]:
        """See `gateway.upstream.prober.Probe`."""
        run = _Run()
        try:
            # On a terminal of its own, because that is how Twisted makes it lead a session and a process group.
            process = self._reactor.spawnProcess(run, self._command[0], self._command, self._environment, usePTY=True)
        except OSError as error:
            run.done.errback(CheckFailed(f"the program does not start: {error.strerror}"))
        else:
            run.began(process)
        return run.done


class _Run(ProcessProtocol):
    """One run."""

    def __init__(self) -> None:
        self._process: Any = None
        self._group = 0
        self._said = b""
        self.done: Deferred[None] = Deferred(lambda _: self._kill())

    def began(self, process: Any) -> None:
        """It runs."""
        self._process = process
        self._group = process.pid

    def outReceived(self, data: bytes) -> None:
        self._said = (self._said + data)[-MOST:]

    errReceived = outReceived  # Twisted's name

    def processExited(self, reason: Failure) -> None:
        # What it has left running in its group ends with it.
        self._kill()
        if self.done.called:
            return
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
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._group, signal.SIGKILL)
            self._process.loseConnection()
