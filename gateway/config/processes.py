"""How many processes share the ports: what `processes` says, on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")
"""What a container may use of the cores: microseconds in a period, or `max`."""


def how_many(said: int | str) -> int:
    """Return the number of processes; `auto` is one for each core that this process may use."""
    return said if isinstance(said, int) else cores(len(os.sched_getaffinity(0)), QUOTA)


def cores(there: int, quota: Path) -> int:
    """Return how many cores may be used, at least one: part of a core is worth a process of its own."""
    try:
        most, _, period = quota.read_text().partition(" ")
        allowed = -(-int(most) // int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return there  # no container, or one without a bound
    return max(1, min(there, allowed))
