"""The rule of a Traefik router: matchers, `&&`, `||`, `!` and parentheses, as alternatives of conditions.

Of `gateway.importing.traefik`. A route has one set of conditions, so that a rule is brought into the form "one of these
sets", each of which becomes a route.

Tests: `tests/importing/traefik/test_rules.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<mark>&&|\|\||[!(),])
    | (?P<name>[A-Za-z]+)
    | `(?P<raw>[^`]*)`
    | "(?P<quoted>(?:[^"\\]|\\.)*)"
    )\s*""",
    re.VERBOSE,
)
MOST: Final = 64
"""Sets of conditions that one rule may come to: parentheses multiply them."""


class Matcher(NamedTuple):
    """One condition.

    Attributes:
        name: `Host`, `PathPrefix`, …
        values: What stands in its parentheses.
        negated: Whether it must not be so.
    """

    name: str
    values: tuple[str, ...]
    negated: bool = False

    def __str__(self) -> str:
        values = ", ".join(f"`{value}`" for value in self.values)
        return f"{'!' if self.negated else ''}{self.name}({values})"


Alternative = tuple[Matcher, ...]
"""Conditions that must all be met."""


def alternatives(rule: str) -> list[Alternative]:
    """Return the sets of conditions of which one must be met.

    Raises:
        ValueError: It is no rule; the message says at which character.
    """
    reader = _Reader(rule)
    found = reader.any_of(negated=False)
    reader.expect_end()
    return [tuple(dict.fromkeys(one)) for one in found]


class _Reader:
    """Reads a rule from left to right; `!` is carried down to the matchers."""

    def __init__(self, rule: str) -> None:
        self._tokens = list(self._split(rule))
        self._at = 0
        self._end = len(rule)

    @staticmethod
    def _split(rule: str) -> Iterator[re.Match[str]]:
        offset = 0
        while offset < len(rule):
            match = _TOKEN.match(rule, offset)
            if match is None:
                raise ValueError(f"what stands at character {offset + 1} is not understood")
            yield match
            offset = match.end()

    def any_of(self, *, negated: bool) -> list[Alternative]:
        """Read what is joined by `||`; where it is negated, all of it must not be."""
        found = self._all_of(negated=negated)
        while self._take("||"):
            other = self._all_of(negated=negated)
            found = _both(found, other) if negated else found + other
        return found

    def _all_of(self, *, negated: bool) -> list[Alternative]:
        found = self._one(negated=negated)
        while self._take("&&"):
            other = self._one(negated=negated)
            found = found + other if negated else _both(found, other)
        return found

    def _one(self, *, negated: bool) -> list[Alternative]:
        if self._take("!"):
            return self._one(negated=not negated)
        if self._take("("):
            found = self.any_of(negated=negated)
            self._expect(")")
            return found
        token = self._next("a matcher")
        if token["name"] is None:
            raise self._unexpected("a matcher")
        self._expect("(")
        values = []
        while not self._take(")"):
            value = self._next("a text in backticks or quotes")
            text = value["raw"] if value["raw"] is not None else value["quoted"]
            if text is None:
                raise self._unexpected("a text in backticks or quotes")
            values.append(text if value["raw"] is not None else re.sub(r"\\(.)", r"\1", text))
            if not self._take(","):
                self._expect(")")
                break
        return [(Matcher(token["name"], tuple(values), negated),)]

    def expect_end(self) -> None:
        """Make sure that nothing follows."""
        if self._at < len(self._tokens):
            self._at += 1
            raise self._unexpected("`&&`, `||` or nothing")

    def _take(self, mark: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at]["mark"] == mark:
            self._at += 1
            return True
        return False

    def _expect(self, mark: str) -> None:
        if not self._take(mark):
            self._next(f"`{mark}`")
            raise self._unexpected(f"`{mark}`")

    def _next(self, wanted: str) -> re.Match[str]:
        if self._at == len(self._tokens):
            raise ValueError(f"expected {wanted} at its end")
        self._at += 1
        return self._tokens[self._at - 1]

    def _unexpected(self, wanted: str) -> ValueError:
        found = self._tokens[self._at - 1]
        return ValueError(f"expected {wanted}, found `{found[0].strip()}` at character {found.start() + 1}")


def _both(ones: list[Alternative], others: list[Alternative]) -> list[Alternative]:
    if len(ones) * len(others) > MOST:
        raise ValueError(f"it comes to more than {MOST} sets of conditions")
    return [one + other for one in ones for other in others]
