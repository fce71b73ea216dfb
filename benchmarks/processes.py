"""Start the processes of a run, and end every one of them.

A process is ended by its PID and those of its descendants, politely first; an
exit handler ends what an error has left behind.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import random
import resource
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import psutil

from benchmarks import usage
from benchmarks.cores import started_on

_START_TIMEOUT = 30.0
_STOP_TIMEOUT = 5.0
_LOOPBACK = "127.0.0.1"

_running: list[Process] = []


class CannotStart(Exception):
    """A process ended, or did not answer in time; the message has its last words."""


@dataclass(frozen=True)
class Command:
    """How to start a process: arguments, environment on top of ours, directory to run in."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None


class Process:
    """A process started for the run, with its output in a file.

    Args:
        command: What is started.
        output: The file.
        cores: Where it runs; None for all.
    """

    def __init__(self, command: Command, output: Path, cores: Set[int] | None = None) -> None:
        self._output = output
        with output.open("ab") as sink, started_on(cores):
            self._popen = subprocess.Popen(
                list(command.argv),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, **command.env},
                cwd=command.cwd,
            )
        _running.append(self)

    @property
    def pid(self) -> int:
        """Root of the process tree that is measured."""
        return self._popen.pid

    def wait_for_port(self, port: int) -> None:
        """Wait until the process accepts connections.

        Raises:
            CannotStart: It ended first, or took longer than 30 seconds.
        """
        deadline = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < deadline:
            if self._popen.poll() is not None:
                raise CannotStart(f"ended with status {self._popen.returncode}: {self._last_words()}")
            with contextlib.suppress(OSError), socket.create_connection((_LOOPBACK, port), timeout=1):
                return
            time.sleep(0.005)
        raise CannotStart(f"does not listen after {_START_TIMEOUT:.0f} s: {self._last_words()}")

    def stop(self) -> None:
        """End the process and its descendants: SIGTERM, then SIGKILL."""
        if self in _running:
            _running.remove(self)
        descendants = usage.tree(self.pid)[1:]
        if self._popen.poll() is None:
            self._popen.terminate()
            try:
                self._popen.wait(_STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self._popen.kill()
                self._popen.wait()
        for descendant in descendants:
            # psutil compares the time of its start: a PID that somebody else has by now is left alone.
            with contextlib.suppress(psutil.NoSuchProcess):
                descendant.kill()

    def _last_words(self) -> str:
        lines = self._output.read_text(errors="replace").strip().splitlines()
        return " | ".join(lines[-4:]) or "it said nothing"

    def __enter__(self) -> Process:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()


def free_port(preferred: int = 0) -> int:
    """Find a loopback port that nobody has, `preferred` if it is free.

    Looked for below the range from which the kernel takes the ports of outgoing connections: the load
    generator makes many, and one of them could take the port before its owner listens on it.
    """
    candidates = [preferred] if preferred else []
    candidates += random.sample(range(20000, 32000), 50)
    for port in candidates:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((_LOOPBACK, port))
                return port
    raise CannotStart("no free port between 20000 and 32000")


def raise_file_limit() -> None:
    """Let this process and its children have as many open files as they may: 5,000 connections need 10,000."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def stop_all() -> None:
    """End what is still running, last started first."""
    for process in reversed(list(_running)):
        process.stop()


atexit.register(stop_all)
