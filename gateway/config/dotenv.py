"""The `.env` file beside a configuration: names and values, one a line.

`NAME=value`, `export NAME=value`, quotes as in a shell (single: as it is;
double: with escapes), `#` comments. Nothing is expanded in it.
"""

from __future__ import annotations

import re

from gateway.config.problems import Place, Problem, problem

_LINE = re.compile(
    r"""\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*
    (?:'(?P<single>[^']*)'|"(?P<double>(?:[^"\\]|\\.)*)"|(?P<bare>[^'"\s#].*?))?
    \s*(?:\s\#.*)?""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def parse(text: str, file: str, problems: list[Problem]) -> dict[str, str]:
    """Read the lines of a `.env` file; a later line wins over an earlier one."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            # The line itself may be a secret, so it is not shown.
            problems.append(problem(Place(file, number, 1), "", "NAME=value", "something else"))
            continue
        double = match["double"]
        if double is not None:
            value = re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[1]), double)
        else:
            value = match["single"] or match["bare"] or ""
        found[match["name"]] = value
    return found
