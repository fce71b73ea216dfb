"""What the first process of a container does. In one: `tests/system/test_upgrade.py`."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.processes.first import Reaper
from tests.system.gateway_process import until


class Reactor:
    """Runs at once."""

    def callWhenRunning(self, call: Callable[[], None]) -> None:  # Twisted's name
        """See `IReactorCore`."""
        call()

    callFromThread = callWhenRunning  # Twisted's name


@pytest.fixture(autouse=True)
def child_signal() -> Iterator[None]:
    """Give SIGCHLD back."""
    before = signal.getsignal(signal.SIGCHLD)
    yield
    signal.signal(signal.SIGCHLD, before)


def test_children_that_nobody_waits_for_are_reaped() -> None:
    """And who had the signal before has it still."""
    heard: list[Any] = []
    signal.signal(signal.SIGCHLD, lambda *_: heard.append(1))
    reaper = Reaper(Reactor())
    reaper.startService()
    pid = os.posix_spawn("/bin/true", ["true"], {})
    until(lambda: not Path(f"/proc/{pid}").exists())

    assert heard
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, 0)
    reaper.reap()  # there is nobody
