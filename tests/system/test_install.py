"""However the package is installed, twistd knows it, its command works and its data files are there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(300)  # builds and installs

ROOT = Path(__file__).parents[2]
KINDS = ["wheel", "sdist", "directory", "editable", "checkout"]

# Ours and those of no other environment; coverage measures the tests' own processes, not these.
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE_", "COV_", "PYTHON", "GATEWAY"))
} | {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "NO_COLOR": "1"}


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(command, cwd=cwd, env=ENVIRONMENT | environment, capture_output=True, text=True, check=False)


def succeed(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command that must exit 0, and give what it printed."""
    done = run(*command, cwd=cwd, **environment)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def copy_checkout(to: Path) -> Path:
    """Copy what a fresh clone would have (and what is new in this one)."""
    names = succeed("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", cwd=ROOT)
    for name in names.split("\0"):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)
    return to


def data_files(package: Path) -> set[str]:
    """Everything in a package that is not a module."""
    found = (path.relative_to(package) for path in package.rglob("*") if path.is_file())
    return {str(path) for path in found if path.suffix not in {".py", ".pyc"}}


@dataclass(frozen=True)
class Installation:
    """The package in an environment of its own.

    Attributes:
        environment: Root of the virtual environment.
        home: Where `gateway` and `twisted/plugins` must have come from.
        cwd: Where commands run: away from any checkout, unless that is what is tried.
        checkout: The tree it was installed from.
        command: What runs `gateway`.
        variables: What has to be in the environment's variables.
    """

    environment: Path
    home: Path
    cwd: Path
    checkout: Path
    command: list[str | Path]
    variables: dict[str, str]

    def twistd(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run twistd as a user would."""
        return run(self.environment / "bin/twistd", *arguments, cwd=self.cwd, **self.variables)

    def gateway(self, *arguments: str | Path) -> str:
        """Run `gateway`, which must exit 0, and give what it printed."""
        return succeed(*self.command, *arguments, cwd=self.cwd, **self.variables)

    def evaluate(self, expression: str, *imports: str) -> str:
        """Say what an expression is, after some imports."""
        code = f"import {', '.join(['sys', *imports])}; print({expression})"
        return succeed(self.environment / "bin/python", "-c", code, cwd=self.cwd, **self.variables).strip()


def make_environment(where: Path) -> Path:
    """Make an environment with our dependencies, without ourselves and without the network.

    Dependencies are links to those that run this test. Twisted is copied: the
    plugin has to be found in its own plugin directory, as it will be for others.
    """
    succeed(sys.executable, "-m", "venv", "--without-pip", where, cwd=where.parent)
    theirs = Path(sysconfig.get_path("purelib"))
    ours = next(where.glob("lib/python*/site-packages"))
    for entry in theirs.iterdir():
        if entry.name == "twisted":
            shutil.copytree(
                entry, ours / "twisted", ignore=shutil.ignore_patterns("test", "__pycache__", "dropin.cache")
            )
        elif entry.suffix != ".pth" and not entry.name.startswith(("__editable__", "twisted_api_gateway", "gateway")):
            (ours / entry.name).symlink_to(entry)
    twistd = where / "bin/twistd"
    twistd.write_text(f"#!{where}/bin/python\nfrom twisted.scripts.twistd import run\nrun()\n")
    twistd.chmod(0o755)
    return where


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source distribution, and the wheel built from that."""
    there = tmp_path_factory.mktemp("build")
    tree = copy_checkout(there / "tree")
    succeed(sys.executable, "-m", "build", "--no-isolation", "--outdir", there / "dist", tree, cwd=there)
    return there / "dist"


@pytest.fixture(scope="module", params=KINDS)
def installed(
    request: pytest.FixtureRequest, built: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """The package installed in one of the ways that people use."""
    there = tmp_path_factory.mktemp(request.param)
    checkout = copy_checkout(there / "checkout")
    environment = make_environment(there / "environment")
    site = next(environment.glob("lib/python*/site-packages"))
    python = environment / "bin/python"
    # Without --no-deps: the ranges in the metadata have to admit what is locked.
    pip: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--no-build-isolation"]
    command: list[str | Path] = [environment / "bin/gateway"]
    variables: dict[str, str] = {}
    home, cwd = site, there
    if request.param == "wheel":
        succeed(*pip, *built.glob("*.whl"), cwd=there)
    elif request.param == "sdist":
        succeed(*pip, *built.glob("*.tar.gz"), cwd=there)
    elif request.param == "directory":
        succeed(*pip, checkout, cwd=there)
    elif request.param == "editable":
        succeed(*pip, "--editable", checkout, cwd=there)
        home = checkout
    else:
        home, cwd = checkout, checkout
        command = [python, "-c", "from gateway.cli import main; main()"]
        # twistd is a script: unlike `python -m`, it does not look where it stands.
        variables = {"PYTHONPATH": str(checkout)}
    yield Installation(environment, home, cwd, checkout, command, variables)
    shutil.rmtree(there)


def test_twistd_knows_the_gateway(installed: Installation) -> None:
    """`twistd --help` lists it, from the plugin that was installed and no other."""
    assert "An HTTP gateway" in installed.twistd("--help").stdout

    plugin = installed.evaluate("twisted.plugins.gateway_plugin.__file__", "twisted.plugins.gateway_plugin")
    assert plugin == str(installed.home / "twisted/plugins/gateway_plugin.py")


def test_the_plugin_imports_nothing_of_ours_and_no_reactor(installed: Installation) -> None:
    """Whoever lists the plugins of a machine does not pay for the gateway."""
    costly = "[name for name in sys.modules if name.startswith(('gateway', 'twisted.internet.reactor'))]"

    assert installed.evaluate(costly, "twisted.plugins.gateway_plugin") == "[]"


def test_the_package_carries_its_data_files(installed: Installation) -> None:
    """Types marker, schemas, scripts: whatever is in the tree is in the package."""
    package = Path(installed.evaluate("gateway.__path__[0]", "gateway"))

    assert package == installed.home / "gateway"
    assert "py.typed" in data_files(package)
    assert data_files(package) == data_files(installed.checkout / "gateway")


def test_the_command_says_its_version(installed: Installation) -> None:
    """`gateway --version` is the version of the package."""
    assert installed.evaluate("gateway.__version__", "gateway") in installed.gateway("--version")


def test_the_sample_configuration_is_good(installed: Installation) -> None:
    """`gateway check etc/gateway.yaml` exits 0."""
    installed.gateway("check", installed.checkout / "etc/gateway.yaml")


def test_twistd_says_what_is_wrong_with_a_configuration(installed: Installation, tmp_path: Path) -> None:
    """A wrong configuration is told in lines, not in a traceback, and the exit code is 1."""
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("rutes: []\nlisteners: 3\n")

    done = installed.twistd("-n", "--pidfile=", "gateway", "--config", wrong)

    assert done.returncode == 1
    assert f"{wrong}:1:1: rutes: " in done.stderr
    assert f"{wrong}:2:12: listeners: " in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_the_wheel_puts_one_file_beside_twisteds_plugins(built: Path) -> None:
    """And nothing else that is not ours: no tests, no examples, nothing that would hide Twisted."""
    (wheel,) = built.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    beside = {"twisted/plugins/gateway_plugin.py", "pytest_gateway.py"}
    assert {name for name in names if not name.startswith("gateway/")} == beside
