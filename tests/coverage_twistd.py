"""A coverage plugin that keeps what a twistd process has measured when a signal ends it.

twistd shuts down in order and then kills itself with the signal that it got,
so that its parent sees that; Python's exit handlers, in which coverage writes
its data, do not run. Named in pyproject.toml.
"""

from __future__ import annotations

import os
from typing import Any

from coverage import Coverage


def coverage_init(_registry: Any, _options: Any) -> None:
    """Write the data before a process kills itself; coverage calls this in every process that it measures."""
    kill = os.kill

    def save_and_kill(pid: int, number: int) -> None:
        measuring = Coverage.current()
        if pid == os.getpid() and measuring is not None:
            measuring.stop()
            measuring.save()
        kill(pid, number)

    os.kill = save_and_kill
