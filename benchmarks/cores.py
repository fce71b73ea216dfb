"""A core for the proxy alone, the others for whatever loads it and answers it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Set
from contextlib import contextmanager


def set_apart() -> Set[int]:
    """Keep this process, and what it starts, off the last core, and return that; where there is one only, return it."""
    cores = os.sched_getaffinity(0)
    rest = cores - {max(cores)}
    if rest:
        os.sched_setaffinity(0, rest)
    return {max(cores)}


@contextmanager
def started_on(cores: Set[int] | None) -> Iterator[None]:
    """Have what is started meanwhile run on these cores; wherever this process may, for None."""
    before = os.sched_getaffinity(0)
    if cores:
        os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
