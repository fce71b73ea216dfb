"""The image and the gateway can be had for 64-bit ARM: each pin of the lock has a wheel for it, or is pure Python.

A lock has hashes and no names of files, so the index is asked: pip resolves the lock for machines that are not at
hand, and downloads nothing but metadata. It needs the index, so it runs with `make test-deploy`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.system.gateway_process import ROOT
from tests.system.package_index import pins

pytestmark = [
    pytest.mark.skipif(
        not os.environ.get("GATEWAY_DEPLOY_TOOLS"), reason="asks the package index: `make test-deploy` does"
    ),
    pytest.mark.timeout(300),
]

LOCK: Final = ROOT / "requirements/runtime.lock"
PYTHONS: Final = re.findall(r"Python :: (3\.\d+)$", (ROOT / "setup.cfg").read_text(), re.MULTILINE)
PLATFORMS: Final = {
    # What Ubuntu 22.04, the oldest that installs the locks, can load: glibc 2.35.
    "glibc": [f"manylinux_2_{minor}" for minor in range(17, 36)],
    # Alpine 3.17 and newer.
    "musl": ["musllinux_1_1", "musllinux_1_2"],
}
BUILT_ON_MUSL: Final = frozenset({"google-re2", "zope-interface"})
"""Without a wheel there: docs/compiled.md says how they are built."""


def without_wheels(python: str, platforms: list[str], directory: Path) -> set[str]:
    """Return which pins have no wheel for 64-bit ARM.

    Args:
        python: The version that installs.
        platforms: What its C library can load, without the machine.
        directory: For a copy of the lock, from which pins go that are known to have none.
    """
    lock, missing = LOCK.read_text(), set[str]()
    while True:
        copy = directory / "some.lock"
        copy.write_text(lock)
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", "--no-deps", "--quiet", "--disable-pip-version-check", "--dry-run",
             "--ignore-installed", "--target", directory / "nothing", "--only-binary", ":all:",
             "--require-hashes", "--python-version", python, "--requirement", copy,
             *(f"--platform={platform}_aarch64" for platform in platforms)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode == 0:
            return missing
        found = re.search(r"No matching distribution found for ([\w.-]+)==", done.stderr)
        assert found, done.stderr[-2000:]
        missing.add(found[1])
        lock = re.sub(rf"^{re.escape(found[1])}==.*\n(?:[ ].*\n)*", "", lock, flags=re.MULTILINE)
        assert len(missing) < len(pins(LOCK)), "the index knows nothing at all"


@pytest.mark.parametrize("python", PYTHONS)
def test_all_that_is_locked_has_a_wheel_for_arm(python: str, tmp_path: Path) -> None:
    """The image is built for arm64 with `--only-binary`: one pin without a wheel would end that."""
    assert without_wheels(python, PLATFORMS["glibc"], tmp_path) == set()


@pytest.mark.parametrize("python", PYTHONS)
def test_what_has_no_wheel_on_alpine_is_what_the_page_says(python: str, tmp_path: Path) -> None:
    """On 64-bit ARM with musl."""
    page = (ROOT / "docs/compiled.md").read_text()

    assert without_wheels(python, PLATFORMS["musl"], tmp_path) == BUILT_ON_MUSL
    assert all(f"`{name}`" in page for name in BUILT_ON_MUSL)
