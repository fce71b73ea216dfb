"""What tools say of the code: bandit, and semgrep with our own rules. Exceptions stand in the code, at their places."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
RULES = Path(__file__).with_name("rules")
QUIET = {"SEMGREP_SEND_METRICS": "off", "SEMGREP_ENABLE_VERSION_CHECK": "0"}
"""Semgrep tells nobody."""
_ELSEWHERE = re.compile(r"Possible hardcoded password: '(\$\{\w+\}|/[\w./-]+)'")
"""A variable, or a file, that a configuration names in place of a secret: what bandit wants, and yet complains of."""


class Finding(NamedTuple):
    """Something in the code that a tool does not like."""

    file: str
    line: int
    rule: str
    words: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.words}"


def environment(tools: Path) -> dict[str, str]:
    """Return the environment in which the tools of `make security` run."""
    path = f"{tools / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, **QUIET, "PATH": path, "PYTHONPATH": str(tools)}


def bandit(tools: Path) -> list[Finding]:
    """Let bandit read the gateway; what ruff was told at the same place, for the same reason, counts for bandit."""
    done = subprocess.run(
        [sys.executable, "-m", "bandit", "--quiet", "--recursive", "--configfile", "pyproject.toml",
         "--format", "json", "gateway"],
        cwd=ROOT, env=environment(tools), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode not in (0, 1):
        raise RuntimeError(f"bandit ended with {done.returncode}: {done.stderr[-1000:]}")
    return list(unexcused(json.loads(done.stdout)["results"]))


def unexcused(results: Iterable[Mapping[str, Any]]) -> Iterable[Finding]:
    """Leave out of bandit's results those that a `noqa` of the same rule of ruff (B301 is S301) stands at.

    And names of variables and of files, taken for passwords: ruff does not take them for such, so no `noqa` may stand
    there.
    """
    for one in results:
        if _ELSEWHERE.fullmatch(one["issue_text"]):
            continue
        lines = (ROOT / one["filename"]).read_text().splitlines()
        place = "\n".join(lines[min(one["line_range"]) - 1 : max(one["line_range"])])
        if re.search(rf"# noqa: [A-Z0-9, ]*\bS{one['test_id'][1:]}\b", place) is None:
            yield Finding(one["filename"], one["line_number"], one["test_id"], one["issue_text"])


def semgrep(tools: Path, *places: str) -> tuple[int, list[Finding]]:
    """Let semgrep read files by our own rules; returns how many it read, too."""
    done = _semgrep(tools, "--json", "--config", str(RULES), *places)
    said = json.loads(done.stdout)
    if said["errors"]:
        raise RuntimeError(f"semgrep cannot read all: {said['errors'][:3]}")
    found = [
        Finding(one["path"], one["start"]["line"], one["check_id"].rpartition(".")[2], one["extra"]["message"].strip())
        for one in said["results"]
    ]
    return len(said["paths"]["scanned"]), found


def rules_hold(tools: Path) -> None:
    """See that each rule finds what is marked in its examples, and nothing else.

    Raises:
        RuntimeError: One does not.
    """
    done = _semgrep(tools, "--test", "--config", str(RULES), str(RULES), quiet=False)
    if "All tests passed" not in done.stdout + done.stderr:
        raise RuntimeError(f"rules do not find what they are for:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")


def _semgrep(tools: Path, *arguments: str, quiet: bool = True) -> subprocess.CompletedProcess[str]:
    command = [str(tools / "bin" / "semgrep"), "scan", *(["--quiet"] if quiet else []), *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment(tools), capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"semgrep ended with {done.returncode}: {done.stderr[-2000:]}")
    return done


def rules() -> set[str]:
    """Return the names of our rules."""
    return set(
        re.findall(r"^  - id: (\S+)$", "\n".join(file.read_text() for file in RULES.glob("*.yaml")), re.MULTILINE)
    )


def examples() -> dict[str, int]:
    """Return how many examples each rule must find."""
    found: dict[str, int] = {}
    for file in RULES.glob("*.py"):
        for name in re.findall(r"# ruleid: (\S+)", file.read_text()):
            found[name] = found.get(name, 0) + 1
    return found
