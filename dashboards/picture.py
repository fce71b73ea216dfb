"""A PNG of a page, taken by Chromium, where there is one."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from dashboards.packing import NotOurs, packed

_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, _NAMES)), None)
PATIENCE = 120.0
"""Seconds for a picture."""


class NoPicture(Exception):
    """The browser has not taken the picture."""


def picture(browser: str, page: Path, image: Path, width: int, height: int) -> None:
    """Take a picture of a file.

    Args:
        browser: The program.
        page: What it looks at.
        image: The PNG that is written.
        width: Of the page, in CSS pixels.
        height: Likewise.

    Raises:
        NoPicture: With what the browser has said.
    """
    image.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        command = [
            browser,
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
            *("--no-proxy-server", "--disable-background-networking", f"--user-data-dir={profile}"),
            *(
                "--hide-scrollbars",
                "--disable-lcd-text",
                f"--window-size={width},{height}",
                f"--screenshot={image.absolute()}",
            ),
            page.absolute().as_uri(),
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NoPicture(str(error)) from None
    if not image.exists():
        raise NoPicture(done.stderr[-2000:])
    with suppress(NotOurs):  # then it is larger
        image.write_bytes(packed(image.read_bytes()))
