"""Counts in memory that real processes share: nothing is lost between them, and none holds a lock after its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from gateway.limiting.limit import Limit, Verdict
from gateway.processes.limits import SharedLimits
from gateway.processes.memory import SharedMemory, new_memory

ROOT = Path(__file__).parents[2]

ASKS = """
import sys
from gateway.limiting.limit import Limit
from gateway.processes.limits import SharedLimits
from gateway.processes.memory import SharedMemory

limit = Limit(b"l" * 8, "ip", 1000, 60.0, 1000, sys.argv[2] == "s")
decide = SharedLimits(SharedMemory(int(sys.argv[1]))).bind([limit])
sys.stdin.readline()
print(sum(decide([b"192.0.2.1"], 100.0).allowed for _ in range(900)))
"""

HOLDS = """
import sys
from gateway.processes.memory import SharedMemory

SharedMemory(int(sys.argv[1])).lock(0)
print("holds", flush=True)
sys.stdin.readline()
"""


def start(code: str, descriptor: int, *arguments: str) -> subprocess.Popen[str]:
    """Start a process that has the memory."""
    return subprocess.Popen(
        [sys.executable, "-c", code, str(descriptor), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        pass_fds=[descriptor],
        cwd=ROOT,
    )


def test_processes_that_ask_at_once_get_what_there_is_and_no_more() -> None:
    """Of either kind of limit."""
    for kind in ("s", "b"):
        memory = SharedMemory(descriptor := new_memory())
        processes = [start(ASKS, descriptor, kind) for _ in range(2)]

        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        passed = [int(process.communicate(timeout=60)[0]) for process in processes]

        assert sum(passed) == 1000
        memory.close()


def test_a_lock_ends_with_the_process_that_holds_it() -> None:
    """However it ends."""
    memory = SharedMemory(descriptor := new_memory())
    process = start(HOLDS, descriptor)
    assert process.stdout is not None
    assert process.stdout.readline() == "holds\n"

    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=10)

    with memory.locked(0):
        pass
    verdict = SharedLimits(memory).bind([Limit(b"l" * 8, "ip", 1, 60.0, 1)])([b"a"], 100.0)
    assert isinstance(verdict, Verdict)
    assert verdict.allowed
    memory.close()
