"""Tools of the group `deploy` that look at containers' files; those for Kubernetes are in `tests/deploy/tools.py`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.system.gateway_process import ROOT

TOOLS: Final = Path(os.environ.get("GATEWAY_DEPLOY_TOOLS") or ROOT / ".venv/deploy")

_VALIDATE: Final = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
print(JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read()) or "", end="")
"""


def run(tool: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a tool in the checkout; the test is skipped where there is none."""
    return _run([str(_there(tool)), *map(str, arguments)])


def invalid(document: str) -> str:
    """Return what is wrong with a bill of materials by the schema of CycloneDX; empty where nothing is."""
    _there("cyclonedx-py")
    done = _run([sys.executable, "-c", _VALIDATE], document)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _there(tool: str) -> Path:
    found = shutil.which(tool, path=TOOLS / "bin")
    if found is None:
        pytest.skip(f"no {tool} in {TOOLS}: `make test-deploy` installs it")
    return Path(found)


def _run(command: list[str], text: str = "") -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(TOOLS)}
    return subprocess.run(command, cwd=ROOT, env=environ, input=text, capture_output=True, text=True, check=False)
