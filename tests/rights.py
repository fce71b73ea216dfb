"""Files that may not be read any more, whoever runs the tests: root becomes another user for a while."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534
"""A user who may do nothing; by its number, since not every machine has the name."""


@contextmanager
def open_place() -> Iterator[Path]:
    """Give a directory that every user may enter; pytest's own are for one user."""
    place = Path(tempfile.mkdtemp(prefix="gateway-rights-", dir="/tmp"))
    try:
        place.chmod(0o755)
        yield place
    finally:
        shutil.rmtree(place)


@contextmanager
def closed(*paths: Path) -> Iterator[None]:
    """Close some files and directories to this process for as long as the block lasts, as to a root that is no more."""
    modes = {path: path.stat().st_mode for path in paths}
    user = os.geteuid()
    try:
        _set(paths, 0o700 if user == 0 else 0)
        if user == 0:
            os.seteuid(NOBODY)
        yield
    finally:
        if user == 0:
            os.seteuid(user)
        for path, mode in modes.items():
            path.chmod(mode)


def _set(paths: Iterable[Path], mode: int) -> None:
    for path in paths:
        path.chmod(mode)
