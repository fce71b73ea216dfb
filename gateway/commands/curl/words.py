"""A command that was pasted as one text, taken apart into words as bash does.

For `gateway plan --request '…'`, and for `gateway explain` where the whole command was put in quotes. Browsers write
`$'…'` around what has quotes or line ends in it, and end lines with a backslash; `shlex` knows neither.

Tests: `tests/commands/curl/test_words.py`.
"""

from __future__ import annotations

import re
import shlex
from typing import Final

_LINE_END: Final = re.compile(r"(?<!\\)\\\r?\n")
_PIECE: Final = re.compile(r"""\$'((?:[^'\\]|\\.)*)'|\$'|'[^']*'|"(?:[^"\\]|\\.)*"|\\.""", re.DOTALL)
"""What quotes something; of these only `$'…'` is not read by `shlex`."""

_ESCAPE: Final = re.compile(
    r"\\(?:u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|(.))", re.DOTALL
)
_LETTERS: Final = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    "E": "\x1b",
    "f": "\f",
    "v": "\v",
}


def shell_words(text: str) -> list[str]:
    """Return the words of a command.

    Raises:
        ValueError: A quote is not closed.
    """
    try:
        return shlex.split(_PIECE.sub(_quoted, _LINE_END.sub(" ", text)))
    except ValueError:
        raise ValueError("expected a quote that is closed, found the end of the command") from None


def _quoted(match: re.Match[str]) -> str:
    if match[0] == "$'":
        raise ValueError
    return match[0] if match[1] is None else shlex.quote(_ESCAPE.sub(_character, match[1]))


def _character(match: re.Match[str]) -> str:
    short, long, octet, octal, letter = match.groups()
    number = short or long or octet
    if number is not None:
        return chr(min(int(number, 16), 0x10FFFF))
    return chr(int(octal, 8)) if octal else _LETTERS.get(letter, letter)
