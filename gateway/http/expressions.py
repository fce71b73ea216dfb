"""Regular expressions that an operator writes, searched for in texts that clients and backends choose.

Layer 1. They run in RE2, whose time is linear in the text: with Python's own
engine `^(a+)+$` and forty letters stop the process. What needs more than linear
time (backreferences, look-ahead, look-behind) RE2 does not have, and is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import re2

KIND = "a regular expression"
LINEAR = "a regular expression without backreferences, look-ahead and look-behind (RE2: linear time)"

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False  # RE2 would write errors to standard error
_OPTIONS.encoding = re2.Options.Encoding.LATIN1  # the texts are octets, and need not be UTF-8


def searcher(expression: str) -> Callable[[bytes], object]:
    """Return a function that searches a text for an expression; its result is true where the expression was found.

    Raises:
        ValueError: RE2 does not take the expression; the message is RE2's.
    """
    search: Callable[[bytes], object] = _compile(expression).search
    return search


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


def _compile(expression: str) -> Any:
    try:
        return re2.compile(expression.encode(), _OPTIONS)
    except re2.error as error:
        said = error.args[0] if error.args else b""
        raise ValueError(said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)) from None
