"""Resident memory, from Linux or from what every Unix tells."""

from __future__ import annotations

import resource
from mmap import mmap
from pathlib import Path

from gateway.telemetry.memory import give_back, resident


def test_it_is_that_of_this_process() -> None:
    """As /proc/self/status has it, but for what changes between two looks."""
    status = Path("/proc/self/status").read_text()
    told = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    assert abs(resident() - told) < 4 * 2**20


def test_what_is_taken_is_seen() -> None:
    """Pages count once they are written. They are asked of the system: the heap may hold 64 MiB, free and resident."""
    before = resident()

    with mmap(-1, 64 * 2**20) as taken:
        taken.write(b"x" * len(taken))

        assert resident() - before > len(taken) / 2


def test_without_proc_the_peak_must_do(tmp_path: Path) -> None:
    """It never falls, so shedding by it does not end; better than not to begin."""
    assert resident(tmp_path / "none") == resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_what_was_freed_goes_back() -> None:
    """What lies below something that is in use, which glibc would keep."""
    freed = [b"x" * 60_000 for _ in range(1000)]
    above = b"y" * 60_000
    full = resident()
    del freed

    give_back()

    assert full - resident() > 30_000_000
    assert len(above) == 60_000
