"""A part of an answer that is kept whole (RFC 9110 section 14).

One range of octets is answered; of several, or of what is not well-formed, the whole (section 14.2 allows both).
"""

from __future__ import annotations

import re
from typing import Final

from gateway.caching.kept import Kept
from gateway.headers import Headers
from gateway.http.caching import date

_RANGE: Final = re.compile(
    rb"bytes=[ \t]*(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))[ \t]*", re.IGNORECASE
).fullmatch

UNSATISFIABLE: Final = (-1, -1)
"""No octet of the answer is in the range: 416."""


def part_of(headers: Headers, kept: Kept) -> tuple[int, int] | None:
    """Return the first octet of the part that a request asks for, and the one behind the last; None for the whole.

    Args:
        headers: Of a GET.
        kept: What is there.
    """
    asked = headers.joined(b"range")
    if asked is None or kept.status != 200:
        return None
    found = _RANGE(asked)
    if found is None or not _is_of(headers.index.get(b"if-range"), kept):
        return None
    length = len(kept.body)
    if found[3] is not None:
        count = int(found[3])
        return UNSATISFIABLE if not count or not length else (max(0, length - count), length)
    first = int(found[1])
    if found[2]:
        last = int(found[2])
        if last < first:
            return None  # not well-formed
    else:
        last = length
    return UNSATISFIABLE if first >= length else (first, min(last + 1, length))


def _is_of(condition: bytes | None, kept: Kept) -> bool:
    """Whether `If-Range` names the answer: by strong comparison (RFC 9110 section 13.1.5)."""
    if condition is None:
        return True
    if condition.startswith(b'"'):
        return condition == kept.etag
    if condition != kept.modified:
        return False
    # Section 8.8.2.2: it may have been changed twice within the second of its date.
    modified, made = date(condition), date(kept.block.index.get(b"date", b""))
    return modified is not None and made is not None and made - modified >= 1
