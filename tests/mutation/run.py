"""Change the code of the decisions, one thing at a time, and see whether a test notices: `make mutation`.

mutmut makes the mutants and runs the tests that reach each, in a copy of the tracked files (`build/mutation`) with a
configuration of its own. A sample is drawn from all mutants of each package by a seed; survivors are shown as what was
changed.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.published import Table, publish

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "build" / "mutation"
PACKAGES = ("resilience", "limiting", "identity", "routing", "http1")
KILLED, SURVIVED, UNREACHED = frozenset({1, 3}), 0, 33
"""Exit codes that mutmut keeps of a mutant's tests; others: the tests took far too long, or the process was killed."""

CONFIGURATION = """
[tool.mutmut]
source_paths = ["gateway"]
only_mutate = [{mutated}]
also_copy = ["pytest_gateway.py", "twisted", "tests", "setup.cfg"]
pytest_add_cli_args_test_selection = [{tests}]
# Tests of decisions need no reactor, and a second run in one process could not start it again.
pytest_add_cli_args = ["-p", "no:cacheprovider", "-p", "no:pytest-twisted", "-p", "no:twisted", "--timeout=900"]
"""


class Score(NamedTuple):
    """What became of the mutants of a package.

    Attributes:
        mutants: There are.
        killed: A test failed, or its process did not live.
        slow: The tests took far too long, which is noticed too.
        survived: Nothing noticed.
        unreached: No test of these packages runs the code.
    """

    name: str
    mutants: int
    killed: int
    slow: int
    survived: int
    unreached: int

    @property
    def part(self) -> float:
        """Of those that are reached, which part was noticed."""
        reached = self.killed + self.slow + self.survived
        return (self.killed + self.slow) / reached if reached else 0.0


def score(name: str, codes: Mapping[str, int | None]) -> Score:
    """Count exit codes by mutant; None has not been run."""
    run = [code for code in codes.values() if code is not None]
    killed, survived, unreached = sum(code in KILLED for code in run), run.count(SURVIVED), run.count(UNREACHED)
    return Score(name, len(codes), killed, len(run) - killed - survived - unreached, survived, unreached)


def codes(package: str, place: Path) -> dict[str, int | None]:
    """Read what mutmut has kept of a package, by mutant."""
    found: dict[str, int | None] = {}
    for file in sorted((place / "mutants" / "gateway" / package).glob("*.meta")):
        found |= json.loads(file.read_text())["exit_code_by_key"]
    return found


def changes(mutants: Iterable[str], place: Path) -> Iterator[str]:
    """Say what each mutant changes, as lines of a difference."""
    for mutant in mutants:
        module, _, name = mutant.rpartition(".")
        file = place / "mutants" / Path(*module.split(".")).with_suffix(".py")
        functions = {
            node.name: node
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        before = functions.get(re.sub(r"__mutmut_\d+$", "__mutmut_orig", name))
        after = functions.get(name)
        if before is None or after is None:
            yield f"{mutant}: not found"
            continue
        compared = difflib.unified_diff(_body(before), _body(after), n=0, lineterm="")
        difference = [line for line in compared if line[:3] not in ("---", "+++")]
        yield "\n".join([mutant, *(f"    {line}" for line in difference if not line.startswith("@@"))])


def _body(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    return [line for one in function.body for line in ast.unparse(one).splitlines()]


def prepare(packages: Sequence[str], place: Path) -> None:
    """Make a copy of what is tracked, with mutmut's configuration in it."""
    shutil.rmtree(place, ignore_errors=True)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place / name)
    with (place / "pyproject.toml").open("a") as file:
        mutated = ", ".join(f'"gateway/{name}/*.py"' for name in packages)
        file.write(CONFIGURATION.format(mutated=mutated, tests=", ".join(f'"tests/{name}"' for name in packages)))


def drawn(packages: Sequence[str], sample: int, seed: int, place: Path) -> list[str]:
    """Draw mutants: of each package so many, or all where there are fewer."""
    found = []
    for package in packages:
        names = list(codes(package, place))
        random.Random(seed).shuffle(names)
        found += names[:sample]
    return found


def mutmut(tools: str, place: Path, *names: str) -> int:
    """Run mutmut on some mutants; its exit code."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(os.cpu_count() or 1), *names]
    return subprocess.run(command, cwd=place, env={**os.environ, "PYTHONPATH": tools}, check=False).returncode


def table(scores: Sequence[Score], about: str) -> Table:
    """Lay the scores out."""
    rows = [
        [
            one.name,
            f"{one.mutants:,}",
            f"{one.killed + one.slow + one.survived + one.unreached:,}",
            f"{one.killed:,}",
            f"{one.slow:,}",
            f"{one.survived:,}",
            f"{one.unreached:,}",
            f"{one.part:.1%}",
        ]
        for one in scores
    ]
    header = ["package", "mutants", "run", "killed", "too slow", "survived", "not reached", "score"]
    return Table(f"mutation: {about}", header, rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make mutants, run a sample of them, show what survived."""
    parser = argparse.ArgumentParser(prog="make mutation", description=__doc__)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help=f"of {', '.join(PACKAGES)}; all by default")
    parser.add_argument("--sample", type=int, default=250, help="mutants of each package")
    parser.add_argument("--seed", type=int, default=1, help="for the sample")
    parser.add_argument("--publish", action="store_true", help="write the table into docs/hardening.md")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.packages) - set(PACKAGES)):
        parser.error(f"no such package: {', '.join(unknown)}; there are {', '.join(PACKAGES)}")
    packages = options.packages or list(PACKAGES)
    tools = os.environ.get("MUTATION_TOOLS", "")
    prepare(packages, PLACE)
    # Asked for what there is not, mutmut makes all mutants, finds out which tests reach what, and runs none.
    mutmut(tools, PLACE, "none")
    names = drawn(packages, options.sample, options.seed, PLACE)
    if not names:
        sys.stdout.write("mutmut has made no mutants: its words above say why\n")
        return 1
    mutmut(tools, PLACE, *names)
    known = {package: codes(package, PLACE) for package in packages}
    survivors = [name for package in packages for name, code in known[package].items() if code == SURVIVED]
    for change in changes(survivors, PLACE):
        sys.stdout.write(f"{change}\n")
    about = f"a sample of {options.sample} of each package, seed {options.seed}"
    publish("mutation", [table([score(name, known[name]) for name in packages], about)], options.publish)
    return 0


if __name__ == "__main__":
    sys.exit(main())
