"""The C library is found where nothing is installed that finds it."""

from __future__ import annotations

import ctypes.util
import subprocess
import sys

import pytest

from gateway.transport import inotify

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux' own")

BARE = "import ctypes.util; ctypes.util.find_library = lambda name: None; "
"""As in an image without ldconfig, gcc and ld."""


def in_a_bare_image(code: str) -> subprocess.CompletedProcess[str]:
    """Run Python there: Twisted asks once a process."""
    return subprocess.run([sys.executable, "-c", BARE + code], capture_output=True, text=True, check=False)


def test_twisted_alone_does_not_find_it() -> None:
    """Else this module has no reason to be: remove it."""
    assert "Can't find C library" in in_a_bare_image("import twisted.internet.inotify").stderr


def test_it_is_found_without_programs() -> None:
    """By the name that the loader knows."""
    code = "from gateway.transport import inotify; print(inotify.load().INotify.__name__)"
    done = in_a_bare_image(code)

    assert (done.returncode, done.stdout, done.stderr) == (0, "INotify\n", "")


def test_others_find_libraries_as_before() -> None:
    """What stood in for it is gone."""
    before = ctypes.util.find_library

    assert inotify.load().__name__ == "twisted.internet.inotify"
    assert ctypes.util.find_library is before
