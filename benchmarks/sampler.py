"""Run a Python program and count, by its own CPU time, which function it is in.

Used by `benchmarks.profile`, as `python -m benchmarks.sampler OUTPUT SCRIPT
ARGUMENTS`. A sampler that looks in from outside goes by the wall clock and, on
a machine as full as this one is under load, gets the processor just when the
program waits for it: it showed two thirds of the time in `send`, of which the
kernel knew nothing. The timer here counts only time that the program used, in
Python or in the kernel, and the interpreter calls the handler in the frame
that used it: a function that calls C has the time of that call.
"""

from __future__ import annotations

import json
import runpy
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

RESET = signal.SIGRTMIN
WRITE = signal.SIGRTMIN + 1
_EVERY = 0.004  # the kernel looks at this timer at most 250 times a second


def main() -> None:
    """Start the timer, then become the program."""
    output, script, *arguments = sys.argv[1:]
    samples: Counter[tuple[str, str]] = Counter()

    def take(_: int, frame: FrameType | None) -> None:
        if frame is not None:
            samples[frame.f_code.co_filename, frame.f_code.co_qualname] += 1

    def reset(*_: object) -> None:
        samples.clear()

    def write(*_: object) -> None:
        partial = Path(output + ".partial")
        partial.write_text(json.dumps([[file, name, count] for (file, name), count in samples.items()]))
        partial.rename(output)  # a reader finds it whole or not at all

    signal.signal(RESET, reset)
    signal.signal(WRITE, write)
    signal.signal(signal.SIGPROF, take)
    for number in (RESET, WRITE, signal.SIGPROF):
        signal.siginterrupt(number, False)
    signal.setitimer(signal.ITIMER_PROF, _EVERY, _EVERY)
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
