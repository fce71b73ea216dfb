"""How messages are written: status lines, chunks, dates (RFC 9112).

The gateway writes them anew and copies none from what it received.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from gateway.headers import Headers
from gateway.http.fields import FieldFilter

REASONS: Final = {status.value: status.phrase.encode() for status in HTTPStatus} | {499: b"Client Closed Request"}
"""Registered reason phrases."""

_STATUS_LINES: Final = {status: b"HTTP/1.1 %d %b\r\n" % (status, phrase) for status, phrase in REASONS.items()}
_PLAIN_REASON: Final = re.compile(rb"[\t -~\x80-\xff]{0,256}")


def status_line(status: int, reason: bytes = b"") -> bytes:
    """Return the status line of a response.

    A reason phrase with control characters, or over 256 octets, is replaced by
    the registered one.
    """
    if not reason or reason == REASONS.get(status) or _PLAIN_REASON.fullmatch(reason) is None:
        line = _STATUS_LINES.get(status)
        return line if line is not None else b"HTTP/1.1 %d \r\n" % status
    return b"HTTP/1.1 %d %b\r\n" % (status, reason)


def chunk(data: bytes) -> bytes:
    """Return `data` (not empty) as one chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def last_chunk(trailers: Headers | None, passes: FieldFilter) -> bytes:
    """Return the end of a message in chunks, with those trailer fields that pass the filter."""
    if trailers is None:
        return b"0\r\n\r\n"
    lines = [b"%b: %b\r\n" % (name, value) for lower, name, value in trailers.fields if passes[lower]]
    return b"0\r\n%b\r\n" % b"".join(lines)


class DateClock:
    """Makes the value of the Date field, once per second.

    Args:
        now: Unix seconds.
    """

    __slots__ = ("_now", "_second", "_text")

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._second = -1
        self._text = b""

    def __call__(self) -> bytes:
        """Return the time as an IMF-fixdate (RFC 9110 section 5.6.7)."""
        second = int(self._now())
        if second != self._second:
            self._second = second
            self._text = formatdate(second, usegmt=True).encode()
        return self._text
