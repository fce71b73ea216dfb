"""A project that `gateway plugin new` has made is installed and tested, in an environment of its own."""

from __future__ import annotations

import configparser
import os
import site
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.gateway_process import CODE, ROOT
from tests.system.ports import free_port


def environment(directory: Path) -> Path:
    """Make an environment that has all that this one has, and the gateway's entry points; returns its Python.

    Nothing comes from a network: who installs the gateway has the rest already.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", directory], check=True)
    python = directory / "bin" / "python"
    where = Path(next((directory / "lib").glob("python*")) / "site-packages")
    paths = [CODE, *site.getsitepackages()]
    (where / "others.pth").write_text("".join(f"import site; site.addsitedir({path!r})\n" for path in paths))
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    metadata = where / "twisted_api_gateway-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: twisted-api-gateway\nVersion: 0.1.0\n")
    (metadata / "entry_points.txt").write_text(f"[pytest11]\n{setup['options.entry_points']['pytest11'].strip()}\n")
    return python


def run(environ: dict[str, str], directory: Path, *command: str) -> str:
    """Run a command, which must end well; returns what it said."""
    done = subprocess.run(command, cwd=directory, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(180)
def test_a_new_plugin_is_green(tmp_path: Path) -> None:
    """Made, installed, its tests run, and checked as a configuration has it, by its entry point."""
    offline = {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    environ = {**os.environ, "PYTHONPATH": CODE, **offline}
    run(environ, tmp_path, sys.executable, "-m", "gateway.cli", "plugin", "new", "our-stamp")
    project = tmp_path / "our-stamp"
    python = str(environment(tmp_path / "venv"))
    install = ["install", "--quiet", "--no-deps", "--no-build-isolation", "-e", "."]
    run(environ, project, sys.executable, "-m", "pip", "--python", python, *install)
    del environ["PYTHONPATH"]

    assert "3 passed" in run(environ, project, python, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    (project / "gateway.yaml").write_text((project / "gateway.yaml").read_text().replace("8080", str(free_port())))
    assert "ok" in run(environ, project, python, "-m", "gateway.cli", "check", "gateway.yaml")
