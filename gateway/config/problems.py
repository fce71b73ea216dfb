"""What is wrong with a configuration: where, what was wanted, what was there.

Every step of `gateway.config.loading` appends to one list of these, so that an
operator sees all of them at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple


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
        file: Empty until whoever reports it has found where the key is written: Note [Builders know keys, not places]
            in `gateway.config.written`.
        path: The key, such as `routes[2].retry.attempts`; empty where the whole file is meant.
        message: `expected …, found …`.
        code: Of what is only doubtful: the rule (`gateway.config.doubts.rules`) that doubts it; else empty.
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    code: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}: " if self.file else ""
        return f"{where}{self.path}: {self.message}" if self.path else where + self.message


MOST: Final = 1000
"""Problems that are told of one configuration; of more, how many there are."""

COMPARISONS: Final = 20_000
"""Known words that wrong ones of one configuration are compared with, for what was meant: some tenths of a second."""

LONGEST: Final = 64
"""Characters of a word that may have been meant to be another one."""


class ConfigError(Exception):
    """A configuration that cannot be used; nothing of it was applied.

    Attributes:
        problems: All of them, by file and position; of more than `MOST`, the first, and one that says how many follow.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        found = sorted(set(problems))
        if len(found) > MOST + 1:
            words = f"this is one of {len(found) - MOST} more problems, which are not listed"
            found[MOST:] = [found[MOST]._replace(path="", message=words)]
        self.problems: tuple[Problem, ...] = tuple(found)
        super().__init__()

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))

    def __reduce__(self) -> tuple[type[ConfigError], tuple[tuple[Problem, ...]]]:
        return ConfigError, (self.problems,)


def unusable(path: str, words: str) -> ConfigError:
    """Make the error for something that a key asks for and that cannot be used; where the key is, is found later.

    Args:
        path: The key; of a route or an upstream, its name may stand in the place of its number: `routes[orders].auth`.
        words: What was wanted, and what was there.
    """
    return ConfigError([Problem("", 0, 0, path, words)])


@contextmanager
def below(prefix: str) -> Iterator[None]:
    """Put the beginning of the key before the keys of `unusable` that were raised by who knows only their ends."""
    try:
        yield
    except ConfigError as error:
        error.problems = tuple(
            one if one.file else one._replace(path=(prefix + one.path).rstrip("._")) for one in error.problems
        )
        raise


class NotPossible(Exception):
    """A configuration that can be read asks for something that cannot be had here.

    Attributes:
        at: Where it asks for that; None until `gateway.composition.changes` has looked, or where it is written nowhere.
        path: The key; empty where there is none.
    """

    at: Place | None = None
    path = ""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The same as problems of a configuration."""
        return (Problem(*(self.at or Place("", 0, 0)), self.path, super().__str__()),)

    def __str__(self) -> str:
        words = f"{self.path}: {super().__str__()}" if self.path else super().__str__()
        return words if self.at is None else f"{self.at}: {words}"


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


class _Bound:
    """How many comparisons the reading that is under way has left; any number, where none is."""

    def __init__(self) -> None:
        self._left: int | None = None

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Bound the comparisons of one reading; the parts of a reading have one bound."""
        before = self._left
        self._left = COMPARISONS if before is None else before
        try:
            yield
        finally:
            if before is None:
                self._left = None

    def admits(self, count: int) -> bool:
        """Whether so many more may be made."""
        if self._left is None:
            return True
        self._left -= count
        return self._left >= 0


_bound: Final = _Bound()
reading: Final = _bound.reading
"""Around the reading of one configuration: what was meant by thousands of wrong words nobody waits for."""


def suggestion(word: str, known: Iterable[str], least: float = 0.6) -> str:
    """The end of a sentence that names the nearest known word; empty if none is near.

    Args:
        word: What was written.
        known: What there is.
        least: How alike they must be, from 0 to 1.
    """
    from difflib import get_close_matches  # 160 kB: who writes no wrong word needs none of it

    words = list(known)
    if len(word) > LONGEST or not _bound.admits(len(words)):
        return ""
    near = get_close_matches(word, words, n=1, cutoff=least)
    return f", did you mean `{near[0]}`?" if near else ""
