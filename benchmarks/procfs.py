"""What a tree of processes has cost, from /proc.

The one source for every proxy, so that none is measured by its own word.
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


@dataclass(frozen=True)
class Stat:
    """The fields of `/proc/PID/stat` that are used here; times in clock ticks.

    Attributes:
        user: Ticks in user mode, all threads together.
        system: Ticks in the kernel, all threads together.
        reaped_user: `user` of the children that have ended and were waited for.
        reaped_system: `system` of the same.
    """

    pid: int
    parent: int
    user: int
    system: int
    reaped_user: int
    reaped_system: int


@dataclass(frozen=True)
class Cpu:
    """CPU time in seconds, as a difference or since the start of a process tree."""

    user: float
    system: float

    @property
    def total(self) -> float:
        """User and system time together."""
        return self.user + self.system

    def __sub__(self, earlier: Cpu) -> Cpu:
        return Cpu(self.user - earlier.user, self.system - earlier.system)


def parse_stat(text: str) -> Stat:
    """Read one line of `/proc/PID/stat` (proc(5))."""
    # The command name stands in parentheses and may hold spaces and parentheses itself: only the last one ends it.
    head, _, tail = text.rpartition(")")
    fields = tail.split()
    return Stat(
        pid=int(head.partition(" ")[0]),
        parent=int(fields[1]),
        user=int(fields[11]),
        system=int(fields[12]),
        reaped_user=int(fields[13]),
        reaped_system=int(fields[14]),
    )


def family(root: int, stats: list[Stat]) -> list[Stat]:
    """Pick a process and all its descendants out of all processes."""
    children: defaultdict[int, list[Stat]] = defaultdict(list)
    found: list[Stat] = []
    for stat in stats:
        children[stat.parent].append(stat)
        if stat.pid == root:
            found.append(stat)
    for stat in found:  # grows while it is walked
        found.extend(children[stat.pid])
    return found


def total(stats: list[Stat]) -> Cpu:
    """Add up the CPU time of processes and of the children that they have waited for."""
    user = sum(stat.user + stat.reaped_user for stat in stats)
    system = sum(stat.system + stat.reaped_system for stat in stats)
    return Cpu(user / _TICKS_PER_SECOND, system / _TICKS_PER_SECOND)


def tree(root: int) -> list[Stat]:
    """Read the process tree under a PID; empty when it is gone."""
    stats = []
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            try:
                stats.append(parse_stat((entry / "stat").read_text()))
            except (FileNotFoundError, ProcessLookupError):
                continue  # ended while we were reading
    return family(root, stats)


def cpu(root: int) -> Cpu:
    """CPU time of a process tree since its start."""
    return total(tree(root))


def parse_rss(status: str) -> int:
    """Resident bytes from the text of `/proc/PID/status`; 0 for a zombie, which has none."""
    for line in status.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def rss(root: int) -> int:
    """Resident bytes of a process tree; pages shared by its processes count in each."""
    resident = 0
    for stat in tree(root):
        try:
            resident += parse_rss((_PROC / str(stat.pid) / "status").read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return resident
