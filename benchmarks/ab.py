"""Compare two revisions of the gateway: before and after a change of the hot path.

The older one is checked out into a temporary worktree; both run at the same
time and are measured in turn, so that the ratio is of the code and not of the
hour.
"""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks import figures
from benchmarks.figures import Table, median
from benchmarks.peers import ROOT
from benchmarks.progress import say
from benchmarks.proxies.gateway import Gateway
from benchmarks.scenarios.load import Load, interleaved
from benchmarks.stand import Stand


def compare(stand: Stand, scenario: Load, base: str, make: Callable[[str, Path], Gateway]) -> Table | None:
    """Measure the working tree against a revision.

    Args:
        stand: Where to.
        scenario: The load.
        base: The revision.
        make: Makes the proxy of a name and a checkout.

    Returns:
        None if one of them cannot run.
    """
    with worktree(base) as checkout:
        sides = [make(f"base {base}", checkout), make("working tree", ROOT)]
        for side in sides:
            expect_package(side)
        with scenario.started(stand, sides) as running:
            if len(running) < len(sides):
                return None
            rounds = interleaved(stand, running, scenario.name, scenario.drive(stand), scenario.watched)
    before, after = ([one.cpu_per_request for one in rounds[side.name]] for side in sides)
    rows = []
    for side in sides:
        measured = rounds[side.name]
        rows.append(
            [
                side.name,
                figures.micro(median([one.cpu_per_request for one in measured])),
                f"{figures.spread([one.cpu_per_request for one in measured]):.0%}",
                f"{median([one.load.requests / one.load.seconds for one in measured]):,.0f}",
                figures.milli(median([one.load.p99 for one in measured])),
                str(sum(one.failed for one in measured)),
            ]
        )
    title = f"{scenario.name}, working tree against {base}: {verdict(before, after)}"
    return Table(title, ["side", "CPU µs/request", "±", "requests/s", "p99 ms", "failed"], rows)


def verdict(before: Sequence[float], after: Sequence[float]) -> str:
    """Say the ratio of CPU per request, and whether it stands out of the noise.

    Rounds are compared in pairs, each measured within seconds of the other. The chance is that of the sign
    test: how often pairs as one-sided as these come from two equal programs.
    """
    ratios = [new / old for old, new in zip(before, after, strict=True)]
    lower = sum(one < 1 for one in ratios)
    chance = sign_test(lower, len(ratios))
    text = f"CPU ratio {median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f} in {len(ratios)} pairs)"
    if chance <= 0.05:
        return f"{text}, {'less' if median(ratios) < 1 else 'more'} with a chance of error of {chance:.1%}"
    return f"{text}, not told apart from noise: more rounds are needed for less than a clear difference"


def sign_test(lower: int, pairs: int) -> float:
    """The two-sided probability of at least so uneven a split of fair coin throws."""
    uneven = max(lower, pairs - lower)
    tail: float = sum(math.comb(pairs, heads) for heads in range(uneven, pairs + 1)) / 2.0**pairs
    return min(1.0, 2 * tail)


@contextmanager
def worktree(revision: str) -> Iterator[Path]:
    """Check a revision out beside the working tree, for a while."""
    with tempfile.TemporaryDirectory(prefix="gateway-base-") as name:
        checkout = Path(name) / "checkout"
        _git("worktree", "add", "--detach", str(checkout), revision)
        try:
            yield checkout
        finally:
            _git("worktree", "remove", "--force", str(checkout))


def expect_package(side: Gateway) -> None:
    """See that a side runs its own code: an installed package could come first on the path.

    Raises:
        RuntimeError: It would run another checkout's.
    """
    ended = subprocess.run(
        [sys.executable, "-c", "import gateway; print(gateway.__file__)"],
        cwd=side.checkout,
        env={"PYTHONPATH": str(side.checkout)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found = Path(ended.stdout.strip() or "/")
    if not found.is_relative_to(side.checkout):
        raise RuntimeError(f"{side.name} would run {found} {ended.stderr.strip()}")
    say(f"{side.name}: {found.parent}", "dim")


def _git(*arguments: str) -> None:
    ended = subprocess.run(
        ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    if ended.returncode != 0:
        raise RuntimeError(f"git {' '.join(arguments)}: {ended.stderr.strip()}")
