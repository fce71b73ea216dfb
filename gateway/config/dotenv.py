"""The `.env` file beside a configuration: names and values.

Read by python-dotenv's parser: `NAME=value`, `export NAME=value`, quotes
(single: as it is; double: with escapes), values in quotes over several lines,
`#` comments. Nothing is expanded in it. A line that the parser passes over is an
error here, since it sets nothing; the message does not quote it, since it may be
a secret in the wrong place.
"""

from __future__ import annotations

import io
import re

from dotenv.parser import Original, parse_stream

from gateway.config.problems import Place, Problem, problem

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NEWLINE = re.compile(r"\r\n|\n|\r")


def parse(text: str, file: str, problems: list[Problem]) -> dict[str, str]:
    """Read the text of a `.env` file; a later line wins over an earlier one."""
    found: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text, newline="")):
        if binding.value is not None and binding.key is not None and _NAME.fullmatch(binding.key):
            found[binding.key] = binding.value
        elif binding.error or binding.key is not None:  # neither empty nor a comment
            # The line itself may be a secret, so it is not shown.
            problems.append(problem(Place(file, _line(binding.original), 1), "", "NAME=value", "something else"))
    return found


def _line(original: Original) -> int:
    # The parser takes empty lines for a part of the binding that follows them.
    before = original.string[: len(original.string) - len(original.string.lstrip())]
    return original.line + len(_NEWLINE.findall(before))
