"""Chromium, where it is installed. On a machine that says that it is for CI (`CI` in the environment) it has to be."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, _NAMES)), None)

needs_browser = pytest.mark.skipif(
    BROWSER is None and "CI" not in os.environ, reason="needs Chromium (chromium-headless-shell)"
)


def command(directory: Path, *arguments: str) -> list[str]:
    """Return the command that runs it without a window.

    Args:
        directory: What it remembers is put below.
        arguments: More of them; the last is the URL of a page.
    """
    assert BROWSER is not None, "Chromium is not installed"
    return [
        BROWSER,
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
        *("--no-proxy-server", "--disable-background-networking", f"--user-data-dir={directory}/profile"),
        *arguments,
    ]


@contextmanager
def showing(directory: Path, url: str) -> Iterator[None]:
    """Have it show a page for as long as the context lasts."""
    with (directory / "browser.log").open("wb") as log:
        process = subprocess.Popen(
            command(directory, "--remote-debugging-port=0", url),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)  # Debian's command is a script that waits for the browser
            process.wait(20)
