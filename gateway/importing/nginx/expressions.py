"""Expressions of nginx (PCRE, found anywhere in a path) as ours (RE2, the whole path).

Used by `gateway.importing.nginx.locations` and by those that carry `rewrite`.

Tests: `tests/importing/nginx/test_expressions.py`.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.http import expressions

_GROUP: Final = re.compile(r"(\\.)|\(\?<([A-Za-z_]\w*)>|\(\?'([A-Za-z_]\w*)'", re.DOTALL)
_NESTED: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[()|]", re.DOTALL)
_LITERAL: Final = re.compile(r"\^((?:[/A-Za-z0-9_~%,;=@-]|\\[.\-_/+~])*)")
_MORE: Final = frozenset("?*{")


def whole(pattern: str, any_case: bool = False) -> str:
    """Return the expression that matches the whole of each path in which another is found.

    Args:
        pattern: As nginx has it.
        any_case: Letters match in both cases (`~*`).

    Raises:
        ValueError: RE2 has no such expression.
    """
    written = _named(pattern)
    if _has_alternatives(written):
        written = f".*(?:{written}).*"
    else:
        begun = written.startswith("^")
        ended = re.search(r"(?<!\\)(?:\\\\)*\$\Z", written)
        middle = written[begun : len(written) - 1 if ended else None]
        before = "" if begun or middle.startswith(".*") else ".*"
        after = "" if ended or re.search(r"(?<!\\)\.\*\Z", middle) else ".*"
        written = before + middle + after
    written = f"(?i){written}" if any_case else written
    expressions.check(written)
    return written


def named_by_number(pattern: str, name: str) -> str:
    """Give each group without a name one that is made of its number, so that a redirect can say it.

    Args:
        pattern: An expression that `whole` has made.
        name: What comes before the number.
    """
    count = 0

    def _named_group(match: re.Match[str]) -> str:
        nonlocal count
        if match[0] != "(":
            return match[0]
        rest = pattern[match.end() :]
        if rest.startswith("?") and not rest.startswith("?P<"):
            return match[0]
        count += 1
        return match[0] if rest.startswith("?") else f"(?P<{name}{count}>"

    return _NESTED.sub(_named_group, pattern)


def beginning(pattern: str) -> str:
    """Return the text that every path begins with in which an expression is found; empty where it may be any."""
    match = _LITERAL.match(pattern)
    if match is None or _has_alternatives(pattern):
        return ""
    found = match[1]
    if pattern[match.end() : match.end() + 1] in _MORE and found:
        # The last character may be there or not.
        found = found[:-2] if found[-2:-1] == "\\" else found[:-1]
    return found.replace("\\", "")


def _named(pattern: str) -> str:
    return _GROUP.sub(lambda match: match[1] or f"(?P<{match[2] or match[3]}>", pattern)


def _has_alternatives(pattern: str) -> bool:
    """Whether there is a `|` outside of all groups and classes."""
    depth = 0
    for match in _NESTED.finditer(pattern):
        if match[0] == "|" and not depth:
            return True
        depth += {"(": 1, ")": -1}.get(match[0], 0)
    return False
