"""Files whose content clients get: read when a configuration is built, whole and once.

Tests: `tests/composition/builders/test_fixed_answers.py::test_a_file_that_cannot_be_read`.
"""

from __future__ import annotations

import os
import stat

from gateway.config import ConfigError
from gateway.config.problems import Problem
from gateway.config.units import format_size


def read_content(file: str, key: str, most: int) -> bytes:
    """Return what a file holds.

    Args:
        file: Its path.
        key: The key of the configuration that names it.
        most: Octets that it may have.

    Raises:
        ConfigError: It cannot be read, is no regular file, or is longer.
    """
    try:
        # Non-blocking: a named pipe would hold up the start, or the reload, until somebody writes to it.
        with open(file, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK)) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise ConfigError([Problem(file, 1, 1, key, "expected a regular file, found something else")])
            content = stream.read(most + 1)
    except OSError as error:
        raise ConfigError([Problem(file, 1, 1, key, f"expected a file that can be read: {error.strerror}")]) from None
    if len(content) > most:
        raise ConfigError(
            [Problem(file, 1, 1, key, f"expected a file of {format_size(most)} at most, found a longer one")]
        )
    return content
