"""`# gateway: ignore CODE`: what is doubtful and meant.

The comment stands behind the key, or alone on the line above it; several codes are parted by commas. It holds for all
who tell of doubts: `gateway check`, `strict`, the log of a start, `gateway lint`.

Tests: `tests/config/test_ignoring.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from gateway.config.doubts.rules import RULES
from gateway.config.problems import Problem, suggestion
from gateway.config.sources import Source

_MARK = "gateway: ignore"
_COMMENT = re.compile(r"^(?P<before>.*?)(?:(?<=\s)|^)#\s*gateway: ignore(?![\w-])(?P<codes>[^#]*)")


class Remark(NamedTuple):
    """A comment that is to ignore something.

    Attributes:
        file: Where it stands.
        line: Likewise, from 1.
        column: Of the comment.
        covers: The line of the key that it is about.
        codes: Of the rules.
    """

    file: str
    line: int
    column: int
    covers: int
    codes: tuple[str, ...]


def remarks(sources: Iterable[Source]) -> list[Remark]:
    """Find the comments of files; JSON has none."""
    return [one for source in sources if _MARK in source.text for one in _of(source)]


def _of(source: Source) -> Iterator[Remark]:
    if source.file.endswith(".json"):
        return
    lines = source.text.splitlines()
    for number, text in enumerate(lines, 1):
        match = _COMMENT.match(text)
        if match is None:
            continue
        covers = number
        if not match["before"].strip():
            # Alone on its line: the next line that is no comment is meant.
            rest = range(number, len(lines))
            covers = next((place + 1 for place in rest if not lines[place].lstrip().startswith("#")), number)
        codes = tuple(re.findall(r"[A-Za-z0-9-]+", match["codes"].partition(" -- ")[0]))
        yield Remark(source.file, number, len(match["before"]) + 1, covers, codes)


def parted(doubts: Iterable[Problem], found: Sequence[Remark]) -> tuple[list[Problem], list[Problem]]:
    """Return the doubts that stay, and those that are ignored."""
    ignored = {(one.file, one.covers, code) for one in found for code in one.codes}
    stay: list[Problem] = []
    gone: list[Problem] = []
    for doubt in doubts:
        (gone if (doubt.file, doubt.line, doubt.code) in ignored else stay).append(doubt)
    return stay, gone


def in_vain(found: Iterable[Remark], gone: Iterable[Problem]) -> Iterator[Problem]:
    """Doubt the comments that ignore nothing.

    Args:
        found: The comments.
        gone: What they have taken out.
    """
    used = {(doubt.file, doubt.line, doubt.code) for doubt in gone}
    for one in found:
        if not one.codes:
            words = "the comment ignores nothing: no code stands behind it"
            yield Problem(one.file, one.line, one.column, "", words, "unknown-code")
        for code in one.codes:
            if code not in RULES:
                words = f"there is no rule `{code}`{suggestion(code, RULES)}"
                yield Problem(one.file, one.line, one.column, "", words, "unknown-code")
            elif (one.file, one.covers, code) not in used:
                words = f"the comment ignores nothing: `{code}` is not told of line {one.covers}"
                yield Problem(one.file, one.line, one.column, "", words, "unused-ignore")
