"""A path pattern that is a regular expression: `~/v(?P<major>[0-9]+)/.*`.

Layer 2, used by `gateway.routing.tree`. It is asked after all other patterns of its host, matches the whole path in
normal form, and its named groups are parameters. RE2 runs it, so the time is linear in the path whatever a client
sends (D-78).

# Note [Expressions and case]
Where a server behind any route takes `/A` for `/a` (`readings: [case]`), every spelling of a path must find the same
route. Of an expression nobody can tell whether it says the same of them: `[^A-Z]+` does not, however its own letters
are compared. So there an expression is asked about the folded path, which is the same for all spellings, and its
letters match both cases.
"""

from __future__ import annotations

from urllib.parse import unquote

from gateway.http import expressions
from gateway.http.readings import folded
from gateway.routing.pattern import Pattern, parse_pattern

MARK = "~"
"""What a path in the configuration begins with that is an expression."""


class Expression:
    """A regular expression for whole paths.

    Args:
        text: As written, `~` included.
        any_case: Note [Expressions and case].

    Attributes:
        text: As given: its label in metrics and logs.

    Raises:
        ValueError: RE2 does not take it.
    """

    __slots__ = ("_any_case", "_match", "_names", "text")

    def __init__(self, text: str, any_case: bool = False) -> None:
        self.text = text
        self._any_case = any_case
        self._match, self._names = expressions.matcher(text.removeprefix(MARK), any_case)

    def params(self, path: bytes) -> dict[str, str] | None:
        """Return the parameters of a path, escapes decoded; None for a path that does not match."""
        raw = self.raw_params(path)
        return raw and {name: unquote(text) if "%" in text else text for name, text in raw.items()}

    def raw_params(self, path: bytes) -> dict[str, str] | None:
        """Return the parameters as they stand in a path in normal form; None for a path that does not match."""
        if self._any_case:
            found = self._match(folded(path))
            if found is None:
                return None
            found = self._match(path) or found  # the letters of the parameters are the client's
        else:
            found = self._match(path)
            if found is None:
                return None
        groups = ((name, found.group(index)) for index, name in self._names)
        return {name: text.decode("latin-1") for name, text in groups if text is not None}


def read_path(text: str) -> Pattern | Expression:
    """Take a path of a route apart.

    Raises:
        ValueError: It is neither a pattern nor an expression; the message says what was expected.
    """
    return Expression(text) if text.startswith(MARK) else parse_pattern(text)
