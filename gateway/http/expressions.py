"""Regular expressions that an operator writes, searched for in texts that clients and backends choose.

Layer 1. They run in RE2, whose time is linear in the text: with Python's own
engine `^(a+)+$` and forty letters stop the process. What needs more than linear
time (backreferences, look-ahead, look-behind) RE2 does not have, and is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

KIND = "a regular expression"
LINEAR = "a regular expression without backreferences, look-ahead and look-behind (RE2: linear time)"


def searcher(expression: str) -> Callable[[bytes], object]:
    """Return a function that searches a text for an expression; its result is true where the expression was found.

    Raises:
        ValueError: RE2 does not take the expression; the message is RE2's.
    """
    search: Callable[[bytes], object] = _compile(expression).search
    return search


def matcher(expression: str, any_case: bool = False) -> tuple[Callable[[bytes], Any], list[tuple[int, str]]]:
    """Return a function that matches a whole text, and the groups that have names, each with its number.

    Args:
        expression: What is matched.
        any_case: Letters match in upper and in lower case.

    Raises:
        ValueError: RE2 does not take the expression; the message is RE2's.
    """
    compiled = _compile(expression, any_case)
    return compiled.fullmatch, [(number, name.decode()) for name, number in compiled.groupindex.items()]


def groups(expression: str) -> int:
    """Return how many groups an expression has.

    Raises:
        ValueError: RE2 does not take the expression; the message is RE2's.
    """
    number: int = _compile(expression).groups
    return number


def wanted(expression: str) -> str:
    """Say what was expected in place of a text that `check` refuses.

    Where Python would take the text, say also which of Python's expressions are refused.
    """
    try:
        re.compile(expression)
    except re.error:
        return KIND
    return LINEAR


def check(expression: str) -> None:
    """Refuse a text that is not an expression.

    Raises:
        ValueError: RE2 does not take it; the message is RE2's.
    """
    _compile(expression)


@cache
def _engine(any_case: bool) -> tuple[Any, Any]:
    """Return RE2 and its options; loaded by the first expression: it takes 3 MB, and most configurations have none."""
    import re2

    options = re2.Options()
    options.log_errors = False  # RE2 would write errors to standard error
    options.encoding = re2.Options.Encoding.LATIN1  # the texts are octets, and need not be UTF-8
    options.case_sensitive = not any_case
    return re2, options


def _compile(expression: str, any_case: bool = False) -> Any:
    re2, options = _engine(any_case)
    try:
        return re2.compile(expression.encode(), options)
    except re2.error as error:
        said = error.args[0] if error.args else b""
        raise ValueError(said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)) from None
