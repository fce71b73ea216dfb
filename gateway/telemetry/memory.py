"""How much memory the process occupies."""

from __future__ import annotations

import ctypes
import resource
import sys
from contextlib import suppress
from pathlib import Path

_STATM = Path("/proc/self/statm")


def resident(statm: Path = _STATM) -> int:
    """Return the octets that are resident now; where Linux does not tell, the most that ever were.

    Args:
        statm: Linux's figures, in pages.
    """
    try:
        return int(statm.read_bytes().split()[1]) * resource.getpagesize()
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def give_back() -> None:
    """Let the system have the memory that was freed; glibc keeps what lies below something that is in use."""
    with suppress(AttributeError):  # other C libraries have no such call
        ctypes.CDLL(None).malloc_trim(0)
