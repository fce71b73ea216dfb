"""Workers that measure by turns, and the table of what they found.

Whatever else the machine does can only add to the CPU of a slice (caches and cores are shared), so a round counts its
lowest slice. Slices are short, so that some meet a quiet moment, and the sides take them by turns, on one core. Where a
process has its memory makes a few per cent, so each round has new processes (D-220).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks import figures
from benchmarks.ab import verdict
from benchmarks.figures import Table, median
from benchmarks.micro.exchanges import Exchange
from benchmarks.micro.instructions import count
from benchmarks.peers import ROOT
from benchmarks.progress import say

SLICES = 120
"""Slices in a round, of which the lowest counts."""

TURNS = 2
"""Requests of each client in a slice: a few milliseconds."""


class Worker:
    """A side's process (`benchmarks.micro.worker`)."""

    def __init__(self, scenario: str, checkout: Path) -> None:
        self._process = subprocess.Popen(
            command(scenario, checkout),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=environment(),
            text=True,
        )
        self._expect()

    def slice(self) -> float:
        """Measure one slice; returns seconds of CPU for a request."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._expect())

    def stop(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)

    def _expect(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(map(str, self._process.args))} ended with {self._process.wait(30)}")  # type: ignore[arg-type]
        return line


def command(scenario: str, checkout: Path, *slices: str) -> list[str]:
    """Return how a worker is started."""
    return [sys.executable, "-m", "benchmarks.micro.worker", str(checkout), scenario, str(TURNS), *slices]


def environment() -> dict[str, str]:
    """Return its environment: no other package in front, and sets in one order always."""
    rest = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return rest | {"PYTHONHASHSEED": "0"}


def compare(scenarios: Mapping[str, Exchange], sides: Mapping[str, Path], rounds: int, *, instructions: bool) -> Table:
    """Measure checkouts in turns: one, or one and what it is compared with."""
    rows, notes = [], []
    for name, exchange in scenarios.items():
        measured = _rounds(name, list(sides.values()), rounds)
        for side, figures_ in zip(sides, measured, strict=True):
            row = [
                name,
                side,
                figures.micro(median(figures_)),
                f"{figures.spread(figures_):.1%}",
                figures.ratio(median(figures_), median(measured[0]) if len(measured) > 1 else None),
            ]
            if instructions:
                row.append(count(lambda *slices: command(name, sides[side], *slices), environment(), TURNS))  # noqa: B023
            rows.append(row)
            say(f"  {name:<12} {side:<20} {row[2]:>7} µs  ± {row[3]}")
        notes.append(f"{name}: {exchange.title}")
        if len(measured) > 1:
            notes[-1] += f"; {verdict(measured[0], measured[1])}"
    header = ["scenario", "side", "CPU µs/request", "±", "ratio"] + ["instructions"] * instructions
    title = f"micro: between recv and send, in memory, without sockets; {rounds} rounds of {SLICES} slices"
    return Table(title, header, rows, notes)


def _rounds(scenario: str, checkouts: Sequence[Path], rounds: int) -> list[list[float]]:
    """Return the lowest slice of each round, for every side; a round has processes of its own."""
    lowest: list[list[float]] = [[] for _ in checkouts]
    for _ in range(rounds):
        with _workers(scenario, checkouts) as workers:
            slices = [[worker.slice() for worker in workers] for _ in range(SLICES)]
        for side, of_side in enumerate(zip(*slices, strict=True)):
            lowest[side].append(min(of_side))
    return lowest


@contextmanager
def _workers(scenario: str, checkouts: Sequence[Path]) -> Iterator[list[Worker]]:
    workers: list[Worker] = []
    try:
        for checkout in checkouts:
            workers.append(Worker(scenario, checkout))  # noqa: PERF401  # each is stopped, if the next cannot start
        yield workers
    finally:
        for worker in workers:
            worker.stop()
