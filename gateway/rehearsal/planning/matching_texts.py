"""Texts that a regular expression matches as a whole: samples of what a route by expression is for.

Asked by `gateway.rehearsal.planning.rerouting`. The expression is read by Python's own parser, each part of it is
varied alone, and RE2 has the last word: a text that it does not match is left out. So an expression that Python reads
in another way, or not at all, has fewer samples, and never a wrong one (D-620).

Tests: `tests/rehearsal/planning/test_matching_texts.py`.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from itertools import islice
from string import ascii_letters, digits, punctuation
from typing import Any, Final

from gateway.http import expressions

MOST: Final = 16
"""Texts of one expression."""

SAMPLE: Final = "sample"
"""Stands where any word may: one that hardly any other route has for a segment of its own."""

_LONGEST: Final = 2000
"""Characters of a text."""

_CANDIDATES: Final = SAMPLE[0] + digits + ascii_letters + punctuation + " "
"""What is tried for a class of characters, in this order."""


class _Unknown(Exception):
    """A part of an expression that no text is made for."""


def matching_texts(expression: str) -> Iterator[str]:
    """Yield some texts that an expression matches as a whole; none where that cannot be told.

    Args:
        expression: As RE2 takes it.
    """
    try:
        found = dict.fromkeys(islice(_of_sequence(_parsed(expression)), 4 * MOST))
    except (_Unknown, re.error, RecursionError, OverflowError):
        return
    match, _ = expressions.matcher(expression)
    yield from islice((text for text in found if match(text.encode()) is not None), MOST)


def _parsed(expression: str) -> Sequence[tuple[Any, Any]]:
    # Python has no public name for the parser of its expressions, and RE2 has none at all. Where a later Python has
    # moved it, expressions have no samples, as if nothing could be told of them.
    try:
        parse: Callable[[str], Sequence[tuple[Any, Any]]] = import_module("re._parser").parse
    except (ImportError, AttributeError):
        raise _Unknown from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # `[[:alpha:]]`: a class of RE2's, which Python reads otherwise
        return parse(expression)


def _of_sequence(parts: Sequence[tuple[Any, Any]]) -> Iterator[str]:
    """Vary one part at a time: all combinations would be too many, and say no more of where an expression begins."""
    choices = [list(islice(_of_part(str(kind), said), MOST)) for kind, said in parts]
    first = [each[0] for each in choices]
    yield "".join(first)
    for place, each in enumerate(choices):
        for one in each[1:]:
            yield "".join([*first[:place], one, *first[place + 1 :]])


def _of_part(kind: str, said: Any) -> Iterator[str]:
    make = _PARTS.get(kind)
    if make is None:
        raise _Unknown
    found = False
    for text in make(said):
        found = True
        if len(text) <= _LONGEST:
            yield text
    if not found:
        raise _Unknown


def _class(members: Sequence[tuple[Any, Any]]) -> Callable[[str], bool]:
    """Return whether a character is one of a class."""
    negated = bool(members) and str(members[0][0]) == "NEGATE"
    pattern = re.compile("|".join(map(_member, members[negated:])))
    return lambda one: (pattern.fullmatch(one) is not None) is not negated


def _member(member: tuple[Any, Any]) -> str:
    kind, said = str(member[0]), member[1]
    if kind == "LITERAL":
        return re.escape(chr(said))
    if kind == "RANGE":
        return f"|[{re.escape(chr(said[0]))}-{re.escape(chr(said[1]))}]"
    return _CATEGORIES[str(said)]


_CATEGORIES: Final = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}


def _of_class(members: Sequence[tuple[Any, Any]]) -> Iterator[str]:
    fits = _class(members)
    yield from islice(filter(fits, _CANDIDATES), 1)


def _of_repeat(said: tuple[int, Any, Sequence[tuple[Any, Any]]]) -> Iterator[str]:
    least, most, inside = said
    if least <= len(SAMPLE) <= int(most) and _is_any_word(inside):
        yield SAMPLE
    for text in _of_sequence(inside):
        yield text * max(least, 1)
    if least == 0:
        yield ""


def _is_any_word(inside: Sequence[tuple[Any, Any]]) -> bool:
    if len(inside) != 1:
        return False
    kind, said = str(inside[0][0]), inside[0][1]
    return kind in ("ANY", "NOT_LITERAL") or (kind == "IN" and all(map(_class(said), SAMPLE)))


def _of_choice(said: tuple[None, Sequence[Sequence[tuple[Any, Any]]]]) -> Iterator[str]:
    # One of each branch first: a list of many words must not hide what stands behind the first.
    branches = [list(islice(_of_sequence(branch), MOST)) for branch in said[1]]
    yield from (texts[0] for texts in branches)
    for texts in branches:
        yield from texts[1:]


_PARTS: Final[Mapping[str, Callable[[Any], Iterator[str]]]] = {
    "LITERAL": lambda said: iter(chr(said)),
    "NOT_LITERAL": lambda said: iter(next(one for one in _CANDIDATES if ord(one) != said)),
    "ANY": lambda said: iter(SAMPLE[0]),
    "IN": _of_class,
    "BRANCH": _of_choice,
    "SUBPATTERN": lambda said: _of_sequence(said[-1]),
    "MAX_REPEAT": _of_repeat,
    "MIN_REPEAT": _of_repeat,
    "AT": lambda said: iter([""]),
}
"""What makes texts of a part, by the name that Python's parser has for it."""
