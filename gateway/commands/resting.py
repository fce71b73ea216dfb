"""Python's collector rests while a command that ends soon is at work.

It looks through all that there is several times while a thousand modules are imported and a configuration is built, and
once more when the process ends, and finds nothing: a third of what `gateway check` takes of the processor (D-513).

Tests: `tests/commands/test_resting.py`.
"""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_resting() -> Iterator[None]:
    """Keep the collector from working; not for what runs for long."""
    works = gc.isenabled()
    gc.disable()
    atexit.register(gc.freeze)  # else it looks through all modules once more when the process ends
    try:
        yield
    finally:
        if works:
            gc.enable()
