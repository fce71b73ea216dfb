"""What is wrong with a configuration: where, what was wanted, what was there.

Every step of `gateway.config.loading` appends to one list of these, so that an
operator sees all of them at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Place(NamedTuple):
    """A position in a file; lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Problem(NamedTuple):
    """One thing to put right.

    Attributes:
        path: The key, such as `routes[2].retry.attempts`; empty where the whole file is meant.
        message: `expected …, found …`.
    """

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}: "
        return f"{where}{self.path}: {self.message}" if self.path else where + self.message


class ConfigError(Exception):
    """A configuration that cannot be used; nothing of it was applied.

    Attributes:
        problems: All of them, by file and position.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


class Unexpected(ValueError):
    """A value is not what its key takes.

    Raised by the functions that read one value, which know neither file nor key.

    Attributes:
        expected: Words that end the sentence "expected …".
        found: Words that end the sentence "found …", where the value itself does not say enough.
    """

    def __init__(self, expected: str, found: str | None = None) -> None:
        super().__init__(expected)
        self.expected = expected
        self.found = found


def problem(place: Place, path: str, expected: str, found: str) -> Problem:
    """Put a problem into the one form that they all have."""
    return Problem(*place, path, f"expected {expected}, found {found}")


def suggestion(word: str, known: Iterable[str], least: float = 0.6) -> str:
    """The end of a sentence that names the nearest known word; empty if none is near.

    Args:
        word: What was written.
        known: What there is.
        least: How alike they must be, from 0 to 1.
    """
    from difflib import get_close_matches  # 160 kB: who writes no wrong word needs none of it

    near = get_close_matches(word, list(known), n=1, cutoff=least)
    return f", did you mean `{near[0]}`?" if near else ""
