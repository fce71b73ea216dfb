"""Instructions of a request: a figure that does not depend on what else the machine does.

Counted by `perf`, where the kernel and the processor let it, else by valgrind, where it is installed: fifty times
slower. Two runs that differ only in their slices are counted, and the difference is that of the slices.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.progress import warn

CLIENTS = 64
FEW, MANY = 1, 3
"""Slices of the two runs."""

PERF = r"^(\d+),"
VALGRIND = r"I +refs: +([\d,]+)"


def count(worker: Callable[..., Sequence[str]], env: Mapping[str, str], turns: int) -> str:
    """Return the instructions of one request, or a dash where nothing here can count them.

    Args:
        worker: Makes the command that runs a number of slices.
        env: For it.
        turns: Requests of each client in a slice.
    """
    for counter in (_perf, _valgrind):
        few, many = (counter(worker(str(slices)), env) for slices in (FEW, MANY))
        if few is not None and many is not None:
            return f"{(many - few) / ((MANY - FEW) * turns * CLIENTS):,.0f}"
    warn("neither perf nor valgrind can count instructions here")
    return "-"


def _perf(command: Sequence[str], env: Mapping[str, str]) -> int | None:
    return _counted("perf", ["stat", "-x", ",", "-e", "instructions:u", "-o", "{log}"], command, env, PERF)


def _valgrind(command: Sequence[str], env: Mapping[str, str]) -> int | None:
    options = ["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", "--log-file={log}"]
    return _counted("valgrind", options, command, env, VALGRIND)


def _counted(
    program: str, options: Sequence[str], command: Sequence[str], env: Mapping[str, str], pattern: str
) -> int | None:
    if shutil.which(program) is None:
        return None
    with TemporaryDirectory() as directory:
        log = Path(directory) / "log"
        argv = [program, *(option.replace("{log}", str(log)) for option in options), *command]
        ended = subprocess.run(argv, env=env, capture_output=True, timeout=900, check=False)
        if ended.returncode != 0 or not log.exists():
            return None
        return read(log.read_text(), pattern)


def read(log: str, pattern: str) -> int | None:
    """Find the count in what a counter wrote, None where it could not count."""
    found = re.search(pattern, log, re.MULTILINE)
    return int(found[1].replace(",", "")) if found else None
