"""Say on standard error what is being measured now.

Standard output is kept for the tables, so that it can be piped.
"""

from __future__ import annotations

import os
import sys
from typing import TextIO

_CODES = {"dim": "2", "bold": "1", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def painted(text: str, colour: str, stream: TextIO) -> str:
    """Colour a text where a person reads it, and leave it alone in a file or a pipe."""
    if not stream.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m"


def say(text: str, colour: str | None = None) -> None:
    """Write one progress line."""
    line = painted(text, colour, sys.stderr) if colour else text
    print(line, file=sys.stderr, flush=True)


def warn(text: str) -> None:
    """Write one line that the reader must not overlook."""
    say(f"! {text}", "yellow")
