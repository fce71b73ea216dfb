"""Files that a configuration names: read when it is built, whole and once.

Tests: `tests/composition/builders/test_fixed_answers.py::test_a_file_that_cannot_be_read`.
"""

from __future__ import annotations

from gateway.config import ConfigError
from gateway.config.problems import unusable
from gateway.config.regular import read_regular
from gateway.config.units import format_size


def read_content(file: str, key: str, most: int | None = None) -> bytes:
    """Return what a file holds.

    Args:
        file: Its path.
        key: The key of the configuration that names it.
        most: Octets that it may have; None for any number.

    Raises:
        ConfigError: It cannot be read, is no regular file, or is longer.
    """
    try:
        content = read_regular(file, -1 if most is None else most + 1)
    except OSError as error:
        raise unreadable(file, key, error) from None
    if most is not None and len(content) > most:
        raise unusable(key, f"{file}: expected a file of {format_size(most)} at most, found a longer one")
    return content


def unreadable(file: str, key: str, error: OSError) -> ConfigError:
    """Make the error for a file that cannot be read."""
    return unusable(key, f"{file}: expected a file that can be read, found an error: {error.strerror}")
