"""Field lines that were read before, by their octets: of a head that is new, most lines are not.

Note [A new head of known lines]
A head that never came before (`gateway.http1.memo`) differs from the last one in a line or two. A line that was found
right is known with its lower-case name and its value; a line that is not known is taken if it is of the plain kind: a
token, a colon at once, and a value that is not empty and holds no control characters. llhttp reads such a line in the
same way. Whatever else there is (no colon, folded lines, empty values, a lonely CR or LF) is for llhttp: no head is
refused here, so the parsers ask llhttp for all heads that are not of plain lines only, and it says what is wrong.
Fields that llhttp takes account of itself (Transfer-Encoding, Upgrade, a second Content-Length, or one of more than
digits) are left to it as well: such lines are never known.

Only syntax is known of a line, and that is the same wherever in a head it stands. What depends on the other lines (a
second Host, fields that Connection names, how many there are) the parsers judge anew for each head.

Tests: `tests/http1/test_lines.py`.
"""

from __future__ import annotations

import re
from typing import Any, Final

from gateway.headers import Headers

MOST: Final = 512
"""Lines that are known at once; half as many are waiting to come again."""
LONGEST: Final = 1024
"""Octets of the longest line that is known."""
MOST_NEW: Final = 8
"""Lines of a head that may not be known: reading one here costs 0.4 µs more than llhttp's reading it (compiled), so a
client whose lines are other ones each time must not have many of them read here, nor kept."""
_FOR_LLHTTP: Final = frozenset([b"transfer-encoding", b"upgrade"])
_MOST_DIGITS: Final = 18

_plain: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*([!-~\x80-\xff][\t -~\x80-\xff]*)\r").fullmatch
_status: Final = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2}) ([!-~](?:[ -~]*[!-~])?)").fullmatch


class Line:
    """A field line.

    Attributes:
        field: What it says, as `gateway.headers.Field`; kept as one object: compiled code need not make it anew.
        lower: The name in lower case.
        value: The value.
    """

    __slots__ = ("field", "lower", "value")

    def __init__(self, lower: bytes, name: bytes, value: bytes) -> None:
        self.field: Any = (lower, name, value)
        self.lower = lower
        self.value = value


class Lines:
    """Reads the field lines of heads; each side has its own, so that clients cannot displace the lines of backends."""

    __slots__ = ("_known", "_seen")

    def __init__(self) -> None:
        self._known: dict[bytes, Line] = {}
        self._seen: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._known)

    def read(self, lines: bytes, most: int) -> Headers | None:
        """Read the field lines of a head.

        Args:
            lines: Up to the CR of the last one.
            most: Lines that a head may have; one of more is not looked at, and nothing of it is kept.

        Returns:
            The fields; None if there are more, if one of the lines is for llhttp, or if too many are not known.
        """
        known = self._known
        fields: list[Any] = []
        index: dict[bytes, bytes] = {}
        parts = lines.split(b"\n")
        if len(parts) > most:
            return None
        new = 0
        for octets in parts:
            line = known.get(octets)
            if line is None:
                if new == MOST_NEW:
                    return None
                new += 1
                line = self._read_line(octets)
                if line is None:
                    return None
            fields.append(line.field)
            index[line.lower] = line.value
        if len(index) != len(fields):
            headers = Headers.of(fields)  # of a repeated field the first value counts
            return None if len(headers.get_all(b"content-length")) > 1 else headers
        headers = Headers()
        headers.fields = fields
        headers.index = index
        return headers

    def _read_line(self, octets: bytes) -> Line | None:
        match = _plain(octets)
        if match is None:
            return None
        name: bytes = match[1]
        value: bytes = match[2]
        lower = name.lower()
        if lower in _FOR_LLHTTP:
            return None
        if lower == b"content-length" and (not value.isdigit() or len(value) > _MOST_DIGITS):
            return None  # what may stand behind the digits, llhttp judges otherwise than in other fields
        line = Line(lower, name, value.rstrip(b" \t"))
        if len(octets) <= LONGEST:
            self._keep(octets, line)
        return line

    def _keep(self, octets: bytes, line: Line) -> None:
        """Keep a line, unless it is here for the first time."""
        known, seen = self._known, self._seen
        if octets in seen:
            seen.discard(octets)
            if len(known) >= MOST:
                known.clear()
            known[octets] = line
        else:
            if len(seen) >= MOST // 2:
                seen.clear()
            seen.add(octets)


_starts: Final[dict[bytes, tuple[int, bytes]]] = {}
_MOST_STARTS: Final = 64
_LONGEST_START: Final = 64


def status_and_reason(line: bytes) -> tuple[int, bytes] | None:
    """Return status and reason of a status line of the plain kind, None for another one."""
    known = _starts.get(line)
    if known is not None:
        return known
    match = _status(line)
    if match is None:
        return None
    known = int(match[1]), match[2]
    if len(line) <= _LONGEST_START:
        if len(_starts) >= _MOST_STARTS:
            _starts.clear()
        _starts[line] = known
    return known


REQUESTS: Final = Lines()
"""The lines of clients."""

ANSWERS: Final = Lines()
"""The lines of backends."""
