"""What a shared cache may keep, and for how long it may be used (RFC 9111).

Only what is asked for here: whether an answer may be kept at all, by which
request fields it was chosen, and until when it may stand in for one from a
server that cannot be reached (section 4.2.4, and RFC 5861's `stale-if-error`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from gateway.headers import Headers

Directives = Mapping[bytes, bytes]
"""Lower-case names of directives to their arguments, empty for none."""

LONGEST = 2**31
"""Seconds; RFC 9111 section 1.2.2: what is more counts as so much."""

_DIRECTIVE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:=(?:\"((?:[^\"\\]|\\.)*)\"|([^\s\",]*)))?")
_NEVER = frozenset([b"no-store", b"private", b"no-cache"])
_FOR_ALL = frozenset([b"public", b"s-maxage", b"must-revalidate"])
_NOT_STALE = frozenset([b"must-revalidate", b"proxy-revalidate", b"s-maxage"])


def directives(headers: Headers) -> Directives:
    """Return what `Cache-Control` says; of a directive that stands twice, the first."""
    found: dict[bytes, bytes] = {}
    for directive in _DIRECTIVE.finditer(headers.joined(b"cache-control") or b""):
        found.setdefault(directive[1].lower(), directive[2] or directive[3] or b"")
    return found


def varies(headers: Headers) -> tuple[bytes, ...] | None:
    """Return the request fields (lower case) that an answer was chosen by; None where no other request gets it."""
    names = {name.strip(b" \t").lower() for name in (headers.joined(b"vary") or b"").split(b",")} - {b""}
    return None if b"*" in names else tuple(sorted(names))


def may_keep(status: int, headers: Headers, said: Directives, identified: bool) -> bool:
    """Whether an answer to GET may be given to others (section 3).

    Stricter than the RFC: only a 200, never with `Set-Cookie`, and what asks to
    be validated is not kept, since who would validate it cannot be reached.

    Args:
        status: Of the answer.
        headers: Of the answer.
        said: Its directives.
        identified: The request showed who is calling (section 3.5: `Authorization`; here a cookie or a key as well).
    """
    if status != 200 or b"set-cookie" in headers.index or not _NEVER.isdisjoint(said):
        return False
    return not identified or not _FOR_ALL.isdisjoint(said)


def age(headers: Headers) -> float:
    """Return how old an answer was when it came, as far as caches before us said (section 5.1)."""
    return _seconds(headers.get(b"age")) or 0.0


def usable(headers: Headers, said: Directives, stale: float) -> float:
    """Return for how many seconds from its making an answer may be used.

    Args:
        headers: Of the answer.
        said: Its directives.
        stale: How long past its freshness it may be used where it does not forbid that.
    """
    fresh = _lifetime(headers, said)
    if not _NOT_STALE.isdisjoint(said):
        return fresh
    allowed = _seconds(said.get(b"stale-if-error"))
    return fresh + (stale if allowed is None else min(stale, allowed))


def _lifetime(headers: Headers, said: Directives) -> float:
    """Section 4.2.1, without guessing."""
    for name in (b"s-maxage", b"max-age"):
        if name in said:
            return _seconds(said[name]) or 0.0
    expires, date = headers.get(b"expires"), headers.get(b"date")
    if expires is None or date is None:
        return 0.0
    try:
        lifetime = parsedate_to_datetime(expires.decode("latin-1")) - parsedate_to_datetime(date.decode("latin-1"))
    except (ValueError, TypeError, OverflowError):
        return 0.0  # section 5.3: an invalid date, "0" above all, is one in the past
    return max(0.0, lifetime.total_seconds())


def _seconds(text: bytes | None) -> float | None:
    if text is None or not text.isdigit():
        return None
    return float(LONGEST if len(text) > 10 else min(int(text), LONGEST))
