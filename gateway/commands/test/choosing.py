"""`-k EXPRESSION`, as users of pytest know it: words that names hold, with `and`, `or`, `not` and parentheses.

Tests: `tests/commands/test/test_choosing.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NoReturn

MOST: Final = 50
"""Parentheses and `not` of an expression: each is a call within another."""

Chooses = Callable[[str], bool]

_TOKEN: Final = re.compile(r"""\s*(?:([()])|"([^"]*)"|'([^']*)'|([^\s()"']+))""")


def chooser(expression: str) -> Chooses:
    """Return what chooses names by an expression; letters are the same in upper and lower case.

    Raises:
        ValueError: It is none; the words say what was wanted.
    """
    return _Reader(expression).read()


class _Reader:
    """Reads an expression from the left: `or` binds less than `and`, that less than `not`."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._tokens: list[tuple[str, bool]] = []
        """Each with whether it is a word in quotes, which is never `and`, `or` or `not`."""
        place = 0
        while place < len(expression.rstrip()):
            match = _TOKEN.match(expression, place)
            if match is None:
                self._refuse("a closing quote")
            parenthesis, double, single, word = match.groups()
            quoted = next((one for one in (double, single) if one is not None), None)
            self._tokens.append((parenthesis or word, False) if quoted is None else (quoted, True))
            place = match.end()

    def read(self) -> Chooses:
        if sum(token in (("(", False), ("not", False)) for token in self._tokens) > MOST:
            raise ValueError(f"expected at most {MOST} times `(` and `not`, found more")
        found = self._either()
        if self._tokens:
            self._refuse("`and` or `or`")
        return found

    def _either(self) -> Chooses:
        choices = [self._both()]
        while self._takes("or"):
            choices.append(self._both())
        return lambda name: any(chooses(name) for chooses in choices)

    def _both(self) -> Chooses:
        choices = [self._one()]
        while self._takes("and"):
            choices.append(self._one())
        return lambda name: all(chooses(name) for chooses in choices)

    def _one(self) -> Chooses:
        if self._takes("not"):
            inner = self._one()
            return lambda name: not inner(name)
        if self._takes("("):
            inner = self._either()
            if not self._takes(")"):
                self._refuse("`)`")
            return inner
        word, quoted = self._tokens.pop(0) if self._tokens else ("", False)
        if not quoted and word in ("", ")", "and", "or"):
            self._refuse("a word")
        wanted = word.lower()
        return lambda name: wanted in name.lower()

    def _takes(self, word: str) -> bool:
        if self._tokens[:1] != [(word, False)]:
            return False
        self._tokens.pop(0)
        return True

    def _refuse(self, wanted: str) -> NoReturn:
        found = self._tokens[0][0] if self._tokens else "the end"
        raise ValueError(f"expected {wanted} in {self._expression!r}, found {found}")
