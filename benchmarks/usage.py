"""What a tree of processes has cost, as the kernel counts it and psutil reads it.

The one source for every proxy, so that none is measured by its own word.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import psutil


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


def tree(root: int) -> list[psutil.Process]:
    """Find a process and all its descendants; empty when it is gone."""
    try:
        process = psutil.Process(root)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def cpu(root: int) -> Cpu:
    """CPU time of a process tree since its start, children that have ended and were waited for included."""
    user = system = 0.0
    for process in tree(root):
        with contextlib.suppress(psutil.NoSuchProcess):  # ended while we were reading
            times = process.cpu_times()
            user += times.user + times.children_user
            system += times.system + times.children_system
    return Cpu(user, system)


def pss(root: int) -> int:
    """Bytes of a process tree in memory, where a page that others have too counts by its share of them."""
    proportional = 0
    for process in tree(root):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            proportional += process.memory_full_info().pss
    return proportional


def rss(root: int) -> int:
    """Resident bytes of a process tree; pages shared by its processes count in each, a zombie has none."""
    resident = 0
    for process in tree(root):
        with contextlib.suppress(psutil.NoSuchProcess):
            resident += process.memory_info().rss
    return resident


def connections(process: psutil.Process, port: int) -> int:
    """Count a process's established connections at a local TCP port; none of one that is gone."""
    try:
        there = process.net_connections("tcp")
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
    return sum(one.status == psutil.CONN_ESTABLISHED and one.laddr.port == port for one in there)
