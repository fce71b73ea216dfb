from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from benchmarks import usage

FAMILY = """
import os, subprocess, sys
burn = "import time\\nwhile time.process_time() < 0.2: pass"
subprocess.run([sys.executable, "-c", burn])
if os.fork() == 0:
    os._exit(0)  # a zombie: nobody waits for it
child = subprocess.Popen(["sleep", "60"])
print(child.pid, flush=True)
sys.stdin.read()
child.kill()
"""


@pytest.fixture
def family() -> Iterator[tuple[int, int]]:
    """A process that has waited for one busy child, has a zombie, and one child that sleeps; their PIDs."""
    command = [sys.executable, "-c", FAMILY]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.pid, int(process.stdout.readline())


def test_a_family_is_a_process_and_all_its_descendants(family: tuple[int, int]) -> None:
    """The process itself first; strangers do not belong to it, and it belongs to ours."""
    root, child = family
    found = [process.pid for process in usage.tree(root)]

    assert found[0] == root
    assert child in found
    assert os.getpid() not in found
    assert {root, child} <= {process.pid for process in usage.tree(os.getpid())}


def test_children_that_have_ended_still_count(family: tuple[int, int]) -> None:
    """What the busy one took is known by its parent."""
    assert usage.cpu(family[0]).total >= 0.2


def test_memory_is_that_of_the_whole_family(family: tuple[int, int]) -> None:
    """A zombie has none, and is no error."""
    root, child = family

    assert usage.rss(root) > usage.rss(child) > 0


def test_a_process_that_is_gone_has_cost_nothing() -> None:
    """It cannot be asked any more."""
    gone = subprocess.Popen(["true"])
    gone.wait()

    assert usage.tree(gone.pid) == []
    assert (usage.cpu(gone.pid).total, usage.rss(gone.pid)) == (0.0, 0)


def test_a_difference_is_taken_of_user_and_system_time_each() -> None:
    """What a window of time has cost."""
    spent = usage.Cpu(5.0, 3.0) - usage.Cpu(4.0, 1.0)

    assert (spent.user, spent.system, spent.total) == (1.0, 2.0, 3.0)
