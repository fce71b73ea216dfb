"""Fuzz the parsers: `make fuzz SECONDS=600`, the time shared by the targets; the table goes into docs/hardening.md.

Each search begins with what earlier ones kept, and what it adds to their coverage is kept in turn. An input that breaks
a promise is shown with the command that plays it again, and fails the run.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.fuzzing import corpus
from tests.fuzzing.targets import TARGETS
from tests.published import Table, publish

ROOT = Path(__file__).parents[2]


class Found(NamedTuple):
    """What a search came to.

    Attributes:
        runs: Inputs played.
        edges: Places in the gateway's code that were reached.
        kept: Inputs in the corpus.
        findings: Inputs that broke a promise.
    """

    name: str
    seconds: int
    runs: int
    edges: int
    kept: int
    findings: list[bytes]


def search(name: str, seconds: int, seed: int) -> Found:
    """Search one target for some seconds, and keep what was found."""
    with tempfile.TemporaryDirectory() as place:
        inputs, broken = Path(place, "inputs"), Path(place, "broken")
        inputs.mkdir()
        broken.mkdir()
        for number, octets in enumerate([*TARGETS[name].begins, *corpus.load(name)]):
            (inputs / f"{number:05}").write_bytes(octets)
        command = [sys.executable, "-m", "tests.fuzzing.search", name]
        limits = ["-max_len=4096", "-timeout=60", f"-artifact_prefix={broken}/", f"-seed={seed}"]
        done = subprocess.run(
            [*command, str(inputs), *limits, f"-max_total_time={seconds}", "-print_final_stats=1"],
            cwd=ROOT, capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
        findings = [file.read_bytes() for file in sorted(broken.iterdir())]
        if done.returncode and not findings:
            raise RuntimeError(f"the search of {name} ended with {done.returncode}: {done.stderr[-2000:]}")
        if not findings:
            corpus.keep(name, [file.read_bytes() for file in inputs.iterdir()])
        return Found(
            name,
            seconds,
            _last(r"number_of_executed_units:\s*(\d+)", done.stderr),
            _last(r"cov: (\d+)", done.stderr),
            len(corpus.load(name)),
            findings,
        )


def _last(pattern: str, text: str) -> int:
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


def show(name: str, octets: bytes) -> None:
    """Say what an input does, and how to play it again."""
    sys.stdout.write(f"{name} breaks with {octets!r}\n")
    try:
        TARGETS[name].play(octets)
    except BaseException:  # noqa: BLE001 - whatever a finding raises is what is to be shown
        sys.stdout.write(traceback.format_exc(limit=-4))
    else:
        sys.stdout.write("but not by itself: what was played before has a part in it\n")


def table(found: Sequence[Found], seed: int) -> Table:
    """Lay the searches out."""
    rows = [
        [one.name, f"{one.seconds}", f"{one.runs:,}", f"{one.edges:,}", f"{one.kept}", f"{len(one.findings)}"]
        for one in found
    ]
    return Table(
        f"fuzzing: {sum(one.seconds for one in found)} seconds, seed {seed}",
        ["target", "seconds", "inputs", "edges reached", "kept", "findings"],
        rows,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Search what the command line names; 1 where something was found."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all by default")
    parser.add_argument("--seconds", type=int, default=600, help="all searches together")
    parser.add_argument("--seed", type=int, default=1, help="for what is left to chance")
    parser.add_argument("--publish", action="store_true", help="write the table into docs/hardening.md")
    options = parser.parse_args(arguments)
    names = options.targets or list(TARGETS)
    if unknown := sorted(set(names) - set(TARGETS)):
        parser.error(f"no such target: {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    found = []
    for name in names:
        found.append(search(name, max(1, options.seconds // len(names)), options.seed))
        for octets in found[-1].findings:
            show(name, octets)
    publish("fuzz", [table(found, options.seed)], write=options.publish)
    return 1 if any(one.findings for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
