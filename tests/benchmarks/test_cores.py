"""Which cores a run uses for what."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from benchmarks.cores import started_on

APART = """
import os
from benchmarks.cores import set_apart
before, alone = os.sched_getaffinity(0), set_apart()
assert len(alone) == 1 and alone <= before, (before, alone)
assert os.sched_getaffinity(0) == (before - alone or before), os.sched_getaffinity(0)
"""


def test_the_proxys_core_is_left_by_all_else() -> None:
    """In a process of its own: it applies to the whole process."""
    ended = subprocess.run([sys.executable, "-c", APART], capture_output=True, text=True, timeout=50, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("pinned", [False, True])
def test_what_is_started_meanwhile_runs_there(pinned: bool) -> None:
    """And this process where it did."""
    before = os.sched_getaffinity(0)
    cores = {min(before)}
    ask = [sys.executable, "-c", "import os; print(sorted(os.sched_getaffinity(0)))"]
    with started_on(cores if pinned else None):
        said = subprocess.run(ask, capture_output=True, text=True, timeout=50, check=True).stdout

    assert said.strip() == str(sorted(cores if pinned else before))
    assert os.sched_getaffinity(0) == before
