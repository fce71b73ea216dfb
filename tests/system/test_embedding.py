"""A gateway inside an application, on real sockets: the examples do what they say, and the guide is made of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system import backends
from tests.system.gateway_process import CODE, ROOT, TWISTD, one_upstream, until
from tests.system.ports import free_port

GUIDE = ROOT / "docs" / "guides" / "embedding.md"
EXAMPLES = ["shop.tac", "embedded.py", "mounted.py", "asking.py"]
SNIPPETS = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture
def origin() -> Iterator[backends.Backend]:
    """A backend."""
    with backends.backend() as backend:
        yield backend


def answer(port: int) -> str:
    """Ask for `/name`; empty while nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/name", timeout=10) as response:
            text: str = response.read().decode()
            return text
    except (urllib.error.URLError, ConnectionError):
        return ""


def run(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        [sys.executable, script, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        env={**os.environ, "PYTHONPATH": CODE},
    )


def test_twistd_can_run_it_among_others(tmp_path: Path, origin: backends.Backend) -> None:
    """The .tac, as it stands, with a file of its own to read."""
    port = free_port()
    (tmp_path / "etc").mkdir()
    settings = {
        "listeners": [{"endpoint": f"tcp:{port}:interface=127.0.0.1"}],
        "admin": {"endpoint": "tcp:0:interface=127.0.0.1"},
        "access_log": {"enabled": False},
        **one_upstream(origin.url),
    }
    (tmp_path / "etc" / "gateway.yaml").write_text(json.dumps(settings))
    process = subprocess.Popen(
        [TWISTD, "--pidfile=", "-noy", str(ROOT / "examples" / "shop.tac")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": CODE},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        until(lambda: answer(port) == "backend", "it does not answer")
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=30)

    assert b"[gateway.composition.draining#info] Stopped" in output, output.decode()  # twistd ends as the signal says


def test_an_application_can_embed_it(origin: backends.Backend) -> None:
    """It serves under an application's own MultiService and stops with it."""
    done = run(ROOT / "examples" / "embedded.py", origin.url)

    assert done.stdout == "200 backend\n", done.stderr
    assert done.returncode == 0


def test_an_application_can_mount_it_beside_its_own_pages(origin: backends.Backend) -> None:
    """One stock site serves the application's page, all of the gateway's routes, and one of them alone."""
    done = run(ROOT / "examples" / "mounted.py", origin.url)

    assert done.stdout == "200 about us\n200 backend\n200 backend\n200 backend\n", done.stderr
    assert done.returncode == 0


def test_an_application_can_ask_through_it(origin: backends.Backend) -> None:
    """By treq: a short answer, a long one, an upload, an error."""
    done = run(ROOT / "examples" / "asking.py", origin.url)

    assert done.stdout == "200 backend\n300000 octets\n200 1000000\nupstream.connect 502\n", done.stderr
    assert done.stderr == ""
    assert done.returncode == 0


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_every_snippet_of_the_guide_is_run(number: int) -> None:
    """It stands, line for line, in one of the examples above."""
    snippet = SNIPPETS[number]
    programs = [(ROOT / "examples" / name).read_text() for name in EXAMPLES]

    assert any(textwrap.indent(snippet, indent) in program for program in programs for indent in ("", "    ")), snippet


def test_the_guide_has_snippets() -> None:
    """The test above has something to look at."""
    assert len(SNIPPETS) >= 5
