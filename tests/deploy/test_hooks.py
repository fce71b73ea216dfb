"""The hooks for commits by pre-commit itself, and the action's installation: the gateway comes from this checkout.

What it needs comes from the package index, so this runs with `make test-deploy`; what the hooks and the action do then
is in `tests/system/test_action.py`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gateway.commands.new.starter import Starter, files
from tests.deploy.tools import TOOLS, needed
from tests.system.gateway_process import ROOT

pytestmark = [needed, pytest.mark.timeout(600)]


def test_pre_commit_installs_the_gateway_and_asks_it(tmp_path: Path) -> None:
    """All three hooks, in a repository that `gateway new` has written; then with a mistake."""
    work = tmp_path / "work"
    for name, text in files(Starter(8080, "/*", "http://127.0.0.1:9001", None, 5)).items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text)
    environ = {**os.environ, "PYTHONPATH": TOOLS, "PRE_COMMIT_HOME": str(tmp_path / "kept"), "NO_COLOR": "1"}
    revision = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    hooks = [{"id": f"gateway-{verb}"} for verb, _ in VERBS]
    configuration = {"repos": [{"repo": str(ROOT), "rev": revision.strip(), "hooks": hooks}]}
    (work / ".pre-commit-config.yaml").write_text(yaml.safe_dump(configuration))
    for words in (["init", "--quiet"], ["add", "."]):
        subprocess.run(["git", *words], cwd=work, check=True)

    def tried() -> str:
        command = [sys.executable, "-m", "pre_commit", "run", "--all-files", "--color=never"]
        return subprocess.run(command, cwd=work, env=environ, capture_output=True, text=True, check=False).stdout

    good = tried()
    file = work / "etc" / "gateway.yaml"
    file.write_text(file.read_text().replace("upstream: app", "upstream: ap"))
    bad = tried()

    assert [good.count(f"gateway {verb}{dots}Passed") for verb, dots in VERBS] == [1, 1, 1], good
    assert [bad.count(f"gateway {verb}{dots}Failed") for verb, dots in VERBS] == [1, 1, 1], bad
    assert "etc/gateway.yaml:18:15: routes[0].upstream: " in bad


VERBS = [("check", "." * 60), ("lint", "." * 61), ("test", "." * 61)]
"""Each hook, and what pre-commit fills its line with."""


def test_the_action_installs_the_gateway_by_its_lock(tmp_path: Path) -> None:
    """Where its other steps look for it; a second time costs nothing."""
    environ = {**os.environ, "RUNNER_TEMP": str(tmp_path), "GITHUB_ACTION_PATH": str(ROOT)}
    environ.pop("PYTHONPATH", None)
    script = ROOT / "deploy" / "action" / "install.sh"

    first = subprocess.run([script], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    again = subprocess.run([script], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)

    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("gateway, version ")
    assert (again.returncode, again.stdout) == (0, "")
    assert (tmp_path / "gateway" / "bin" / "gateway").exists()
