"""Which location of a server takes a path: as nginx chooses, and as patterns of ours that choose alike.

nginx asks exact locations, then remembers the longest prefix; unless that says `^~`, expressions are asked in their
order, and the first that is found goes before the prefix. Here a pattern goes before every expression. So a prefix that
an expression may take paths from is written as an expression behind those of nginx, longest first; all others are
patterns, of which the longest goes first anyway.

Tests: `tests/importing/nginx/test_locations.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from urllib.parse import quote

from gateway.config.patterns import path_pattern
from gateway.config.problems import Unexpected
from gateway.http.expressions import matcher
from gateway.importing.nginx import expressions

EXACT: Final = "="
FINAL: Final = "^~"
_EXPRESSIONS: Final = {"~": False, "~*": True}
_SAFE: Final = "/-._~!$&'()*+,;=:@%"


class Location(NamedTuple):
    """What stands behind the word `location`.

    Attributes:
        modifier: `=`, `^~`, `~`, `~*`, or empty for a prefix.
        path: A path, the beginning of one, or an expression.
    """

    modifier: str
    path: str

    @property
    def is_expression(self) -> bool:
        """Whether `path` is a regular expression."""
        return self.modifier in _EXPRESSIONS

    @property
    def is_prefix(self) -> bool:
        """Whether `path` is what paths begin with."""
        return self.modifier in ("", FINAL)


class Arranged(NamedTuple):
    """A location as a path of ours.

    Attributes:
        number: Which of the locations it is.
        path: As `path` of a route has it.
        differs: What nginx would do otherwise with some paths; empty where nothing is known.
    """

    number: int
    path: str
    differs: str = ""


def location(words: Sequence[str]) -> Location | None:
    """Read the words of a location; None for a named one, which no request is for."""
    if len(words) > 1:
        return Location(words[0], words[1])
    written = words[0] if words else "/"
    if written.startswith("@"):
        return None
    match = re.match(r"(=|\^~|~\*|~)(.+)", written, re.DOTALL)  # `location =/x`, without a space
    return Location(match[1], match[2]) if match else Location("", written)


class Choice:
    """Which location nginx serves a path by; made once for all paths of a server.

    Args:
        locations: Those of a server, in their order.
    """

    def __init__(self, locations: Sequence[Location]) -> None:
        self._locations = locations
        self._exact: dict[str, int] = {}
        self._prefixes: dict[str, int] = {}
        for index, each in enumerate(locations):
            if each.modifier == EXACT:
                self._exact.setdefault(each.path, index)
            elif each.is_prefix:
                self._prefixes.setdefault(each.path, index)
        self._expressions = [index for index, each in enumerate(locations) if each.is_expression]

    def __call__(self, path: str) -> int | None:
        """Return the location; None where there is none.

        Args:
            path: Decoded, and in normal form.
        """
        if path in self._exact:
            return self._exact[path]
        ends = range(len(path), 0, -1)
        longest = next((self._prefixes[path[:end]] for end in ends if path[:end] in self._prefixes), None)
        if longest is not None and self._locations[longest].modifier == FINAL:
            return longest
        found = (index for index in self._expressions if _is_found(self._locations[index], path))
        return next(found, longest)


def _is_found(each: Location, path: str) -> bool:
    try:
        return bool(matcher(expressions.whole(each.path, _EXPRESSIONS[each.modifier]))[0](path.encode()))
    except ValueError:
        return False


def arrange(locations: Sequence[Location]) -> list[Arranged]:
    """Write locations as paths of routes, in the order in which the routes must stand.

    Raises:
        ValueError: An expression is none of RE2's; `args` has the index and RE2's words.
    """
    found: list[Arranged] = []
    behind: list[tuple[int, Arranged]] = []
    written = [each for each in locations if each.is_expression]
    for index, each in enumerate(locations):
        if each.is_expression:
            try:
                path = "~" + expressions.whole(each.path, _EXPRESSIONS[each.modifier])
            except ValueError as error:
                raise ValueError(index, str(error)) from None
            found.append(Arranged(index, path))
        elif each.modifier == EXACT:
            found.append(Arranged(index, _pattern(each.path) or f"~{_literally(each.path)}"))
        else:
            one = _arrange_prefix(index, each, locations, written)
            if one.path.startswith("~"):
                behind.append((-len(each.path), one))
            else:
                found.append(one)
    return found + [one for _, one in sorted(behind, key=lambda pair: pair[0])]


def _arrange_prefix(index: int, each: Location, all_: Sequence[Location], written: Iterable[Location]) -> Arranged:
    pattern = _pattern(each.path.removesuffix("/"), "/*")
    if pattern is None or (not each.modifier and any(_may_take(one, each.path) for one in written)):
        return Arranged(index, f"~{_literally(each.path)}.*")
    if each.modifier == FINAL:
        for other in all_:
            longer = not other.modifier and other.path.startswith(each.path) and other.path != each.path
            if longer and any(_may_take(one, other.path) for one in written):
                words = (
                    f"below it stands `{other.path}`, whose paths an expression may take: here this prefix takes them"
                )
                return Arranged(index, pattern, words)
    if each.path.endswith("/"):
        return Arranged(index, pattern)
    return Arranged(
        index, pattern, f"takes {each.path}x too, since nginx compares characters; here whole segments count"
    )


def _may_take(expression: Location, prefix: str) -> bool:
    """Whether an expression may be found in a path that begins with a prefix."""
    start = expressions.beginning(expression.path)
    if expression.modifier == "~*":
        start, prefix = start.lower(), prefix.lower()
    return start.startswith(prefix) or prefix.startswith(start)


def _pattern(path: str, rest: str = "") -> str | None:
    """Return a pattern for a path and what may follow; None where a pattern cannot say it, such as `/:`."""
    written = quote(path, safe=_SAFE)
    if "*" in written or re.search(r"/:|[{}]", written):
        return None
    try:
        return path_pattern(written + rest)
    except Unexpected:
        return None


def _literally(path: str) -> str:
    """Write a path as an expression that matches nothing else."""
    return re.sub(r"([.\\+*?()\[\]{}^$|])", r"\\\1", quote(path, safe=_SAFE))
