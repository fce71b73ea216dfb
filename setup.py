"""Compile the hot path with mypyc where GATEWAY_COMPILE=1 asks for it; all else about the package is in setup.cfg.

Which modules, and why those: `docs/compiled.md`. The list is in pyproject.toml.
"""

from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
import sys
import sysconfig
import tomllib
from pathlib import Path
from typing import Any

from setuptools import setup

BUILDS = {"build", "build_ext", "bdist_wheel"}
"""Commands that compile. Others take the sources as they are: metadata, an editable installation, and the question
what has to be installed to build, which is put before the compiler is there."""


def extensions(commands: list[str]) -> list[Any]:
    """Return the modules to be built; none where the package is to be interpreted."""
    if os.environ.get("GATEWAY_COMPILE") != "1" or not BUILDS.intersection(commands):
        return []
    _look_for_a_compiler()
    from mypyc.build import mypycify  # there is none where nothing is compiled

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
    for one in built:
        # What the loader would have to keep in memory: one function of each module is called from outside, some of the
        # compiler's own by nobody, and a module of a few hundred octets need not have four pages, one for each kind.
        one.extra_compile_args.append("-fvisibility=hidden")
        if sys.platform == "linux":
            one.extra_compile_args += ["-ffunction-sections", "-fdata-sections"]
            one.extra_link_args += ["-Wl,--gc-sections", "-Wl,-z,noseparate-code"]
            if _resolves_packed_addresses():
                one.extra_link_args.append("-Wl,-z,pack-relative-relocs")
    return built


def _resolves_packed_addresses() -> bool:
    """Whether the C library is glibc 2.36 or later, where half a megabyte of addresses becomes 10 kB; others crash."""
    name, version = platform.libc_ver()
    return name == "glibc" and tuple(map(int, version.split(".")[:2])) >= (2, 36)


def _look_for_a_compiler() -> None:
    """Say in one line what is not there: setuptools would, a minute later, between pages of other things."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    missing = []
    if shutil.which(compiler) is None:
        missing.append(f"a C compiler ({compiler})")
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        missing.append(f"Python's headers ({sysconfig.get_path('include')}/Python.h)")
    if missing:
        sys.exit(
            f"GATEWAY_COMPILE=1 needs {' and '.join(missing)}. On Debian: apt-get install gcc python3-dev. "
            "Without GATEWAY_COMPILE the gateway is installed interpreted, which needs neither."
        )


def published() -> dict[str, Any]:
    """Return what the metadata has beyond setup.cfg where it is known where the project is: to who releases it.

    README.md is shown beside no other file there, so its links and its picture lead to the repository.
    """
    home = os.environ.get("GATEWAY_PROJECT_URL", "").rstrip("/")
    if not home:
        return {}
    readme = Path("README.md").read_text(encoding="utf-8")
    readme = re.sub(r"\]\((?!\w+:|#)", f"]({home}/blob/HEAD/", readme)
    readme = re.sub(r'\b(src|srcset)="(?!\w+:)', rf'\1="{home}/raw/HEAD/', readme)
    places = {
        "Source": home,
        "Documentation": f"{home}/blob/HEAD/README.md",
        "Changelog": f"{home}/blob/HEAD/NEWS.md",
        "Issues": f"{home}/issues",
    }
    return {"project_urls": places, "long_description": readme}


setup(ext_modules=extensions(sys.argv), **published())
