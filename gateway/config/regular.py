"""Reading files that a configuration names, none of which may hold up the reactor.

Used by whoever builds something of such a file. What is no regular file is refused: a named pipe would hold up the
start, or a reload, until somebody writes to it, and a device may have no end. What this process may not read, another
may have read for it: Note [What root has read] in `gateway.config.lent_files`.

Tests: `tests/config/test_regular.py`.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from gateway.config.lent_files import lent


def open_regular(path: str | Path) -> BinaryIO:
    """Open a file for reading.

    Raises:
        OSError: It cannot be read, or is no regular file.
    """
    try:
        stream = open(path, "rb", opener=_without_waiting)  # noqa: SIM115  # whoever asks closes it
    except PermissionError:
        content = lent.content(path)
        if content is None:
            raise
        return BytesIO(content)
    if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        return stream
    stream.close()
    raise OSError(errno.EINVAL, "it is no regular file")


def read_regular(path: str | Path, most: int = -1) -> bytes:
    """Return what a file holds.

    Args:
        path: Of the file.
        most: Octets that are read; -1 for all.

    Raises:
        OSError: It cannot be read, or is no regular file.
    """
    with open_regular(path) as stream:
        return stream.read(most)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
