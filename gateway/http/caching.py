"""What a shared cache may keep, and for how long it may be used (RFC 9111).

Layer 1. Says whether an answer may be kept at all, by which request fields it
was chosen, and until when it may be given in place of one from a server that
cannot be reached (section 4.2.4, and RFC 5861's `stale-if-error`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from gateway.headers import Headers

Directives = Mapping[bytes, bytes]
"""Arguments of directives by their lower-case names; empty for a directive without one."""

LONGEST = 2**31
"""Seconds; RFC 9111 section 1.2.2: a longer time counts as this one."""

_DIRECTIVE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:=(?:\"((?:[^\"\\]|\\.)*)\"|([^\s\",]*)))?")
_NEVER = frozenset([b"no-store", b"private", b"no-cache"])
_FOR_ALL = frozenset([b"public", b"s-maxage", b"must-revalidate"])
_SHARED = frozenset([b"public", b"s-maxage", b"private"])
_FOR_CDNS = (b"CDN-Cache-Control", b"Surrogate-Control")
_NOT_STALE = frozenset([b"must-revalidate", b"proxy-revalidate", b"s-maxage"])


def directives(headers: Headers) -> Directives:
    """Return the directives of `Cache-Control`; of a directive that is repeated, the first counts."""
    found: dict[bytes, bytes] = {}
    for directive in _DIRECTIVE.finditer(headers.joined(b"cache-control") or b""):
        found.setdefault(directive[1].lower(), directive[2] or directive[3] or b"")
    return found


def keep_from_shared_caches(headers: Headers) -> None:
    """Change an answer that a shared cache may keep so that only the client's own may; freshness stays as it was.

    For an answer that holds something for this client alone. Fields that a CDN heeds in place of `Cache-Control`
    (RFC 9213 section 2.2, and `Surrogate-Control`) go.
    """
    said = directives(headers)
    if b"no-store" in said or said.get(b"private") == b"":
        return
    found = _DIRECTIVE.finditer(headers.joined(b"cache-control") or b"")
    kept = [directive[0] for directive in found if directive[1].lower() not in _SHARED]
    headers.set(b"Cache-Control", b", ".join([*kept, b"private"]))
    for name in _FOR_CDNS:
        headers.remove(name)


def varies(headers: Headers) -> tuple[bytes, ...] | None:
    """Return the names (lower case) that `Vary` lists; None for `*`: the answer fits no other request."""
    names = {name.strip(b" \t").lower() for name in (headers.joined(b"vary") or b"").split(b",")} - {b""}
    return None if b"*" in names else tuple(sorted(names))


def add_vary(headers: Headers, names: bytes) -> None:
    """Say in `Vary` that an answer was chosen by some request fields, where it does not say so already.

    Args:
        headers: Of the answer.
        names: As they are written in `Vary`.
    """
    said = varies(headers)
    if said is not None and not set(said).issuperset(name.strip(b" \t").lower() for name in names.split(b",")):
        headers.add(b"Vary", names)


def may_keep(status: int, headers: Headers, said: Directives, identified: bool) -> bool:
    """Whether an answer to GET may be given to others (section 3).

    Stricter than the RFC: only a 200, never with `Set-Cookie`, and never with
    `no-cache`, since the server that would have to validate it is the one that
    cannot be reached.

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
    """Return the seconds by which an answer was old when it came, by what other caches said of it (section 5.1)."""
    return _seconds(headers.get(b"age")) or 0.0


def usable(headers: Headers, said: Directives, stale: float) -> float:
    """Return for how many seconds from its making an answer may be used.

    Args:
        headers: Of the answer.
        said: Its directives.
        stale: Seconds for which an answer may be used after it is fresh no more, unless it forbids that.
    """
    fresh = _lifetime(headers, said)
    if not _NOT_STALE.isdisjoint(said):
        return fresh
    allowed = _seconds(said.get(b"stale-if-error"))
    return fresh + (stale if allowed is None else min(stale, allowed))


def _lifetime(headers: Headers, said: Directives) -> float:
    """Return for how many seconds an answer is fresh (section 4.2.1); 0.0 where it does not say."""
    for name in (b"s-maxage", b"max-age"):
        if name in said:
            return _seconds(said[name]) or 0.0
    expires, date = headers.get(b"expires"), headers.get(b"date")
    if expires is None or date is None:
        return 0.0
    try:
        lifetime = parsedate_to_datetime(expires.decode("latin-1")) - parsedate_to_datetime(date.decode("latin-1"))
    except (ValueError, TypeError, OverflowError):
        return 0.0  # section 5.3: an invalid date, most often "0", is in the past
    return max(0.0, lifetime.total_seconds())


def _seconds(text: bytes | None) -> float | None:
    if text is None or not text.isdigit():
        return None
    return float(LONGEST if len(text) > 10 else min(int(text), LONGEST))
