"""Compile the hot path with mypyc where GATEWAY_COMPILE=1 asks for it; all else about the package is in setup.cfg.

Which modules, and why those: `docs/compiled.md`. The list is in pyproject.toml.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from setuptools import setup


def extensions() -> list[Any]:
    """Return the modules to be built; none where the package is to be interpreted."""
    if os.environ.get("GATEWAY_COMPILE") != "1":
        return []
    from mypyc.build import mypycify  # there is no compiler where nothing is compiled

    settings = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["gateway"]["compiled"]
    files = [f"gateway/{module}.py" for module in settings["modules"]]
    options = ["--config-file=", "--ignore-missing-imports", "--follow-imports=silent", *files]
    built: list[Any] = mypycify(
        options,
        opt_level=os.environ.get("GATEWAY_COMPILE_LEVEL", "3"),
        debug_level="0",
        multi_file=True,
        group_name="gateway",
    )
    return built


setup(ext_modules=extensions())
