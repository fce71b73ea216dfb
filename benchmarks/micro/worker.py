"""One side of a comparison: a process that measures a slice whenever it is asked for one.

`python -m benchmarks.micro.worker CHECKOUT SCENARIO TURNS`: a line on standard input asks for a slice; the answer is a
line with its seconds of CPU for each request. With a count of slices as fourth argument it runs those and ends,
silently: for counting instructions.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from pathlib import Path

from benchmarks.micro.exchanges import EXCHANGES

WARM_UP = 20
"""Slices before the first that counts: connections are opened, memos filled, code specialised."""


def main() -> None:
    """Be a worker until standard input ends."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    checkout, scenario, turns, *slices = sys.argv[1:]
    sys.path.insert(0, checkout)
    package = Path(importlib.import_module("gateway").__file__ or "/")
    if not package.is_relative_to(Path(checkout).resolve()):
        raise RuntimeError(f"{package} would be measured, not {checkout}")
    assembly = importlib.import_module("benchmarks.micro.calls").assembled(EXCHANGES[scenario])
    for _ in range(1 if slices else WARM_UP):
        assembly.slice(int(turns))
    gc.collect()
    gc.freeze()
    if slices:
        for _ in range(int(slices[0])):
            assembly.slice(int(turns))
        return
    print("ready", flush=True)
    for _ in sys.stdin:
        print(assembly.slice(int(turns)), flush=True)


if __name__ == "__main__":
    main()
