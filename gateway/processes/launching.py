"""Start a worker: the command of this process once more, with a channel, a configuration and sockets in its hands.

# Note [Started, not forked]
A fork of a parent whose reactor and threads are there has their descriptors and locks in a state that nobody knows;
and a parent that has imported all that a worker needs takes as much memory as a worker. So a worker is a process of
its own from its first instruction (`posix_spawn` by Twisted), as a process that takes over is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from gateway.processes.arrival import WORKER
from gateway.processes.assignment import Assignment
from gateway.processes.channel import Channel, connect, pair
from gateway.processes.edition import Edition
from gateway.processes.passing import Passing, descriptors_of_systemd
from gateway.processes.sockets import Share

NOT_THEIRS = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
"""Variables of the environment that are for the parent only."""


class Worker(ProcessProtocol):
    """A process that was started.

    Args:
        channel: To it.
        ended: Called with how it ended.
    """

    def __init__(self, channel: Channel, ended: Callable[[str], None]) -> None:
        self.channel = channel
        self._ended = ended

    @property
    def pid(self) -> int:
        """Its number."""
        process: Any = self.transport
        return int(process.pid)

    def kill(self) -> None:
        """End it at once."""
        process: Any = self.transport
        with suppress(ProcessExitedAlready):
            process.signalProcess("KILL")

    def processEnded(self, reason: Failure) -> None:
        """It is gone."""
        self._ended("exit code 0" if reason.check(ProcessDone) else how_it_ended(reason.value))


class Launcher:
    """Starts workers.

    Args:
        reactor: Starts processes and keeps time.
        command: Starts the gateway.
        directory: Where it was started.
        share: Returns what sockets a place gets.
        edition: Returns what is in force.
        memory: Descriptor of the memory that all share.
        environ: Of this process.
        by_systemd: Descriptors that systemd has handed to this process.
        files: Returns a descriptor of the memory with files that workers may not read, if there are any.
    """

    def __init__(
        self,
        reactor: Any,
        command: Sequence[str],
        directory: str,
        share: Callable[[int], Share],
        edition: Callable[[], Edition],
        memory: int,
        environ: Mapping[str, str] = os.environ,
        by_systemd: Callable[[], Sequence[int]] = descriptors_of_systemd,
        files: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._reactor = reactor
        self._command = command
        self._directory = directory
        self._share = share
        self._edition = edition
        self._memory = memory
        self._files = files
        self._environ = environ
        self._by_systemd = by_systemd

    def __call__(self, index: int, number: int, ended: Callable[[str], None]) -> Worker:
        """Start one.

        Raises:
            OSError: It cannot be started.
        """
        share, edition, files = self._share(index), self._edition().kept(), self._files()
        ours, theirs = pair()
        try:
            passing = Passing(share.sockets, self._by_systemd())
            told = Assignment(
                number,
                passing.add(theirs),
                passing.add(edition),
                passing.add(self._memory),
                passing.sockets,
                tuple(share.shared),
                None if files is None else passing.add(files),
            )
            environ = {name: value for name, value in self._environ.items() if name not in NOT_THEIRS}
            command, environ = passing.command(self._command, environ)
            environ[WORKER] = told.as_text()
            worker = Worker(Channel(self._reactor, f"worker {index + 1}"), ended)
            self._reactor.spawnProcess(
                worker, command[0], command, environ, self._directory, childFDs=passing.descriptors
            )
        except BaseException:
            os.close(ours)
            raise
        finally:
            for descriptor in (theirs, edition, files):
                if descriptor is not None:
                    os.close(descriptor)
        connect(self._reactor, ours, worker.channel)
        return worker


def how_it_ended(error: Any) -> str:
    """Say how a process has ended."""
    signal = getattr(error, "signal", None)
    return f"signal {signal}" if signal else f"exit code {getattr(error, 'exitCode', '?')}"
