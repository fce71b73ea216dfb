"""A seed is the same run in every process, whatever order that process gives to its sets."""

from __future__ import annotations

import os
import subprocess
import sys


def played(hash_seed: str) -> list[str]:
    """Play a few seeds in a process of their own; returns what happened, without how long it took."""
    command = [sys.executable, "-m", "tests.simulation.run", "--seeds", "10", "--trace"]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, timeout=50, check=True
    )
    happened, title, _ = done.stdout.partition("simulation: a whole gateway")
    assert title, "the table, which has the seconds that it took, is not where it was"
    return [line for line in happened.splitlines() if " a second" not in line]


def test_a_seed_is_the_same_run_in_another_process() -> None:
    """Where the order of a set decided what is drawn for whom, a failure could not be played again."""
    one, other = played("1"), played("2")

    assert len(one) > 100
    assert one == other
