"""The gateway of this checkout, compiled: whether what is built is of these sources, and building it.

Used for the proxy `gateway-compiled`, which runs `build/compiled` as `make compiled` leaves it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

from benchmarks.peers import ROOT
from benchmarks.progress import say, warn

BUILT = ROOT / "build/compiled"
HOW = "`make compiled` builds it (a C compiler and Python's headers are needed: apt-get install gcc python3-dev)"
_BUILD_TIMEOUT = 900


def outdated(checkout: Path = ROOT, built: Path = BUILT) -> str:
    """Say why what is built cannot be measured; empty where it is what the sources say.

    A module whose library is older than its source is out of date, and so is every other whose copy differs.
    """
    if not built.is_dir():
        return f"{built} is not there"
    settings = tomllib.loads((checkout / "pyproject.toml").read_text())["tool"]["gateway"]["compiled"]
    for module in settings["modules"]:
        library, source = _library(built, module), checkout / f"gateway/{module}.py"
        if library is None:
            return f"gateway/{module}.py is not compiled"
        if library.stat().st_mtime < source.stat().st_mtime:
            return f"gateway/{module}.py is newer than what is built"
    for source in sorted((checkout / "gateway").rglob("*.py")):
        copy = built / source.relative_to(checkout)
        if not copy.exists() or copy.read_bytes() != source.read_bytes():
            return f"{source.relative_to(checkout)} is not what was built"
    return ""


def can_build() -> bool:
    """Whether there are a compiler and the headers that it needs."""
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    return shutil.which(compiler) is not None and Path(sysconfig.get_path("include"), "Python.h").exists()


def build() -> None:
    """Build anew what is out of date, where there is a compiler; what goes wrong is said."""
    if outdated() and can_build():
        _build()
    if BUILT.is_dir():
        # As pip does when it installs: a process that compiles what it loads keeps half a megabyte of that.
        subprocess.run([sys.executable, "-m", "compileall", "-q", str(BUILT)], check=False)


def _build() -> None:
    say(f"compiling the hot path, a minute or two: {outdated()}", "dim")
    shutil.rmtree(BUILT, ignore_errors=True)
    argv = [sys.executable, "setup.py", "--quiet", "build", "--build-base", "build/mypyc", "--build-lib", str(BUILT)]
    environment = {**os.environ, "GATEWAY_COMPILE": "1"}
    try:
        ended = subprocess.run(
            argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=_BUILD_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        warn(str(error))
        return
    if ended.returncode != 0:
        said = (ended.stderr or ended.stdout).strip().splitlines()
        warn("\n".join([line for line in said if "error" in line.lower()] or said[-4:]))


def _library(built: Path, module: str) -> Path | None:
    path = built / "gateway" / module
    return next(path.parent.glob(f"{path.name}.*.so"), None)
