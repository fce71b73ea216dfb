"""setuptools, and mypyc beside it where the hot path is to be compiled: `GATEWAY_COMPILE=1 pip install .`.

What pip asks of a build backend (PEP 517, PEP 660) is setuptools' own; only what it has to install first differs. The
compiler reads the types of what the package imports, so that has to be there too.
"""

from __future__ import annotations

import configparser
import os
from pathlib import Path
from typing import Any

from setuptools.build_meta import *  # noqa: F403  # the hooks, under their own names
from setuptools.build_meta import get_requires_for_build_editable as _for_editable
from setuptools.build_meta import get_requires_for_build_wheel as _for_wheel

COMPILER = "mypy[mypyc]==2.4.1"
"""Its language changes with its version: the one that the tests run with."""

UNTYPED = "google-re2"
"""Tells the compiler nothing, and has to be built, from C++, where there are no wheels of it (musl)."""


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """Return what has to be installed to build a wheel."""
    return [*_for_wheel(config_settings), *_compiler()]


def get_requires_for_build_editable(config_settings: Any = None) -> list[str]:
    """Return what has to be installed for an editable installation; that is interpreted, whatever is asked for."""
    return list(_for_editable(config_settings))


def _compiler() -> list[str]:
    if os.environ.get("GATEWAY_COMPILE") != "1":
        return []
    parser = configparser.ConfigParser()
    parser.read(Path(__file__).parents[1] / "setup.cfg")
    lines = parser["options"]["install_requires"].splitlines()
    return [COMPILER, *(line for line in lines if line and not line.startswith(("#", UNTYPED)))]
