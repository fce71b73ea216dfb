"""Play seeds: `make simulate` plays thousands, `--seed N --trace` one of them step by step."""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Sequence

from tests.published import Table, publish
from tests.simulation.world import World

STEPS = 80


def play(seed: int, steps: int = STEPS) -> tuple[World, BaseException | None]:
    """Play one run; returns its world and what was wrong, None for nothing."""
    world = World(seed)
    try:
        world.run(steps)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told with its seed
        return world, error
    return world, None


def main(arguments: Sequence[str] | None = None) -> int:
    """Play what the command line asks for; 1 where something was wrong."""
    parser = argparse.ArgumentParser(prog="make simulate ARGS=...", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--steps", type=int, default=STEPS, help="things that happen in each run")
    parser.add_argument("--trace", action="store_true", help="show what happened")
    parser.add_argument("--publish", action="store_true", help="write the table into docs/hardening.md")
    options = parser.parse_args(arguments)
    first, count = (options.seed, 1) if options.seed is not None else (options.first, options.seeds)
    terminal = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    red, green, plain, back = ("\033[31m", "\033[32m", "\033[0m", "\r") if terminal else ("", "", "", "")
    began, failed = time.monotonic(), 0
    show = sys.stdout.write
    for done, seed in enumerate(range(first, first + count), 1):
        world, error = play(seed, options.steps)
        if options.trace:
            show("\n".join([*world.trace, ""]))
        if error is not None:
            failed += 1
            show(f"{back}{red}seed {seed}: {type(error).__name__}: {error}{plain}\n")
            show(f'  make simulate ARGS="--seed {seed} --steps {options.steps} --trace"\n')
            if options.seed is not None:
                show("".join(traceback.format_exception(error)))
        if done % (50 if terminal else 1000) == 0 or done == count:
            rate = done / (time.monotonic() - began)
            show(f"{back}{done} of {count} seeds, {failed} failed, {rate:.0f} a second" + ("" if terminal else "\n"))
            sys.stdout.flush()
    show("\n" if terminal else "")
    seconds = time.monotonic() - began
    header = ["seeds", "first", "things that happen in each", "all of them", "failed", "seconds"]
    row = [f"{count:,}", f"{first}", f"{options.steps}", f"{count * options.steps:,}", f"{failed}", f"{seconds:.0f}"]
    publish(
        "simulate", [Table("simulation: a whole gateway in memory, on a virtual clock", header, [row])], options.publish
    )
    show(f"{red}{failed} seeds failed{plain}\n" if failed else f"{green}all held{plain}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
