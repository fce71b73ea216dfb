"""Where tokens may be, as `from` of the configuration has it, and which fields are nobody's to fill.

Tests: `tests/config/schema/test_tokens.py::test_what_is_no_place_is_refused`.
"""

from __future__ import annotations

import re

from gateway.config.patterns import TOKEN, text
from gateway.config.problems import Unexpected
from gateway.http.fields import FRAMING, HOP_BY_HOP, NEVER_FORWARDED, NEVER_IN_TRAILERS, OTHER_URLS, folded
from gateway.http.forwarded import DROPPED

_IS_PARAMETER = re.compile(r"[^\x00-\x20\x7f&=#;\[\]+%]+")
TAKEN = frozenset(map(folded, HOP_BY_HOP | FRAMING | NEVER_FORWARDED | NEVER_IN_TRAILERS | OTHER_URLS | DROPPED))
"""Fields that mean something already, as a server may read their names."""


def token_place(value: object) -> str:
    """Check where tokens are: `header:NAME`, `cookie:NAME` or `query:NAME`."""
    expected = "`header:NAME`, `cookie:NAME` or `query:NAME`"
    written = text(value)
    kind, _, name = written.partition(":")
    if kind == "header" and TOKEN.fullmatch(name):
        read_as = folded(name.lower().encode())
        if read_as == b"cookie":
            raise Unexpected("`cookie:NAME` for a token in a cookie")
        if read_as in TAKEN and written.lower() != "header:authorization":
            raise Unexpected("a field that is free for a token", f'"{written}"')
        return written
    if (kind == "cookie" and TOKEN.fullmatch(name)) or (kind == "query" and _IS_PARAMETER.fullmatch(name)):
        return written
    raise Unexpected(expected)
