"""The fixture for authors, in a pytest of its own: as somebody has it who has installed the gateway."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PLUGIN = """
from gateway.plugin import Exchange


class Stamp:
    def __init__(self, config):
        self.value = config["value"].encode()

    def on_response(self, exchange: Exchange) -> None:
        exchange.response.headers.set(b"X-Stamp", self.value)


class Fails:
    def on_request(self, exchange: Exchange) -> None:
        raise ValueError
"""

TESTS = """
import pytest

from my_plugin import Fails, Stamp


def test_the_stamp(gateway_harness):
    gateway = gateway_harness(Stamp, {"value": "mine"})
    assert gateway.get("/anything").headers.get(b"x-stamp") == b"mine"
    assert gateway.backend("backend").last.target == b"/anything"


@pytest.mark.parametrize(("on_error", "status"), [(None, 200), ("continue", 200), ("reject", 500)])
def test_a_fault(gateway_harness, on_error, status):
    assert gateway_harness(Fails, on_error=on_error).get("/").status == status


def test_all_by_hand(gateway_harness):
    plugins = [{"name": "s", "class": "my_plugin.Stamp", "config": {"value": "v"}}]
    routes = [{"path": "/a", "upstream": "a", "plugins": ["s"]}, {"path": "/b", "upstream": "b"}]
    gateway = gateway_harness(backends=("a", "b"), plugins=plugins, routes=routes)
    assert gateway.get("/a").headers.get(b"x-stamp") == b"v"
    assert gateway.get("/b").headers.get(b"x-stamp") is None


def test_a_class_that_nobody_can_import(gateway_harness):
    class Local:
        pass

    with pytest.raises(ValueError, match="inside a function"):
        gateway_harness(Local)


def test_what_is_left_behind_is_found(gateway_harness):
    gateway_harness(Stamp, {"value": "mine"}).gateway.site.asking["it"] = None
"""


def run(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest there, with the plugin as the entry point names it."""
    environ = {"PYTHONPATH": str(ROOT), "PATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "pytest_gateway", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *arguments], cwd=directory, env=environ, capture_output=True, text=True, check=False
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A directory with a plugin and its tests."""
    (tmp_path / "my_plugin.py").write_text(PLUGIN)
    (tmp_path / "test_my_plugin.py").write_text(TESTS)
    return tmp_path


def test_an_author_s_tests(project: Path) -> None:
    """They pass; what is left behind by one is an error of it."""
    done = run(project)

    assert "7 passed, 1 error" in done.stdout, done.stdout
    assert "ERROR test_my_plugin.py::test_what_is_left_behind_is_found" in done.stdout


def test_who_does_not_ask_loads_nothing(tmp_path: Path) -> None:
    """No module of the gateway, and nothing of Twisted."""
    (tmp_path / "test_other.py").write_text(
        "import sys\n\n\ndef test_it():\n"
        "    loaded = sorted(name for name in sys.modules if name.partition('.')[0] in ('gateway', 'twisted'))\n"
        "    assert loaded == []\n"
    )
    done = run(tmp_path, "-p", "no:twisted", "-p", "no:pytest_twisted")

    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_it_is_registered() -> None:
    """For pytest, and by the name of its module."""
    assert "pytest_gateway = pytest_gateway" in (ROOT / "setup.cfg").read_text()
