"""Regular expressions of a configuration, which clients and backends choose the texts for.

Layer 1. They run in RE2, whose time is linear in the text: with Python's own
engine `^(a+)+$` and forty letters stop the process. What RE2 cannot do in linear
time (backreferences, look-ahead, look-behind) is no expression here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import re2

KIND = "a regular expression"
LINEAR = "a regular expression without backreferences, look-ahead and look-behind (RE2: linear time)"

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False  # it would write to standard error itself
_OPTIONS.encoding = re2.Options.Encoding.LATIN1  # octets: what is searched may be no UTF-8


def searcher(expression: str) -> Callable[[bytes], object]:
    """Return what looks for an expression anywhere in a text, and returns something true where it is found.

    Raises:
        ValueError: It is no expression; the message is RE2's.
    """
    search: Callable[[bytes], object] = _compile(expression).search
    return search


def wanted(expression: str) -> str:
    """Say what was expected in place of a text that is no expression: which of Python's are none is told."""
    try:
        re.compile(expression)
    except re.error:
        return KIND
    return LINEAR


def check(expression: str) -> None:
    """See that a text is an expression.

    Raises:
        ValueError: It is not; the message is RE2's.
    """
    _compile(expression)


def _compile(expression: str) -> Any:
    try:
        return re2.compile(expression.encode(), _OPTIONS)
    except re2.error as error:
        said = error.args[0] if error.args else b""
        raise ValueError(said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)) from None
