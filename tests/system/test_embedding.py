"""A gateway inside an application, on real sockets: the examples do what they say, and the guide is made of them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system import backends
from tests.system.gateway_process import ROOT

GUIDE = ROOT / "docs" / "guides" / "embedding.md"
EXAMPLES = ["embedded", "mounted", "asking"]
SNIPPETS = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture
def origin() -> Iterator[backends.Backend]:
    """A backend."""
    with backends.backend() as backend:
        yield backend


def run(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        [sys.executable, script, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


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
    programs = [(ROOT / "examples" / f"{name}.py").read_text() for name in EXAMPLES]

    assert any(textwrap.indent(snippet, indent) in program for program in programs for indent in ("", "    ")), snippet


def test_the_guide_has_snippets() -> None:
    """The test above has something to look at."""
    assert len(SNIPPETS) >= 5
