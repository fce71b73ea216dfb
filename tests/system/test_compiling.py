"""`GATEWAY_COMPILE=1 pip install .`, in an isolated build, from an index that has what is installed here.

What pip does on a machine of its own: it makes an environment for the build, asks the backend what that needs,
installs it there, builds, and installs the wheel. The compiler runs where tests run compiled anyway.
"""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import requests
from packaging.requirements import Requirement

from gateway.compiled import KIND
from tests.system.gateway_process import BY_RUN, BY_TWISTD, ROOT, GatewayProcess, until
from tests.system.package_index import PackageIndex, installed_files
from tests.system.test_install import ENVIRONMENT, copy_checkout

pytestmark = pytest.mark.timeout(900)  # compiles

needs_compiler = pytest.mark.skipif("GATEWAY_CODE" not in os.environ, reason="compiling takes long: make test-compiled")


def ours() -> list[str]:
    """Return what the gateway needs here; by setup.cfg, since what an editable installation knows of it may be old."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    lines = parser["options"]["install_requires"].splitlines()
    needed = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return [
        f"{one.name}[{','.join(one.extras)}]" if one.extras else one.name
        for one in needed
        if one.marker is None or one.marker.evaluate()
    ]


def closure(*names: str) -> set[str]:
    """Return the names of all that these distributions need, extras in brackets included, and their own."""
    found: set[str] = set()
    left = [Requirement(name) for name in names]
    while left:
        wanted = left.pop()
        if str(wanted) in found:
            continue
        found.add(str(wanted))
        for line in metadata.requires(wanted.name) or []:
            needed = Requirement(line)
            if any(needed.marker is None or needed.marker.evaluate({"extra": one}) for one in {"", *wanted.extras}):
                left.append(Requirement(f"{needed.name}[{','.join(needed.extras)}]" if needed.extras else needed.name))
    return {Requirement(name).name for name in found}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> PackageIndex:
    """An index with what the gateway and its compiler need, as it is installed here."""
    made = PackageIndex(tmp_path_factory.mktemp("index"))
    for name in sorted(closure(*ours(), "mypy[mypyc]", "setuptools")):
        made.offer(name, metadata.version(name), installed_files(name))
    return made


class Place:
    """A checkout and an environment into which it is installed."""

    def __init__(self, there: Path, index: PackageIndex) -> None:
        self.checkout = copy_checkout(there / "checkout")
        self.environment = there / "environment"
        self._variables = {name: value for name, value in ENVIRONMENT.items() if name != "PIP_NO_INDEX"}
        self._variables |= {"PIP_INDEX_URL": index.url, "PIP_CONFIG_FILE": os.devnull, "HOME": str(there)}
        self._run(sys.executable, "-m", "venv", "--without-pip", self.environment).check_returncode()

    def install(self, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Install the checkout into the environment, by pip."""
        python = self.environment / "bin/python"
        command: list[str | Path] = [sys.executable, "-m", "pip", "--python", python]
        return self._run(*command, "install", *options, self.checkout, **variables)

    def version(self) -> str:
        """Return what `gateway --version` prints."""
        return self._run(self.environment / "bin/gateway", "--version").stdout.strip()

    def _run(self, *command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = self._variables | variables
        return subprocess.run(
            command, cwd=self.checkout.parent, env=environment, capture_output=True, text=True, check=False
        )


@pytest.fixture
def place(tmp_path: Path, index: PackageIndex) -> Place:
    """A checkout, and an environment without anything."""
    return Place(tmp_path, index)


@pytest.fixture
def no_compiler(tmp_path: Path) -> str:
    """A path on which there is no compiler."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("git", "env", "sh"):
        found = shutil.which(name)
        assert found is not None
        (programs / name).symlink_to(found)
    return str(programs)


def check_serves(place: Place, directory: Path) -> None:
    """Assert that twistd finds the gateway in the environment, and that it answers."""
    gateway = GatewayProcess(
        directory,
        upstreams=[{"name": "a", "backends": [{"url": "http://127.0.0.1:9"}]}],
        routes=[{"name": "a", "path": "/a", "upstream": "a"}],
    )
    twistd = ("env", "-u", "PYTHONPATH", place.environment / "bin/twistd", "--nodaemon", "--pidfile=", "gateway")
    try:
        gateway.start(command=twistd, directory=directory)
        assert requests.get(f"{gateway.url}/nowhere", timeout=5).headers["Gateway-Reason"] == "route.none"
    finally:
        gateway.stop()


@needs_compiler
def test_it_is_compiled_where_that_is_asked_for(place: Place, tmp_path: Path) -> None:
    """By pip's own build environment, with nothing there beforehand."""
    done = place.install(GATEWAY_COMPILE="1", GATEWAY_COMPILE_LEVEL="0")

    assert done.returncode == 0, done.stdout + done.stderr
    assert place.version().endswith(" (compiled)")
    check_serves(place, tmp_path)


def test_without_a_compiler_it_is_installed_as_it_is(place: Place, no_compiler: str, tmp_path: Path) -> None:
    """Nothing is compiled unless that is asked for."""
    done = place.install(PATH=no_compiler)

    assert done.returncode == 0, done.stdout + done.stderr
    assert place.version().endswith(" (interpreted)")
    check_serves(place, tmp_path)


def test_without_a_compiler_what_is_asked_for_is_an_error(place: Place, no_compiler: str) -> None:
    """In a line that says what is missing; nothing interpreted is installed in its place."""
    done = place.install(PATH=no_compiler, GATEWAY_COMPILE="1")

    assert done.returncode != 0
    assert "GATEWAY_COMPILE=1 needs a C compiler (" in done.stdout + done.stderr
    assert not (place.environment / "bin/gateway").exists()


def test_an_editable_installation_is_interpreted(place: Place, no_compiler: str) -> None:
    """Whatever is asked for: it runs the sources."""
    done = place.install("--no-deps", "--editable", PATH=no_compiler, GATEWAY_COMPILE="1")

    assert done.returncode == 0, done.stdout + done.stderr
    files = list(place.environment.glob("lib/python*/site-packages/__editable__*"))
    assert str(ROOT) not in "".join(file.read_text() for file in files)
    assert list(place.checkout.rglob("*.so")) == []


@pytest.mark.parametrize("command", [BY_TWISTD, BY_RUN], ids=["twistd", "run"])
def test_processes_of_tests_run_what_the_tests_run(tmp_path: Path, command: tuple[str | Path, ...]) -> None:
    """Compiled, where `make test-compiled` runs them."""
    gateway = GatewayProcess(tmp_path)
    try:
        gateway.start(command=command)
        until(lambda: f" ({KIND}), Python" in gateway.errors)
    finally:
        gateway.stop()
