"""Twisted's inotify, also where no program is there that finds the C library.

Twisted asks `ctypes.util.find_library`, which asks ldconfig, gcc or ld: images that have nothing but Python and its
libraries have none of them. The library itself is in each process already, and the loader knows it by its name.
"""

from __future__ import annotations

import ctypes.util
import os
import platform
from functools import cache
from types import ModuleType


@cache
def load() -> ModuleType:
    """Return `twisted.internet.inotify`.

    Raises:
        ImportError: This system has no inotify.
    """
    found = ctypes.util.find_library
    # For the moment of the import: what Twisted makes of the answer is kept by its module.
    ctypes.util.find_library = lambda name: found(name) or (_c_library() if name == "c" else None)
    try:
        from twisted.internet import inotify
    finally:
        ctypes.util.find_library = found
    module: ModuleType = inotify
    return module


def _c_library() -> str:
    """Return the name by which the loader knows the C library that Python runs with."""
    return "libc.so.6" if platform.libc_ver()[0] == "glibc" else f"libc.musl-{os.uname().machine}.so.1"
